"""CellFishing.jl Fig. 4: a data set mapped onto itself - consistency, Cohen's kappa, seconds to index and to query.

Rows stand in the order of the experiment, which counts the bits and hashes up; controls last. The axis of the scores is
cut, since all but the controls lie near its end: what lies left of it is told in words.
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
from matplotlib.ticker import NullFormatter

from schash.marks import notes_line, status_in_words
from schash.plotting.mapping import data_set, size_of
from schash.plotting.rows import (
    GREY,
    SMALL,
    add_notes,
    beside,
    heading,
    marked_titles,
    panel_inches,
    share_rows,
    words,
)
from schash.plotting.style import colour, family, style
from schash.summary import summarise
from schash.tables import POOLED

SCORES = ("consistency", "kappa")
SECONDS = {"index_s": "fit_s", "query_s": "predict_s"}
STATISTICS = ("mean", "std", "min", "max")
COLUMNS = 3
"""Data sets side by side."""
NAMES_INCHES, SCORES_INCHES, SECONDS_INCHES = 2.3, 3.0, 1.9
STEP = 0.05
"""The score axes begin at a multiple of this."""
NOTE = (
    "scores: mean over the five folds, folds as small points (filled: consistency, the share of cells whose nearest "
    "cell has their label; hollow: Cohen's kappa); seconds: mean over folds, line from the fastest to the slowest"
)


def cf_fig4(metrics: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: one row a data set and method, mean and sd over folds of the scores and seconds.

    metrics : schash.tables.EXPERIMENT_COLUMNS. A method that lacks a fold has no numbers, but its status and reason.
    """
    keys = ["dataset", "scheme", "method"]
    folds = metrics[metrics["fold"] != POOLED]
    first = folds.drop_duplicates([*keys, "fold"])
    bad = first[first["status"] != "ok"].drop_duplicates(keys).set_index(keys)
    table = first.drop_duplicates(keys)[["stand_in", *keys, "variant", "threads", "host"]]
    table.insert(4, "title", table["method"].map(titles).fillna(table["method"]))
    summary = summarise(metrics)
    for metric in SCORES:
        of_metric = summary[summary["metric"] == metric].set_index(keys)
        table = table.join(of_metric[["mean", "sd", "n_folds"]].add_prefix(f"{metric}_"), on=keys)
    for name, column in SECONDS.items():
        seconds = first.groupby(keys, sort=False)[column].agg(list(STATISTICS))
        table = table.join(seconds.add_prefix(f"{name}_"), on=keys)
    index = pd.MultiIndex.from_frame(table[keys])
    missing = index.isin(bad.index)
    table.loc[missing, [f"{name}_{what}" for name in SECONDS for what in STATISTICS]] = np.nan
    table["status"] = np.where(missing, bad["status"].reindex(index).to_numpy(), "ok")
    table["reason"] = bad["reason"].reindex(index).fillna("").to_numpy()
    return table.reset_index(drop=True)


