"""The table under the panels of cf_table3: a row a size, and how each number grows."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from schash.plotting.rows import BAND, GREY
from schash.scale_numbers import BYTES, CONSISTENCY, INDEX, NAMED, PEAK, QUERY
from schash.timing_table import slope

ROW_INCHES = 0.21
COLUMNS = (
    ("cells", "", 0.06, None),
    ("index", "s", 0.125, (128, "", INDEX)),
    ("query", "ms", 0.19, (128, "", QUERY)),
    ("1 thread", "ms", 0.255, (128, "1thread", QUERY)),
    ("queries/s", "1 thread", 0.325, (128, "1thread", "rate")),
    ("scan", "ms", 0.385, (128, "linear", QUERY)),
    ("query", "256 bits, ms", 0.465, (256, "", QUERY)),
    ("scan", "256 bits, ms", 0.545, (256, "linear", QUERY)),
    ("bytes a cell", "128 bits", 0.62, (128, "", BYTES)),
    ("scan", "128 bits", 0.675, (128, "linear", BYTES)),
    ("bytes a cell", "256 bits", 0.745, (256, "", BYTES)),
    ("peak", "MB", 0.80, (128, "", PEAK)),
    ("beyond index", "MB", 0.87, (128, "", NAMED["beyond"])),
    ("consistency", "128 bits", 0.94, (128, "", CONSISTENCY)),
    ("", "256 bits", 1.0, (256, "", CONSISTENCY)),
)
"""Heading, unit, right edge, and which number it is."""
GROWS = {INDEX, QUERY, BYTES, PEAK}


def write_numbers(axis: Axes, here: pd.DataFrame) -> None:
    """`here`: rows of `cf_table3` of one data set."""
    axis.set_axis_off()
    sizes = sorted(set(here["size"]))
    axis.set_xlim(0, 1)
    axis.set_ylim(len(sizes) + 2.6, -0.6)
    options: dict[str, Any] = {"va": "center", "ha": "right", "fontsize": 8}
    here = here.assign(rate=1e3 / here[QUERY])
    for title, unit, right, _ in COLUMNS:
        axis.text(right, 0, title, color=GREY, **options)
        axis.text(right, 0.85, unit, color=GREY, **{**options, "fontsize": 7})
    for place, size in enumerate(sizes, start=2):
        if place % 2:
            axis.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=-2)
        for _, _, right, number in COLUMNS:
            text = f"{size:,}" if number is None else short(_value(here, size, *number))
            axis.text(right, place, text, **options)
    if len(sizes) > 1:
        _growth(axis, here, sizes, options)


def _growth(axis: Axes, here: pd.DataFrame, sizes: list[int], options: dict[str, Any]) -> None:
    """Last line: how many times as much at the largest size, and the slope of log over log."""
    place = len(sizes) + 2
    axis.axhline(place - 0.5, color=GREY, linewidth=0.6)
    axis.text(COLUMNS[0][2], place, f"x {sizes[-1] / sizes[0]:g}", fontweight="bold", **options)
    for _, _, right, number in COLUMNS[1:]:
        if number is None or number[2] not in GROWS:
            continue
        values = [_value(here, size, *number) for size in sizes]
        ran = [(n, value) for n, value in zip(sizes, values, strict=True) if np.isfinite(value)]
        if len(ran) > 1:
            times, power = ran[-1][1] / ran[0][1], slope(*zip(*ran, strict=True))
            axis.text(right, place, f"x {times:.3g}", fontweight="bold", **options)
            axis.text(right, place + 0.75, f"slope {power:.2f}", color=GREY, **{**options, "fontsize": 7})


def _value(here: pd.DataFrame, size: int, bits: int, search: str, name: str) -> float:
    rows = here[(here["size"] == size) & (here["bits"] == bits) & (here["search"] == search)]
    return float(rows[name].iloc[0]) if len(rows) and name in rows else float("nan")


def short(value: float) -> str:
    """Three digits or so."""
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
