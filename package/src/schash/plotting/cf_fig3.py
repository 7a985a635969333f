"""Angles that codes estimate, and the nearest cells that they find (CellFishing.jl, Fig. 3): panels by data set.

Left the standard deviation of the estimate by true angle, in the middle its bias, right how often the nearest cell is
among the ten nearest codes. Degrees instead of radians.
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
from matplotlib.ticker import NullLocator, PercentFormatter

from schash.angle_estimates import BITS, DEPTH, N_CELLS, N_SEEDS, ORTHOGONAL, PLAIN, RECALL, named
from schash.angle_table import ALL_ANGLES
from schash.plotting.growth import machine
from schash.plotting.rows import GREY, SMALL, add_notes
from schash.plotting.style import colour, style

SHADES = dict(zip(BITS, ("#F0A35E", "#D06A1B", colour("cellfishing"), "#4A1D00"), strict=True))
"""The more bits, the darker."""
LINES = {ORTHOGONAL: "-", PLAIN: ":"}
BIAS_BITS = 128
"""What CellFishing uses: bias by angle is shown for these alone."""
FEWEST_PAIRS = 10
"""Bins of angles with fewer pairs are not drawn."""
PAPER = "#1F77B4"
ROW_INCHES = 2.75
HEADS = (
    "a  Standard deviation of the estimated angle",
    f"b  Bias of the estimate, {BIAS_BITS} bits",
    f"c  Nearest cell among the {DEPTH} nearest codes",
)


def draw_cf_fig3(
    table: pd.DataFrame, facts: Sequence[Mapping[str, Any]], published: Mapping[int, float]
) -> Figure:
    """`table`: of `schash.angle_table`; `published`: the paper's recall on Shekhar2016, by bits."""
    by_id = {fact["dataset"]: fact for fact in facts}
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        figure = plt.figure(figsize=(11.5, ROW_INCHES * len(datasets) + 0.3), layout="constrained")
        parts = figure.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for part, name in zip(parts, datasets, strict=True):
            here = table[(table["dataset"] == name) & (table["status"] == "ok")]
            part.suptitle(_heading(by_id[name], here), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
            axes = part.subplots(1, 3)
            for axis, head in zip(axes, HEADS, strict=True):
                axis.set_title(head, loc="left", fontsize=9)
            if here.empty:
                _say(axes[0], table[table["dataset"] == name])
            _deviations(axes[0], here[here["bin"] != ALL_ANGLES])
            _biases(axes[1], here)
            _recalls(axes[2], here[here["bin"] == ALL_ANGLES], published)
        add_notes(figure, _notes(table, bool(published)), _handles(bool(published)))
    return figure


def published_recall(expected: pd.DataFrame) -> dict[int, float]:
    """The paper's recall by bits."""
    rows = expected[expected["target"] == "cf_fig3"].set_index("metric")["value"]
    names = {bits: named(RECALL, ORTHOGONAL, bits) for bits in BITS}
    return {bits: float(rows[name]) for bits, name in names.items() if name in rows}


def _heading(fact: Mapping[str, Any], here: pd.DataFrame) -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    name = f"{fact['dataset']} ({origin})" if origin else str(fact["dataset"])
    return f"{name}: {here['n_cells'].max():,} cells" if len(here) else name


def _say(axis: Axes, failed: pd.DataFrame) -> None:
    axis.text(0.5, 0.5, failed["status"].iloc[0], transform=axis.transAxes, ha="center", style="italic",
              color=GREY)  # fmt: skip


def _angles(axis: Axes) -> None:
    axis.set_xlim(0, 180)
    axis.set_xticks(range(0, 181, 30))
    axis.set_xlabel("true angle between two cells, degrees")


def _deviations(axis: Axes, here: pd.DataFrame) -> None:
    _angles(axis)
    axis.set_ylabel("degrees")
    grid = np.linspace(0, np.pi, 181)
    for bits in BITS:
        binomial = np.degrees(np.sqrt(grid * (np.pi - grid) / bits))
        axis.plot(np.degrees(grid), binomial, color="#BBBBBB", linewidth=0.8, zorder=1)
        for kind in LINES:
            rows = _bins(here, kind, bits)
            deviations = np.degrees(np.sqrt(rows["variance"]))
            axis.plot(np.degrees(rows["angle"]), deviations, **_look(kind, bits))
    axis.set_ylim(0, None)


def _biases(axis: Axes, here: pd.DataFrame) -> None:
    _angles(axis)
    axis.set_ylabel("degrees")
    axis.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    highest = 1.0
    for kind, offset in ((ORTHOGONAL, -0.8), (PLAIN, 0.8)):
        rows = _bins(here[here["bin"] != ALL_ANGLES], kind, BIAS_BITS)
        bias, error = np.degrees(rows["bias"]), np.degrees(2 * rows["bias_se"])
        axis.errorbar(np.degrees(rows["angle"]) + offset, bias, yerr=error, elinewidth=0.9,
                      **_look(kind, BIAS_BITS))  # fmt: skip
        highest = max(highest, float((bias.abs() + error).max()) if len(rows) else 0.0)
    axis.set_ylim(-1.25 * highest, 1.25 * highest)
    whole = here[(here["bin"] == ALL_ANGLES) & (here["bits"] == BIAS_BITS)]
    said = [
        f"{kind}\n{np.degrees(bias):+.2f} ± {np.degrees(error):.2f}"
        for kind, bias, error in zip(whole["kind"], whole["bias"], whole["bias_se"], strict=True)
    ]
    axis.text(0.985, 0.97, "\n".join(["all pairs", *said]) if said else "", ha="right", va="top",
              transform=axis.transAxes, fontsize=SMALL, color=GREY)  # fmt: skip


def _recalls(axis: Axes, here: pd.DataFrame, published: Mapping[int, float]) -> None:
    axis.set_xscale("log", base=2)
    for kind, shift in ((ORTHOGONAL, 0.985), (PLAIN, 1.015)):
        rows = here[here["kind"] == kind].sort_values("bits")
        look = _look(kind, BIAS_BITS) | {"markersize": 5}
        axis.errorbar(rows["bits"] * shift, rows["recall"], yerr=rows["recall_sd"], elinewidth=0.9, **look)
        if kind == ORTHOGONAL:
            for row in rows.itertuples():
                axis.annotate(f"{row.recall:.0%}", (row.bits, row.recall), xytext=(-6, 5), ha="right",
                              textcoords="offset points", fontsize=SMALL)  # fmt: skip
    if published:
        axis.plot(
            list(published), list(published.values()), "x", color=PAPER, markersize=6, markeredgewidth=1.6
        )
    axis.set_xlim(min(BITS) / 1.6, max(BITS) * 1.2)
    axis.set_xticks(BITS, [str(bits) for bits in BITS])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(0, 1.1)
    axis.set_yticks(np.arange(0, 1.01, 0.25))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel("bits (T)")


def _bins(here: pd.DataFrame, kind: str, bits: int) -> pd.DataFrame:
    chosen = here[(here["kind"] == kind) & (here["bits"] == bits) & (here["n_pairs"] >= FEWEST_PAIRS)]
    return chosen.sort_values("angle")


def _look(kind: str, bits: int) -> dict[str, Any]:
    return {
        "color": SHADES[bits],
        "linestyle": LINES[kind],
        "linewidth": 1.5,
        "marker": "o",
        "markersize": 4,
        "markerfacecolor": SHADES[bits] if kind == ORTHOGONAL else "white",
        "zorder": 3 if kind == ORTHOGONAL else 2,
    }


def _handles(has_paper: bool) -> list[Artist]:
    bits = [
        Line2D([], [], color=shade, linewidth=3, label=f"{n_bits} bits") for n_bits, shade in SHADES.items()
    ]
    names = {ORTHOGONAL: "orthogonal normals", PLAIN: "plain normals"}
    kinds = [Line2D([], [], label=name, **_look(kind, BIAS_BITS)) for kind, name in names.items()]
    theory = Line2D([], [], color="#BBBBBB", linewidth=0.8, label="binomial")
    paper = Line2D([], [], color=PAPER, marker="x", linestyle="", label="paper, Shekhar2016")
    return [*bits, *kinds, theory, *([paper] if has_paper else [])]


def _notes(table: pd.DataFrame, has_paper: bool) -> list[str]:
    notes = [
        f"angles: all pairs among {N_CELLS} random cells, {N_SEEDS} draws of the hyperplanes; nearest cells: "
        f"{N_CELLS} random cells a draw, mean and standard deviation over draws; bars of the bias: 2 standard "
        f"errors; {machine(table)}"
    ]
    if has_paper:
        notes.append(
            "the paper's data set has 27,499 cells: the more cells, the harder to find the nearest one"
        )
    bad = table[table["status"] != "ok"]
    return notes + [f"{row.dataset}: {row.status} ({row.reason})" for row in bad.itertuples()]
