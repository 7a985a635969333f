"""scDeepHash Fig. 3a: precision at N of every search on every data set.

Two panels a data set: averaged over types, as in the paper, and over queries. Grey lines are what the perfect ranking
reaches, which falls where types have fewer cells than N, and what one at random reaches.
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
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from schash.marks import marked_title, notes_line
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
from schash.plotting.rows import GREY, SMALL, add_notes
from schash.plotting.style import VARIANTS, colour, family, marker, style
from schash.retrieval_table import failed_runs
from schash.standings import order_methods

DATABASE = "db80"
AVERAGES = {
    "types": "Averaged over types, as in the paper: each type weighs the same",
    "queries": "Averaged over queries: each query weighs the same",
}
PANEL_INCHES = 2.4
TOP = 1.03
TICKS = (1, 3, 10, 30, 100, 300, 1000)
ORDERED_AT = 100
"""N whose precision orders the legend."""
CEILING: dict[str, Any] = {"color": "#9A9A9A", "linewidth": 1.4, "zorder": 1}
CHANCE: dict[str, Any] = {**CEILING, "linestyle": ":"}

KEYS = ["dataset", "scheme", "method"]
POINT = [*KEYS, "database", "average", "ties", "n"]
NUMBERS = ["precision", "sd", "ceiling", "chance"]
COLUMNS_BEHIND = [*KEYS, "title", *POINT[3:], *NUMBERS, "n_folds", "status", "reason"]


def fig3a(curves: pd.DataFrame, metrics: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: mean over folds of precision, ceiling and chance, and the precision's sd, at each N.

    N that not all folds have (multiples of the mean cells a type) are left out. A score that some fold does not know
    has no mean. A method with a fold that did not run has a single row, with its status in words and the reason.

    curves : schash.retrieval_ids.CURVE_COLUMNS; metrics : EXPERIMENT_COLUMNS of the same runs
    """
    failed = failed_runs(metrics)
    ran = ~pd.MultiIndex.from_frame(curves[KEYS]).isin(pd.MultiIndex.from_frame(failed[KEYS]))
    groups = curves[ran].groupby(POINT, sort=False)
    table = groups[["precision", "ceiling", "chance"]].mean()
    table["sd"], table["n_folds"] = groups["precision"].std(), groups.size()
    # every N of a data set for both ways of ties, so that what is not known shows
    table = table.unstack("ties").stack("ties", future_stack=True).reset_index()
    n_folds = curves.groupby("dataset")["fold"].nunique()
    short = table["n_folds"].fillna(0) < table["dataset"].map(n_folds)
    table.loc[short, NUMBERS] = np.nan
    table["n_folds"] = table["n_folds"].fillna(0)
    known = table.groupby(["dataset", "database", "n"])["precision"].transform("count") > 0
    table = pd.concat([table[known].assign(status="ok", reason=""), failed], ignore_index=True)
    table["title"] = table["method"].map(titles).fillna(table["method"])
    return table[COLUMNS_BEHIND]


def draw_fig3a(
    table: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Two panels a data set, a line a method; the controls that rank by type or at random are the grey lines.

    table : of `fig3a`; marks : method to its symbols (schash.marks)
    """
    shown = tie_rule(table[table["database"] == DATABASE], "precision")
    methods = [name for name in _order(table, shown, controls) if family(name) != "control"]
    named = {name: marked_title(name, titles, marks or {}) for name in methods}
    ties = tie_note(shown[shown["method"].isin(methods)])
    n_rows = -(-len(facts) // COLUMNS)
    size = (
        max(7.2, 0.8 + 3.1 * panels_across(len(facts))),
        len(AVERAGES) * (BLOCK_INCHES + n_rows * PANEL_INCHES),
    )
    with style():
        figure = plt.figure(figsize=size, layout="constrained")
        made = blocks(figure, list(AVERAGES.values()), len(facts))
        for average, rows in zip(AVERAGES, made, strict=True):
            panels = [axis for row in rows for axis in row]
            for axis, fact in zip(panels, facts, strict=True):
                head(axis, fact)
                here = shown[(shown["average"] == average) & (shown["dataset"] == fact["dataset"])]
                _panel(axis, here, methods)
                _say(axis, failures(table, fact["dataset"], methods), named, here["chance"].mean())
            _axes(panels)
            for row in rows:
                row[0].set_ylabel("precision at N")
            for axis in panels:
                axis.set_xlabel("N" if axis.xaxis.get_tick_params()["labelbottom"] else "")
        note = f"N: cells returned of all training cells; mean over folds (band: sd), {ties}"
        add_notes(figure, [note, notes_line(methods, marks or {})], _handles(methods, named))
    return figure


def _order(table: pd.DataFrame, shown: pd.DataFrame, controls: Sequence[str]) -> list[str]:
    """Methods by the precision over types at the largest N of each data set up to ORDERED_AT."""
    points = shown[(shown["average"] == "types") & (shown["n"] <= ORDERED_AT)]
    last = points[points["n"] == points.groupby("dataset")["n"].transform("max")]
    scores = last.pivot(index="method", columns="dataset", values="precision")
    return order_methods(scores.reindex(list(dict.fromkeys(table["method"]))), controls)


def _panel(axis: Axes, points: pd.DataFrame, methods: list[str]) -> None:
    limits = points.drop_duplicates("n").sort_values("n")
    axis.plot(limits["n"], limits["ceiling"], **CEILING)
    axis.plot(limits["n"], limits["chance"], **CHANCE)
    for method in reversed(methods):  # the first in front
        line = points[points["method"] == method].sort_values("n")
        if line.empty:
            continue
        fill = colour(method)
        axis.plot(
            line["n"], line["precision"], zorder=3, markevery=(methods.index(method) % 3, 3), **_line(method)
        )
        band = line["sd"].fillna(0)
        low, high = line["precision"] - band, line["precision"] + band
        axis.fill_between(line["n"], low, high, color=fill, alpha=0.18, linewidth=0, zorder=2)


def _line(method: str) -> dict[str, Any]:
    return {
        "color": colour(method),
        "linewidth": 1.3,
        "linestyle": "--" if method in VARIANTS else "-",  # a variant has its method's colour
        "marker": marker(method),
        "markersize": 5,
        "markeredgewidth": 0.3,
        "markeredgecolor": "white",
    }


def _axes(panels: Sequence[Axes]) -> None:
    first = panels[0]
    first.set_xscale("log")
    first.xaxis.set_major_locator(FixedLocator(TICKS))
    first.xaxis.set_minor_locator(NullLocator())
    first.xaxis.set_major_formatter(ScalarFormatter())
    first.set_ylim(0, TOP)
    first.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", ".2", ".4", ".6", ".8", "1"])


def _say(axis: Axes, said: Mapping[str, str], named: Mapping[str, str], chance: float) -> None:
    text = "\n".join(f"{named[method]}: {words}" for method, words in said.items())
    box: dict[str, Any] = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
    options: dict[str, Any] = {"style": "italic", "fontsize": SMALL, "color": GREY, "bbox": box, "zorder": 5}
    bottom = chance + 0.04 if chance < 0.16 else 0.03  # off the line of the random ranking
    if text:
        axis.text(0.03, bottom / TOP, text, transform=axis.transAxes, va="bottom", **options)


def _handles(methods: Sequence[str], named: Mapping[str, str]) -> list[Artist]:
    return [
        *(Line2D([], [], label=named[method], **_line(method)) for method in methods),
        Line2D([], [], label="perfect ranking", **CEILING),
        Line2D([], [], label="random ranking", **CHANCE),
    ]
