"""Compiled merging of sorted neighbours."""

import numpy as np

from schash._numba import njit


@njit
def merge_sorted(
    ids: np.ndarray, distances: np.ndarray, values: np.ndarray,
    more_ids: np.ndarray, more_distances: np.ndarray, more_values: np.ndarray,
    first: int, out_ids: np.ndarray, out_distances: np.ndarray, out_values: np.ndarray, start: int, end: int,
) -> None:  # fmt: skip
    """The k nearest of two sorted lists, for rows start to end - 1 of (n, k) arrays.

    ids : -1 for none, after all others; `more_ids` are counted from the row `first`, which is beyond all of `ids`, so
        that of equal distances those of `ids` come first
    values : a number that goes with each id
    """
    k = ids.shape[1]
    for i in range(start, end):
        a, b = 0, 0
        for j in range(k):
            if ids[i, a] >= 0 and (more_ids[i, b] < 0 or distances[i, a] <= more_distances[i, b]):
                out_ids[i, j] = ids[i, a]
                out_distances[i, j] = distances[i, a]
                out_values[i, j] = values[i, a]
                a += 1
            else:
                none = more_ids[i, b] < 0
                out_ids[i, j] = -1 if none else more_ids[i, b] + first
                out_distances[i, j] = more_distances[i, b]
                out_values[i, j] = more_values[i, b]
                b += 1
