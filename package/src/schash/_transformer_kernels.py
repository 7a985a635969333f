"""Loops of `schash.transformer`, compiled."""

import numpy as np

from schash._numba import njit


@njit
def nearest_of_candidates(
    queries: np.ndarray,
    rows: np.ndarray,
    candidates: np.ndarray,
    ids: np.ndarray,
    distances: np.ndarray,
    start: int,
    end: int,
) -> None:
    """For queries [start, end), the nearest of their candidates by Euclidean distance, in the order of (distance, row).

    queries : (n, n_features) float32; rows : (n_rows, n_features) float32; candidates : (n, n_candidates) int64, all
    different; ids : (n, width) int64 and distances : (n, width) float64, written, width <= n_candidates
    """
    width = ids.shape[1]
    for i in range(start, end):
        n_kept = 0
        for c in range(candidates.shape[1]):
            row = candidates[i, c]
            total = 0.0
            for f in range(queries.shape[1]):
                difference = float(queries[i, f]) - float(rows[row, f])
                total += difference * difference
            place = n_kept
            while place > 0 and (
                total < distances[i, place - 1]
                or (total == distances[i, place - 1] and row < ids[i, place - 1])
            ):
                place -= 1
            if place == width:
                continue
            n_kept = min(n_kept + 1, width)
            for p in range(n_kept - 1, place, -1):
                distances[i, p], ids[i, p] = distances[i, p - 1], ids[i, p - 1]
            distances[i, place], ids[i, place] = total, row
        for p in range(width):
            distances[i, p] = np.sqrt(distances[i, p])
