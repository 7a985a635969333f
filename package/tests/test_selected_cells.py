"""Selected, transformed cells: the naive twin, blocks of fixed size, in memory and spilled alike."""

import naive
import numpy as np
import pytest
from scipy import sparse

from schash import _selected_cells
from schash._selected_cells import SelectedCells, select_all
from schash._transforms import TRANSFORMS
from schash.cell_chunks import CellChunks


@pytest.fixture
def counts(rng):
    X = rng.poisson(rng.gamma(0.3, 4, (53, 20)))
    X[7] = 0
    X[9, 3] = 100  # above the counts that are looked up
    return X


KEPT = np.array([2, 3, 5, 11, 19])
SLOTS = np.full(20, -1, np.int32)
SLOTS[KEPT] = np.arange(5)


def select(X, chunk_rows=7, spill_bytes=2**28, transform="log"):
    chunks = CellChunks.from_matrix(X, chunk_rows=chunk_rows)
    return select_all(chunks, SLOTS, 5, transform=TRANSFORMS.index(transform), spill_bytes=spill_bytes)


def dense(cells):
    blocks = list(cells.blocks())
    assert [block.start for block in blocks] == list(
        np.concatenate([[0], np.cumsum([b.n_rows for b in blocks])])[: len(blocks)]
    )
    shapes = [(block.n_rows, cells.shape[1]) for block in blocks]
    rows = [
        sparse.csr_matrix((b.values, b.slots.astype(np.int64), b.indptr), shape=shape).toarray()
        for b, shape in zip(blocks, shapes, strict=True)
    ]
    return np.vstack(rows)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("fractional", [False, True])
def test_the_naive_twin_agrees(counts, transform, fractional):
    X = counts + 0.5 * (counts > 0) if fractional else counts
    expected = naive.transformed(X[:, KEPT], transform) - (transform == "freeman_tukey")
    found = dense(select(X, transform=transform))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("block_rows", [1, 8, 53, 54, 1000])
@pytest.mark.parametrize("spill_bytes", [0, 200, 2**28])
def test_blocks_have_a_fixed_size_however_the_cells_came(counts, monkeypatch, block_rows, spill_bytes):
    expected = dense(select(counts))
    monkeypatch.setattr(_selected_cells, "BLOCK_ROWS", block_rows)
    for chunk_rows in (1, 10, 53):
        cells = select(counts, chunk_rows, spill_bytes)
        sizes = [block.n_rows for block in cells.blocks()]
        assert sizes == [block_rows] * (53 // block_rows) + [53 % block_rows] * (53 % block_rows > 0)
        np.testing.assert_array_equal(dense(cells), expected)
        assert all(block.values.flags.aligned and block.slots.flags.aligned for block in cells.blocks())
        assert cells.shape == (53, 5)
        assert cells.nnz == (expected > 0).sum()
    assert select(counts, 10, 0).is_spilled == (block_rows <= 53)
    assert not select(counts).is_spilled


def test_zeros_that_are_stored_are_left_out():
    X = sparse.csr_matrix((np.array([0, 3.0]), np.array([2, 3]), np.array([0, 2])), shape=(1, 20))
    cells = select(X)
    assert cells.nnz == 1
    np.testing.assert_allclose(dense(cells), [[0, np.log(10001), 0, 0, 0]], rtol=1e-6)


def test_many_genes_take_wider_numbers():
    assert SelectedCells(2**16).slot_type is np.uint16
    assert SelectedCells(2**16 + 1).slot_type is np.int32


def test_no_cells():
    assert list(select(np.empty((0, 20))).blocks()) == []
