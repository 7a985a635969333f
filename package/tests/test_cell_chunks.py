"""Blocks of cells: the same cells whatever they come from and however they are cut, and bad ones are named."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from schash.cell_chunks import DENSE_BYTES, CellChunks, as_chunks, canonical, dense_rows
from schash.errors import DataError

GENES = np.array([f"GENE{i:02d}" for i in range(12)])


@pytest.fixture
def counts(rng):
    return rng.poisson(0.7, (25, 12)).astype(np.float32)


@pytest.fixture
def h5ad(counts, tmp_path):
    adata = anndata.AnnData(sparse.csr_matrix(counts), var=pd.DataFrame(index=GENES))
    adata.layers["double"] = sparse.csr_matrix(2 * counts)
    adata.layers["dense"] = 3 * counts
    adata.layers["columns"] = sparse.csc_matrix(counts)
    adata.raw = anndata.AnnData(sparse.csr_matrix(4 * counts), var=pd.DataFrame(index=GENES))
    adata.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


def whole(chunks):
    blocks = list(chunks)
    assert len(blocks) == chunks.n_chunks
    for block in blocks:
        assert block.format == "csr"
        assert block.dtype == np.float32
        assert block.has_canonical_format
        assert block.shape[0] <= chunks.chunk_rows
    return sparse.vstack(blocks).toarray()


@pytest.mark.parametrize("chunk_rows", [1, 7, 25, 100, None])
@pytest.mark.parametrize(
    "make",
    [
        sparse.csr_matrix,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        np.asarray,
        lambda X: X.astype(np.int64),
        lambda X: sparse.csr_matrix(X.astype(float)),
        lambda X: pd.DataFrame(X, columns=GENES),
    ],
)
def test_a_matrix_comes_in_blocks_any_number_of_times(counts, make, chunk_rows):
    chunks = CellChunks.from_matrix(make(counts), genes=GENES, chunk_rows=chunk_rows)
    np.testing.assert_array_equal(whole(chunks), counts)
    np.testing.assert_array_equal(whole(chunks), counts)
    assert chunks.shape == (25, 12)
    assert list(chunks.genes) == list(GENES)


@pytest.mark.parametrize("chunk_rows", [4, None])
@pytest.mark.parametrize(
    ("options", "factor"),
    [({}, 1), ({"layer": "double"}, 2), ({"layer": "dense"}, 3), ({"use_raw": True}, 4)],
)
def test_files_and_anndata_give_the_same(h5ad, counts, options, factor, chunk_rows):
    backed = anndata.read_h5ad(h5ad, backed="r")
    sources = [
        CellChunks.from_h5ad(h5ad, **options, chunk_rows=chunk_rows),
        CellChunks.from_anndata(backed, **options, chunk_rows=chunk_rows),
        CellChunks.from_anndata(anndata.read_h5ad(h5ad), **options, chunk_rows=chunk_rows),
    ]
    for chunks in sources:
        np.testing.assert_array_equal(whole(chunks), factor * counts)
        np.testing.assert_array_equal(whole(chunks), factor * counts)
        assert list(chunks.genes) == list(GENES)
    backed.file.close()


def test_a_backed_dense_matrix_and_a_view_of_a_backed_one(h5ad, counts, tmp_path):
    anndata.AnnData(counts, var=pd.DataFrame(index=GENES)).write_h5ad(tmp_path / "dense.h5ad")
    dense = anndata.read_h5ad(tmp_path / "dense.h5ad", backed="r")
    np.testing.assert_array_equal(whole(CellChunks.from_anndata(dense)), counts)
    np.testing.assert_array_equal(whole(CellChunks.from_h5ad(tmp_path / "dense.h5ad")), counts)
    backed = anndata.read_h5ad(h5ad, backed="r")
    view = CellChunks.from_anndata(backed[5:20, 2:9], chunk_rows=4)
    np.testing.assert_array_equal(whole(view), counts[5:20, 2:9])
    assert list(view.genes) == list(GENES[2:9])
    backed.file.close()
    dense.file.close()


def test_a_function_that_reads_rows(counts):
    chunks = CellChunks(lambda start, stop: counts[start:stop], counts.shape, chunk_rows=10)
    np.testing.assert_array_equal(whole(chunks), counts)
    assert chunks.genes is None
    assert as_chunks(chunks) is chunks
    named = as_chunks(chunks, GENES)
    assert list(named.genes) == list(GENES)
    np.testing.assert_array_equal(whole(named), counts)


def test_entries_given_twice_are_summed_and_the_input_is_left_alone():
    data, indices, indptr = np.array([1, 2, 5], np.float32), np.array([1, 1, 0]), np.array([0, 3])
    X = sparse.csr_matrix((data, indices, indptr), shape=(1, 2))
    np.testing.assert_array_equal(whole(CellChunks.from_matrix(X)), [[5, 3]])
    assert X.nnz == 3
    np.testing.assert_array_equal(X.indices, [1, 1, 0])
    assert canonical(X).nnz == 2


def test_no_cells():
    chunks = CellChunks.from_matrix(np.empty((0, 3)))
    assert list(chunks) == []
    assert chunks.n_chunks == 0


def test_dense_rows_of_many_genes_come_in_smaller_blocks():
    assert dense_rows(10) == 4096
    assert dense_rows(30_000) * 30_000 * 4 <= DENSE_BYTES
    assert dense_rows(2**40) == 1
    assert dense_rows(0) == 4096


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.array([[1.0, 0], [np.nan, 1]]), "rows 1 to 2 hold 1 values that are negative, NaN"),
        (np.array([[1.0, -1], [0, 1]]), "rows 0 to 1 hold 1 values"),
        (np.array([[np.inf, 0], [0, 1]]), "rows 0 to 1 hold 1 values"),
        (np.array([[1e300, 0], [0, 1]]), "rows 0 to 1 hold 1 values"),
        (np.array([["a", "b"]]), "matrix of numbers"),
    ],
)
def test_what_is_no_count_is_refused(X, words):
    with pytest.raises(DataError, match=words):
        list(CellChunks.from_matrix(X, chunk_rows=1))


def test_an_index_outside_the_matrix_is_refused():
    X = sparse.csr_matrix(np.ones((1, 3), np.float32))
    X.indices[2] = 3
    with pytest.raises(DataError, match="outside the matrix"):
        list(CellChunks.from_matrix(X))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CellChunks.from_matrix(np.ones(3)), "got 1 dimension"),
        (lambda: CellChunks.from_matrix(np.ones((2, 2)), chunk_rows=0), "at least 1, got 0"),
        (
            lambda: list(CellChunks(lambda a, b: np.ones((1, 2)), (3, 2), where="mine")),
            "mine: rows 0 to 3 came as 1 x 2",
        ),
        (lambda: CellChunks.from_anndata(anndata.AnnData(np.ones((2, 2))), use_raw=True), "no .raw"),
        (lambda: CellChunks.from_anndata(anndata.AnnData(np.ones((2, 2))), layer="a"), "it has: none"),
        (lambda: CellChunks.from_anndata(anndata.AnnData(shape=(2, 2))), "no X; name a layer"),
    ],
)
def test_what_gives_no_cells_says_why(make, words):
    with pytest.raises(DataError, match=words):
        make()


def test_files_that_give_no_cells_say_why(h5ad, tmp_path, counts):
    with pytest.raises(DataError, match=r"stored by columns.*tocsr"):
        CellChunks.from_h5ad(h5ad, layer="columns")
    with pytest.raises(DataError, match="cannot be read as an h5ad with layers/none"):
        CellChunks.from_h5ad(h5ad, layer="none")
    with pytest.raises(DataError, match="cannot be read"):
        CellChunks.from_h5ad(tmp_path / "none.h5ad")
    anndata.AnnData(sparse.csc_matrix(counts)).write_h5ad(tmp_path / "columns.h5ad")
    backed = anndata.read_h5ad(tmp_path / "columns.h5ad", backed="r")
    with pytest.raises(DataError, match="stored by columns"):
        CellChunks.from_anndata(backed)
    backed.file.close()


def test_a_damaged_file_does_not_reach_the_kernels(h5ad):
    chunks = CellChunks.from_h5ad(h5ad)
    with h5py.File(h5ad, "r+") as file:
        file["X/indices"][3] = 500
    with pytest.raises(DataError, match="rows 0 to 25 of X are no CSR"):
        list(chunks)
    with h5py.File(h5ad, "r+") as file:
        indptr = file["X/indptr"][:]
        indptr[4], indptr[5] = indptr[5] + 10, indptr[4]
        file["X/indptr"][:] = indptr
    with pytest.raises(DataError, match=r"X is damaged|rows 0 to 25 of X are no CSR"):
        list(CellChunks.from_h5ad(h5ad))
