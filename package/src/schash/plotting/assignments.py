"""CellFishing.jl Fig. 8 and its mapping across species: onto which types the cells of a held-out group are mapped.

A line of matrices for each held-out group, one a method: rows are the true types of its cells, columns the types that
they were mapped onto, those of the other groups' cells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from schash.confusion import shares
from schash.marks import marked_title, notes_line, status_in_words
from schash.plotting.mapping import above, data_set
from schash.plotting.rows import GREY, SMALL, add_notes
from schash.plotting.style import style
from schash.splits import base_scheme
from schash.tables import POOLED

SCORES = ("consistency", "kappa")
COLOURS = "cividis"
CELL_INCHES, LEAST_INCHES = 0.3, 2.3
NAMES_INCHES, HEAD_INCHES, BELOW_INCHES = 1.9, 0.75, 0.75
LINES_INCHES = 0.08
"""Between a line of matrices and the heading of the next."""
PRINTED = 0.005
"""Smallest share in print."""
NOTE = (
    "share of a row's cells (number in brackets: cells of the type that were scored), printed from 0.005 on; framed: "
    "mapped onto their own type; cells of types that no other group has are left out"
)


def assignment_table(
    assignments: pd.DataFrame, metrics: pd.DataFrame, titles: Mapping[str, str]
) -> pd.DataFrame:
    """The table behind the figure: cells and share of every true type by assigned type, with the fold's scores.

    assignments : ASSIGNMENT_COLUMNS; metrics : EXPERIMENT_COLUMNS. A fold that did not run has one row, its status.
    """
    keys = ["dataset", "scheme", "method", "fold"]
    blocks = [shares(block) for _, block in assignments.groupby(keys, sort=False)]
    table = pd.concat(blocks, ignore_index=True) if blocks else assignments.assign(share=0.0)
    folds = metrics[metrics["fold"] != POOLED]
    first = folds.drop_duplicates(keys)[["stand_in", *keys, "variant", "status", "reason"]]
    for metric in SCORES:
        values = folds[folds["metric"] == metric].set_index(keys)["value"]
        first = first.join(values.rename(metric), on=keys)
    first.insert(4, "title", first["method"].map(titles).fillna(first["method"]))
    return first.merge(table, on=keys, how="left")


def draw_assignments(
    table: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    splits: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Draw what `assignment_table` made, without the controls, which are in the table. splits : of split.json"""
    marks = marks or {}
    shown = table[~table["method"].isin(controls)]
    methods = list(dict.fromkeys(shown["method"]))
    of_set = {fact["dataset"]: fact for fact in facts}
    groups = {(split["dataset"], split["scheme"]): split["folds"] for split in splits}
    keys = shown[["dataset", "scheme", "fold"]].drop_duplicates()
    lines: list[tuple[str, str, str]] = list(keys.itertuples(index=False, name=None))
    orders = [order_of(shown, *line) for line in lines]
    heights = [HEAD_INCHES + BELOW_INCHES + CELL_INCHES * max(len(rows), 3) for rows, _ in orders]
    widest = max(LEAST_INCHES, CELL_INCHES * max(len(columns) for _, columns in orders))
    with style():
        figure, axes = plt.subplots(
            len(lines),
            len(methods),
            figsize=(NAMES_INCHES + (widest + 0.15) * len(methods), sum(heights)),
            height_ratios=heights,
            squeeze=False,
            layout="constrained",
        )
        figure.get_layout_engine().set(h_pad=LINES_INCHES)  # type: ignore[union-attr, call-arg]
        for line, (dataset, scheme, fold), order in zip(axes, lines, orders, strict=True):
            of_fold = shown.query("dataset == @dataset and scheme == @scheme and fold == @fold")
            for place, (axis, method) in enumerate(zip(line, methods, strict=True)):
                here = of_fold[of_fold["method"] == method]
                _matrix(axis, here, *order, named=place == 0)
                _title(axis, here, marked_title(method, titles, marks))
            _head(line[0], of_set[dataset], scheme, groups[dataset, base_scheme(scheme)][int(fold)])
        add_notes(figure, [NOTE, notes_line(methods, marks)], [])
    return figure


