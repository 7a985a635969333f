"""The k nearest training cells from a block of distances, with the tie rule of every search: (distance, row)."""

from collections.abc import Callable

import numpy as np

from schash.methods.contract import NearestCells
from schash.neighbors import NO_NEIGHBOR, Neighbors

QUERY_BLOCK = 1024
"""Queries whose distances to all training cells are in memory at a time."""


def nearest_rows(distances: np.ndarray, k: int) -> NearestCells:
    """The k smallest of each row, in order; equal distances by smaller column.

    distances : (n_query, n_train); where n_train < k the rest is padded. They are rounded to float32 first, so that
        the order is that of the distances returned.
    """
    distances = np.asarray(distances, dtype=np.float32)
    n_query, n_train = distances.shape
    ids = np.full((n_query, k), NO_NEIGHBOR, dtype=np.int64)
    found = np.full((n_query, k), np.inf, dtype=np.float32)
    known = min(k, n_train)
    if known == 0:
        return NearestCells(ids, found)
    farthest = np.partition(distances, known - 1, axis=1)[:, known - 1]
    for query, row in enumerate(distances):
        # every row at the k-th distance, so that a tie there goes to the smaller rows whatever the partition did
        candidates = np.flatnonzero(row <= farthest[query])
        nearest = candidates[np.argsort(row[candidates], kind="stable")[:known]]
        ids[query, :known] = nearest
        found[query, :known] = row[nearest]
    return NearestCells(ids, found)


def nearest_blocks(distances: Callable[[slice], np.ndarray], n_query: int, k: int) -> NearestCells:
    """`nearest_rows` for more queries than their distances fit into memory.

    distances : rows of the queries to their (n_rows, n_train) distances
    """
    starts = range(0, n_query, QUERY_BLOCK)
    blocks = [nearest_rows(distances(slice(start, start + QUERY_BLOCK)), k) for start in starts]
    return NearestCells(
        np.concatenate([np.empty((0, k), np.int64), *(block.ids for block in blocks)]),
        np.concatenate([np.empty((0, k), np.float32), *(block.distances for block in blocks)]),
    )


def from_neighbors(found: Neighbors) -> NearestCells:
    """What a Hamming search found, with distances in bits."""
    distances = np.where(found.ids == NO_NEIGHBOR, np.inf, found.distances)
    return NearestCells(found.ids, distances.astype(np.float32))
