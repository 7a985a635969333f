"""Lines that grow with a number of cells: logarithmic axes, the size of Tabula Muris, names that do not overlap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from schash.plotting.rows import GREY, SMALL
from schash.timing_table import TM_CELLS

GAP_POINTS = 10.0
"""Between the middles of two names."""
LABEL_AT = 1.04
"""Left edge of the names, in widths of the panel."""


@dataclass(frozen=True)
class Label:
    """A name for the end of a line at (x, y)."""

    x: float
    y: float
    text: str
    colour: str
    bold: bool = False


def log_log(axis: Axes, sizes: Sequence[int]) -> None:
    """Both axes logarithmic; the numbers of cells that were measured are the ticks where there is room for them.

    Call it when everything that the panel must hold is drawn.
    """
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(min(sizes) / 1.25, max(*sizes, min(sizes) + 1) * 1.25)
    low, high = np.log10(axis.get_ylim())
    axis.set_ylim(10 ** np.floor(low), 10 ** np.ceil(high))  # whole decades: at least two numbers at the axis
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticks(_apart(sorted(set(sizes))))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.yaxis.set_major_locator(LogLocator(numticks=12))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _apart(sizes: list[int], factor: float = 1.9) -> list[int]:
    """Sizes whose printed numbers do not touch: Tabula Muris and the largest first, then the others downwards."""
    kept: list[int] = []
    first = [size for size in sizes if size == TM_CELLS]
    for size in [*first, *sorted(sizes, reverse=True)]:
        if all(max(size, other) >= factor * min(size, other) for other in kept):
            kept.append(size)
    return sorted(kept)


def mark_tm(axis: Axes, *, named: bool = True) -> None:
    """A line at the size of Tabula Muris, where that is within the axis; `named` says so beside it."""
    low, high = axis.get_xlim()
    if not low <= TM_CELLS <= high:
        return
    axis.axvline(TM_CELLS, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    if not named:
        return
    axis.annotate(
        "size of Tabula Muris",
        (TM_CELLS, 0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        rotation=90,
        fontsize=SMALL,
        color=GREY,
    )


def write_labels(axis: Axes, labels: Sequence[Label]) -> None:
    """Write names to the right of a panel, each at the height of its point or as near as the others leave room for.

    Call it when the limits of the axes are final.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # places the panel
    height = axis.get_window_extent().height * 72 / figure.dpi
    low, high = np.log10(axis.get_ylim())
    wanted = np.array([(np.log10(label.y) - low) / (high - low) * height for label in labels])
    for label, place in zip(labels, spread(wanted, GAP_POINTS, height), strict=True):
        axis.annotate(
            label.text,
            (label.x, label.y),
            xytext=(LABEL_AT, place / height),
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL + 0.5,
            color=label.colour,
            fontweight="bold" if label.bold else "normal",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "color": label.colour,
                "linewidth": 0.5,
                "alpha": 0.5,
                "shrinkB": 4,
            },
            annotation_clip=False,
        )


def machine(table: pd.DataFrame) -> str:
    """Threads and machine of a table's rows."""
    threads = sorted(set(table["threads"]) - {0})
    number = " or ".join(map(str, threads)) or "no"
    return f"{number} thread{'' if threads == [1] else 's'} on {', '.join(sorted(set(table['host'])))}"


def spread(wanted: np.ndarray, gap: float, height: float) -> np.ndarray:
    """Places as near as possible to the wanted ones, at least `gap` apart, in the same order, and within the height
    where there is room.

    Neighbours that are too near are moved apart about their mean, until none are (isotonic regression by pooling).
    """
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # sum of (wanted - rank * gap), number
    for rank, value in enumerate(wanted[order]):
        blocks.append([value - rank * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, number = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += number
    level = np.concatenate(
        [np.full(int(number), total / number) for total, number in blocks] or [np.empty(0)]
    )
    most = max(height - gap * (len(wanted) - 1), 0.0)
    places = np.empty(len(wanted))
    places[order] = np.clip(level, 0, most) + gap * np.arange(len(wanted))
    return places
