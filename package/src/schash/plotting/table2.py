"""scDeepHash Table 2: mean average precision at k of every search on every data set, drawn.

Rows are methods, best first, as in schash.standings. Each has three lines, one a denominator: min(k, R), the standard
one, which orders the rows and is printed first; the number of hits, which scDeepHash's released code divides by and
which forgives what stands behind the last hit; and k, whose ceiling falls where a type has fewer cells than k. Dots
grow with k: the dots of a search that is robust to k lie on top of each other, on the first line as on the second.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schash.marks import notes_line
from schash.plotting.retrieval import (
    BLOCK_INCHES,
    COLUMNS,
    blocks,
    failures,
    head,
    panels_across,
    tie_note,
    tie_rule,
)
from schash.plotting.rows import GREY, HEADING_INCHES, SMALL, add_notes, marked_titles, share_rows, words
from schash.plotting.style import colour, style
from schash.retrieval_ids import RECALL_WITHIN_TYPE
from schash.standings import DECIMALS, best_scores, order_methods

DATABASES = {
    "db80": "80% of the cells are searched: all training cells",
    "db60": "60% of the cells are searched, the size that fits the paper's k (models fitted on the 80%)",
}
PITCH_INCHES = 0.33
"""Height of a method's row."""
NUMBER_POINTS = 28
"""Width of a column of numbers."""
LINES = {"min_k_r": -0.2, "hits": 0.1, "k": 0.36}
"""Denominators, and where in a row their line is."""
SIZES = (2.2, 4.2, 6.4)
"""Markers of the small, the middle and the large k."""
PAPER: dict[str, Any] = {"marker": "v", "color": "black", "linestyle": "none", "markeredgewidth": 0}
IN_TYPE = (
    "in type: of the 10 exact-cosine neighbours of the query's own type, the share among the method's first 10 of that "
    "type (in brackets: what chance gives)"
)


