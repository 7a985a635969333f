"""Genes that CellFishing selects, and three ways to the leading singular values (CellFishing.jl, Fig. 2).

Above a row a data set: seconds of each decomposition, and beside them what was selected and what the randomised one
gains and loses. Below a panel a data set: relative error of each singular value.
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
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from schash.plotting.growth import machine
from schash.plotting.rows import BAND, GREY, SMALL, add_notes
from schash.plotting.style import colour, style
from schash.svd_table import ALL_RANKS, N_DIMS
from schash.svd_timing import (
    DENSE,
    DENSITY,
    FULL,
    GENE_FRACTION,
    GENES,
    N_SEEDS,
    RANDOMIZED,
    SPARSE,
    TOP,
    TRUNCATED,
)

NAMES = {
    FULL: "full (LAPACK)",
    TRUNCATED: "truncated (ARPACK)",
    RANDOMIZED: "randomised (CellFishing's)",
}
LOOKS = {FULL: ("s", "#4C4D4F"), TRUNCATED: ("^", "#2E86C1"), RANDOMIZED: ("o", colour("cellfishing"))}
HEAD: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": 11, "fontweight": "bold"}
ROUNDING = 1e-16
"""Smaller errors are drawn here: on a logarithmic axis 0 has no place."""
MOST_PANELS = 4
ROW_INCHES, AXIS_INCHES, PANEL_INCHES = 0.52, 1.35, 2.7


def draw_cf_fig2(
    table: pd.DataFrame, facts: Sequence[Mapping[str, Any]], published: Mapping[str, float]
) -> Figure:
    """`table`: of `schash.svd_table`; `published`: the paper's numbers of selected genes, by data set."""
    by_id = {fact["dataset"]: fact for fact in facts}
    datasets = list(dict.fromkeys(table["dataset"]))
    n_columns = min(len(datasets), MOST_PANELS)
    n_rows = -(-len(datasets) // n_columns)
    heights = [AXIS_INCHES + ROW_INCHES * len(datasets), PANEL_INCHES * n_rows]
    with style():
        figure = plt.figure(figsize=(11.5, sum(heights)), layout="constrained")
        (above,), (below,) = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)
        seconds, numbers = above.subplots(1, 2, sharey=True, width_ratios=[4.2, 7.3])
        _seconds(seconds, table, datasets, [_name(by_id[name], "\n") for name in datasets])
        _numbers(numbers, table, [by_id[name] for name in datasets], published)
        above.suptitle("a  Seconds of one decomposition, 50 singular values", **HEAD)
        panels = below.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for axis, name in zip(panels.flat, datasets, strict=False):
            _errors(axis, table[table["dataset"] == name])
            axis.set_title(_name(by_id[name]), loc="left", fontsize=9)
        for axis in panels.flat[len(datasets) :]:
            axis.set_visible(False)
        for axis in panels[-1]:
            axis.set_xlabel("rank of the singular value")
        panels[0, 0].set_ylabel("relative error")
        below.suptitle("b  Error of each singular value against the full decomposition", **HEAD)
        add_notes(figure, _notes(table), _handles())
    return figure


