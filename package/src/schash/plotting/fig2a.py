"""scDeepHash Fig. 2a: median F1 over 5 folds of every method on every data set, as box plots.

Rows stand in the order of schash.standings, the same in every panel; controls last.
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

from schash.expected import PRESETS
from schash.marks import notes_line, status_in_words
from schash.plotting.rows import (
    add_notes,
    beside,
    family_handles,
    heading,
    marked_titles,
    panel_inches,
    share_rows,
    words,
)
from schash.plotting.style import colour, style
from schash.standings import DECIMALS, best_scores, order_methods, scores_of
from schash.summary import summarise
from schash.tables import POOLED, empty

METRIC = "median_f1"
COLUMNS = 4
FLOOR = -0.02
"""Left end of every axis, just below 0: a cut axis would make small differences look large."""

NOTE = "median F1 over types: a point is a fold, the number the mean over folds (bold: best of the data set)"

PUBLISHED_COLUMNS = {"dataset": "str", "method": "str", "metric": "str", "kind": "str", "value": "float64"}
PUBLISHED = {"paper": "the paper's own value", "authors_code": "its authors' checkpoint, validation cells"}
"""Kinds of published values, with their names in the legend."""
_TRIANGLE: dict[str, Any] = {
    "markersize": 4.5,
    "linestyle": "none",
    "markeredgewidth": 0.8,
    "markeredgecolor": "black",
}
TRIANGLES = {
    "paper": {**_TRIANGLE, "marker": "v", "markerfacecolor": "black"},
    "authors_code": {**_TRIANGLE, "marker": "^", "markerfacecolor": "white"},
}
EDGE = {"paper": -0.32, "authors_code": 0.32}


def fig2a(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    titles: Mapping[str, str],
    expected: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table behind the figure: per data set and method the mean, sd and number of folds of each metric.

    For median F1 and macro F1 it adds the difference to the best method with its 95% interval and Holm-corrected p; and
    what was published of the very data set, by the paper and with its authors' code.
    """
    summary = summarise(metrics)
    keys = ["dataset", "method", "metric"]
    differences = comparisons[[*keys, "best", "difference", "low", "high", "p_holm", "n_cells"]]
    table = summary.merge(differences, on=keys, how="left")
    table.insert(3, "title", table["method"].map(titles))
    values = published(metrics, expected)
    for kind in PUBLISHED:
        of_kind = values[values["kind"] == kind].drop_duplicates(keys).set_index(keys)["value"]
        table = table.join(of_kind.rename(kind), on=keys)
    failed = metrics[metrics["status"] != "ok"].drop_duplicates(["dataset", "method"])
    rows = failed[["experiment", "dataset", "scheme", "method", "status", "reason"]]
    rows = rows.assign(title=rows["method"].map(titles))
    incomplete = pd.MultiIndex.from_frame(rows[["dataset", "method"]])
    ran = ~pd.MultiIndex.from_frame(table[["dataset", "method"]]).isin(incomplete)
    return pd.concat([table[ran].assign(status="ok"), rows], ignore_index=True)


def published(metrics: pd.DataFrame, expected: pd.DataFrame | None) -> pd.DataFrame:
    """The papers' plain values for methods and data sets that ran: PUBLISHED_COLUMNS.

    Only those of the very data set, by its id, under the same scheme: what was published of a data set says nothing of
    its stand-in. Bounds and differences between methods are no values to draw. `deephash` is the preset that ran.
    """
    if expected is None or metrics.empty:
        return empty(PUBLISHED_COLUMNS)
    ran = metrics.drop_duplicates(["dataset", "scheme", "method"])
    target, scheme = metrics["experiment"].iloc[0], metrics["scheme"].iloc[0]
    plain = expected[(expected["target"] == target) & (expected["relation"] == "about")]
    rows = []
    for row in plain[plain["scheme"] == scheme].itertuples():
        here = set(ran.loc[ran["dataset"] == row.dataset, "method"])
        method = next((name for name in PRESETS.get(str(row.method), (row.method,)) if name in here), None)
        kind = "authors_code" if "code" in str(row.source) else "paper"
        if method:
            rows.append((row.dataset, method, row.metric, kind, row.value))
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS)).astype(PUBLISHED_COLUMNS)


