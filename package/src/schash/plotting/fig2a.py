"""scDeepHash Fig. 2a: median F1 over 5 folds of every method on every data set, as box plots."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schash.folds import NOT_APPLICABLE
from schash.plotting.style import colour, style
from schash.summary import summarise
from schash.tables import POOLED

METRIC = "median_f1"
COLUMNS = 4
FLOOR = -0.02
"""Left end of every axis, just below 0: a cut axis would make small differences look large."""


def fig2a(metrics: pd.DataFrame, comparisons: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """The table behind the figure: per data set and method the mean, sd and number of folds of each metric.

    For median F1 and macro F1 it adds the difference to the best method with its 95% interval and Holm-corrected p.
    """
    summary = summarise(metrics)
    keys = ["dataset", "method", "metric"]
    beside = comparisons[[*keys, "best", "difference", "low", "high", "p_holm", "n_cells"]]
    table = summary.merge(beside, on=keys, how="left")
    table.insert(3, "title", table["method"].map(titles))
    failed = metrics[metrics["status"] != "ok"].drop_duplicates(["dataset", "method"])
    rows = failed[["experiment", "dataset", "scheme", "method", "status", "reason"]]
    incomplete = pd.MultiIndex.from_frame(rows[["dataset", "method"]])
    ran = ~pd.MultiIndex.from_frame(table[["dataset", "method"]]).isin(incomplete)
    return pd.concat([table[ran].assign(status="ok"), rows], ignore_index=True)


def draw_fig2a(metrics: pd.DataFrame, facts: list[dict[str, Any]], titles: dict[str, str]) -> Figure:
    """One panel a data set, one box a method, the same order and colours in each; the folds as points."""
    folds = metrics[metrics["fold"] != POOLED]
    methods = list(dict.fromkeys(folds["method"]))
    n_columns = min(COLUMNS, len(facts))
    n_rows = -(-len(facts) // n_columns)
    with style():
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(2.2 + 2.7 * n_columns, n_rows * (1.0 + 0.24 * len(methods))),
            sharey=True,
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, fact in zip(axes.flat, facts, strict=False):
            _panel(axis, folds[folds["dataset"] == fact["dataset"]], methods, fact)
        for axis in axes.flat[len(facts) :]:
            axis.set_visible(False)
        for axis in axes[:, 0]:
            axis.set_yticks(range(len(methods)), [titles.get(name, name) for name in methods])
        axes.flat[0].set_ylim(len(methods) - 0.4, -0.6)
        axes.flat[0].set_xlim(FLOOR, 1.02)
        figure.supxlabel("median F1 over types (a point is a fold)", fontsize=9)
    return figure


def _panel(axis: Axes, folds: pd.DataFrame, methods: list[str], fact: dict[str, Any]) -> None:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    axis.set_title(f"{fact['dataset']} ({origin})" if origin else fact["dataset"], loc="left", pad=16)
    subtitle = f"{fact['cells_over_10']:,} cells, {fact['types_over_10']} types, {fact['values']}"
    axis.text(0, 1.02, subtitle, transform=axis.transAxes, fontsize=7.5, color="#555555")
    axis.grid(axis="y", visible=False)
    for position, method in enumerate(methods):
        rows = folds[folds["method"] == method]
        scores = rows.loc[(rows["metric"] == METRIC) & (rows["status"] == "ok"), "value"].to_numpy()
        if len(scores):
            _box(axis, scores, position, colour(method))
        missing = rows.loc[rows["status"] != "ok", "status"]
        if len(missing):
            text = missing.iloc[0] if missing.iloc[0] == NOT_APPLICABLE else f"{missing.iloc[0]}!"
            axis.text(0.03, position, text, va="center", fontsize=7.5, color="#777777", style="italic")


def _box(axis: Axes, scores: np.ndarray, position: int, fill: str) -> None:
    axis.boxplot(
        scores,
        positions=[position],
        orientation="horizontal",
        widths=0.62,
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
