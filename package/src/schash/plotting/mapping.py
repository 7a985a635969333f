"""What the figures of CellFishing.jl's mapping experiments say of a data set, and where."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from schash.plotting.rows import GREY, SMALL


def data_set(fact: Mapping[str, Any]) -> str:
    """The name of a data set (schash.facts), and whether it stands in for another."""
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    return f"{fact['dataset']} ({origin})" if origin else str(fact["dataset"])


def size_of(fact: Mapping[str, Any], *, all_types: bool) -> str:
    """Its cells, types and kind of values; of the types with more than 10 cells where not `all_types`."""
    kept = "" if all_types else "_over_10"
    n_cells = fact["cells"] - fact["unlabelled"] if all_types else fact["cells_over_10"]
    return f"{n_cells:,} cells, {fact[f'types{kept}']} types, {fact['values']}"


def above(
    axis: Axes, text: str, points: float, *, right: bool = False, size: float = SMALL, bold: bool = False
) -> None:
    """Write over a panel, so many points above its upper left or right corner: grey, or bold and black.

    A title of the panel makes room for it; a long text does not push the panels apart.
    """
    text_over = axis.annotate(
        text,
        (1 if right else 0, 1),
        xytext=(0, points),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right" if right else "left",
        fontsize=size,
        color="black" if bold else GREY,
        fontweight="bold" if bold else "normal",
        annotation_clip=False,
    )
    text_over.set_in_layout(False)
