"""Loops of `schash.clustered`: codes by their nearest pivot, and an exact scan that skips what cannot be near."""

import numpy as np

from schash._collect_kernels import LIMIT, TOTAL, new_state, scan, take_sorted
from schash._group_kernels import distances_to_groups, fill_groups
from schash._lanes import LANES
from schash._numba import njit, popcount

MAX_SEEDS = 4
"""Clusters scanned first, nearest first, until a query has k rows."""


@njit
def nearest_pivots(
    pivots: np.ndarray,
    n_pivots: int,
    words: np.ndarray,
    start: int,
    end: int,
    width: tuple,
    nearest: np.ndarray,
    distance: np.ndarray,
) -> None:
    """nearest[i], distance[i] = the nearest pivot (the lowest of equals) of code i, for start <= i < end.

    pivots : (n_groups, n_words, LANES) uint64 groups; words : (n, n_words) uint64
    """
    block = 256
    out = np.empty((block, pivots.shape[0] * LANES), np.uint16)
    for first in range(start, end, block):
        last = min(end, first + block)
        distances_to_groups(pivots, words, first, last, width, out)
        for i in range(first, last):
            row = out[i - first]
            least = row[0]
            for p in range(n_pivots):
                least = min(least, row[p])
            p = 0
            while row[p] != least:
                p += 1
            nearest[i] = p
            distance[i] = least


@njit
def majority_codes(
    words: np.ndarray, rows: np.ndarray, nearest: np.ndarray, pivots: np.ndarray, n_bits: int
) -> None:
    """Replace each pivot by the majority bit of the codes nearest to it; one without codes stays.

    words : (n, n_words); rows : (m,) the sample, nearest : (m,) its pivots; pivots : (n_pivots, n_words)
    """
    ones = np.zeros((pivots.shape[0], n_bits), np.int32)
    size = np.zeros(pivots.shape[0], np.int32)
    for s in range(rows.shape[0]):
        p = nearest[s]
        size[p] += 1
        for b in range(n_bits):
            ones[p, b] += np.int32((words[rows[s], b >> 6] >> np.uint64(b & 63)) & np.uint64(1))
    for p in range(pivots.shape[0]):
        if size[p] == 0:
            continue
        for w in range(pivots.shape[1]):
            pivots[p, w] = 0
        for b in range(n_bits):
            if 2 * ones[p, b] > size[p]:
                pivots[p, b >> 6] |= np.uint64(1) << np.uint64(b & 63)


@njit
def chain(words: np.ndarray) -> np.ndarray:
    """An order of codes in which neighbours are close: from each to the nearest that is left. words : (n, n_words)."""
    n = words.shape[0]
    order = np.arange(n)
    for i in range(n - 1):
        nearest, least = i + 1, np.int64(1 << 30)
        for j in range(i + 1, n):
            d = np.int64(0)
            for w in range(words.shape[1]):
                d += np.int64(popcount(words[order[i], w] ^ words[order[j], w]))
            if d < least:
                nearest, least = j, d
        order[i + 1], order[nearest] = order[nearest], order[i + 1]
    return order


@njit
def order_by_shell(
    nearest: np.ndarray, distance: np.ndarray, n_shells: int, shells: np.ndarray, order: np.ndarray
) -> None:
    """Counting sort by (pivot, distance to it, row).

    shells : (n_pivots * n_shells + 1,) zeros, becomes where each shell starts; shell (p, r) is p * n_shells + r
    order : (n,) becomes the row at each position
    """
    for i in range(nearest.shape[0]):
        shells[nearest[i] * n_shells + distance[i] + 1] += 1
    for s in range(shells.shape[0] - 1):
        shells[s + 1] += shells[s]
    place = shells[:-1].copy()
    for i in range(nearest.shape[0]):
        s = nearest[i] * n_shells + distance[i]
        order[place[s]] = i
        place[s] += 1


@njit
def radii(shells: np.ndarray, n_shells: int, least: np.ndarray, largest: np.ndarray) -> None:
    """Smallest and largest distance of a code to the pivot of its cluster; of an empty cluster, 1 and 0."""
    for p in range(least.shape[0]):
        least[p], largest[p] = 1, 0
        found = False
        for r in range(n_shells):
            if shells[p * n_shells + r + 1] > shells[p * n_shells + r]:
                if not found:
                    least[p] = r
                    found = True
                largest[p] = r


