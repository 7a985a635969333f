"""What the numbers of an expression matrix are.

The kind travels with the cells (`adata.uns["values"]`) from the registry to the metrics, and each method
declares the kinds that it accepts: a log of a log, or counts drawn from a correction, would be a wrong number
rather than an error.
"""

from typing import Literal, get_args

from schash.errors import DataError

ValuesKind = Literal["counts", "noninteger", "lognorm", "corrected", "compressed"]

KINDS: tuple[ValuesKind, ...] = get_args(ValuesKind)

DESCRIPTIONS: dict[ValuesKind, str] = {
    "counts": "non-negative integers: UMIs or reads",
    "noninteger": "non-negative, linear, not integers: corrected UMIs, RPKM, TPM",
    "lognorm": "non-negative, already scaled per cell and log-transformed",
    "corrected": "batch-corrected values of any sign",
    "compressed": "a lossy code of normalised values, such as scmap's product quantiser",
}

LINEAR: tuple[ValuesKind, ...] = ("counts", "noninteger")
"""Kinds on which a logarithm and a scaling per cell still make sense."""


def check_kind(kind: str) -> ValuesKind:
    """Return `kind` if it is known; raise `DataError` naming the allowed kinds otherwise."""
    for known in KINDS:
        if kind == known:
            return known
    message = f"values={kind!r} is not a kind of values; allowed: {', '.join(KINDS)}"
    raise DataError(message)