def draw_fig2a(
    metrics: pd.DataFrame,
    facts: list[dict[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
    expected: pd.DataFrame | None = None,
) -> Figure:
    """One panel a data set, one box a method, the same order and colours in each; the folds as points, means in print.

    `marks`: method to its symbols (schash.marks)
    """
    folds = metrics[metrics["fold"] != POOLED]
    scores = scores_of(metrics, METRIC)
    methods = order_methods(scores, controls)
    values = published(metrics, expected).query("metric == @METRIC")
    best = best_scores(scores, controls)
    n_rows = -(-len(facts) // COLUMNS)
    n_columns = -(-len(facts) // n_rows)  # as even as can be: five panels are 3 + 2
    size = (2.2 + 2.9 * n_columns, n_rows * panel_inches(len(methods)))
    with style():
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=size, sharey=True, sharex=True, squeeze=False, layout="constrained"
        )
        for axis, fact in zip(axes.flat, facts, strict=False):
            name = fact["dataset"]
            _heading(axis, fact)
            _panel(axis, folds[folds["dataset"] == name], methods)
            _means(axis, scores[name], best[name], methods)
            _published(axis, values[values["dataset"] == name], methods)
        _hide(axes, len(facts))
        named = marked_titles(methods, titles, marks or {})
        for row in axes:
            share_rows(row, methods, named, n_ranked=sum(name not in controls for name in methods))
        axes.flat[0].set_xlim(FLOOR, 1.02)
        axes.flat[0].set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", ".2", ".4", ".6", ".8", "1"])
        notes = [NOTE, notes_line(methods, marks or {})]
        add_notes(figure, notes, [*family_handles(methods), *_published_handles(values)])
    return figure


def _hide(axes: np.ndarray, n_shown: int) -> None:
    """Hide the panels that are left over; the one above such a panel shows the axis that they share."""
    for place in range(n_shown, axes.size):
        axes.flat[place].set_visible(False)
        axes.flat[place - axes.shape[1]].tick_params(labelbottom=True)


def _heading(axis: Axes, fact: dict[str, Any]) -> None:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    title = f"{fact['dataset']} ({origin})" if origin else fact["dataset"]
    size = f"{fact['cells_over_10']:,} cells, {fact['types_over_10']} types, {fact['values']}"
    heading(axis, title, size, "mean")


def _panel(axis: Axes, folds: pd.DataFrame, methods: list[str]) -> None:
    for position, method in enumerate(methods):
        rows = folds[folds["method"] == method]
        scores = rows.loc[(rows["metric"] == METRIC) & (rows["status"] == "ok"), "value"].to_numpy()
        if len(scores):
            _box(axis, scores, position, colour(method))
        why = status_in_words(rows.drop_duplicates("fold")["status"])
        words(axis, position, why, right=len(scores) > 0 and scores.mean() < 0.5)


def _means(axis: Axes, scores: pd.Series, best: pd.Series, methods: list[str]) -> None:
    for position, method in enumerate(methods):
        mean = scores[method]
        beside(axis, position, "-" if np.isnan(mean) else f"{mean:.{DECIMALS}f}", bold=bool(best[method]))


def _box(axis: Axes, scores: np.ndarray, position: int, fill: str) -> None:
    axis.boxplot(
        scores,
        positions=[position],
        orientation="horizontal",
        widths=0.66,
        patch_artist=True,
        showfliers=False,
        boxprops={"facecolor": fill, "alpha": 0.45, "edgecolor": fill},
        medianprops={"color": fill, "linewidth": 1.8},
        whiskerprops={"color": fill},
        capprops={"color": fill},
    )
    # the folds in their order from top to bottom, so that equal scores do not hide each other
    spread = np.linspace(-0.2, 0.2, len(scores)) if len(scores) > 1 else np.zeros(1)
    axis.scatter(scores, position + spread, s=7, color=fill, edgecolor="white", linewidth=0.3, zorder=3)


def _published(axis: Axes, values: pd.DataFrame, methods: list[str]) -> None:
    for method, kind, value in zip(values["method"], values["kind"], values["value"], strict=True):
        # at the edge of the row, where it covers no fold
        axis.plot(value, methods.index(method) + EDGE[kind], clip_on=False, zorder=4, **TRIANGLES[kind])


def _published_handles(values: pd.DataFrame) -> list[Artist]:
    kinds = set(values["kind"])
    return [
        Line2D([], [], label=name, **TRIANGLES[kind]) for kind, name in PUBLISHED.items() if kind in kinds
    ]
