"""Hashing-based cell-type annotation and cell search for single-cell RNA-seq.

Names are imported when they are first used, so that `import schash` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from schash._version import __version__

if TYPE_CHECKING:
    from schash.anchors import make_anchors
    from schash.deephash import DeepHash
    from schash.hamming import BitCodes, hamming_distances, pack_bits, unpack_bits
    from schash.user.annotation import annotate

_WHERE = {
    "BitCodes": "schash.hamming",
    "annotate": "schash.user.annotation",
    "DeepHash": "schash.deephash",
    "hamming_distances": "schash.hamming",
    "make_anchors": "schash.anchors",
    "pack_bits": "schash.hamming",
    "unpack_bits": "schash.hamming",
}

__all__ = [
    "BitCodes",
    "DeepHash",
    "__version__",
    "annotate",
    "hamming_distances",
    "make_anchors",
    "pack_bits",
    "unpack_bits",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
