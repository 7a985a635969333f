"""One look for every figure: fonts, sizes, and a colour for each method that is the same everywhere.

Colours are those of Okabe and Ito (2008) and Paul Tol's muted scheme, chosen to stay apart for colour-blind readers;
methods of one family share a hue and differ in lightness. Controls are grey.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from schash.atomic import atomic_path

METHOD_COLOURS = {
    "deephash_compact": "#D55E00",
    "deephash_paper": "#882255",
    "deephash_as_coded": "#E69F00",
    "cellfishing": "#CC79A7",
    "svm": "#0072B2",
    "svm_norm": "#56B4E9",
    "svm_rejection": "#332288",
    "knn9": "#117733",
    "knn50": "#44AA99",
    "actinn": "#999933",
    "castle": "#DDCC77",
    "singlecellnet": "#AA4499",
    "singler": "#CC6677",
    "scanvi": "#661100",
    "scmap_cell": "#6699CC",
    "scmap_cluster": "#888888",
    "celltypist": "#AA4466",
    "true_labels": "#444444",
    "majority": "#999999",
    "random": "#C8C8C8",
}
FALLBACK_COLOUR = "#555555"

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


def colour(method: str) -> str:
    """The colour of a method; a neutral one for a method that has none yet."""
    return METHOD_COLOURS.get(method, FALLBACK_COLOUR)


def save_figure(figure: Figure, table: pd.DataFrame, *, png: str, svg: str, tsv: str) -> None:
    """Write the figure twice and the table behind it. Dates are left out, so that equal figures are equal files."""
    for path, metadata in ((png, {"Software": None}), (svg, {"Date": None, "Creator": None})):
        with style(), atomic_path(path) as temporary:
            figure.savefig(temporary, format=Path(path).suffix[1:], metadata=metadata)
    with atomic_path(tsv) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
