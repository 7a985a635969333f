"""What a method costs: seconds to fit, milliseconds to predict a cell and peak memory, by method and data set.

Rows stand in the order of fig2a, so that the eye can hold a cost against a score. Times are wall times of one fold,
memory is that of the whole process, data included. The grey controls do nothing and have no row; what they need in
memory, the interpreter and the data, is a line in the last panel.
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
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from schash.marks import notes_line, status_in_words
from schash.plotting.rows import (
    GREY,
    add_notes,
    beside,
    family_handles,
    heading,
    marked_titles,
    panel_inches,
    share_rows,
    words,
)
from schash.plotting.style import colour, family, style
from schash.standings import order_methods, scores_of
from schash.tables import POOLED

METRIC = "median_f1"
"""What orders the rows."""
QUANTITIES = {
    "fit_s": ("fit, s a fold", "{machine}"),
    "predict_ms": ("predict, ms a query cell", "{machine}"),
    "peak_mb": ("peak memory, MiB", "whole process, data included"),
}
"""Columns of the table that have a panel, with title and subtitle."""
MEASURED = ("fit_s", "predict_s", "predict_ms", "peak_mb")
KEYS = ["experiment", "dataset", "scheme", "method"]


def costs(
    metrics: pd.DataFrame,
    titles: Mapping[str, str],
    controls: Sequence[str] = (),
    datasets: Sequence[str] = (),
) -> pd.DataFrame:
    """The table behind the figure: one row a method and data set, the methods in the order of fig2a, controls last.

    datasets : those whose runs were timed, each alone on the machine; all where none were

    It holds mean and sample standard deviation over folds of fit_s, predict_s (a fold), predict_ms (a query cell) and
    peak_mb, empty where a fold did not run; the mean number of query cells, threads, machine and status in words.
    """
    order = order_methods(scores_of(metrics, METRIC), controls)
    timed = metrics["dataset"].isin(datasets or set(metrics["dataset"]))
    folds = metrics[timed & (metrics["fold"] != POOLED)].drop_duplicates([*KEYS, "fold"])
    folds = folds.assign(predict_ms=1000 * folds["predict_s"] / folds["n"].where(folds["n"] > 0))
    groups = folds.groupby(KEYS, sort=False)
    table = pd.DataFrame({"n_folds": groups.size(), "query_cells": groups["n"].mean()})
    for name in MEASURED:
        table[f"{name}_mean"] = groups[name].mean()
        table[f"{name}_sd"] = groups[name].std()
    for name in ("threads", "host"):
        table[name] = groups[name].first()
    table["status"] = groups["status"].agg(status_in_words).replace("", "ok")
    table.loc[table["status"] != "ok", table.columns.str.endswith(("_mean", "_sd", "_cells"))] = np.nan
    table = table.reset_index()
    table.insert(4, "title", table["method"].map(titles))
    return table.sort_values(
        "method", key=lambda names: names.map(order.index), kind="stable", ignore_index=True
    )


def draw_costs(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Three panels on logarithmic axes, one row a method: a point a data set, their median as a bar and in print.

    `table`: of `costs`
    """
    idle = table["method"].map(family) == "control"
    shown, floor = table[~idle], table[idle]
    methods = list(dict.fromkeys(shown["method"]))
    ranked = [name for name in methods if name not in controls]
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        size = (1.8 + 3.6 * len(QUANTITIES), panel_inches(len(methods)))
        figure, axes = plt.subplots(1, len(QUANTITIES), figsize=size, sharey=True, layout="constrained")
        for axis, (name, (title, subtitle)) in zip(axes, QUANTITIES.items(), strict=True):
            heading(axis, title, subtitle.format(machine=_machine(table)), "median")
            _panel(axis, shown.rename(columns={f"{name}_mean": "value"}), methods, ranked, len(datasets))
        data_alone = float(floor["peak_mb_mean"].median())
        if data_alone > 0:
            axes[-1].axvline(data_alone, **_FLOOR)
        for axis in axes:
            _logarithmic(axis)
        share_rows(axes, methods, marked_titles(methods, titles, marks or {}), n_ranked=len(ranked))
        notes = ["a point is a data set (mean over folds), the bar their median (bold: the lowest)"]
        if any(text.get_text().startswith("(") for text in axes[0].texts):
            notes[0] += f"; in brackets: of fewer than the {len(datasets)} data sets"
        notes.append(notes_line(methods, marks or {}))
        handles = [*family_handles(methods), *([_FLOOR_HANDLE] if data_alone > 0 else [])]
        add_notes(figure, notes, handles)
        figure.get_layout_engine().set(wspace=0.04)  # type: ignore[union-attr, call-arg]
    return figure


_FLOOR: dict[str, Any] = {"color": GREY, "linestyle": ":", "linewidth": 1.0}
_FLOOR_HANDLE: Artist = Line2D([], [], label="controls: data alone", **_FLOOR)


def _machine(table: pd.DataFrame) -> str:
    threads, hosts = sorted(set(table["threads"])), sorted(set(table["host"]))
    number = " or ".join(str(n) for n in threads)
    return f"{number} thread{'' if threads == [1] else 's'} on {hosts[0] if len(hosts) == 1 else 'several machines'}"


def _panel(axis: Axes, table: pd.DataFrame, methods: list[str], ranked: list[str], n_datasets: int) -> None:
    found = {method: table.loc[table["method"] == method, "value"].dropna() for method in methods}
    medians = {method: float(values.median()) for method, values in found.items()}
    complete = [method for method in ranked if len(found[method]) == n_datasets]
    lowest = min((medians[method] for method in complete), default=np.nan)
    for row, (method, values) in enumerate(found.items()):
        if values.empty:
            states = table.loc[table["method"] == method, "status"]
            words(axis, row, " / ".join(dict.fromkeys(states)))
            beside(axis, row, "-")
            continue
        fill, median = colour(method), medians[method]
        axis.plot([values.min(), values.max()], [row, row], color=fill, linewidth=1.2, alpha=0.5, zorder=2)
        axis.scatter(values, [row] * len(values), s=16, color=fill, alpha=0.6, linewidth=0, zorder=3)
        axis.plot([median, median], [row - 0.34, row + 0.34], color=fill, linewidth=2.2, zorder=4)
        text = _short(median) if len(values) == n_datasets else f"({_short(median)})"
        beside(axis, row, text, bold=method in complete and median == lowest)


def _logarithmic(axis: Axes) -> None:
    """Powers of ten, and 2 and 5 between them where the axis is short."""
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 50 * low else (1.0,), numticks=7))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _short(value: float) -> str:
    """Two significant digits; from a hundred on, whole numbers."""
    return f"{value:,.0f}" if value >= 10 else f"{value:#.2g}"
