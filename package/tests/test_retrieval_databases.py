"""Databases of retrieval, lists cut to them, and the ids of what is measured there."""

import numpy as np
import pandas as pd
import pytest

from schash.errors import DataError
from schash.methods.contract import NearestCells
from schash.methods.nearest import nearest_rows
from schash.neighbors import NO_NEIGHBOR
from schash.retrieval_databases import database_rows, restrict
from schash.retrieval_ids import (
    cells_per_type_metric,
    k_metric,
    k_parts,
    map_metric,
    map_parts,
    precision_metric,
)
from schash.retrieval_ranking import fold_labels

SIZES = {"A": 48, "B": 30, "C": 22, "rare": 4}


@pytest.fixture
def types(rng):
    """104 training cells of four types."""
    return rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))


def test_ids_say_everything_and_can_be_taken_apart():
    made = map_metric("1x", "min_k_r", "by_row", "queries", "db80")
    assert made == "map_at_k[k=1x,min_k_r,by_row,queries,db80]"
    assert precision_metric(10, "averaged", "types", "db60") == "precision_at_n[n=10,averaged,types,db60]"
    assert (k_metric("2x", "db60"), cells_per_type_metric("db80")) == ("k[2x,db60]", "cells_per_type[db80]")
    ids = pd.Series([made, "median_f1", "k[2x,db60]", "precision_at_n[n=10,averaged,types,db60]"])
    parts = map_parts(ids)
    assert parts.iloc[0].tolist() == ["1x", "min_k_r", "by_row", "queries", "db80"]
    assert parts.iloc[1:].isna().all(axis=None)
    assert k_parts(ids).iloc[2].tolist() == ["2x", "db60"]
    assert k_parts(ids).drop(index=2).isna().all(axis=None)


def test_a_database_holds_its_share_of_every_type(types):
    rows = database_rows(types, 0.75, seed=3)
    assert (np.diff(rows) > 0).all()
    drawn = dict(zip(*np.unique(types[rows], return_counts=True), strict=True))
    assert drawn == {"A": 36, "B": 23, "C": 17, "rare": 3}  # 22.5 and 16.5 are rounded up
    np.testing.assert_array_equal(rows, database_rows(types, 0.75, seed=3))
    assert not np.array_equal(rows, database_rows(types, 0.75, seed=4))
    np.testing.assert_array_equal(database_rows(types, 1.0, seed=3), np.arange(len(types)))
    assert len(database_rows(np.array(["a", "b"]), 0.1, seed=0)) == 2  # at least one of each


def test_every_cell_may_be_drawn(types):
    drawn = np.concatenate([database_rows(types, 0.75, seed=seed) for seed in range(40)])
    assert len(np.unique(drawn)) == len(types)


def test_whole_lists_restricted_are_the_search_of_the_smaller_database(types, rng):
    distances = np.round(rng.random((24, len(types)), dtype=np.float32), 1)  # ties
    rows = database_rows(types, 0.75, seed=3)
    found = restrict(nearest_rows(distances, distances.shape[1]), rows, distances.shape[1])
    expected = nearest_rows(distances[:, rows], len(rows))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)


def test_lists_that_end_early_are_cut_to_the_shortest_of_them():
    ids = np.array([[0, 1, 2], [3, 4, 0], [5, 0, NO_NEIGHBOR], [0, NO_NEIGHBOR, NO_NEIGHBOR]])
    distances = np.where(ids == NO_NEIGHBOR, np.inf, np.arange(3)).astype(np.float32)
    found = NearestCells(ids, distances)
    made = restrict(found, np.array([1, 2, 4, 5]), 6)
    # the second keeps one cell and goes on, nobody knows how; the last two are known to end
    np.testing.assert_array_equal(made.ids, [[0], [2], [3], [NO_NEIGHBOR]])
    np.testing.assert_array_equal(made.distances, [[1], [1], [0], [np.inf]])
    whole = restrict(found, np.array([1, 2, 4, 5]), 6, as_found=True, width=4)
    np.testing.assert_array_equal(whole.ids[:, :2], [[0, 1], [2, -1], [3, -1], [-1, -1]])
    assert whole.ids.shape == (4, 4)
    assert (whole.ids[:, 2:] == NO_NEIGHBOR).all()
    assert np.isinf(whole.distances[whole.ids == NO_NEIGHBOR]).all()
    assert restrict(found, np.array([1, 2, 4, 5]), 6, as_found=True, width=100).ids.shape == (4, 4)


def test_lists_that_do_not_fit_are_refused():
    found = NearestCells(np.array([[0, 7]]), np.zeros((1, 2), np.float32))
    with pytest.raises(DataError, match="row 7 was found, but there are 7 training cells"):
        restrict(found, np.arange(5), 7)
    with pytest.raises(
        DataError, match="a list of 2 cells has none of the 1 of this database; search deeper"
    ):
        restrict(found, np.array([3]), 9)


def test_labels_stand_in_the_order_of_the_rows():
    rows = {
        0: {"train": np.array([5, 1]), "query": np.array([7])},
        1: {"train": np.array([7]), "query": np.array([1, 5])},
    }
    train = pd.DataFrame({"fold": [0, 0, 1], "row": [1, 5, 7], "label": ["one", "five", "seven"]})
    solution = pd.DataFrame({"fold": [1, 0, 1], "row": [5, 7, 1], "label": ["five", "seven", "one"]})
    made = fold_labels(rows, train, solution)
    assert made[0].train.tolist() == ["five", "one"]
    assert made[0].query.tolist() == ["seven"]
    assert made[1].query.tolist() == ["one", "five"]
