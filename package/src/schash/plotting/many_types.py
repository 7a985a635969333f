"""Looks for many types at once: what the hue cannot tell, lightness and shape do, and what they cannot, a number.

Types come numbered, similar ones next to each other and in one family (`schash.embedding_scoring.order_types`). The hue
tells the family; lightness and shape tell its members, so that those that lie beside each other on a map differ in
both. The hues were found by a search for the largest smallest distance in CIELAB as seen with normal and
colour-blind vision; grey is the eighth.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patheffects import Normal, Stroke

HUES = ("#185E99", "#8BA81D", "#A13555", "#0AAAA8", "#7C5418", "#F55EF6", "#6C04FB", "#6B6B6B")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")
DARKEST, LIGHTEST = 0.35, 0.5
"""Shares of black and of white that are mixed into the hue of a family's first and last member."""


class TypeLook(NamedTuple):
    """How the cells of a type are drawn."""

    colour: str
    marker: str


def type_looks(families: Sequence[int]) -> list[TypeLook]:
    """Looks of types in the order of their numbers, from the family (0, 1, ...) of each."""
    looks = []
    for place, family in enumerate(families):
        size = sum(other == family for other in families)
        member = sum(other == family for other in families[:place])
        shade = 0.0 if size == 1 else member / (size - 1) * (DARKEST + LIGHTEST) - DARKEST
        looks.append(TypeLook(_mix(HUES[family % len(HUES)], shade), SHAPES[(family + member) % len(SHAPES)]))
    return looks


def _mix(colour: str, shade: float) -> str:
    """A colour with `shade` of white in it, or of black where it is negative."""
    rgb, other = np.array(to_rgb(colour)), np.full(3, float(shade > 0))
    return to_hex(rgb + abs(shade) * (other - rgb))


def medoids(cells: pd.DataFrame) -> pd.DataFrame:
    """The cell of each type with the smallest sum of distances to the others of its type: x and y by number."""
    found = {}
    for number, group in cells.groupby("number"):
        points = group[["x", "y"]].to_numpy(np.float64)
        sums = np.linalg.norm(points[:, None] - points[None], axis=2).sum(axis=1)
        found[number] = points[sums.argmin()]
    return pd.DataFrame.from_dict(found, orient="index", columns=["x", "y"]).sort_index()


def spread_labels(points: np.ndarray, size: tuple[float, float], *, n_steps: int = 500) -> np.ndarray:
    """Centres of labels, (n, 2), as near to their points as they can be without covering each other.

    size : width and height of a label, in the unit of the points. Labels that overlap are pushed apart along the axis
    on which they overlap less; two in the very same place, to the left and right.
    """
    centres = points.astype(np.float64).copy()
    box = np.array(size)
    for _ in range(n_steps):
        gaps = centres[:, None] - centres[None]  # (n, n, 2)
        overlap = box - np.abs(gaps)
        meets = np.all(overlap > 1e-9 * box, axis=2) & ~np.eye(len(centres), dtype=bool)
        if not meets.any():
            break
        along = (overlap / box).argmin(axis=2)  # the axis on which they are nearly past each other
        for i, j in np.argwhere(np.triu(meets)):
            axis = along[i, j]
            step = 0.5 * overlap[i, j, axis] * (1 if gaps[i, j, axis] >= 0 else -1)
            centres[i, axis] += step
            centres[j, axis] -= step
    return centres


def draw_numbers(axis: Axes, cells: pd.DataFrame, *, fontsize: float = 7) -> None:
    """Write the number of every type above its medoid, with a line to it where others are in the way.

    Call it when the limits and the place of the axes are settled.
    """
    centres = medoids(cells)
    figure = axis.get_figure(root=True)
    assert figure is not None
    unit = fontsize * figure.dpi / 72
    pixels = axis.transData.transform(centres.to_numpy())
    wanted = pixels + np.array([0, 1.1 * unit])
    placed = spread_labels(wanted, (1.5 * unit, 1.15 * unit))
    where = axis.transData.inverted().transform(placed)
    halo = [Stroke(linewidth=2, foreground="white"), Normal()]
    arrow: dict[str, Any] = {
        "arrowstyle": "-",
        "linewidth": 0.5,
        "color": "#444444",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    for number, point, label, moved in zip(
        centres.index,
        centres.to_numpy(),
        where,
        np.abs(placed - wanted).max(axis=1) > 0.6 * unit,
        strict=True,
    ):
        text = axis.annotate(
            str(number),
            (float(point[0]), float(point[1])),
            xytext=(float(label[0]), float(label[1])),
            textcoords="data",
            ha="center",
            va="center",
            fontsize=fontsize,
            fontweight="bold",
            arrowprops=arrow if moved else None,
            annotation_clip=False,
            zorder=6,
        )
        text.set_path_effects(halo)
