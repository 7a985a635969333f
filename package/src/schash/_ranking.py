"""The nearest of the cells that several hashes nominate."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from schash._cellfishing_kernels import add_distances, sort_candidates, take_nearest
from schash._threads import share_out
from schash.hamming import BitCodes
from schash.neighbors import Neighbors


def rank_candidates(
    found: Sequence[Neighbors], queries: Sequence[BitCodes], codes: Sequence[BitCodes], k: int
) -> Neighbors:
    """The k nominated cells of smallest total Hamming distance over all hashes; ties to the smaller row.

    found, queries, codes : of each hash the neighbours that it found, the queries' codes and the cells' codes. Buckets
        looked into and candidates are summed over the hashes.
    """
    candidates = np.hstack([each.ids for each in found]).astype(
        np.int64, copy=False
    )  # (n_query, n_hashes * k)
    n_query = len(candidates)
    share_out(partial(sort_candidates, candidates), n_query)
    totals = np.zeros(candidates.shape, np.int64)
    for of_queries, of_cells in zip(queries, codes, strict=True):
        share_out(partial(add_distances, candidates, of_queries.words, of_cells.words, totals), n_query)
    ids = np.empty((n_query, k), np.int64)
    distances = np.empty((n_query, k), np.int32)
    far = sum(each.n_bits for each in codes) + 1
    share_out(partial(take_nearest, candidates, totals, far, ids, distances), n_query)
    return Neighbors(
        ids,
        distances,
        sum((each.n_candidates for each in found), np.zeros(n_query, np.int64)),
        sum((each.n_lookups for each in found), np.zeros(n_query, np.int64)),
    )