@njit
def _near_first(distances: np.ndarray, n_bits: int) -> np.ndarray:
    """Indices by ascending distance: a counting sort."""
    place = np.zeros(n_bits + 2, np.int64)
    for p in range(distances.shape[0]):
        place[distances[p] + 1] += 1
    for d in range(n_bits + 1):
        place[d + 1] += place[d]
    order = np.empty(distances.shape[0], np.int64)
    for p in range(distances.shape[0]):
        order[place[distances[p]]] = p
        place[distances[p]] += 1
    return order


@njit
def _contains(few: np.ndarray, j: int, value: int) -> bool:
    found = False
    for seed in range(few.shape[1]):
        found |= few[j, seed] == value
    return found


@njit
def _nearest_unseen(to_pivots: np.ndarray, j: int, seen: np.ndarray) -> int:
    """The pivot nearest to query j of the block that is not in `seen`; -1 if there is none left."""
    nearest, least = -1, np.int64(1 << 30)
    for p in range(to_pivots.shape[0]):
        d = np.int64(to_pivots[p, j])
        if d < least and not _contains(seen, j, p):
            nearest, least = p, d
    return nearest


@njit
def search_clusters(
    groups: np.ndarray,
    order: np.ndarray,
    id_bytes: int,
    pivots: np.ndarray,
    shells: np.ndarray,
    least: np.ndarray,
    largest: np.ndarray,
    n_bits: int,
    queries: np.ndarray,
    start: int,
    end: int,
    width: tuple,
    limits: np.ndarray,
    weights: np.ndarray,
    nearest: np.ndarray,
    k: int,
    keys: np.ndarray,
    sizes: np.ndarray,
    n_candidates: np.ndarray,
) -> None:
    """The k nearest codes of queries start to end - 1, which should lie close together.

    A code x at distance r from pivot p is no nearer to the query q than |d(q, p) - r| (triangle inequality), so of each
    cluster only the shells with d(q, p) - limit <= r <= d(q, p) + limit are scanned. The clusters nearest to each query
    are scanned first, which makes its limit small; then all clusters in turn, each for the whole block, so that its
    codes come from the cache.
    """
    n_shells, n_pivots, n = n_bits + 1, pivots.shape[0], end - start
    heaps, state = np.empty((n, k + 1), np.uint64), new_state(limits, start, end, n_bits)
    block = np.empty(((n + LANES - 1) // LANES, groups.shape[1], LANES), np.uint64)
    fill_groups(queries, np.arange(start, end), block)
    to_pivots = np.empty((n_pivots, block.shape[0] * LANES), np.uint16)  # row: pivot, column: query
    distances_to_groups(block, pivots, 0, n_pivots, width, to_pivots)

    seeds = np.full((n, MAX_SEEDS), -1, np.int64)
    for j in range(n):
        for seed in range(MAX_SEEDS):
            p = nearest[start + j] if seed == 0 else _nearest_unseen(to_pivots, j, seeds)
            if p < 0:
                break
            seeds[j, seed] = p
            first, last = np.int64(shells[p * n_shells]), np.int64(shells[(p + 1) * n_shells])
            scan(groups, order, id_bytes, first, last, queries, start + j, width, heaps, state, weights, k, j)
            n_candidates[start + j] += last - first
            if state[j, TOTAL] >= k:
                break

    for p in _near_first(to_pivots[:, 0], n_bits):
        for j in range(n):
            d, limit = np.int64(to_pivots[p, j]), state[j, LIMIT]
            if d - limit > largest[p] or d + limit < least[p]:
                continue
            if _contains(seeds, j, p):
                continue
            first = np.int64(shells[p * n_shells + max(d - limit, least[p])])
            last = np.int64(shells[p * n_shells + min(d + limit, largest[p]) + 1])
            scan(groups, order, id_bytes, first, last, queries, start + j, width, heaps, state, weights, k, j)
            n_candidates[start + j] += last - first
    for j in range(n):
        sizes[start + j] = take_sorted(heaps, state, j, keys, start + j)