def draw_table2(
    table: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """One panel a data set and database, one row a method.

    table : schash.retrieval_table; marks : method to its symbols (schash.marks)
    """
    over_queries = table[table["average"] == "queries"]
    at_k = over_queries["denominator"] != ""
    shown = _with_places(pd.concat([tie_rule(over_queries[at_k], "mean"), over_queries[~at_k]]))
    methods = _order(table, shown, controls)
    named = marked_titles(methods, titles, marks or {})
    n_ranked = sum(name not in controls for name in methods)
    size = (max(8.6, 2.0 + 3.2 * panels_across(len(facts))), _inches(len(methods), len(facts)))
    with style():
        figure = plt.figure(figsize=size, layout="constrained")
        made = blocks(figure, list(DATABASES.values()), len(facts))
        for database, rows in zip(DATABASES, made, strict=True):
            panels = [axis for row in rows for axis in row]
            for axis, fact in zip(panels, facts, strict=True):
                head(axis, fact)
                here = shown[(shown["database"] == database) & (shown["dataset"] == fact["dataset"])]
                _panel(axis, here, methods, controls)
                for method, said in failures(table, fact["dataset"], methods).items():
                    words(axis, methods.index(method), said)
            for row in rows:
                share_rows(row, methods, named, n_ranked=n_ranked)
            panels[0].set_xlim(-0.02, 1.02)
            panels[0].set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", ".2", ".4", ".6", ".8", "1"])
        add_notes(figure, [*_notes(shown), notes_line(methods, marks or {})], _handles(shown))
    return figure


def _inches(n_methods: int, n_panels: int) -> float:
    n_rows = -(-n_panels // COLUMNS)
    return len(DATABASES) * (BLOCK_INCHES + n_rows * (HEADING_INCHES + PITCH_INCHES * n_methods))


def _with_places(shown: pd.DataFrame) -> pd.DataFrame:
    """With the place of each k among those of its data set and database: 0 the smallest; -1 for scores without k."""
    place = shown.groupby(["dataset", "database"])["k_cells"].rank(method="dense")
    return shown.assign(place=(place - 1).fillna(-1).astype(int))


def _order(table: pd.DataFrame, shown: pd.DataFrame, controls: Sequence[str]) -> list[str]:
    """Methods by the standard score at the middle k of each data set."""
    standard = shown[(shown["denominator"] == "min_k_r") & (shown["database"] == "db80")]
    middle = standard["place"] == standard.groupby("dataset")["place"].transform("max") // 2
    scores = standard[middle].pivot(index="method", columns="dataset", values="mean")
    return order_methods(scores.reindex(list(dict.fromkeys(table["method"]))), controls)


def _panel(axis: Axes, shown: pd.DataFrame, methods: list[str], controls: Sequence[str]) -> None:
    at_k = shown[shown["place"] >= 0]
    for row in _each(at_k):
        _dot(axis, row, methods.index(row.method) + LINES[row.denominator])
    ends = at_k[at_k["denominator"] != "k"].groupby(["method", "denominator"])["mean"].agg(["min", "max"])
    for (method, denominator), low, high in _each(ends):
        height = methods.index(method) + LINES[denominator]
        axis.plot([low, high], [height, height], color=colour(method), linewidth=0.8, alpha=0.4, zorder=2)
    _scores_beside(axis, at_k, methods, controls)
    within = shown[shown["metric"] == RECALL_WITHIN_TYPE]
    if within["mean"].notna().any():
        _recall_beside(axis, within, methods, at_k["place"].max() + 1.25)


def _each(table: pd.DataFrame) -> Iterator[Any]:
    yield from table.itertuples()


def _dot(axis: Axes, score: Any, height: float) -> None:
    fill, size = colour(score.method), SIZES[min(score.place, len(SIZES) - 1)]
    if score.denominator == "k":
        axis.plot(
            score.mean,
            height,
            marker="|",
            color=fill,
            markersize=size,
            markeredgewidth=1,
            alpha=0.7,
            clip_on=False,
        )
        return
    main = score.denominator == "min_k_r"
    look: dict[str, Any] = {
        "markerfacecolor": fill if main else "white",
        "markeredgecolor": "white" if main else fill,
    }
    axis.errorbar(
        score.mean,
        height,
        xerr=score.sd if np.isfinite(score.sd) else None,
        fmt="o",
        color=fill,
        markersize=size,
        markeredgewidth=0.4 if main else 0.9,
        elinewidth=0.8,
        clip_on=False,
        zorder=4 - size / 100,  # the small one in front
        **look,
    )
    if np.isfinite(score.paper):
        axis.plot(score.paper, height, markersize=size, zorder=5, **PAPER)


def _scores_beside(axis: Axes, at_k: pd.DataFrame, methods: list[str], controls: Sequence[str]) -> None:
    """A column of numbers for each k: the standard score, below it that over hits, and the paper's."""
    for place in sorted(set(at_k["place"])):
        of_k = at_k[at_k["place"] == place]
        _above(axis, place, f"@{of_k['k_cells'].mean():.0f}")
        standard = of_k[of_k["denominator"] == "min_k_r"].set_index("method")[["mean"]]
        best = best_scores(standard, controls)["mean"]
        for row in _each(of_k[of_k["denominator"] != "k"]):
            main = row.denominator == "min_k_r"
            height = methods.index(row.method) + LINES[row.denominator]
            _beside(axis, place, height, _short(row.mean), main=main, bold=main and bool(best[row.method]))
            if np.isfinite(row.paper):
                _beside(axis, place, height + 0.26, _short(row.paper), italic=True)


def _recall_beside(axis: Axes, within: pd.DataFrame, methods: list[str], place: float) -> None:
    _above(axis, place, "in type")
    for row in _each(within):
        height = methods.index(row.method)
        _beside(axis, place, height + LINES["min_k_r"], _short(row.mean, 2), main=True)
        if np.isfinite(row.chance):
            _beside(axis, place, height + LINES["hits"], f"({_short(row.chance, 2)})")


def _short(value: float, decimals: int = DECIMALS) -> str:
    return "-" if np.isnan(value) else f"{value:.{decimals}f}".removeprefix("0")


def _beside(
    axis: Axes,
    place: float,
    height: float,
    text: str,
    *,
    main: bool = False,
    bold: bool = False,
    italic: bool = False,
) -> None:
    number = axis.annotate(
        text,
        (1, height),
        xycoords=axis.get_yaxis_transform(),
        xytext=(2 + NUMBER_POINTS * (place + 1), 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=SMALL if main else SMALL - 1,
        color="black" if main else GREY,
        fontweight="bold" if bold else "normal",
        style="italic" if italic else "normal",
    )
    number.set_in_layout(
        False
    )  # the head of its column takes the room; a thousand numbers would take seconds


def _above(axis: Axes, place: float, text: str) -> None:
    offset = (2 + NUMBER_POINTS * (place + 1), 5)
    options: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right"}
    axis.annotate(text, (1, 1), xytext=offset, fontsize=SMALL, color=GREY, **options)


def _notes(shown: pd.DataFrame) -> list[str]:
    ties = tie_note(shown[shown["denominator"] != ""])
    ks = "the paper's"
    if shown["k"].str.endswith("x").any():
        ks = "half, once and twice the mean number of cells a type in the database"
    notes = [
        f"mAP@k: mean over queries, then over folds (bar: sd), {ties}; R: cells of the query's type",
        f"small, middle and large dot: k is {ks}",
        "printed: the standard score (bold: best of the data set), below it that over hits"
        + (", below that the paper's" if shown["paper"].notna().any() else ""),
    ]
    measured = shown.loc[shown["metric"] == RECALL_WITHIN_TYPE, "mean"].notna().any()
    return [*notes, IN_TYPE] if measured else notes


def _handles(shown: pd.DataFrame) -> list[Artist]:
    dot: dict[str, Any] = {"marker": "o", "color": "black", "linestyle": "none", "markersize": 5}
    handles: list[Artist] = [
        Line2D([], [], label="÷ min(k, R): standard", **dot),
        Line2D([], [], label="÷ hits: the authors' code", markerfacecolor="white", **dot),
        Line2D([], [], label="÷ k", **{**dot, "marker": "|"}),
    ]
    if shown["paper"].notna().any():
        handles.append(Line2D([], [], label="the paper's own value", markersize=5, **PAPER))
    return handles
