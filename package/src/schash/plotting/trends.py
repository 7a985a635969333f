"""Headline metrics over commits: a line a method, the papers' values dashed, one panel a metric and data set."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schash.marks import marked_title
from schash.plotting.style import colour, marker, style
from schash.regression.trends import FOLLOWED, Panel, commits

DIRTY = "-dirty"
DASHED = (0, (4, 2))
_SEVERAL = "#555555"
"""Of a line that stands for several methods."""
_SIGNS = {"about": "", "at_most": "≤\N{NO-BREAK SPACE}", "at_least": "≥\N{NO-BREAK SPACE}"}
_WIDTH = 20
"""Letters of a line of a label."""
_APART = 0.09
"""Least distance of two labels, in heights of a panel."""


def draw_trends(
    panels: Sequence[Panel], titles: Mapping[str, str], marks: Mapping[str, str] | None = None
) -> Figure:
    """panels : schash.regression.trends.trend_panels; titles, marks : of methods.

    A hollow marker is a commit with changes that were not committed. Where a commit ran several times, the line goes
    through the mean of its runs and each has a marker.
    """
    order = commits(list(panels))
    n_columns = min(4 if len(panels) % 3 == 1 else 3, max(len(panels), 1))
    n_rows = -(-max(len(panels), 1) // n_columns)
    with style():
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(0.4 + 3.6 * n_columns, 1.2 + 2.5 * n_rows),
            squeeze=False,
            sharex=True,
            layout="constrained",
        )
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw(axis, panel, order)
        if not panels:
            axes[0, 0].set_title("none of the followed methods ran", loc="left")
        for place, axis in enumerate(axes.flat):
            axis.set_visible(place < max(len(panels), 1))
            if place < len(panels) <= place + n_columns:  # the lowest of its column
                axis.set_xticks(
                    range(len(order)),
                    [_label(sha, day) for sha, day in order.items()],
                    rotation=35,
                    ha="right",
                    rotation_mode="anchor",
                )
                axis.tick_params(axis="x", labelbottom=True, labelsize=8)
                axis.set_xlabel("commit, in order of time")
        _legend(figure, panels, titles, marks or {})
    return figure


def _draw(axis: Axes, panel: Panel, order: Mapping[str, str]) -> None:
    axis.set_title(f"{panel.headline.title}\n{panel.dataset}", loc="left", fontsize=9)
    axis.set_ylabel(panel.headline.unit)
    axis.set_xlim(-0.4, max(len(order) - 0.6, 0.4))
    places = {sha: place for place, sha in enumerate(order)}
    runs = panel.runs[panel.runs["commit"].isin(places)]
    for place, method in enumerate(reversed(FOLLOWED)):  # those that matter most lie on top, and are smaller
        rows = runs[runs["method"] == method]
        if rows.empty:
            continue
        size = 8 - 0.5 * place
        x = rows["commit"].map(places)
        means = rows["mean"].groupby(x).mean()
        axis.plot(means.index, means, color=colour(method), linewidth=1.6, zorder=3)
        dirty = rows["commit"].str.endswith(DIRTY).to_numpy()
        for hollow in (False, True):
            axis.plot(
                x[dirty == hollow],
                rows["mean"][dirty == hollow],
                linestyle="",
                marker=marker(method),
                markersize=size,
                color=colour(method),
                markerfacecolor="white" if hollow else colour(method),
                zorder=4,
            )
    values = [float(value) for value in (*runs["mean"], *panel.papers["value"])]
    _set_limits(axis, values)
    _draw_papers(axis, panel.papers)


def _set_limits(axis: Axes, values: list[float]) -> None:
    """Room for everything; a panel of equal values still shows a range, not digits of noise."""
    low, high = min(values), max(values)
    room = max(0.12 * (high - low), 0.02 * max(abs(high), abs(low)), 1e-9)
    axis.set_ylim(low - room, high + room)
    axis.ticklabel_format(axis="y", useOffset=False)


def _draw_papers(axis: Axes, papers: pd.DataFrame) -> None:
    """Dashed lines in the methods' colours, with the paper's data set and value at their right end."""
    if papers.empty:
        return
    low, high = axis.get_ylim()
    lines = papers.groupby(["value", "name", "relation"])["method"].agg(list)
    texts = [
        textwrap.fill(f"{name} {_SIGNS[relation]}{value:.4g}", _WIDTH)
        for value, name, relation in lines.index
    ]
    values = lines.index.get_level_values("value").to_numpy(float)
    apart = _APART * max(text.count("\n") + 1 for text in texts)
    heights = _spread_out((values - low) / (high - low), apart)
    for value, text, height, methods in zip(values, texts, heights, lines, strict=True):
        tint = colour(methods[0]) if len(methods) == 1 else _SEVERAL
        axis.axhline(value, color=tint, linestyle=DASHED, linewidth=1.1, alpha=0.8, zorder=2)
        axis.annotate(
            text,
            (1.0, value),
            xycoords=axis.get_yaxis_transform(),
            xytext=(1.035, height),
            textcoords="axes fraction",
            color=tint,
            fontsize=7.5,
            va="center",
            arrowprops={"arrowstyle": "-", "color": tint, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
        )


def _spread_out(heights: np.ndarray, apart: float) -> np.ndarray:
    """Sorted heights moved apart to at least that distance, and as little as that takes: each lot about its middle."""
    lots = [[float(height), 1] for height in heights]
    merged: list[list[float]] = []
    for lot in lots:
        merged.append(lot)
        while len(merged) > 1:
            (a, n), (b, m) = merged[-2:]
            if b - a >= apart * (n + m) / 2:
                break
            merged[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    places: list[float] = []
    for middle, size in merged:
        places += [middle + apart * (i - (size - 1) / 2) for i in range(int(size))]
    return np.array(places)


def _label(sha: str, day: str) -> str:
    return f"{sha.removesuffix(DIRTY)[:7]}{'*' if sha.endswith(DIRTY) else ''} {day}"


def _legend(
    figure: Figure, panels: Sequence[Panel], titles: Mapping[str, str], marks: Mapping[str, str]
) -> None:
    drawn = {method for panel in panels for method in panel.runs["method"]}
    handles = [
        Line2D(
            [],
            [],
            color=colour(name),
            marker=marker(name),
            label=marked_title(name, dict(titles), dict(marks)),
        )
        for name in FOLLOWED
        if name in drawn
    ]
    if any(len(panel.papers) for panel in panels):
        text = "paper's value, on the data set named beside it"
        handles.append(Line2D([], [], color=_SEVERAL, linestyle=DASHED, label=text))
    if any(sha.endswith(DIRTY) for sha in commits(list(panels))):
        said = "* not committed as it ran"
        handles.append(
            Line2D([], [], color=_SEVERAL, marker="o", label=said, markerfacecolor="white", linestyle="")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
