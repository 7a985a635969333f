"""The figure: speed-up by difficulty and by width, growth with the database, and the approximate peers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.contestants import FLAT, TITLES
from benchmarks.results import APPROXIMATE
from benchmarks.settings import MAIN_BITS, MAIN_K
from schash.atomic import atomic_path
from schash.plotting.style import style

LOOKS = {
    "multi_fast": ("#D55E00", "o"),
    "multi_compact": ("#0072B2", "s"),
    "multi_tables": ("#CC79A7", "^"),
    "linear": ("#009E73", "D"),
    FLAT: ("#555555", "X"),
    "faiss_hnsw": ("#882255", "P"),
    "usearch": ("#E69F00", "v"),
}
"""Colour and marker."""
BIT_COLOURS = {64: "#56B4E9", 128: "#D55E00", 256: "#009E73", 512: "#332288"}
SPEEDUP = "times as fast as faiss IndexBinaryFlat"
_CELLS: dict[str, Any] = {"markersize": 15, "markeredgecolor": "black"}


def draw(search: pd.DataFrame) -> Figure:
    """Four panels, of the searches with the most threads."""
    rows = search[search["threads"] == search["threads"].max()]
    simulated = rows[(rows["case"] == "search") & (rows["k"] == MAIN_K)]
    main = simulated[simulated["bits"] == MAIN_BITS]
    with style():
        figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
        _by_difficulty(axes[0, 0], main, rows[rows["case"] == "cellfishing"])
        _by_width(axes[0, 1], simulated[simulated["contestant"] == "multi_fast"])
        _by_size(axes[1, 0], rows[rows["case"] == "growth"])
        _by_recall(axes[1, 1], main)
    return figure


def write_figure(figure: Figure, folder: Path) -> None:
    """bench.png and bench.svg; no dates in them."""
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        with style(), atomic_path(folder / f"bench.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, metadata=metadata)
    plt.close(figure)


def _by_difficulty(axis: Axes, rows: pd.DataFrame, cells: pd.DataFrame) -> None:
    for name in ("multi_fast", "multi_compact", "multi_tables", "linear"):
        of_one = rows[rows["contestant"] == name].sort_values("d10")
        colour, marker = LOOKS[name]
        if len(of_one):
            axis.plot(of_one["d10"], of_one["speedup"], f"{marker}-", color=colour, label=TITLES[name])
        real = cells[cells["contestant"] == name]
        if name == "multi_fast" and len(real):
            axis.plot(
                real["d10"], real["speedup"], "*", color=colour, label=f"{TITLES[name]}: cells", **_CELLS
            )
    title = f"{MAIN_BITS} bits, k = {MAIN_K}{_size(rows)}"
    _finish(axis, title, "d10: mean distance of the 10th neighbour, in bits", SPEEDUP)
    _add_flat(axis)


def _by_width(axis: Axes, rows: pd.DataFrame) -> None:
    for bits, colour in BIT_COLOURS.items():
        of_one = rows[rows["bits"] == bits].sort_values("d10")
        if len(of_one):
            axis.plot(of_one["d10"] / bits, of_one["speedup"], "o-", color=colour, label=f"{bits} bits")
    _finish(axis, f"{TITLES['multi_fast']}, by width{_size(rows)}", "d10 / bits", SPEEDUP)
    _add_flat(axis)


def _by_size(axis: Axes, rows: pd.DataFrame) -> None:
    for name in dict.fromkeys(rows["contestant"]):
        of_one = rows[rows["contestant"] == name].sort_values("n")
        colour, marker = LOOKS[name]
        axis.plot(of_one["n"], of_one["ms_per_query"], f"{marker}-", color=colour, label=TITLES[name])
    axis.set_xscale("log", base=2)
    _finish(axis, f"growth, {MAIN_BITS} bits, k = {MAIN_K}", "codes in the database", "ms a query")
    if len(rows):
        axis.legend(fontsize=8)


def _by_recall(axis: Axes, rows: pd.DataFrame) -> None:
    """Only the difficulty in which the approximate ones took part."""
    levels = rows.loc[rows["answers"] == APPROXIMATE, "level"]
    rows = rows[rows["level"].isin(levels)]
    for name, (colour, marker) in LOOKS.items():
        of_one = rows[(rows["contestant"] == name) | rows["contestant"].str.match(rf"{name}_\d+$")]
        of_one = of_one.sort_values("ms_per_query")
        if len(of_one):
            title = TITLES[of_one.iloc[0]["contestant"]]
            is_graph = len(of_one) > 1
            axis.plot(of_one["recall"], of_one["ms_per_query"], f"{marker}{'-' if is_graph else ''}",
                      color=colour, label=title.split(", e")[0] if is_graph else title)  # fmt: skip
    d10 = f", d10 {rows['d10'].iloc[0]:.0f}" if len(rows) else ""
    _finish(
        axis, f"exact and approximate, {MAIN_BITS} bits{d10}", f"recall of the {MAIN_K} nearest", "ms a query"
    )
    if len(rows):
        axis.legend(fontsize=8)


def _finish(axis: Axes, title: str, x: str, y: str) -> None:
    axis.set(yscale="log", xlabel=x, ylabel=y)
    axis.set_title(title, loc="left")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _add_flat(axis: Axes) -> None:
    axis.axhline(1, color=LOOKS[FLAT][0], linewidth=1.5, linestyle="--", label=TITLES[FLAT])
    axis.legend(fontsize=8)


def _size(rows: pd.DataFrame) -> str:
    return f", n = 2^{np.log2(rows['n'].max()):.0f}" if len(rows) else ""