def order_of(table: pd.DataFrame, dataset: str, scheme: str, fold: str) -> tuple[list[str], list[str]]:
    """True types of a fold, the largest first, and after them, as columns, the other types that any method named."""
    here = table[(table["dataset"] == dataset) & (table["scheme"] == scheme) & (table["fold"] == fold)]
    sizes = here.groupby(["method", "type"])["cells"].sum().groupby("type").max()
    rows = sizes.sort_values(ascending=False, kind="stable").index.tolist()
    others = here.loc[~here["predicted"].isin(rows)].groupby("predicted")["cells"].sum()
    return rows, [*rows, *others.sort_values(ascending=False, kind="stable").index]


def _matrix(
    axis: Axes, table: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], *, named: bool
) -> None:
    found = table.dropna(subset=["type"])
    values = found.pivot_table(index="type", columns="predicted", values="share", aggfunc="sum")
    values = values.reindex(index=list(rows), columns=list(columns))
    axis.grid(False)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_xlim(-0.5, len(columns) - 0.5)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    sizes = found.groupby("type")["cells"].sum().reindex(list(rows))
    labels = [
        name if np.isnan(size) else f"{name} ({size:,.0f})" for name, size in zip(rows, sizes, strict=True)
    ]
    axis.set_yticks(range(len(rows)), labels if named else [""] * len(rows), fontsize=SMALL)
    turned: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor", "fontsize": SMALL}
    axis.set_xticks(range(len(columns)), columns, **turned)
    if found.empty:
        why = status_in_words(table.drop_duplicates("fold")["status"])
        place: dict[str, Any] = {"ha": "center", "va": "center", "style": "italic", "color": GREY}
        axis.text((len(columns) - 1) / 2, (len(rows) - 1) / 2, why, fontsize=SMALL, **place)
        return
    colours = matplotlib.colormaps[COLOURS]
    for (row, column), value in np.ndenumerate(values.to_numpy(float)):
        share = 0.0 if np.isnan(value) else float(value)
        box = Rectangle(
            (column - 0.5, row - 0.5), 1, 1, facecolor=colours(share), edgecolor="#666666", linewidth=0.2
        )
        axis.add_patch(box)
        if share >= PRINTED:
            text = "1" if share > 0.995 else f"{share:.2f}".removeprefix("0")
            shade = "white" if share < 0.5 else "black"  # as cividis is
            axis.text(column, row, text, ha="center", va="center", fontsize=SMALL - 0.5, color=shade)
    for place_of in range(len(rows)):
        frame = Rectangle(
            (place_of - 0.5, place_of - 0.5), 1, 1, fill=False, edgecolor="#C1272D", linewidth=1
        )
        axis.add_patch(frame)


def _title(axis: Axes, table: pd.DataFrame, title: str) -> None:
    scores = [float(table[metric].max()) for metric in SCORES]
    said = [f"{name} {value:.3f}" for name, value in zip(SCORES, scores, strict=True) if np.isfinite(value)]
    above(axis, title, 14, size=8.5, bold=True)
    above(axis, ", ".join(said), 4)


def _head(axis: Axes, fact: Mapping[str, Any], scheme: str, fold: Mapping[str, Any]) -> None:
    """What is mapped onto what, over the line's first matrix."""
    left_out = f", {fold['n_unseen']:,} left out" if fold["n_unseen"] else ""
    cells = f"{fold['n_query']:,} cells onto {fold['n_train']:,} others{left_out}"
    above(axis, f"{data_set(fact)}, {scheme} {fold['name']}: {cells}", 32, size=9.5, bold=True)
    axis.set_title(" ", loc="left", pad=32)  # makes room for it
