"""Cells that are prepared a block of rows at a time, since their matrix is larger than memory.

What is written is the same `cells/{dataset}.h5ad` as `schash.data.cells` describes, with pointers (indptr) of 64 bits,
so that it may hold more than 2^31 entries. anndata and scanpy read it as they read any other; `CellChunks.from_h5ad`
reads it in blocks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata.io import sparse_dataset, write_elem

from schash.atomic import atomic_path
from schash.data.cell_checks import check_names, first_wrong
from schash.data.cells import LabelledCells, canonical_matrix, label_series, named_parts, write_cells
from schash.errors import DataError

if TYPE_CHECKING:
    from schash.cell_chunks import CellChunks

ENTRIES_PER_CHUNK = 1 << 16
"""Entries that HDF5 packs at once: 256 kB. Blocks are read in slices that begin and end anywhere."""


@dataclass(frozen=True)
class Totals:
    """What only the whole matrix tells. nonzeros : entries that are not 0; total : their sum"""

    nonzeros: int
    total: float


@dataclass(frozen=True)
class StreamedCells:
    """Cells whose matrix comes in blocks.

    cells : names, columns and `uns` that meet the schema of `schash.data.cells`; X is None
    labels : Series of str or None, indexed by the names of the cells in their order
    chunks : X, (n_cells, n_genes)
    """

    cells: anndata.AnnData
    labels: pd.Series
    chunks: "CellChunks"

    def blocks(self) -> Iterator[sp.csr_matrix]:
        """Rows in their order: CSR float32, sorted, no zeros stored.

        Raises `DataError` naming the cell and the gene of a number that contradicts the kind of the values.
        """
        kind, where, start = self.cells.uns["values"], self.chunks.where, 0
        for block in self.chunks:
            rows = canonical_matrix(block, kind, where)
            self._check(rows, start, kind)
            start += rows.shape[0]
            yield rows

    def _check(self, rows: sp.csr_matrix, start: int, kind: str) -> None:
        wrong = first_wrong(rows.data, kind)
        if wrong is not None:
            entry, expected = wrong
            row = start + int(np.searchsorted(rows.indptr, entry, side="right")) - 1
            place = f"cell {self.cells.obs_names[row]!r}, gene {self.cells.var_names[rows.indices[entry]]!r}"
            message = f"{self.chunks.where}: {place}: came {rows.data[entry]:g}, expected {expected}"
            raise DataError(message)


def stream_cells(
    chunks: "CellChunks",
    obs_names: Sequence[str],
    var_names: Sequence[str],
    *,
    labels: Sequence[Any],
    dataset: str,
    values: str,
    obs: dict[str, Any] | None = None,
    gene_id: Sequence[str] | None = None,
    stand_in_for: str | None = None,
) -> StreamedCells:
    """`schash.data.cells.make_cells` for a matrix in blocks, which are neither read nor checked yet."""
    parts = named_parts(
        obs_names,
        var_names,
        obs=obs,
        gene_id=gene_id,
        dataset=dataset,
        values=values,
        stand_in_for=stand_in_for,
    )
    adata = anndata.AnnData(X=None, **parts)
    if chunks.shape != adata.shape or len(labels) != adata.n_obs:
        message = (
            f"{dataset}: X is {chunks.shape[0]} x {chunks.shape[1]}, but there are "
            f"{adata.n_obs} cell names, {adata.n_vars} gene names and {len(labels)} labels"
        )
        raise DataError(message)
    check_names(adata, dataset)
    return StreamedCells(adata, label_series(labels, adata.obs_names), chunks)


def totals_of(loaded: LabelledCells) -> Totals:
    """Those of cells in memory."""
    X = loaded.cells.X
    return Totals(int(X.nnz), float(X.data.sum(dtype=np.float64)))


def write_loaded(
    path: str | Path, loaded: LabelledCells | StreamedCells, check: Callable[[Totals], None]
) -> Totals:
    """Write cells, whole or in blocks, under their name only once `check` has accepted their totals."""
    if isinstance(loaded, LabelledCells):
        totals = totals_of(loaded)
        check(totals)
        write_cells(path, loaded.cells)
        return totals
    with atomic_path(path) as temporary:
        loaded.cells.write_h5ad(temporary, convert_strings_to_categoricals=False)
        with h5py.File(temporary, "r+") as file:
            totals = _write_blocks(file, loaded.blocks(), loaded.cells.n_vars)
        check(totals)
    return totals


def _write_blocks(file: h5py.File, blocks: Iterator[sp.csr_matrix], n_genes: int) -> Totals:
    nonzeros, total = 0, 0.0
    packing = {"chunks": (ENTRIES_PER_CHUNK,), "compression": "gzip", "compression_opts": 1}
    empty = sp.csr_matrix(np.zeros((0, n_genes), dtype=np.float32))
    write_elem(file, "X", empty, dataset_kwargs={"indptr_dtype": np.int64, **packing})
    X: Any = sparse_dataset(file["X"])
    for block in blocks:
        X.append(block)
        nonzeros += block.nnz
        total += float(block.data.sum(dtype=np.float64))
    return Totals(nonzeros, total)
