"""CellFishing.jl Fig. 5: consistency of every cluster of a data set mapped onto itself, beside the cluster's size.

Rows are types, the largest first; a bar says how many cells a type has, on a logarithmic axis, so that rare ones are
seen. Lines are 95% intervals of a share (Wilson): of few cells a share says little.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schash.marks import marked_title, notes_line, status_in_words
from schash.plotting.mapping import above, data_set, size_of
from schash.plotting.rows import BAND, GREY, SMALL, add_notes
from schash.plotting.style import colour, marker, style
from schash.splits import MIN_CELLS_EXCLUSIVE
from schash.tables import POOLED

NAME_INCHES, SIZE_INCHES, SHARE_INCHES = 1.5, 1.1, 2.6
ROW_INCHES, HEAD_INCHES = 0.24, 0.85
NUMBER_INCHES = 0.45
"""Room for the longest bar's number."""
Z = 1.96
"""Normal quantile of a 95% interval."""
NOTE = (
    "consistency of a type: share of its cells, over all folds, whose nearest cell has their label, with 95% intervals "
    "(Wilson); bars: cells of the type, logarithmic; grey rows: types that the other benchmarks drop (at most 10 cells)"
)


def wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95% interval of a share of n."""
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)


def cf_fig5(types: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: consistency of every type by every method, with its interval and its cells.

    types : schash.tables.TYPE_COLUMNS of all data sets, of the pooled query cells
    """
    table = types.rename(columns={"recall": "consistency", "support": "cells"})
    table = table[["dataset", "scheme", "method", "type", "cells", "consistency", "precision", "f1"]].copy()
    table.insert(3, "title", table["method"].map(titles).fillna(table["method"]))
    low, high = wilson(table["consistency"].to_numpy(float), table["cells"].to_numpy(float))
    table["low"], table["high"] = low, high
    table["share_of_cells"] = table["cells"] / table.groupby(["dataset", "method"])["cells"].transform("sum")
    order = ["dataset", "method", "cells", "type"]
    return table.sort_values(order, ascending=[True, True, False, True], kind="stable").reset_index(drop=True)


