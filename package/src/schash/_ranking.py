"""The nearest of the cells that several hashes nominate."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from schash._cellfishing_kernels import add_distances, sort_candidates, take_nearest
from schash._threads import share_out
from schash.hamming import BitCodes
from schash.hamming_index import HammingIndex
from schash.neighbors import Neighbors
from schash.shards import Nominations


def rank_candidates(
    found: Sequence[Neighbors], queries: Sequence[BitCodes], indexes: Sequence[HammingIndex], k: int
) -> Neighbors:
    """The k nominated cells of smallest total Hamming distance over all hashes; ties to the smaller row.

    found, queries, indexes : of each hash the neighbours that it found, the queries' codes and the index of the cells,
        which gives their codes back. Buckets looked into and candidates are summed over the hashes.
    """
    candidates = np.hstack([each.ids for each in found]).astype(
        np.int64, copy=False
    )  # (n_query, n_hashes * k)
    n_query = len(candidates)
    share_out(partial(sort_candidates, candidates), n_query)
    totals = np.zeros(candidates.shape, np.int64)
    for of_queries, index in zip(queries, indexes, strict=True):
        share_out(partial(_add_distances, candidates, of_queries.words, index, totals), n_query)
    ids = np.empty((n_query, k), np.int64)
    distances = np.empty((n_query, k), np.int32)
    far = sum(index.n_bits for index in indexes) + 1
    share_out(partial(take_nearest, candidates, totals, far, ids, distances), n_query)
    return Neighbors(
        ids,
        distances,
        sum((each.n_candidates for each in found), np.zeros(n_query, np.int64)),
        sum((each.n_lookups for each in found), np.zeros(n_query, np.int64)),
    )


def nominations(
    found: Sequence[Neighbors], queries: Sequence[BitCodes], indexes: Sequence[HammingIndex]
) -> Nominations:
    """The neighbours that each hash found, with their distances over all hashes. Parameters as in `rank_candidates`."""
    ids = np.stack([each.ids for each in found], axis=1)  # (n_query, n_hashes, k)
    candidates = np.ascontiguousarray(ids.reshape(len(ids), ids.shape[1] * ids.shape[2]), dtype=np.int64)
    totals = np.zeros(candidates.shape, np.int64)
    for of_queries, index in zip(queries, indexes, strict=True):
        share_out(partial(_add_distances, candidates, of_queries.words, index, totals), len(ids))
    return Nominations(
        ids,
        np.stack([each.distances for each in found], axis=1),
        totals.reshape(ids.shape).astype(np.int32),
        sum(index.n_bits for index in indexes),
        sum((each.n_candidates for each in found), np.zeros(len(ids), np.int64)),
        sum((each.n_lookups for each in found), np.zeros(len(ids), np.int64)),
    )


def _add_distances(
    candidates: np.ndarray, queries: np.ndarray, index: HammingIndex, totals: np.ndarray, start: int, end: int
) -> None:
    """Add to `totals` the distances by one hash for queries start to end - 1."""
    if not len(index):  # nobody is nominated
        return
    rows = candidates[start:end].ravel()
    codes = index.take(np.maximum(rows, 0))  # row 0 stands in for none
    add_distances(candidates, queries, codes.words, totals, start, end)