def draw_cf_fig4(
    metrics: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Two panels a data set: scores and seconds. `marks`: method to its symbols (schash.marks)."""
    marks = marks or {}
    table = cf_fig4(metrics, titles)
    folds = metrics[metrics["fold"] != POOLED]
    methods = [*dict.fromkeys(name for name in table["method"] if name not in controls)]
    n_ranked = len(methods)
    methods += [name for name in dict.fromkeys(table["method"]) if name in controls]
    with style():
        figure, axes = _panels(len(facts), len(methods))
        floor = lower_end(folds, controls)
        pairs = axes.reshape(-1, 2)
        for axis in pairs[len(facts) :].flat:
            axis.set_visible(False)
        for (left, right), fact in zip(pairs, facts, strict=False):
            rows = table[table["dataset"] == fact["dataset"]].set_index("method")
            _scores(left, folds[folds["dataset"] == fact["dataset"]], rows, methods, fact, floor)
            _seconds(right, rows, methods)
        named = marked_titles(methods, titles, marks)
        for line in axes:
            share_rows(list(line), methods, named, n_ranked=n_ranked)
        add_notes(figure, [NOTE, notes_line(methods, marks)], _handles())
    return figure


def _panels(n_sets: int, n_rows: int) -> tuple[Figure, np.ndarray]:
    """Axes (n_lines, 2 x data sets side by side), as even as can be."""
    n_lines = -(-n_sets // COLUMNS)
    n_columns = -(-n_sets // n_lines)
    width = NAMES_INCHES + n_columns * (SCORES_INCHES + SECONDS_INCHES)
    return plt.subplots(
        n_lines,
        2 * n_columns,
        figsize=(width, n_lines * panel_inches(n_rows)),
        width_ratios=[SCORES_INCHES, SECONDS_INCHES] * n_columns,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )


def lower_end(folds: pd.DataFrame, controls: Sequence[str]) -> float:
    """Where the axes of scores begin: below all folds of what is compared."""
    shown = folds[folds["metric"].isin(SCORES) & ~folds["method"].isin(controls)]["value"]
    lowest = float(shown.min()) if shown.notna().any() else 0.0
    return max(0.0, STEP * np.floor((lowest - 0.005) / STEP))


def _scores(
    axis: Axes,
    folds: pd.DataFrame,
    rows: pd.DataFrame,
    methods: Sequence[str],
    fact: Mapping[str, Any],
    floor: float,
) -> None:
    heading(axis, data_set(fact), size_of(fact, all_types=True), "cons.  kappa")
    for place, method in enumerate(methods):
        why = status_in_words(folds[folds["method"] == method].drop_duplicates("fold")["status"])
        if why:
            words(axis, place, why)
            continue
        means = [float(rows[f"{metric}_mean"][method]) for metric in SCORES]
        for metric, mean, shift in zip(SCORES, means, (-0.16, 0.16), strict=True):
            filled = metric == SCORES[0]
            values = folds[(folds["method"] == method) & (folds["metric"] == metric)]["value"].to_numpy(float)
            face = colour(method) if filled else "white"
            axis.scatter(values, np.full(len(values), place + shift), s=4, color=colour(method), alpha=0.45)
            look: dict[str, Any] = {"marker": "o" if filled else "D", "s": 26 if filled else 20, "zorder": 3}
            axis.scatter(mean, place + shift, facecolor=face, edgecolor=colour(method), linewidth=1, **look)
        left = [mean for mean in means if mean < floor]
        if left:
            said = ", ".join(f"{mean:.3f}" for mean in left)
            options: dict[str, Any] = {"va": "center", "fontsize": SMALL, "color": GREY}
            axis.text(
                0.02, place, f"\N{LEFTWARDS ARROW} {said}", transform=axis.get_yaxis_transform(), **options
            )
        texts = ["-" if np.isnan(mean) else f"{mean:.3f}".removeprefix("0") for mean in means]
        beside(axis, place, "  ".join(texts))
    axis.set_xlim(floor, 1 + 0.02 * (1 - floor))


def _seconds(axis: Axes, rows: pd.DataFrame, methods: Sequence[str]) -> None:
    heading(axis, "", "seconds of a fold", "")
    axis.set_xscale("log")
    for place, method in enumerate(methods):
        if family(method) == "control":
            continue  # they do nothing, in no time
        if method not in rows.index or rows.loc[method, "status"] != "ok":
            continue
        for name, shift, face in (("index_s", -0.16, colour(method)), ("query_s", 0.16, "white")):
            low, mean, high = (float(rows[f"{name}_{what}"][method]) for what in ("min", "mean", "max"))
            axis.plot([low, high], [place + shift] * 2, color=colour(method), linewidth=1)
            axis.scatter(
                mean,
                place + shift,
                marker="s",
                s=20,
                facecolor=face,
                edgecolor=colour(method),
                linewidth=1,
                zorder=3,
            )
    low, high = (np.log10(end) for end in axis.get_xlim())
    if np.floor(high) - np.ceil(low) < 1:  # fewer than two decades have a label
        axis.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _handles() -> list[Artist]:
    line: dict[str, Any] = {"linestyle": "none", "markeredgecolor": GREY, "markersize": 5}
    shapes = {
        "consistency": ("o", GREY),
        "Cohen's kappa": ("D", "white"),
        "index (fit)": ("s", GREY),
        "query (predict)": ("s", "white"),
    }
    return [
        Line2D([], [], label=name, marker=marker, markerfacecolor=face, **line)
        for name, (marker, face) in shapes.items()
    ]
