"""What every search returns, and the tie rule that orders it."""

from dataclasses import dataclass

import numpy as np

NO_NEIGHBOR = -1


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The k nearest rows of each query, ordered by (distance, row).

    Where fewer than k rows exist, the rest is padded with id -1 and distance `n_bits + 1`.

    ids : (n_query, k) int64, rows of the database
    distances : (n_query, k) int32, in bits
    n_candidates : (n_query,) int64, codes whose distance to the query was computed
    n_lookups : (n_query,) int64, buckets that were looked into; 0 for a linear scan
    """

    ids: np.ndarray
    distances: np.ndarray
    n_candidates: np.ndarray
    n_lookups: np.ndarray

    def __len__(self) -> int:
        return self.ids.shape[0]

    @property
    def k(self) -> int:
        return self.ids.shape[1]


def padded(found: Neighbors, k: int, *, far: int) -> Neighbors:
    """`found` with k columns: what is beyond it is no neighbour, at distance `far`."""
    missing = k - found.k
    if missing <= 0:
        return found
    columns = ((0, 0), (0, missing))
    return Neighbors(
        np.pad(found.ids, columns, constant_values=NO_NEIGHBOR),
        np.pad(found.distances, columns, constant_values=far),
        found.n_candidates,
        found.n_lookups,
    )
