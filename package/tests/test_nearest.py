"""The k nearest of a block of distances, against sorting them all."""

import numpy as np
import pytest

from schash.methods.nearest import from_neighbors, nearest_rows
from schash.neighbors import Neighbors


@pytest.mark.parametrize("k", [0, 1, 3, 12, 15])
def test_as_sorting_by_distance_and_row(rng, k):
    distances = rng.integers(0, 5, (40, 12)).astype(np.float32)  # few distances: ties everywhere
    found = nearest_rows(distances, k)
    for query, row in enumerate(distances):
        ordered = sorted(range(12), key=lambda column: (row[column], column))[:k]
        known = min(k, 12)
        assert found.ids[query, :known].tolist() == ordered
        assert found.distances[query, :known].tolist() == [row[column] for column in ordered]
        assert (found.ids[query, known:] == -1).all()
        assert np.isinf(found.distances[query, known:]).all()
    found.check(40, k, 12)


def test_distances_that_are_equal_once_rounded_are_ties():
    found = nearest_rows(np.array([[1 + 2e-9, 1 + 1e-9, 1, 0.5]]), 4)
    assert found.ids.tolist() == [[3, 0, 1, 2]]
    assert nearest_rows(np.array([[1 + 2e-9, 1 + 1e-9, 1, 0.5]]), 2).ids.tolist() == [[3, 0]]
    found.check(1, 4, 4)


def test_no_query_and_no_cell():
    assert nearest_rows(np.empty((0, 4), np.float32), 3).ids.shape == (0, 3)
    assert (nearest_rows(np.empty((2, 0), np.float32), 3).ids == -1).all()


def test_padding_of_a_hamming_search_becomes_infinite():
    zeros = np.zeros(1, np.int64)
    found = from_neighbors(Neighbors(np.array([[4, -1]]), np.array([[7, 129]], np.int32), zeros, zeros))
    assert found.distances.tolist() == [[7, np.inf]]
    assert found.distances.dtype == np.float32
