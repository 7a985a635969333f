"""Putting codes into groups of eight, and distances of whole groups. See `schash._lanes` for the layout."""

import numpy as np

from schash._lanes import LANES, store_distances
from schash._numba import njit
from schash._packed_ids import read_id


@njit
def fill_groups(words: np.ndarray, rows: np.ndarray, groups: np.ndarray) -> None:
    """groups[p // LANES, :, p % LANES] = words[rows[p]]; places beyond the rows repeat the last one.

    words : (n, n_words) uint64; rows : (m,) integers; groups : (ceil(m / LANES), n_words, LANES) uint64
    """
    m = rows.shape[0]
    for p in range(groups.shape[0] * LANES):
        row = rows[min(p, m - 1)]
        for w in range(words.shape[1]):
            groups[p // LANES, w, p % LANES] = words[row, w]


@njit
def read_groups(groups: np.ndarray, words: np.ndarray, rows: np.ndarray) -> None:
    """words[rows[p]] = the code at position p."""
    for p in range(rows.shape[0]):
        for w in range(words.shape[1]):
            words[rows[p], w] = groups[p // LANES, w, p % LANES]


@njit
def take_codes(
    groups: np.ndarray, places: np.ndarray, id_bytes: int, codes: np.ndarray, words: np.ndarray
) -> None:
    """words[i] = code number codes[i]; places : packed, the position of each code."""
    for i in range(codes.shape[0]):
        p = read_id(places, codes[i], id_bytes)
        for w in range(words.shape[1]):
            words[i, w] = groups[p // LANES, w, p % LANES]


@njit
def distances_to_groups(
    groups: np.ndarray, queries: np.ndarray, start: int, end: int, width: tuple, out: np.ndarray
) -> None:
    """out[i - start, p] = distance of query i to the code at position p, for queries start to end - 1.

    out : (end - start, n_groups * LANES) uint16
    """
    n_groups = groups.shape[0]
    for i in range(start, end):
        for g in range(n_groups):
            store_distances(groups, g, queries, i, out, ((i - start) * n_groups + g) * LANES, width)