def published_genes(expected: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Genes that the paper selects on its own data sets, of those that ran."""
    rows = expected[(expected["target"] == "cf_fig2") & (expected["metric"] == GENES)]
    values = rows.set_index("dataset")["value"].to_dict()
    return {fact["dataset"]: values[fact["dataset"]] for fact in facts if fact["dataset"] in values}


def _name(fact: Mapping[str, Any], apart: str = " ") -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    return f"{fact['dataset']}{apart}({origin})" if origin else str(fact["dataset"])


def _seconds(axis: Axes, table: pd.DataFrame, datasets: Sequence[str], names: Sequence[str]) -> None:
    axis.set_xscale("log")
    for place, name in enumerate(datasets):
        here = table[(table["dataset"] == name) & (table["rank"] == ALL_RANKS)]
        if place % 2:
            axis.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=-2)
        for form, offset in ((DENSE, -0.17), (SPARSE, 0.17)):
            rows = here[(here["matrix"] == form) & here["seconds"].notna()]
            if len(rows) > 1:
                ends = [rows["seconds"].min(), rows["seconds"].max()]
                axis.plot(ends, [place + offset] * 2, color="#BBBBBB", linewidth=1, zorder=1)
            for algorithm, seconds in zip(rows["algorithm"], rows["seconds"], strict=True):
                axis.plot(seconds, place + offset, **_point(algorithm, form))
        for status in here.loc[here["status"] != "ok", "status"].head(1):
            axis.text(0.97, place, status, transform=axis.get_yaxis_transform(), ha="right", va="center",
                      fontsize=SMALL, color=GREY, style="italic")  # fmt: skip
    axis.set_yticks(range(len(datasets)), names)
    axis.set_ylim(len(datasets) - 0.5, -1.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="y", visible=False)
    low, high = np.log10(axis.get_xlim())
    axis.set_xlim(10 ** (low - 0.1), 10 ** (high + 0.1))
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,), numticks=12))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_xlabel("seconds")


def _point(algorithm: str, form: str) -> dict[str, Any]:
    shape, fill = LOOKS[algorithm]
    return {
        "color": fill,
        "marker": shape,
        "markersize": 7,
        "markerfacecolor": fill if form == DENSE else "white",
        "markeredgewidth": 1.3,
        "linestyle": "",
        "zorder": 3,
    }


_HEADS = {
    "cells": 0.075,
    "genes": 0.175,
    "selected": 0.285,
    "share": 0.375,
    "not 0": 0.455,
    "full": 0.575,
    "truncated": 0.70,
    "top 10": 0.85,
    "top 50": 0.985,
}
"""Right edge of each column of numbers."""
_GROUPS = {"speed-up of the randomised over": (0.42, 0.70), "its largest error": (0.765, 0.985)}
"""Headings over several columns, from edge to edge."""


def _numbers(
    axis: Axes, table: pd.DataFrame, facts: Sequence[Mapping[str, Any]], published: Mapping[str, float]
) -> None:
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    options: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 8}
    for name, right in _HEADS.items():
        axis.text(right, -0.75, name, color=GREY, **options)
    for name, (left, right) in _GROUPS.items():
        axis.text(right, -1.25, name, color=GREY, **options)
        axis.plot([left, right], [-1.0, -1.0], color="#BBBBBB", linewidth=0.6)
    for place, fact in enumerate(facts):
        if place % 2:
            axis.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=-2)
        here = table[(table["dataset"] == fact["dataset"]) & (table["algorithm"] == RANDOMIZED)]
        whole = here[here["rank"] == ALL_RANKS].set_index("matrix")
        if whole.empty:
            continue
        for text, right in zip(_texts(whole, fact, published), _HEADS.values(), strict=True):
            axis.text(right, place, text, linespacing=1.3, **options)


def _texts(whole: pd.DataFrame, fact: Mapping[str, Any], published: Mapping[str, float]) -> list[str]:
    row = whole.iloc[0]
    paper = published.get(fact["dataset"])
    return [
        f"{row['n_cells']:,}",
        f"{fact['genes']:,}",
        f"{row[GENES]:,.0f}" + (f"\npaper {paper:,.0f}" if paper else ""),
        f"{row[GENE_FRACTION]:.1%}",
        f"{row[DENSITY]:.0%}",
        *("\n".join(_times(whole, form, other) for form in (DENSE, SPARSE)) for other in (FULL, TRUNCATED)),
        *(f"{row[f'max_error_top_{n}']:.1g}" for n in (TOP, N_DIMS)),
    ]


def _times(whole: pd.DataFrame, form: str, other: str) -> str:
    value = whole[f"over_{other}"].get(form, np.nan)
    return f"{value:.2g} x" if np.isfinite(value) else "-"


def _errors(axis: Axes, here: pd.DataFrame) -> None:
    axis.set_yscale("log")
    axis.axvspan(0.5, TOP + 0.5, color=BAND, linewidth=0, zorder=-2)
    for algorithm in (TRUNCATED, RANDOMIZED):
        rows = here[(here["algorithm"] == algorithm) & (here["rank"] != ALL_RANKS)].sort_values("rank")
        shape, fill = LOOKS[algorithm]
        low, middle, high = (
            np.maximum(rows[f"error{name}"], ROUNDING) for name in ("_smallest", "", "_largest")
        )
        axis.fill_between(rows["rank"], low, high, color=fill, alpha=0.25, linewidth=0)
        axis.plot(rows["rank"], middle, color=fill, marker=shape, markersize=2.5, linewidth=1.2)
    axis.set_ylim(ROUNDING / 2, 1)
    axis.set_xlim(0.5, N_DIMS + 0.5)
    axis.set_xticks([1, *range(TOP, N_DIMS + 1, TOP)])
    axis.yaxis.set_major_locator(LogLocator(numticks=9))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.text(TOP / 2 + 0.5, 0.5, "top 10", ha="center", va="top", fontsize=SMALL, color=GREY)


def _handles() -> list[Artist]:
    marks = [Line2D([], [], label=name, **_point(algorithm, DENSE)) for algorithm, name in NAMES.items()]
    open_mark = _point(FULL, SPARSE) | {"color": GREY}
    band = Patch(color=LOOKS[RANDOMIZED][1], alpha=0.25, label=f"range of {N_SEEDS} seeds")
    return [*marks, Line2D([], [], label="open: sparse form", **open_mark), band]


def _notes(table: pd.DataFrame) -> list[str]:
    notes = [
        f"all cells of each data set; {machine(table)}; filled and first line: the matrix as an array; open and second "
        "line: never formed, as CellFishing has it, which the full decomposition cannot use",
    ]
    bad = table[table["status"] != "ok"]
    return notes + [f"{row.dataset}: {row.status} ({row.reason})" for row in bad.itertuples()]
