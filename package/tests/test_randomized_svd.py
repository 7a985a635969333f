"""Singular vectors of what is never formed: numpy's full decomposition, blocks, signs, matrices of low rank."""

import naive
import numpy as np
import pytest
from scipy import linalg
from sklearn.utils.extmath import randomized_svd as sklearn_svd

from schash import _selected_cells
from schash._selected_cells import select_all
from schash._standardized import GeneStatistics, StandardizedMatrix, gene_statistics
from schash._threads import numba_threads
from schash.cell_chunks import CellChunks
from schash.errors import DataError
from schash.randomized_svd import DenseMatrix, randomized_svd


def decaying(rng, shape=(120, 60), rate=0.6):
    U = linalg.qr(rng.normal(size=(shape[0], min(shape))), mode="economic")[0]
    V = linalg.qr(rng.normal(size=(shape[1], min(shape))), mode="economic")[0]
    return U * rate ** np.arange(min(shape)) @ V.T


@pytest.fixture
def counts(rng):
    """Counts (90, 40) of 5 kinds of cells; gene 7 is constant after scaling only by chance, gene 9 is never seen."""
    profile = rng.gamma(0.5, 6, (5, 40))
    X = rng.poisson(profile[rng.integers(0, 5, 90)])
    X[:, 9] = 0
    return X


def standardized(X):
    slots = np.arange(X.shape[1], dtype=np.int32)
    cells = select_all(CellChunks.from_matrix(X), slots, X.shape[1], transform=0)
    return StandardizedMatrix(cells, gene_statistics(cells))


@pytest.mark.parametrize("shape", [(120, 60), (60, 120)])
def test_the_full_decomposition_agrees(rng, shape):
    A = decaying(rng, shape)
    V, s = randomized_svd(DenseMatrix(A), 10, seed=1)
    _, full_s, full_Vt = np.linalg.svd(A)
    np.testing.assert_allclose(s, full_s[:10], rtol=1e-9)
    assert linalg.subspace_angles(V, full_Vt[:10].T).max() < 1e-6
    np.testing.assert_allclose(V.T @ V, np.eye(10), atol=1e-10)
    _, sklearn_s, sklearn_Vt = sklearn_svd(A, 10, n_iter=6, random_state=0)
    np.testing.assert_allclose(s, sklearn_s, rtol=1e-6)
    assert linalg.subspace_angles(V, sklearn_Vt.T).max() < 1e-4


def test_all_dimensions_are_exact(rng):
    A = rng.normal(size=(30, 12))
    V, s = randomized_svd(DenseMatrix(A), 12, seed=0)
    np.testing.assert_allclose(s, np.linalg.svd(A)[1], rtol=1e-10)
    np.testing.assert_allclose(V @ V.T, np.eye(12), atol=1e-10)


@pytest.mark.parametrize("n_iterations", [0, 1, 3])
def test_it_spans_what_the_formula_says(rng, n_iterations):
    A = decaying(rng, (40, 30), rate=0.8)
    V, s = randomized_svd(DenseMatrix(A), 6, seed=9, n_iterations=n_iterations, n_oversamples=0)
    W = np.random.default_rng(9).random((40, 6)) - 0.5
    Y = np.linalg.matrix_power(A.T @ A, n_iterations) @ A.T @ W
    assert linalg.subspace_angles(V, Y).max() < 1e-7
    np.testing.assert_allclose(s, np.linalg.svd(A @ linalg.orth(Y))[1], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(A @ V, axis=0), s)  # each is the length of its component


def test_more_iterations_come_closer(rng):
    A = rng.normal(size=(200, 100))  # a flat spectrum, the hardest
    exact = np.linalg.svd(A)[1][:10]
    errors = [
        np.abs(randomized_svd(DenseMatrix(A), 10, seed=0, n_iterations=n)[1] / exact - 1).max()
        for n in (0, 1, 3, 9)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.1
    assert errors[-1] < 0.03


def test_the_largest_entry_of_a_vector_is_positive_and_seeds_decide(rng):
    A = decaying(rng, rate=0.9)
    V, s = randomized_svd(DenseMatrix(A), 8, seed=3)
    largest = np.abs(V).argmax(axis=0)
    assert (V[largest, range(8)] > 0).all()
    again, _ = randomized_svd(DenseMatrix(A), 8, seed=3)
    np.testing.assert_array_equal(V, again)
    other, _ = randomized_svd(DenseMatrix(A), 8, seed=4)
    assert not np.array_equal(V, other)
    flipped, flipped_s = randomized_svd(DenseMatrix(-A), 8, seed=3)
    np.testing.assert_allclose(V, flipped, atol=1e-12)
    np.testing.assert_allclose(s, flipped_s)


def test_a_matrix_of_low_rank(rng):
    A = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 20))
    V, s = randomized_svd(DenseMatrix(A), 8, seed=0)
    np.testing.assert_allclose(s[:3], np.linalg.svd(A)[1][:3], rtol=1e-9)
    assert s[3:].max() < 1e-9 * s[0]
    np.testing.assert_allclose(V.T @ V, np.eye(8), atol=1e-9)


