"""Figures with one row a method and several panels side by side: bands, labels and notes that they share."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import blended_transform_factory

from schash.marks import marked_title
from schash.plotting.style import FAMILIES, family, family_colour

BAND = "#F3F3F3"
GREY = "#666666"
SMALL = 7.5
LEGEND_INCHES = 1.75
"""Room for one entry of a legend."""
LETTERS_PER_INCH = 14
LINE_INCHES = 0.18
ROW_INCHES = 0.205
HEADING_INCHES = 0.75
"""Room for the title, the subtitle and the axis of a panel."""


def share_rows(
    axes: Sequence[Axes], methods: Sequence[str], titles: Mapping[str, str], *, n_ranked: int
) -> None:
    """Name the rows of panels that stand side by side, and band them from edge to edge of the figure.

    `n_ranked`: rows above the line that sets the controls apart.
    """
    first = axes[0]
    first.set_yticks(range(len(methods)), [titles.get(name, name) for name in methods])
    first.set_ylim(len(methods) - 0.45, -0.55)
    for label, method in zip(first.get_yticklabels(), methods, strict=True):
        if method.startswith("deephash"):
            label.set_fontweight("bold")
    figure = first.get_figure(root=True)
    assert figure is not None
    across = blended_transform_factory(figure.transFigure, first.transData)
    for row in range(1, len(methods), 2):
        band = Rectangle((0, row - 0.5), 1, 1, transform=across, color=BAND, linewidth=0, zorder=-2)
        figure.add_artist(band).set_in_layout(False)
    for axis in axes:
        axis.patch.set_visible(False)  # else it hides the bands
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
        if 0 < n_ranked < len(methods):
            axis.axhline(n_ranked - 0.5, color="#AAAAAA", linewidth=0.6)


def marked_titles(
    methods: Sequence[str], titles: Mapping[str, str], marks: Mapping[str, str]
) -> dict[str, str]:
    """Method to its title with its symbols."""
    return {method: marked_title(method, titles, marks) for method in methods}


def beside(axis: Axes, row: float, text: str, *, bold: bool = False) -> None:
    """Write into the column of numbers at the right edge of a panel."""
    axis.text(
        1.02,
        row,
        text,
        transform=axis.get_yaxis_transform(),
        va="center",
        fontsize=SMALL,
        color="black" if bold else GREY,
        fontweight="bold" if bold else "normal",
    )


def panel_inches(n_rows: int) -> float:
    """Height of a panel with that many rows."""
    return HEADING_INCHES + ROW_INCHES * n_rows


def words(axis: Axes, row: int, text: str, *, right: bool = False) -> None:
    """Say in a row why there is nothing to see, or not all of it."""
    place = 0.97 if right else 0.03
    options: dict[str, Any] = {"va": "center", "ha": "right" if right else "left", "style": "italic"}
    axis.text(place, row, text, transform=axis.get_yaxis_transform(), fontsize=SMALL, color=GREY, **options)


def family_handles(methods: Sequence[str]) -> list[Artist]:
    """Legend entries of the families that the methods belong to, each in the colour of its first member."""
    shown = {family(name) for name in methods}
    return [Patch(color=family_colour(key), label=title) for key, title in FAMILIES.items() if key in shown]


def add_notes(figure: Figure, lines: Sequence[str], handles: Sequence[Artist]) -> None:
    """Put the notes under the panels, wrapped to its width, and the legend under them; both add to its height."""
    width, height = figure.get_size_inches()
    wrapped = [part for line in lines for part in textwrap.wrap(line, int(width * LETTERS_PER_INCH))]
    columns = max(1, min(len(handles), int(width / LEGEND_INCHES)))
    n_lines = len(wrapped) + -(-len(handles) // columns)
    figure.set_size_inches(width, height + LINE_INCHES * (n_lines + 1))
    legend = figure.legend(
        handles=list(handles),
        title="\n".join(wrapped),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        title_fontsize=8.5,
        handlelength=1.2,
        columnspacing=1.4,
    )
    legend.get_title().set_multialignment("center")
    legend.get_title().set_linespacing(1.4)


def heading(axis: Axes, title: str, subtitle: str, column: str) -> None:
    """Title and subtitle of a panel, and the name of its column of numbers."""
    axis.set_title(title, loc="left", pad=16)
    options: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "fontsize": SMALL,
        "color": GREY,
    }
    axis.annotate(subtitle, (0, 1), xytext=(0, 5), **options)
    axis.annotate(column, (1.02, 1), xytext=(0, 5), **options)
