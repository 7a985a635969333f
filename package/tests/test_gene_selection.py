"""Genes by maximum count: by hand, the naive twin, ties, the least number, genes forced in and out."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schash.cell_chunks import CellChunks
from schash.errors import DataError
from schash.gene_selection import force_genes, gene_ranges, select_genes


def selected(X, chunk_rows=None, **options):
    chunks = CellChunks.from_matrix(X, chunk_rows=chunk_rows)
    return select_genes(gene_ranges(chunks, X.shape[1]), **options)


def test_by_hand():
    # Maxima 9, 8, 8, 7, 5, 3, 1, 1, 1, 1, 0: the ceil(11 / 10) = 2nd largest is 8, which two genes tie for
    X = np.zeros((3, 11))
    X[1] = [9, 8, 8, 7, 5, 3, 1, 1, 1, 1, 0]
    np.testing.assert_array_equal(np.flatnonzero(selected(X)), [0, 1, 2])
    np.testing.assert_array_equal(np.flatnonzero(selected(X, min_features=4)), [0, 1, 2, 3])
    np.testing.assert_array_equal(np.flatnonzero(selected(X, min_features=7)), range(10))  # ties are all kept
    np.testing.assert_array_equal(np.flatnonzero(selected(X, min_features=500)), range(10))
    np.testing.assert_array_equal(
        np.flatnonzero(selected(X, min_features=1)), [0, 1, 2]
    )  # only lowers the threshold


def test_a_gene_that_does_not_vary_is_left_out_but_counts_for_the_threshold():
    X = np.array([[9, 1, 0, 0, 0, 0, 0, 0, 0, 2], [9, 0, 0, 0, 0, 0, 0, 0, 0, 3]])
    assert not selected(X).any()  # the largest of 10 maxima is that of gene 0
    np.testing.assert_array_equal(np.flatnonzero(selected(X, min_features=1)), [9])
    np.testing.assert_array_equal(np.flatnonzero(selected(X, min_features=2)), [1, 9])


def test_the_minimum_takes_in_the_zeros():
    X = np.array([[5, 5], [5, 0]])
    np.testing.assert_array_equal(selected(X), [False, True])
    ranges = gene_ranges(CellChunks.from_matrix(X), 2)
    np.testing.assert_array_equal(ranges.minima, [5, 0])
    np.testing.assert_array_equal(ranges.maxima, [5, 5])
    assert ranges.n_cells == 2


@settings(deadline=None)  # the first example compiles
@given(
    n_cells=st.integers(1, 6),
    n_genes=st.integers(1, 35),
    largest=st.integers(0, 4),
    min_features=st.none() | st.integers(1, 40),
    chunk_rows=st.integers(1, 7),
    seed=st.integers(0, 10_000),
)
def test_the_naive_twin_agrees_however_the_cells_are_cut(
    n_cells, n_genes, largest, min_features, chunk_rows, seed
):
    X = np.random.default_rng(seed).integers(0, largest + 1, (n_cells, n_genes))
    found = selected(X, chunk_rows, min_features=min_features)
    np.testing.assert_array_equal(found, naive.kept_genes(X, min_features))
    if min_features is not None:
        assert found.sum() >= min(min_features, (X.max(0) > X.min(0)).sum())


def test_no_cells_no_genes():
    assert not selected(np.empty((0, 4))).any()


def test_genes_forced_in_and_out():
    genes = np.array(["a", "b", "c", "d"])
    mask = np.array([True, True, False, False])
    np.testing.assert_array_equal(force_genes(mask, genes, include=["d"], exclude=["a"]), [0, 1, 0, 1])
    np.testing.assert_array_equal(force_genes(mask, genes), mask)
    np.testing.assert_array_equal(mask, [True, True, False, False])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"include": ["x", "a"]}, "include_genes: x .1 in all. not among the 2 genes"),
        ({"exclude": ["x", "y"]}, "exclude_genes: x, y .2 in all."),
        ({"include": ["a"], "exclude": ["a"]}, "included and excluded at once: a"),
    ],
)
def test_names_that_do_not_fit_are_refused(options, words):
    with pytest.raises(DataError, match=words):
        force_genes(np.ones(2, dtype=bool), np.array(["a", "b"]), **options)
