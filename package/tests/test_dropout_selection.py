"""Genes chosen by dropout, against residuals by hand and the ranking written out with loops."""

import numpy as np
import pytest
from scipy import sparse

from schash.dropout_selection import dropout_residuals, select_by_dropout
from schash.errors import ConfigError, DataError
from schash.preprocess import log1p_counts


def naive_residuals(logged):
    """Gene by gene: Abdelaal's rank_gene_dropouts, but for its genes of every or of no cell."""
    points = {}
    for gene in range(logged.shape[1]):
        n_zero = sum(value == 0 for value in logged[:, gene])
        if 0 < n_zero < len(logged):
            points[gene] = (sum(logged[:, gene]) / len(logged), np.log2(n_zero / len(logged) * 100))
    slope, intercept = np.polyfit(*np.array(list(points.values())).T, 1)
    residuals = np.full(logged.shape[1], np.nan)
    for gene, (mean, dropout) in points.items():
        residuals[gene] = dropout - (slope * mean + intercept)
    return residuals


@pytest.fixture
def counts(rng):
    rates = rng.gamma(0.4, 2.0, 80)
    X = rng.poisson(rates, (50, 80)) * (rng.random((50, 80)) < rng.random(80))
    X[:, 3], X[:, 7] = 0, rng.integers(1, 9, 50)
    return sparse.csr_matrix(X.astype(np.float32))


def test_residuals_by_hand():
    # two genes of mean 1 and two of mean 3, each pair with half and a quarter of the cells missing: the line runs
    # half way between log2(50) and log2(25) at both means
    logged = np.array(
        [[2, 4 / 3, 6, 4, 0, 5], [2, 4 / 3, 6, 4, 0, 5], [0, 4 / 3, 0, 4, 0, 5], [0, 0, 0, 0, 0, 5]]
    )
    residuals = dropout_residuals(sparse.csr_matrix(logged))
    np.testing.assert_allclose(residuals, [0.5, -0.5, 0.5, -0.5, np.nan, np.nan], atol=1e-6)


def test_genes_of_one_mean_lie_beside_a_level_line():
    logged = sparse.csr_matrix([[2, 4 / 3], [2, 4 / 3], [0, 4 / 3], [0, 0]])
    np.testing.assert_allclose(dropout_residuals(logged), [0.5, -0.5], atol=1e-6)


def test_residuals_equal_the_loops(counts):
    logged = log1p_counts(counts)
    expected = naive_residuals(logged.toarray().astype(np.float64))
    np.testing.assert_allclose(dropout_residuals(logged), expected, atol=1e-6)
    ranked = [gene for gene in np.argsort(-expected, kind="stable") if not np.isnan(expected[gene])]
    for n in (1, 10, 40):
        np.testing.assert_array_equal(select_by_dropout(logged, n), sorted(ranked[:n]))


def test_the_base_of_the_logarithm_and_copies_of_the_cells_change_nothing(counts):
    logged = log1p_counts(counts)
    chosen = select_by_dropout(logged, 20)
    np.testing.assert_array_equal(select_by_dropout(logged / np.float32(np.log(2)), 20), chosen)
    np.testing.assert_array_equal(select_by_dropout(sparse.vstack([logged] * 3).tocsr(), 20), chosen)


def test_genes_in_another_order_are_the_same_genes(counts, rng):
    order = rng.permutation(counts.shape[1])
    chosen = select_by_dropout(counts[:, order].tocsr(), 20)
    np.testing.assert_array_equal(np.sort(order[chosen]), select_by_dropout(counts, 20))


def test_a_stored_zero_is_a_dropout(counts):
    stored = counts.copy()
    stored.data[::5] = 0
    clean = stored.copy()
    clean.eliminate_zeros()
    assert stored.nnz > clean.nnz
    np.testing.assert_allclose(dropout_residuals(stored), dropout_residuals(clean))
    np.testing.assert_array_equal(select_by_dropout(stored, 79), select_by_dropout(clean, 79))


def test_equal_residuals_go_to_the_smaller_column():
    gene = np.array([[3], [3], [0], [0]], np.float32)
    np.testing.assert_array_equal(select_by_dropout(sparse.csr_matrix(np.hstack([gene] * 5)), 3), [0, 1, 2])


def test_genes_of_every_cell_fill_up_the_most_variable_first_and_genes_of_none_never():
    logged = np.array([[9, 0, 5, 4, 1], [9, 0, 5, 1, 2], [9, 0, 0, 4, 1], [9, 0, 0, 1, 2]], np.float32)
    X = sparse.csr_matrix(logged)
    for n, expected in ((1, [2]), (2, [2, 3]), (3, [2, 3, 4]), (4, [0, 2, 3, 4]), (500, [0, 2, 3, 4])):
        np.testing.assert_array_equal(select_by_dropout(X, n), expected)


def test_values_without_zeros_keep_their_genes():
    dense = sparse.csr_matrix(np.arange(1, 13, dtype=np.float32).reshape(3, 4))
    assert np.isnan(dropout_residuals(dense)).all()
    np.testing.assert_array_equal(select_by_dropout(dense, 500), [0, 1, 2, 3])


def test_bad_input(counts):
    with pytest.raises(ConfigError, match="n_features must be at least 1, got 0"):
        select_by_dropout(counts, 0)
    with pytest.raises(DataError, match="no gene is expressed in any of the 7 training cells"):
        select_by_dropout(sparse.csr_matrix((7, 3), dtype=np.float32), 5)