@pytest.mark.parametrize("n_dims", [0, 13, 500])
def test_more_dimensions_than_there_are_is_refused(rng, n_dims):
    with pytest.raises(DataError, match=f"between 1 and 12 for a matrix of .30, 12., got {n_dims}"):
        randomized_svd(DenseMatrix(rng.normal(size=(30, 12))), n_dims, seed=0)


def test_the_standardised_matrix_is_that_of_the_naive_twin(counts, rng):
    A = standardized(counts)
    values = naive.transformed(counts)
    expected = naive.standardized(values, values.mean(0), values.std(0))
    np.testing.assert_allclose(A.toarray(), expected, atol=1e-5)
    assert (A.toarray()[:, 9] == 0).all()
    right, left = rng.normal(size=(40, 6)), rng.normal(size=(90, 6))
    np.testing.assert_allclose(np.vstack([b.times(right) for b in A.blocks()]), expected @ right, atol=1e-4)
    np.testing.assert_allclose(
        sum(b.transposed_times(left) for b in A.blocks()), expected.T @ left, atol=1e-4
    )


def test_its_decomposition_is_that_of_the_dense_matrix(counts):
    A = standardized(counts)
    V, s = randomized_svd(A, 35, seed=0)
    _, full_s, full_Vt = np.linalg.svd(A.toarray())
    np.testing.assert_allclose(s, full_s[:35], rtol=1e-6)
    assert linalg.subspace_angles(V, full_Vt[:35].T).max() < 1e-4


@pytest.mark.parametrize("block_rows", [1, 16, 89])
def test_it_comes_in_blocks(counts, monkeypatch, block_rows):
    V, s = randomized_svd(standardized(counts), 10, seed=0)
    monkeypatch.setattr(_selected_cells, "BLOCK_ROWS", block_rows)
    cut_V, cut_s = randomized_svd(standardized(counts), 10, seed=0)
    np.testing.assert_allclose(s, cut_s, rtol=1e-9)
    np.testing.assert_allclose(V, cut_V, atol=1e-7)


def test_threads_do_not_change_a_bit(counts):
    results = []
    for n_threads in (1, 2):
        with numba_threads(n_threads):
            results.append(randomized_svd(standardized(counts), 10, seed=0))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_a_gene_that_is_the_same_in_all_cells_contributes_nothing():
    shares = np.arange(1, 9)
    X = np.random.default_rng(0).binomial(64, 0.5, (999, 10)).astype(float)
    X[:, 9] = 64 - X[:, 8]
    X[:, :8] = shares  # of 100 counts in every cell
    chunks = CellChunks.from_matrix(X)
    cells = select_all(chunks, np.arange(10, dtype=np.int32), 10, transform=0)
    found = gene_statistics(cells)
    assert 0 < found.variance[:8].max() < 1e-10  # but for rounding
    assert (found.inverse_sd[:8] == 0).all()
    A = StandardizedMatrix(cells, found)
    assert (A.toarray()[:, :8] == 0).all()
    assert (A.toarray()[:, 8:].std(axis=0) > 0.99).all()
    assert np.isfinite(A.toarray()).all()


def test_statistics_of_two_sets_together(rng):
    first, second = rng.normal(size=(30, 4)), 3 + rng.normal(size=(7, 4))
    both = np.vstack([first, second])
    pooled = GeneStatistics(30, first.mean(0), first.var(0)).pooled(
        GeneStatistics(7, second.mean(0), second.var(0))
    )
    assert pooled.n_cells == 37
    np.testing.assert_allclose(pooled.mean, both.mean(0))
    np.testing.assert_allclose(pooled.variance, both.var(0))
