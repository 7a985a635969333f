"""Loop of `schash.linear_index`."""

import numpy as np

from schash._collect_kernels import new_state, scan, take_sorted
from schash._numba import njit

_BLOCK_BYTES = 1 << 15
"""Codes read at a time: they stay in a first-level cache for the block of queries (measured: 16 to 64 KB)."""


@njit
def search_all(
    groups: np.ndarray, order: np.ndarray, id_bytes: int, n_codes: int, n_bits: int,
    queries: np.ndarray, start: int, end: int, width: tuple,
    limits: np.ndarray, weights: np.ndarray, k: int, keys: np.ndarray, sizes: np.ndarray,
) -> None:  # fmt: skip
    """The k nearest codes of queries start to end - 1: blocks of codes, each for all of these queries.

    groups : (n_groups, n_words, LANES); order : packed ids, the code at each position, or of 0 bytes each: in place
    """
    heaps, state = np.empty((end - start, k + 1), np.uint64), new_state(limits, start, end, n_bits)
    block = max(_BLOCK_BYTES // (8 * len(width)), 64)
    for first in range(0, n_codes, block):
        for j in range(end - start):
            scan(
                groups, order, id_bytes, first, min(n_codes, first + block), queries, start + j, width, heaps, state,
                weights, k, j,
            )  # fmt: skip
    for j in range(end - start):
        sizes[start + j] = take_sorted(heaps, state, j, keys, start + j)
