"""Loop of `schash.anchor_index`."""

import numpy as np

from schash._collect_kernels import new_state, scan, take_sorted
from schash._expand_kernels import expand
from schash._numba import njit


@njit
def search_buckets(
    groups: np.ndarray, order: np.ndarray, id_bytes: int, buckets: np.ndarray, ranked: np.ndarray, n_bits: int,
    queries: np.ndarray, start: int, end: int, width: tuple, weights: np.ndarray, starts: np.ndarray,
    rows: np.ndarray, offset: int, ids: np.ndarray, distances: np.ndarray, ranks: np.ndarray,
    n_candidates: np.ndarray, n_lookups: np.ndarray,
) -> None:  # fmt: skip
    """For queries start to end - 1: the buckets in the order of `ranked`, until k rows are found.

    groups, order : grouped codes by bucket, and which code lies at each position, packed
    buckets : (n_buckets + 1,) where each bucket starts; ranked : (n_query, n_buckets) buckets, nearest anchor first
    starts, rows : rows of each code, as in `schash.distinct`
    ids, distances : (n_query, k), padded beforehand; ranks : (n_query, k) becomes the rank of each row's bucket
    """
    k = ids.shape[1]
    for i in range(start, end):
        filled = 0
        for rank in range(ranked.shape[1]):
            if filled == k:
                break
            first, past = np.int64(buckets[ranked[i, rank]]), np.int64(buckets[ranked[i, rank] + 1])
            n_lookups[i] += 1
            n_candidates[i] += past - first
            if first == past:
                continue
            heap, state = (
                np.empty((1, k - filled + 1), np.uint64),
                new_state(np.full(1, n_bits), 0, 1, n_bits),
            )
            scan(groups, order, id_bytes, first, past, queries, i, width, heap, state, weights, k - filled, 0)
            keys, sizes = np.empty((1, k - filled), np.uint64), np.empty(1, np.int64)
            sizes[0] = take_sorted(heap, state, 0, keys, 0)
            own_ids, own_distances = ids[i : i + 1, filled:], distances[i : i + 1, filled:]
            expand(keys, sizes, starts, rows, offset, own_ids, own_distances, 0, 1)
            while filled < k and ids[i, filled] >= 0:
                ranks[i, filled] = rank
                filled += 1
