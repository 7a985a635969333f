"""One look for every figure: fonts, sizes, and for each method a colour and a marker that are the same everywhere.

The hue tells the family, the lightness the member. With three chromatic dimensions seventeen hues cannot be told apart,
and a colour-blind reader has two. The colours were found by a search for the largest smallest distance: between
families at least 20 units of CIELAB, 11 as seen with deuteranopia or protanopia (Machado et al. 2009) and 8 with
tritanopia. What is less than 15 apart, members of one family above all, does not share a marker. The controls that do
nothing are grey. DeepHash has the one vivid orange.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from schash.atomic import atomic_path


class Look(NamedTuple):
    """How a method is drawn: a key of FAMILIES, a colour, and a marker for lines."""

    family: str
    colour: str
    marker: str


FAMILIES = {
    "hashing": "hashing",
    "linear": "linear",
    "neighbours": "neighbours, projection",
    "network": "neural network",
    "trees": "trees, gene pairs",
    "correlation": "correlation",
    "other": "other",
    "control": "control",
}
"""Names of the families for legends, in their order."""

LOOKS = {
    "deephash_compact": Look("hashing", "#E26505", "o"),
    "deephash_paper": Look("hashing", "#B64B2C", "D"),
    "deephash_as_coded": Look("hashing", "#7A1903", "X"),
    "cellfishing": Look("hashing", "#913B00", "*"),
    "svm": Look("linear", "#0D4D83", "s"),
    "svm_norm": Look("linear", "#377498", "P"),
    "svm_rejection": Look("linear", "#6F9FC9", "d"),
    "celltypist": Look("linear", "#6CC5FE", "p"),
    "knn9": Look("neighbours", "#0F4F32", "^"),
    "knn50": Look("neighbours", "#2D6E52", "v"),
    "exact_cosine": Look("neighbours", "#558760", "<"),
    "scmap_cell": Look("neighbours", "#1EA768", ">"),
    "scmap_cluster": Look("neighbours", "#79BA92", "h"),
    "actinn": Look("network", "#8450D8", "s"),
    "scanvi": Look("network", "#A46CF7", "D"),
    "castle": Look("trees", "#E5B802", "^"),
    "singlecellnet": Look("trees", "#D4BC70", "v"),
    "singler": Look("correlation", "#C97A9B", "X"),
    "true_labels": Look("control", "#4C4D4F", "_"),
    "majority": Look("control", "#777777", "|"),
    "random": Look("control", "#BEBEBE", "x"),
}

OTHER_COLOURS = ("#000000", "#2A0E3F", "#07262E")
OTHER_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""A method that is not listed is almost black, as no listed one is, and has one of these markers."""

STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "schash",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style, whatever the caller's settings are."""
    with matplotlib.rc_context(STYLE):
        yield


VARIANTS = {
    "deephash_anchor": Look("hashing", LOOKS["deephash_compact"].colour, "d"),
    "castle_counts": Look("trees", LOOKS["castle"].colour, "<"),
    "scmap_cell_as_coded": Look("neighbours", LOOKS["scmap_cell"].colour, "8"),
}
"""Another way to run a method: its colour, with a marker of its own."""

SETTINGS = {
    "cf_scmap": "scmap_cell",
    "cf_deephash": "deephash_compact",
    "cf_both": "deephash_anchor",
    "cf_": "cellfishing",
}
"""How the ids of a method's other settings begin, in CellFishing.jl's experiments, to the method: they look like it."""


def look(method: str) -> Look:
    """How a method is drawn; for one that is not listed, always the same by its name."""
    number = zlib.crc32(method.encode())
    other = Look(
        "other", OTHER_COLOURS[number % len(OTHER_COLOURS)], OTHER_MARKERS[number % len(OTHER_MARKERS)]
    )
    of = next((known for begin, known in SETTINGS.items() if method.startswith(begin)), method)
    return LOOKS.get(of) or VARIANTS.get(of, other)


def colour(method: str) -> str:
    """The colour of a method."""
    return look(method).colour


def marker(method: str) -> str:
    """The marker of a method, for plots where lines or points of several methods share an axis."""
    return look(method).marker


def family(method: str) -> str:
    """The family of a method, a key of FAMILIES."""
    return look(method).family


def family_colour(key: str) -> str:
    """The colour that stands for a family in legends: that of its first member."""
    return next((look.colour for look in LOOKS.values() if look.family == key), OTHER_COLOURS[0])


def save_figure(figure: Figure, table: pd.DataFrame, *, png: str, svg: str, tsv: str) -> None:
    """Write the figure twice and the table behind it. Dates are left out, so that equal figures are equal files."""
    for path, metadata in ((png, {"Software": None}), (svg, {"Date": None, "Creator": None})):
        with style(), atomic_path(path) as temporary:
            figure.savefig(temporary, format=Path(path).suffix[1:], metadata=metadata)
    with atomic_path(tsv) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
