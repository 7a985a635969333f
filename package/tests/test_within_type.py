"""Recall of exact neighbours within a type: against every order of ties written out, and lists that end too early."""

import itertools

import numpy as np
import pytest

from schash.errors import ConfigError, DataError
from schash.methods.contract import NearestCells
from schash.methods.nearest import nearest_rows
from schash.metrics.within_type import recall_within_type
from schash.neighbors import NO_NEIGHBOR


def slow_recall(distances, exact, types, query_types, n):
    """Average over every order of equal distances, by writing all of them out."""
    out = []
    for row, truth_row, name in zip(distances, exact, query_types, strict=True):
        own = np.flatnonzero(types == name)
        truth = set(own[np.argsort(truth_row[own], kind="stable")[:n]])
        groups = [own[row[own] == value] for value in np.unique(row[own])]
        orders = itertools.product(*(itertools.permutations(group) for group in groups))
        shares = [len(truth & set([i for group in order for i in group][:n])) / n for order in orders]
        out.append(np.mean(shares))
    return np.array(out)


def test_recall_within_type_is_the_mean_over_orders_of_ties(rng, monkeypatch):
    monkeypatch.setattr("schash.metrics.within_type.MIN_CELLS_EXCLUSIVE", 5)
    types, query_types = np.array(list("aaaaaaabbbbbb")), np.array(list("aabb"))
    for _ in range(10):
        exact = rng.random((4, 13), dtype=np.float32)
        distances = rng.integers(0, 4, (4, 13)).astype(np.float32)
        recall, chance = recall_within_type(
            nearest_rows(distances, 13), nearest_rows(exact, 13),
            database_labels=types, query_labels=query_types, n_nearest=3,
        )  # fmt: skip
        np.testing.assert_allclose(recall, slow_recall(distances, exact, types, query_types, 3))
        np.testing.assert_allclose(chance, [3 / 7, 3 / 7, 3 / 6, 3 / 6])


def test_recall_within_type_takes_no_notice_of_other_types():
    types = np.repeat(["a", "b"], 21)
    exact = np.concatenate([np.arange(21), np.full(21, 99)])[None].astype(np.float32)
    behind = np.concatenate([100 + np.arange(21), np.arange(21)])[None].astype(np.float32)
    backwards = np.concatenate([-np.arange(21), np.full(21, 99)])[None].astype(np.float32)
    for distances, share in ((behind, 1.0), (backwards, 0.0)):
        recall, _ = recall_within_type(
            nearest_rows(distances, 42), nearest_rows(exact, 42), database_labels=types, query_labels=["a"]
        )
        assert recall == [share]


def test_types_of_twenty_cells_take_no_part():
    types = np.repeat(["a", "b"], [20, 21])
    found = nearest_rows(np.zeros((3, 41), np.float32), 41)
    recall, chance = recall_within_type(
        found, found, database_labels=types, query_labels=["a", "b", "unknown"]
    )
    np.testing.assert_array_equal(np.isnan(recall), [True, False, True])
    np.testing.assert_allclose(chance, [np.nan, 10 / 21, np.nan])


def test_recall_of_lists_that_end_too_early_is_not_known():
    types = np.repeat("a", 30)
    exact = nearest_rows(np.arange(30, dtype=np.float32)[None], 30)
    near = np.r_[np.zeros(10), np.ones(20)].astype(np.float32)[None]
    tied = np.r_[np.zeros(9), np.ones(21)].astype(np.float32)[None]

    def recall(distances, depth, *, exact=exact, **options):
        lists = nearest_rows(distances, depth)
        return recall_within_type(lists, exact, database_labels=types, query_labels=["a"], **options)[0][0]

    assert recall(near, 11) == 1
    assert np.isnan(recall(near, 10))  # more cells may stand at the distance of the last
    assert np.isnan(recall(near, 9))
    assert recall(tied, 30) == pytest.approx(0.9 + 0.1 / 21)
    assert np.isnan(recall(tied, 29))
    assert recall(near, 10, as_found=True) == 1
    assert recall(near, 7, as_found=True) == 0.7  # what is not in the list is not found
    assert np.isnan(recall(near, 30, exact=nearest_rows(near, 9)))  # nothing to compare with
    padded = NearestCells(np.array([[3, 4, -1]]), np.array([[0, 1, np.inf]], np.float32))
    ended = recall_within_type(padded, exact, database_labels=types, query_labels=["a"])
    np.testing.assert_allclose(ended, [[0.2], [1 / 3]])


def test_the_last_cell_is_not_meant_by_no_neighbour():
    types = np.repeat("a", 30)
    exact = nearest_rows(-np.arange(30, dtype=np.float32)[None], 30)  # the last first
    padded = NearestCells(np.array([[0] + [NO_NEIGHBOR] * 12]), np.array([[0] + [np.inf] * 12], np.float32))
    recall, _ = recall_within_type(padded, exact, database_labels=types, query_labels=["a"])
    assert recall == [0]
    _, chance = recall_within_type(exact, padded, database_labels=types, query_labels=["a"])
    assert np.isnan(chance)  # one exact neighbour is not ten


def test_recall_within_type_refuses_what_does_not_fit():
    found = nearest_rows(np.zeros((2, 30), np.float32), 30)
    with pytest.raises(DataError, match="3 queries, but lists of 2 and, exact, of 2"):
        recall_within_type(found, found, database_labels=["a"] * 30, query_labels=["a"] * 3)
    with pytest.raises(ConfigError, match="n_nearest must be from 1 to 20, got 21"):
        recall_within_type(found, found, database_labels=["a"] * 30, query_labels=["a"] * 2, n_nearest=21)
