"""Loop of `schash.linear_index`."""

import numpy as np

from schash._collect_kernels import new_state, scan, take_sorted
from schash._numba import njit

_BLOCK_BYTES = 1 << 14
"""Codes read at a time: half of a first-level cache, so that the block of queries finds them there."""


@njit
def search_all(
    groups: np.ndarray, n_codes: int, n_bits: int, queries: np.ndarray, start: int, end: int, width: tuple,
    limits: np.ndarray, weights: np.ndarray, k: int, keys: np.ndarray, sizes: np.ndarray,
) -> None:  # fmt: skip
    """The k nearest codes of queries start to end - 1: blocks of codes, each for all of these queries.

    groups : (n_groups, n_words, LANES), the codes in their order
    """
    heaps, state = np.empty((end - start, k + 1), np.uint64), new_state(limits, start, end, n_bits)
    in_place = np.empty(0, np.uint8)
    block = max(_BLOCK_BYTES // (8 * len(width)), 64)
    for first in range(0, n_codes, block):
        for j in range(end - start):
            scan(
                groups, in_place, 0, first, min(n_codes, first + block), queries, start + j, width, heaps, state,
                weights, k, j,
            )  # fmt: skip
    for j in range(end - start):
        sizes[start + j] = take_sorted(heaps, state, j, keys, start + j)