def draw_cf_fig5(
    table: pd.DataFrame,
    metrics: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """A pair of panels a data set: sizes and consistencies, small sets under one another.

    Controls are left out: they are in the table.

    metrics : EXPERIMENT_COLUMNS of the experiment, which say who did not run
    """
    methods = [name for name in dict.fromkeys(metrics["method"]) if name not in controls]
    with style():
        figure, pairs = _panels(facts)
        missing = []
        for (left, right), fact in zip(pairs, facts, strict=True):
            here = table[table["dataset"] == fact["dataset"]]
            sizes = here.drop_duplicates("type").sort_values(["cells", "type"], ascending=[False, True])
            _sizes(left, sizes, fact)
            _consistencies(right, here, sizes["type"].tolist(), methods)
            missing += _missing(metrics, str(fact["dataset"]), methods, titles)
        add_notes(
            figure,
            [NOTE, "\u2003".join(missing), notes_line(methods, marks or {})],
            _handles(methods, titles, marks or {}),
        )
    return figure


def stacked(n_types: Sequence[int]) -> list[list[int]]:
    """Places of data sets, in their order, by column: under one another as far as the largest set reaches."""
    head = HEAD_INCHES / ROW_INCHES
    columns: list[list[int]] = []
    room = 0.0
    for place, n in enumerate(n_types):
        if not columns or n + head > room:
            columns.append([])
            room = max(n_types) + head
        columns[-1].append(place)
        room -= n + head
    return columns


def _panels(facts: Sequence[Mapping[str, Any]]) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Two axes a data set, in their order."""
    n_types = [int(fact["types"]) for fact in facts]
    columns = stacked(n_types)
    width = len(columns) * (NAME_INCHES + SIZE_INCHES + SHARE_INCHES)
    figure = plt.figure(figsize=(width, HEAD_INCHES + ROW_INCHES * max(n_types)), layout="constrained")
    grid = figure.add_gridspec(1, len(columns))
    pairs: list[tuple[Axes, Axes]] = []
    for column, places in enumerate(columns):
        heights = [ROW_INCHES * n_types[place] for place in places]
        taken = sum(heights) + HEAD_INCHES * (len(places) - 1)
        heights.append(max(ROW_INCHES * max(n_types) - taken, 0.01))  # what is left stays empty
        widths = [SIZE_INCHES, SHARE_INCHES]
        cells = grid[0, column].subgridspec(len(heights), 2, height_ratios=heights, width_ratios=widths)
        pairs += [
            (figure.add_subplot(cells[i, 0]), figure.add_subplot(cells[i, 1])) for i in range(len(places))
        ]
    return figure, pairs


def _rows(axis: Axes, cells: Sequence[int]) -> None:
    axis.set_ylim(len(cells) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    for row, n_cells in enumerate(cells):
        rare = n_cells <= MIN_CELLS_EXCLUSIVE
        if rare or row % 2:
            axis.axhspan(row - 0.5, row + 0.5, color="#E3E3E3" if rare else BAND, linewidth=0, zorder=-2)


def _sizes(axis: Axes, sizes: pd.DataFrame, fact: Mapping[str, Any]) -> None:
    """Bars to the left, so that they begin where the consistencies do."""
    axis.set_xscale("log")
    least = 0.9
    share = SIZE_INCHES / (SIZE_INCHES - NUMBER_INCHES)  # of the panel to that of the bars
    axis.set_xlim(least * (max(float(sizes["cells"].max()), 10) / least) ** share, least)
    axis.barh(range(len(sizes)), sizes["cells"], color="#9DB0BD", height=0.62)
    for row, n_cells in enumerate(sizes["cells"]):
        look: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": SMALL, "color": GREY}
        axis.annotate(f"{n_cells:,}", (n_cells, row), xytext=(-3, 0), textcoords="offset points", **look)
    axis.set_yticks(range(len(sizes)), sizes["type"], fontsize=8)
    axis.set_xticks([])
    axis.xaxis.minorticks_off()
    axis.spines["left"].set_visible(False)
    axis.spines["bottom"].set_visible(False)
    _rows(axis, sizes["cells"].tolist())
    axis.set_title(data_set(fact), loc="left", pad=16)
    above(axis, size_of(fact, all_types=True), 5)


def _consistencies(axis: Axes, table: pd.DataFrame, order: Sequence[str], methods: Sequence[str]) -> None:
    shifts = np.linspace(-0.27, 0.27, len(methods)) if len(methods) > 1 else np.zeros(1)
    cells = table.drop_duplicates("type").set_index("type")["cells"]
    for method, shift in zip(methods, shifts, strict=True):
        rows = table[table["method"] == method].set_index("type").reindex(list(order))
        y = np.arange(len(order)) + shift
        axis.hlines(y, rows["low"], rows["high"], color=colour(method), linewidth=0.9, alpha=0.6)
        axis.scatter(
            rows["consistency"], y, marker=marker(method), s=22, color=colour(method), zorder=3, clip_on=False
        )
    axis.set_xlim(-0.02, 1.02)
    axis.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", ".2", ".4", ".6", ".8", "1"])
    axis.set_yticks([])
    _rows(axis, [int(cells[name]) for name in order])


def _missing(
    metrics: pd.DataFrame, dataset: str, methods: Sequence[str], titles: Mapping[str, str]
) -> list[str]:
    """Who has no points on a data set, and why."""
    folds = metrics[(metrics["dataset"] == dataset) & (metrics["fold"] != POOLED)]
    said = []
    for method in methods:
        why = status_in_words(folds[folds["method"] == method].drop_duplicates("fold")["status"])
        said += [f"{titles.get(method, method)} on {dataset}: {why}"] if why else []
    return said


def _handles(methods: Sequence[str], titles: Mapping[str, str], marks: Mapping[str, str]) -> list[Artist]:
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=marker(name),
            color=colour(name),
            label=marked_title(name, titles, marks),
        )
        for name in methods
    ]
