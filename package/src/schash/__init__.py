"""Hashing-based cell-type annotation and cell search for single-cell RNA-seq.

Names are imported when they are first used, so that `import schash` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from schash._version import __version__

if TYPE_CHECKING:
    from schash.anchor_index import AnchorIndex
    from schash.anchors import make_anchors
    from schash.cellfishing import CellFishing
    from schash.deephash import DeepHash
    from schash.distinguishing import distinguishing_genes
    from schash.hamming import BitCodes, hamming_distances, pack_bits, unpack_bits
    from schash.linear_index import LinearIndex
    from schash.mih import MultiIndex
    from schash.neighbors import Neighbors
    from schash.shards import Nominations, merge_neighbors, merge_nominations
    from schash.transformer import HammingTransformer
    from schash.user.annotation import annotate
    from schash.user.atlas import Atlas
    from schash.user.search import search

_WHERE = {
    "AnchorIndex": "schash.anchor_index",
    "Atlas": "schash.user.atlas",
    "BitCodes": "schash.hamming",
    "CellFishing": "schash.cellfishing",
    "DeepHash": "schash.deephash",
    "HammingTransformer": "schash.transformer",
    "LinearIndex": "schash.linear_index",
    "MultiIndex": "schash.mih",
    "Neighbors": "schash.neighbors",
    "Nominations": "schash.shards",
    "annotate": "schash.user.annotation",
    "distinguishing_genes": "schash.distinguishing",
    "hamming_distances": "schash.hamming",
    "make_anchors": "schash.anchors",
    "merge_neighbors": "schash.shards",
    "merge_nominations": "schash.shards",
    "pack_bits": "schash.hamming",
    "search": "schash.user.search",
    "unpack_bits": "schash.hamming",
}

__all__ = [
    "AnchorIndex",
    "Atlas",
    "BitCodes",
    "CellFishing",
    "DeepHash",
    "HammingTransformer",
    "LinearIndex",
    "MultiIndex",
    "Neighbors",
    "Nominations",
    "__version__",
    "annotate",
    "distinguishing_genes",
    "hamming_distances",
    "make_anchors",
    "merge_neighbors",
    "merge_nominations",
    "pack_bits",
    "search",
    "unpack_bits",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
