"""The panels of cf_table3: time of a query and of indexing, bytes, memory and consistency, by size of the database."""

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from matplotlib.typing import LineStyleType

from schash.plotting.rows import GREY
from schash.plotting.style import colour
from schash.scale_numbers import BYTES, CONSISTENCY, INDEX, LARGE, NAMED, PEAK, QUERY, SMALL, WIDTHS

COLOURS = {128: colour("cellfishing"), 256: "#0F7B7B", 512: "#7B4FA3"}
MARKERS = {128: "o", 256: "D", 512: "s"}
LINES = {"": "-", "1thread": (0, (6, 1.5, 1, 1.5)), "fast": "--", "linear": ":"}
PAPER = "#8C8C8C"
OF_PAPER = {
    (QUERY, LARGE): "query_ms_2p20_128bits",
    (BYTES, LARGE): "bytes_per_cell_2p20_128bits",
    (CONSISTENCY, SMALL): "consistency_2p13_128bits",
    (CONSISTENCY, LARGE): "consistency_2p20_128bits",
}
"""Panel and size at which a published number stands."""
MEMORY: dict[str, tuple[str, LineStyleType, str]] = {
    PEAK: ("peak while indexing", "-", "o"),
    NAMED["before"]: ("before: program, originals, queries", ":", ""),
    NAMED["beyond"]: ("peak beyond that and the index", "--", "s"),
    "index_mb": ("the index itself, 128 bits", "-.", "^"),
}


def draw_panels(axes: Sequence[Axes], here: pd.DataFrame, published: Mapping[str, float]) -> None:
    """Five panels and a legend. `here`: rows of `schash.plotting.cf_table3.cf_table3` of one data set."""
    query, index, size, memory, consistency, legend = axes
    _lines(query, here, QUERY, ("", "1thread", "fast", "linear"), only_128=("1thread",))
    _lines(index, here, INDEX, ("",))
    _lines(size, here, BYTES, ("", "fast", "linear"))
    _memory(memory, here)
    _lines(consistency, here, CONSISTENCY, ("",))
    titles = (
        "a query, from counts to neighbours, ms",
        "indexing, from counts, s",
        "bytes of the index a cell",
        "memory of the process while indexing, MB",
        "nearest cell has the query's label",
    )
    for axis, title, metric in zip(axes, titles, (QUERY, INDEX, BYTES, "", CONSISTENCY), strict=False):
        axis.set_title(title, loc="left")
        axis.set_xlabel("cells in the database")
        shown = _paper(axis, here, metric, published)
        if not axis.has_data():
            axis.set_axis_off()  # a data set of which nothing ran: the notes say why
            continue
        _sizes(axis, sorted(set(here["size"])), log=metric != CONSISTENCY, least=shown)
    _legend(legend, here, published)


def _lines(
    axis: Axes, here: pd.DataFrame, metric: str, searches: Sequence[str], only_128: Sequence[str] = ()
) -> None:
    for bits in WIDTHS:
        for search in searches:
            if bits != min(WIDTHS) and search in only_128:
                continue
            rows = here[(here["bits"] == bits) & (here["search"] == search)]
            if metric in rows and rows[metric].notna().any():
                rows = rows.dropna(subset=[metric]).sort_values("size")
                axis.plot(rows["size"], rows[metric], **_look(bits, search))


def _look(bits: int, search: str) -> dict[str, Any]:
    return {
        "color": COLOURS[bits],
        "linestyle": LINES[search],
        "marker": MARKERS[bits] if search == "" else "",
        "markersize": 5,
        "linewidth": 1.8 if search == "" else 1.4,
        "zorder": 4 if search == "" else 3,
    }


def _memory(axis: Axes, here: pd.DataFrame) -> None:
    own = here[(here["bits"] == min(WIDTHS)) & (here["search"] == "")].sort_values("size")
    own = own.assign(index_mb=own[BYTES] * own["size"] / 2**20)
    for name, (title, line, marker) in MEMORY.items():
        if name in own and own[name].notna().any():
            look: dict[str, Any] = {"linestyle": line, "marker": marker, "markersize": 4, "label": title}
            shade = COLOURS[128] if name in (PEAK, "index_mb") else GREY
            axis.plot(own["size"], own[name], color=shade, linewidth=1.5, **look)


def _paper(axis: Axes, here: pd.DataFrame, metric: str, published: Mapping[str, float]) -> list[float]:
    sizes = set(here["size"])
    shown = []
    for (panel, n), name in OF_PAPER.items():
        if panel == metric and n in sizes and name in published:
            options: dict[str, Any] = {"color": PAPER, "marker": "v", "markersize": 8, "linestyle": ""}
            axis.plot([n], [published[name]], zorder=5, **options)
            shown.append(published[name])
    wide = "bytes_per_cell_2p20_256bits"
    if metric == BYTES and LARGE in sizes and wide in published:
        axis.plot([LARGE], [published[wide]], color=PAPER, marker="v", markersize=8, linestyle="", zorder=5)
    return shown


def _sizes(axis: Axes, sizes: Sequence[int], *, log: bool, least: Sequence[float]) -> None:
    axis.set_xscale("log", base=2)
    axis.set_xticks(list(sizes))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_two(value)))
    if not log:
        low, high = axis.get_ylim()
        axis.set_ylim(min([low, *least]) - 0.02, min(1.0, max([high, *least]) + 0.02))
        return
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=15))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_two(value: float) -> str:
    """2¹³ for 8192; other numbers as they are."""
    power = log2(max(value, 1))
    return f"2{str(round(power)).translate(_RAISED)}" if power == round(power) else f"{value:,.0f}"


def _legend(axis: Axes, here: pd.DataFrame, published: Mapping[str, float]) -> None:
    """In place of a sixth panel."""
    axis.set_axis_off()
    shown = {(row.bits, row.search) for row in here.itertuples() if np.isfinite(getattr(row, QUERY))}
    names = {
        "": "multi-index",
        "1thread": "with one thread",
        "fast": "layout “fast”",
        "linear": "linear scan",
    }
    handles: list[Artist] = []
    for bits, number in WIDTHS.items():
        for search, name in names.items():
            if (bits, search) in shown and (bits == min(WIDTHS) or search != "1thread"):
                title = f"{number} x {bits} bits, {name}"
                handles.append(Line2D([], [], **_look(bits, search), label=title))
    if LARGE in set(here["size"]) and published:
        handles.append(Line2D([], [], color=PAPER, marker="v", linestyle="", label="the paper, 1M_neurons"))
    first = axis.legend(handles=handles, loc="upper left", frameon=False, fontsize=8, handlelength=3.2)
    axis.add_artist(first)
    memory = [
        Line2D(
            [],
            [],
            color=COLOURS[128] if name in (PEAK, "index_mb") else GREY,
            linestyle=line,
            marker=marker,
            markersize=4,
            linewidth=1.5,
            label=title,
        )
        for name, (title, line, marker) in MEMORY.items()
    ]
    axis.legend(
        handles=memory,
        loc="lower left",
        frameon=False,
        fontsize=8,
        title="memory",
        alignment="left",
        handlelength=3.2,
    )
