"""A heat map with printed numbers: rows in groups under headings, columns of numbers at its right."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from schash.plotting.rows import GREY, SMALL

COLOURS = "viridis"
"""Equal steps look equal, also in grey and to colour-blind readers."""
DARK = 0.5
"""Values below this have white numbers."""
HATCH, HATCH_COLOUR = "////", "#BBBBBB"

CELL_INCHES = 0.43
ROW_INCHES = 0.225
LABEL_INCHES = 1.9
TITLES_INCHES = 1.15
HEADING_INCHES = 0.45
GAP = 0.35
"""Share of a column between the ranked columns and the controls."""
FIRST_BESIDE, BESIDE = 1.6, 1.25
"""Right edges of the columns of numbers, in columns from the centre of the last one, and from one another."""
LETTER = 0.17
"""Width of a letter of a row's heading, in columns: where columns are few, the numbers stand beside the heading."""

TITLE_LETTER = 1.35
"""Width of a letter of a block's title, in letters of a heading."""


@dataclass(frozen=True)
class Row:
    """values, bold, hatched : (n_columns,); words : in place of a value that is NaN; beside : texts at the right"""

    text: str
    is_heading: bool = False
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    bold: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    hatched: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    words: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """One heat map. The last row is set apart; so are the columns from `n_ranked` on."""

    heading: str
    rows: tuple[Row, ...]
    beside: tuple[str, ...]
    n_ranked: int


def size_of(blocks: Sequence[Block]) -> tuple[float, float, list[float]]:
    """Width and height of the figure in inches, and the heights of the blocks in rows."""
    right = max(_right_edges(block, _places(block))[-1] for block in blocks)
    width = LABEL_INCHES + CELL_INCHES * (right + 0.5)
    heights = [len(block.rows) + GAP for block in blocks]
    return width, TITLES_INCHES + HEADING_INCHES * len(blocks) + ROW_INCHES * sum(heights), heights


def draw_block(axis: Axes, block: Block, titles: Sequence[str]) -> None:
    """Draw one block; `titles` of the columns stand above it, or none do."""
    rows, places = block.rows, _places(block)
    edges = _right_edges(block, places)
    heights = np.arange(len(rows)) + np.where(np.arange(len(rows)) == len(rows) - 1, GAP, 0)
    for row, y in zip(rows, heights, strict=True):
        for column, x in enumerate(places[: len(row.values)]):
            _cell(axis, row, column, x, y)
        _beside(axis, row.beside, edges, y)
    _beside(axis, block.beside, edges, heights[0])
    _label(axis, rows, heights)
    axis.set_xlim(-0.5, edges[-1] + 0.1)
    axis.set_ylim(heights[-1] + 0.5, heights[0] - 0.5)
    letters = int((edges[-1] + 0.5) / LETTER / TITLE_LETTER)
    axis.set_title("\n".join(textwrap.wrap(block.heading, letters)), loc="left", pad=6)
    _name_columns(axis, titles, places)


def _places(block: Block) -> np.ndarray:
    """Centres of the columns."""
    numbers = np.arange(len(block.rows[-1].values))
    return numbers + np.where(numbers >= block.n_ranked, GAP, 0)


def _right_edges(block: Block, places: np.ndarray) -> np.ndarray:
    """Right edges of the columns of numbers."""
    longest = max((len(row.text) for row in block.rows if row.is_heading), default=0)
    first = max(places[-1] + FIRST_BESIDE, LETTER * longest + 0.6)
    return first + BESIDE * np.arange(len(block.beside))


def _beside(axis: Axes, texts: Sequence[str], edges: np.ndarray, y: float) -> None:
    for x, text in zip(edges, texts, strict=False):
        axis.text(x, y, text, ha="right", va="center", fontsize=SMALL, color=GREY)


def _cell(axis: Axes, row: Row, column: int, x: float, y: float) -> None:
    value = row.values[column]
    shown = np.isfinite(value)
    face: Any = matplotlib.colormaps[COLOURS](float(value)) if shown else "white"
    look: dict[str, Any] = {"facecolor": face, "edgecolor": "white", "linewidth": 0.6}
    if row.hatched[column]:
        look |= {"hatch": HATCH, "edgecolor": HATCH_COLOUR, "linewidth": 0}
    axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **look))
    bold = shown and row.bold[column]
    colour = GREY if not shown else ("white" if value < DARK else "black")
    axis.text(
        x,
        y,
        number(value) if shown else row.words[column],
        ha="center",
        va="center",
        fontsize=SMALL + (0.5 if bold else 0),
        fontweight="bold" if bold else "normal",
        style="normal" if shown else "italic",
        color=colour,
    )


def number(value: float) -> str:
    """Two decimals without the leading zero; 1 is 1, and what is only nearly 1 is .99 or 1.0."""
    if value == 1:
        return "1"
    text = f"{value:.2f}"
    return text.removeprefix("0") if text != "1.00" else "1.0"


def _label(axis: Axes, rows: Sequence[Row], heights: np.ndarray) -> None:
    axis.set_yticks(heights, [row.text if not row.is_heading else "" for row in rows])
    for row, y, label in zip(rows, heights, axis.get_yticklabels(), strict=True):
        if row.is_heading:
            axis.text(-0.5, y + 0.12, row.text, ha="left", va="center", fontsize=8.5, color="black")
        if row is rows[-1]:
            label.set_fontweight("bold")
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _name_columns(axis: Axes, titles: Sequence[str], places: np.ndarray) -> None:
    axis.tick_params(axis="x", length=0, labeltop=True, labelbottom=False, pad=1)
    axis.set_xticks(places if len(titles) else [], titles, rotation=40, ha="left", rotation_mode="anchor")
    for label in axis.get_xticklabels():
        if label.get_text().startswith("DeepHash"):
            label.set_fontweight("bold")
