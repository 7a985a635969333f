"""Predefined cell anchors: one K-bit code per type, far from each other. scDeepHash section 3.1.

Columns of a Sylvester-Hadamard matrix differ pairwise in exactly K/2 positions; with -1 -> 0 they are the
anchors.

Two schemes:

* `sampled`, as written: M distinct columns, drawn with a seed. M <= K.
* `first_rows`, as coded: the first M rows of [H; -H]. Row 0 is all ones. From type K + 1 on the rows of -H
  follow, each the complement of an earlier anchor (distance K). M <= 2K.

K by the paper's rule is the n with 2^(n-1) < M < 2^n. It has no solution where M is itself a power of two
(Xin: M = 4), so we take M <= 2^n, and at least 8 bits. A given K need not be a power of two: then the
anchors are the first K bits of those of the next larger power of two P. Their distances are no longer equal
and may even be 0 within the first rows, so for `sampled` columns are drawn again (seeded) while two anchors
coincide or, in the first of the tries, are closer than K/4.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from schash.errors import ConfigError

AnchorScheme = Literal["sampled", "first_rows"]
SCHEMES: tuple[AnchorScheme, ...] = get_args(AnchorScheme)
MIN_BITS = 8
"""Fewest bits of a code."""
_N_TRIES = 200


@dataclass(frozen=True)
class AnchorReport:
    """What a set of anchors can tell apart.

    min_distance : smallest Hamming distance of two anchors; n_distinct_bits : number of different bit
        columns (a column and
    its repetition say the same; K = 64 with few types as coded leaves few of them)
    """

    n_types: int
    n_bits: int
    min_distance: int
    n_distinct_bits: int


def sylvester_hadamard(order: int) -> np.ndarray:
    """Hadamard matrix by Sylvester's doubling H_2n = [[H_n, H_n], [H_n, -H_n]], H_1 = [1]: (order, order)
    int8.

    Raises
    ------
    ConfigError
        if `order` is not a power of two
    """
    if order < 1 or order & (order - 1):
        message = f"Sylvester's construction gives orders 1, 2, 4, 8 and so on; got {order}"
        raise ConfigError(message)
    H = np.ones((1, 1), dtype=np.int8)
    while len(H) < order:
        H = np.block([[H, H], [H, -H]])
    return H


def bits_by_rule(n_types: int) -> int:
    """K for M types: the smallest power of two that is at least M, and at least 8."""
    if n_types < 1:
        message = f"there must be at least 1 type, got {n_types}"
        raise ConfigError(message)
    return max(MIN_BITS, _next_power(n_types))


def make_anchors(
    n_types: int, n_bits: int | None = None, *, scheme: str = "sampled", seed: int = 0
) -> np.ndarray:
    """Anchors of `n_types` types: (n_types, n_bits) bool. `n_bits` None takes the paper's rule.

    Raises
    ------
    ConfigError
        for an unknown scheme, too few bits, or more types than the scheme has anchors for
    """
    n_bits = check_bits(n_bits, n_types)
    if n_types < 1:
        message = f"there must be at least 1 type, got {n_types}"
        raise ConfigError(message)
    if scheme == "sampled":
        return _sampled(n_types, n_bits, seed)
    if scheme == "first_rows":
        return _first_rows(n_types, n_bits)
    message = f"anchor scheme {scheme!r} is not known; allowed: {', '.join(SCHEMES)}"
    raise ConfigError(message)


def check_bits(n_bits: int | None, n_types: int) -> int:
    """Width of a code: as given, or by the rule; `ConfigError` where it is too short for any scheme."""
    n_bits = bits_by_rule(n_types) if n_bits is None else n_bits
    if n_bits < MIN_BITS:
        message = f"n_bits={n_bits} is too short: at least {MIN_BITS} bits"
        raise ConfigError(message)
    return n_bits


def check_anchors(anchors: np.ndarray, n_types: int) -> np.ndarray:
    """Anchors given by the user as (n_types, n_bits) of 0 and 1, as bool.

    `ConfigError` where they cannot be.
    """
    given = np.asarray(anchors)
    if given.ndim != 2 or given.shape[0] != n_types or given.shape[1] < MIN_BITS:
        message = f"anchors must be ({n_types}, n_bits >= {MIN_BITS}), one row per type; got {given.shape}"
        raise ConfigError(message)
    if not np.all((given == 0) | (given == 1)):
        message = "anchors must hold only 0 and 1"
        raise ConfigError(message)
    if len(np.unique(given, axis=0)) < n_types:
        message = "two types have the same anchor: no code could tell them apart"
        raise ConfigError(message)
    return given.astype(np.bool_)


def describe_anchors(anchors: np.ndarray) -> AnchorReport:
    """Minimum pairwise distance (n_bits + 1 for a single anchor) and number of distinct bit columns."""
    n_types, n_bits = anchors.shape
    distinct = len(np.unique(anchors.T, axis=0))
    return AnchorReport(n_types, n_bits, _min_distance(anchors), distinct)


def _sampled(n_types: int, n_bits: int, seed: int) -> np.ndarray:
    if n_types > n_bits:
        message = (
            f"{n_types} types need at least {n_types} bits with sampled anchors, got n_bits={n_bits}; "
            f"allowed: n_bits >= {n_types} (the rule gives {bits_by_rule(n_types)}), "
            f"or scheme 'first_rows' with n_bits >= {-(-n_types // 2)}"
        )
        raise ConfigError(message)
    H = sylvester_hadamard(_next_power(n_bits))
    rng = np.random.default_rng(seed)
    best: np.ndarray | None = None
    for _ in range(_N_TRIES):
        columns = rng.choice(len(H), size=n_types, replace=False)
        anchors = H[:n_bits, columns].T > 0  # (n_types, n_bits)
        if best is None or _min_distance(anchors) > _min_distance(best):
            best = anchors
        if _min_distance(best) >= (n_bits // 2 if len(H) == n_bits else n_bits // 4):
            break
    assert best is not None
    if _min_distance(best) == 0:
        message = (
            f"no {n_types} different anchors of {n_bits} bits were found among the columns of H_{len(H)}; "
            f"take n_bits={len(H)}"
        )
        raise ConfigError(message)
    return best


def _first_rows(n_types: int, n_bits: int) -> np.ndarray:
    if n_types > 2 * n_bits:
        message = (
            f"{n_types} types need at least {-(-n_types // 2)} bits with anchors 'first_rows' "
            f"([H; -H] has 2 n_bits rows), got n_bits={n_bits}"
        )
        raise ConfigError(message)
    H = sylvester_hadamard(_next_power(n_bits))[:, :n_bits]
    anchors = np.concatenate([H[:n_bits], -H[:n_bits]])[:n_types] > 0
    if _min_distance(anchors) == 0:
        message = (
            f"the first {n_types} rows cut to {n_bits} bits are not all different; "
            f"take a power of two, such as n_bits={len(H)}"
        )
        raise ConfigError(message)
    return anchors


def _min_distance(anchors: np.ndarray) -> int:
    n_types, n_bits = anchors.shape
    if n_types < 2:
        return n_bits + 1
    signs = anchors.astype(np.int32) * 2 - 1
    distances = (n_bits - signs @ signs.T) // 2  # inner product = agreements - disagreements
    return int(distances[np.triu_indices(n_types, 1)].min())


def _next_power(number: int) -> int:
    return 1 << (number - 1).bit_length()
