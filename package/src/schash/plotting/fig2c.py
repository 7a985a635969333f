"""scDeepHash Fig. 2c: the query cells of one fold on maps (t-SNE) before and after hashing, by type."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from schash.embedding_scoring import MEASURES
from schash.plotting.many_types import TypeLook, draw_numbers, type_looks
from schash.plotting.rows import GREY, SMALL
from schash.plotting.style import style
from schash.values import LINEAR

SPACES = {
    "before": ("before hashing", "{n} principal components of {values}"),
    "relaxed": ("relaxed codes", "{n} outputs of the network, in [0, 1]"),
    "codes": ("binary codes", "{n} bits: the same, cut at one half"),
}
"""Panels: title, and what is mapped."""
KEYS = ["dataset", "scheme", "method"]
WIDTH = 12.6
PANEL_INCHES = 4.1
TITLE_INCHES = 0.95
LINE_INCHES = 0.165
LETTER_INCHES = 0.061
"""Of a legend's entry."""


def fig2c(cells: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: one row a type and space, and one for all types, numbered 0.

    number, type, family, cells, and means over cells of purity and silhouette in the space and on its map.

    cells : schash.embedding_scoring.CELL_COLUMNS
    """
    everything = cells.assign(number=0, type="all", family=-1)
    both = pd.concat([everything, cells], ignore_index=True)
    keys = [*KEYS, "fold", "space", "number", "type", "family"]
    groups = both.groupby(keys, sort=False)
    table = groups[list(MEASURES)].mean()
    table.insert(0, "cells", groups.size())
    table.insert(1, "n_dimensions", groups["n_dimensions"].first())
    table = table.reset_index()
    table.insert(3, "title", table["method"].map(titles))
    places = {space: place for place, space in enumerate(SPACES)}
    table["place"] = table["space"].map(places)
    table = table.sort_values([*KEYS, "fold", "place", "number"], kind="stable", ignore_index=True)
    return table.drop(columns="place")


def draw_fig2c(cells: pd.DataFrame, facts: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Figure:
    """A block for each data set and method: three maps, and the types by number under them."""
    table = fig2c(cells, titles)
    known = {fact["dataset"]: fact for fact in facts}
    blocks = list(cells.groupby(KEYS, sort=False))
    legends = [_legend_of(block) for _, block in blocks]
    heights = [TITLE_INCHES + PANEL_INCHES + LINE_INCHES * (_rows(legend)[1] + 1) for legend in legends]
    with style():
        figure = plt.figure(figsize=(WIDTH, sum(heights)))
        parts = figure.subfigures(len(blocks), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, (keys, block), legend, height in zip(parts, blocks, legends, heights, strict=True):
            here = table[(table[KEYS] == list(keys)).all(axis=1)]
            _block(part, block, here, known[keys[0]], legend, height)
    return figure


def _legend_of(block: pd.DataFrame) -> pd.DataFrame:
    """number, type, family and number of cells of each type."""
    first = block[block["space"] == block["space"].iloc[0]]
    legend = first.groupby(["number", "type", "family"]).size().rename("cells").reset_index()
    return legend.sort_values("number", ignore_index=True)


def _rows(legend: pd.DataFrame) -> tuple[int, int]:
    """Columns and lines of a legend, as many columns as the longest entry leaves room for."""
    longest = max(len(f"{row.number} {row.type} ({row.cells})") for row in legend.itertuples()) + 4
    n_columns = max(1, min(len(legend), int(WIDTH * 0.97 / (longest * LETTER_INCHES))))
    return n_columns, -(-len(legend) // n_columns)


def _block(
    part: SubFigure,
    block: pd.DataFrame,
    table: pd.DataFrame,
    fact: Mapping[str, Any],
    legend: pd.DataFrame,
    height: float,
) -> None:
    looks = type_looks(legend["family"].tolist())
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    name = f"{fact['dataset']} ({origin})" if origin else str(fact["dataset"])
    n_cells, n_types = int(legend["cells"].sum()), len(legend)
    part.text(0.012, 1 - 0.22 / height, name, fontsize=11, fontweight="bold", va="center")
    said = (
        f"{table['title'].iloc[0]}; {n_cells:,} query cells of fold {int(table['fold'].iloc[0]) + 1}, which it was "
        f"not fitted on; {n_types} types"
    )
    part.text(0.988, 1 - 0.22 / height, said, fontsize=9, color=GREY, va="center", ha="right")
    bottom = (height - TITLE_INCHES - PANEL_INCHES) / height
    shown = [space for space in SPACES if (block["space"] == space).any()]
    for place, space in enumerate(shown):
        left, width = 0.012 + place * 0.976 / len(shown), 0.976 / len(shown) - 0.01
        axis = part.add_axes((left, bottom, width, PANEL_INCHES / height))
        cells = block[block["space"] == space]
        _map(axis, cells, looks)
        values = (
            "ln(1 + scaled counts)" if fact["values"] in LINEAR else f"the values as given, {fact['values']}"
        )
        _heading(axis, space, values, table[(table["space"] == space) & (table["number"] == 0)].iloc[0])
        draw_numbers(axis, cells)
    _legend(part.add_axes((0.012, 0, 0.976, bottom - LINE_INCHES / 2 / height)), legend, looks)


def _map(axis: Axes, cells: pd.DataFrame, looks: list[TypeLook]) -> None:
    size = float(np.clip(9000 / len(cells), 5, 22))
    for number, group in cells.groupby("number"):
        look = looks[int(str(number)) - 1]
        axis.scatter(
            group["x"],
            group["y"],
            s=size,
            c=look.colour,
            marker=look.marker,
            linewidth=0.25,
            edgecolor="white",
        )
    axis.set(xticks=[], yticks=[])
    axis.margins(0.05)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set(visible=True, color="#CCCCCC", linewidth=0.6)


def _heading(axis: Axes, space: str, values: str, row: pd.Series) -> None:
    title, what = SPACES[space]
    axis.set_title(title, loc="left", pad=30)
    place: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "fontsize": SMALL + 0.5,
    }
    axis.annotate(
        what.format(n=row["n_dimensions"], values=values), (0, 1), xytext=(0, 19), color=GREY, **place
    )
    measured = (
        f"purity {row['purity']:.2f}, on the map {row['map_purity']:.2f};  "
        f"silhouette {row['silhouette']:.2f}, on the map {row['map_silhouette']:.2f}"
    )
    axis.annotate(measured, (0, 1), xytext=(0, 6), **place)


def _legend(axis: Axes, legend: pd.DataFrame, looks: list[TypeLook]) -> None:
    """Types by number, column after column."""
    n_columns, n_lines = _rows(legend)
    axis.set(xlim=(0, n_columns), ylim=(n_lines, 0))
    axis.axis("off")
    for place, (row, look) in enumerate(zip(legend.itertuples(), looks, strict=True)):
        column, line = place // n_lines, place % n_lines + 0.5
        axis.text(
            column + 0.1, line, str(row.number), fontsize=SMALL, fontweight="bold", ha="right", va="center"
        )
        axis.scatter(column + 0.15, line, s=26, c=look.colour, marker=look.marker, linewidth=0, clip_on=False)
        axis.text(column + 0.19, line, f"{row.type} ({row.cells})", fontsize=SMALL, va="center")
