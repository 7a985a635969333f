"""Per-cell transforms: golden values, scanpy as oracle, one cell alone equals the same cell in a batch."""

import anndata
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

from schash.errors import DataError
from schash.preprocess import TRANSFORMS, as_csr, log1p_counts, scaled_log1p, transform

COUNTS = np.array([[1, 0, 3], [0, 0, 0], [5, 5, 0]], dtype=np.float32)


def test_golden_values():
    np.testing.assert_allclose(log1p_counts(COUNTS).toarray()[0], np.log([2, 1, 4]), rtol=1e-6)
    np.testing.assert_allclose(scaled_log1p(COUNTS).toarray()[0], np.log([2501, 1, 7501]), rtol=1e-6)
    np.testing.assert_array_equal(transform(COUNTS, "raw").toarray(), COUNTS)


def test_an_empty_cell_stays_empty():
    assert scaled_log1p(COUNTS)[1].nnz == 0


def test_scaled_log_equals_scanpy(rng):
    X = rng.poisson(1.0, size=(30, 50)).astype(np.float32)
    adata = anndata.AnnData(sparse.csr_matrix(X))
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    np.testing.assert_allclose(scaled_log1p(X).toarray(), adata.X.toarray(), rtol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_cell_is_transformed_the_same_alone_as_in_a_batch(name, rng):
    X = rng.poisson(1.0, size=(9, 20))
    batch = transform(X, name).toarray()
    alone = np.vstack([transform(X[i : i + 1], name).toarray() for i in range(9)])
    np.testing.assert_array_equal(batch, alone)


@pytest.mark.parametrize("kind", ["lognorm", "corrected", "compressed"])
def test_other_kinds_pass_unchanged(kind):
    X = np.array([[-0.5, 2.25]], dtype=np.float32)
    np.testing.assert_array_equal(log1p_counts(X, values=kind).toarray(), X)
    np.testing.assert_array_equal(scaled_log1p(X, values=kind).toarray(), X)


def test_the_input_is_not_changed():
    X = sparse.csr_matrix(COUNTS)
    log1p_counts(X)
    scaled_log1p(X)
    np.testing.assert_array_equal(X.toarray(), COUNTS)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.array([[np.nan, 1]]), "1 NaN or infinite"),
        (np.array([[-1.0, 1]]), "cannot be negative, found -1"),
        (np.arange(3), "matrix of cells x genes"),
    ],
)
def test_bad_values_are_refused(X, words):
    with pytest.raises(DataError, match=words):
        log1p_counts(X)


def test_unknown_transform_names_the_known_ones():
    with pytest.raises(DataError, match="raw, log1p, scaled_log"):
        transform(COUNTS, "sqrt")


def test_as_csr_takes_any_matrix():
    for X in (COUNTS, COUNTS.astype(int), sparse.csc_matrix(COUNTS), sparse.coo_array(COUNTS)):
        csr = as_csr(X)
        assert csr.format == "csr"
        assert csr.dtype == np.float32
        np.testing.assert_array_equal(csr.toarray(), COUNTS)
