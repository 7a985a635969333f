"""Upsampling: copies are what they are said to be, whichever way they are asked for."""

import numpy as np
import pytest
from scipy import sparse

from schash.upsampling import BLOCK_ROWS, KEPT, Originals, Upsampled, can_thin, thinned


def test_thinning_keeps_the_expected_share_and_drops_zeros(rng):
    X = sparse.csr_matrix(rng.poisson(2.0, (200, 300)).astype(np.float32))
    kept = np.where(np.arange(200) < 100, 0.3, 0.9)
    thin = thinned(X.copy(), kept, rng)
    assert (thin.data > 0).all()
    assert (X - thin).min() >= 0
    share = np.asarray(thin.sum(axis=1) / X.sum(axis=1)).ravel()
    np.testing.assert_allclose([share[:100].mean(), share[100:].mean()], [0.3, 0.9], atol=0.01)


def test_upsampled_cells_are_the_same_in_each_pass(planted):
    X, _, genes = planted
    total = X.sum()
    cells = Upsampled(Originals("planted", X, genes), BLOCK_ROWS + 10, seed=3)
    blocks = [block.shape[0] for block in cells.chunks()]
    assert blocks == [BLOCK_ROWS, 10]
    again = sparse.vstack(list(cells.chunks()))
    assert (again != cells.matrix()).nnz == 0
    assert len(cells.passes) == 3
    assert Upsampled(cells.base, 20, seed=4).matrix()[:10].sum() != again[:10].sum()
    assert X.sum() == total


def test_copies_are_of_the_rows_that_originals_names(planted):
    X, _, genes = planted
    plain = Upsampled(Originals("planted", X, genes), BLOCK_ROWS + 500, seed=1, thin=False)
    assert (plain.matrix() != X[plain.originals()]).nnz == 0
    thin = Upsampled(plain.base, plain.n, seed=1)
    np.testing.assert_array_equal(thin.originals(), plain.originals())
    assert (X[thin.originals()] - thin.matrix()).min() >= 0
    share = thin.matrix().sum() / plain.matrix().sum()
    assert share == pytest.approx(np.mean(KEPT), abs=0.01)
    assert len(np.unique(plain.originals())) == X.shape[0]


def test_a_small_set_is_the_beginning_of_a_large_one_in_whole_blocks(planted):
    X, _, genes = planted
    base = Originals("planted", X, genes)
    small, large = Upsampled(base, BLOCK_ROWS, seed=2), Upsampled(base, BLOCK_ROWS + 40, seed=2)
    assert (large.matrix()[:BLOCK_ROWS] != small.matrix()).nnz == 0


def test_only_counts_are_numbers_of_molecules():
    assert can_thin("counts")
    assert not any(can_thin(kind) for kind in ("noninteger", "lognorm", "corrected", "compressed"))
