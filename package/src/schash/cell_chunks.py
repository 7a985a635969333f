"""Cells in blocks of rows, read as often as needed: what an index is built from without holding all counts in memory.

Whatever the cells come from, a block is CSR float32 with sorted indices and no entry twice, and holds nothing negative,
infinite or NaN.
"""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, cast

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from schash._cellfishing_kernels import count_invalid
from schash.errors import DataError

CHUNK_ROWS = 4096
DENSE_BYTES = 2**26
"""Dense rows are read in blocks of at most so many bytes: a row of 30,000 genes is large."""

Rows = Callable[[int, int], Any]
"""read(start, stop): rows [start, stop) as a matrix, sparse or dense."""


class CellChunks:
    """Counts (n_cells, n_genes) that are iterated in blocks of rows, any number of times.

    Parameters
    ----------
    read : function (start, stop) that gives rows [start, stop), sparse or dense
    shape : (n_cells, n_genes)
    genes : (n_genes,) names, where they are known
    chunk_rows : rows of a block
    where : what the cells are called in error messages
    """

    def __init__(
        self,
        read: Rows,
        shape: tuple[int, int],
        *,
        genes: Any = None,
        chunk_rows: int | None = None,
        where: str = "X",
    ) -> None:
        if chunk_rows is not None and chunk_rows < 1:
            message = f"chunk_rows must be at least 1, got {chunk_rows}"
            raise DataError(message)
        self.read = read
        self.shape = (int(shape[0]), int(shape[1]))
        self.genes = None if genes is None else np.asarray(genes).astype(str)
        self.chunk_rows = CHUNK_ROWS if chunk_rows is None else int(chunk_rows)
        self.where = where

    @property
    def n_chunks(self) -> int:
        return -(-self.shape[0] // self.chunk_rows)

    def __iter__(self) -> Iterator[sparse.csr_matrix]:
        """Blocks in the order of the rows, (<= chunk_rows, n_genes) CSR float32.

        Raises
        ------
        DataError
            for negative, infinite or NaN values, or a block of another shape than was asked for
        """
        for start in range(0, self.shape[0], self.chunk_rows):
            stop = min(start + self.chunk_rows, self.shape[0])
            yield self._checked(self.read(start, stop), start, stop)

    def _checked(self, block: Any, start: int, stop: int) -> sparse.csr_matrix:
        try:
            csr = canonical(block)
        except DataError as error:
            message = f"{self.where}: {error}"
            raise DataError(message) from error
        if csr.shape != (stop - start, self.shape[1]):
            message = (
                f"{self.where}: rows {start:,} to {stop:,} came as {csr.shape[0]} x {csr.shape[1]}, "
                f"expected {stop - start} x {self.shape[1]}"
            )
            raise DataError(message)
        n_bad = int(count_invalid(csr.data, csr.indices, csr.shape[1]))
        if n_bad:
            message = (
                f"{self.where}: counts must be finite and not negative, of a gene that is there; rows {start:,} to "
                f"{stop:,} hold {n_bad} values that are negative, NaN, infinite or outside the matrix"
            )
            raise DataError(message)
        return csr

    @classmethod
    def from_matrix(cls, X: Any, *, genes: Any = None, chunk_rows: int | None = None) -> Self:
        """From a matrix in memory: sparse of any format, dense, or a DataFrame, whose columns name the genes.

        Raises
        ------
        DataError
            if X is not a matrix
        """
        if isinstance(X, pd.DataFrame):
            genes = X.columns if genes is None else genes
            X = X.to_numpy()
        if sparse.issparse(X):
            csr = sparse.csr_matrix(cast(Any, X))  # shares the arrays of a CSR
            return cls(
                lambda start, stop: rows_of(csr, start, stop), csr.shape, genes=genes, chunk_rows=chunk_rows
            )
        dense = np.asarray(X)
        if dense.ndim != 2:
            message = f"counts must be a matrix of cells x genes, got {dense.ndim} dimension(s)"
            raise DataError(message)
        rows = dense_rows(dense.shape[1]) if chunk_rows is None else chunk_rows
        return cls(lambda start, stop: dense[start:stop], dense.shape, genes=genes, chunk_rows=rows)

    @classmethod
    def from_anndata(
        cls,
        adata: anndata.AnnData,
        *,
        layer: str | None = None,
        use_raw: bool = False,
        chunk_rows: int | None = None,
    ) -> Self:
        """From an AnnData, in memory or backed.

        Of a backed one only the rows of a block are in memory; anndata reads a view of a backed one whole.

        Raises
        ------
        DataError
            if there is no such layer, no .raw, or the backed matrix is stored by columns
        """
        whole = _matrix_of(adata, layer, use_raw)
        genes = adata.raw.var_names if use_raw else adata.var_names
        if sparse.issparse(whole) or isinstance(whole, np.ndarray):
            return cls.from_matrix(whole, genes=genes, chunk_rows=chunk_rows)
        if getattr(whole, "format", "csr") != "csr":
            raise DataError(_by_columns(adata.filename))
        if chunk_rows is None and isinstance(whole, h5py.Dataset):
            chunk_rows = dense_rows(whole.shape[1])
        return cls(
            lambda start, stop: whole[start:stop],
            whole.shape,
            genes=genes,
            chunk_rows=chunk_rows,
            where=str(adata.filename),
        )

    @classmethod
    def from_h5ad(
        cls,
        path: str | Path,
        *,
        layer: str | None = None,
        use_raw: bool = False,
        chunk_rows: int | None = None,
    ) -> Self:
        """From an h5ad file, of which only the rows of a block are in memory. It is opened for each block anew.

        Raises
        ------
        DataError
            if the file is missing, is no h5ad, lacks the matrix, or holds it by columns
        """
        key = "raw/X" if use_raw else "X" if layer is None else f"layers/{layer}"
        try:
            with h5py.File(path, "r") as file:
                item = file[key]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of old formats
                    genes = read_elem(file["raw/var" if use_raw else "var"]).index
                is_dense = isinstance(item, h5py.Dataset)
                if not is_dense and item.attrs.get("encoding-type") != "csr_matrix":
                    raise DataError(_by_columns(path))
                shape = item.shape if is_dense else tuple(item.attrs["shape"])
                indptr = None if is_dense else item["indptr"][:].astype(np.int64)  # (n_cells + 1,)
                if indptr is not None:
                    _check_pointers(indptr, item, int(shape[0]), f"{path}: {key}")
        except (OSError, KeyError) as error:
            message = f"{path}: cannot be read as an h5ad with {key} ({error})"
            raise DataError(message) from error
        if chunk_rows is None and is_dense:
            chunk_rows = dense_rows(shape[1])
        read = _h5_reader(path, key, shape[1], indptr)
        return cls(read, shape, genes=genes, chunk_rows=chunk_rows, where=str(path))


def as_chunks(X: Any, genes: Any = None) -> CellChunks:
    """`X` itself if it is `CellChunks`, an AnnData's X, or a matrix; `genes` names its columns."""
    if isinstance(X, anndata.AnnData):
        X = CellChunks.from_anndata(X)
    if not isinstance(X, CellChunks):
        return CellChunks.from_matrix(X, genes=genes)
    return (
        X
        if genes is None
        else CellChunks(X.read, X.shape, genes=genes, chunk_rows=X.chunk_rows, where=X.where)
    )


def canonical(block: Any) -> sparse.csr_matrix:
    """`block` as CSR float32 with sorted indices and no entry twice; the block itself is never changed."""
    try:
        csr = sparse.csr_matrix(block)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused
            csr = csr.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        message = f"counts must be a matrix of numbers, cells x genes ({error})"
        raise DataError(message) from error
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    return csr


def rows_of(csr: sparse.csr_matrix, start: int, stop: int) -> sparse.csr_matrix:
    """Rows [start, stop) that share the entries of `csr`, which slicing would copy."""
    first, last = csr.indptr[start], csr.indptr[stop]
    arrays = csr.data[first:last], csr.indices[first:last], csr.indptr[start : stop + 1] - first
    return sparse.csr_matrix(arrays, shape=(stop - start, csr.shape[1]))


def dense_rows(n_genes: int) -> int:
    """Rows of a block of dense cells."""
    return max(1, min(CHUNK_ROWS, DENSE_BYTES // max(1, 4 * n_genes)))


def _check_pointers(indptr: np.ndarray, item: Any, n_cells: int, where: str) -> None:
    """Raise `DataError` unless the pointers rise from 0 to the number of values, of which each has its gene."""
    n = len(item["data"])
    rises = len(indptr) == n_cells + 1 and indptr[0] == 0 and bool((np.diff(indptr) >= 0).all())
    if not rises or indptr[-1] > n or len(item["indices"]) != n:
        message = (
            f"{where} is damaged: {len(indptr):,} pointers for {n_cells:,} cells, {n:,} values, "
            f"{len(item['indices']):,} indices"
        )
        raise DataError(message)


def _h5_reader(path: str | Path, key: str, n_genes: int, indptr: np.ndarray | None) -> Rows:
    def read(start: int, stop: int) -> Any:
        with h5py.File(path, "r") as file:
            item: Any = file[key]
            if indptr is None:
                return item[start:stop]
            ends = indptr[start : stop + 1]
            data, indices = item["data"][ends[0] : ends[-1]], item["indices"][ends[0] : ends[-1]]
        try:
            block = sparse.csr_matrix((data, indices, ends - ends[0]), shape=(stop - start, n_genes))
            block.check_format(full_check=True)  # the loops trust it
        except ValueError as error:
            message = f"{path}: damaged: rows {start:,} to {stop:,} of {key} are no CSR ({error})"
            raise DataError(message) from error
        return block

    return read


def _matrix_of(adata: anndata.AnnData, layer: str | None, use_raw: bool) -> Any:
    if use_raw:
        if adata.raw is None:
            message = "the AnnData has no .raw"
            raise DataError(message)
        return adata.raw.X
    if layer is None:
        if adata.X is None:
            message = "the AnnData has no X; name a layer"
            raise DataError(message)
        return adata.X
    if layer not in adata.layers:
        message = f"the AnnData has no layer {layer!r} (it has: {', '.join(adata.layers) or 'none'})"
        raise DataError(message)
    return adata.layers[layer]


def _by_columns(path: Any) -> str:
    return (
        f"{path}: the matrix is stored by columns, so that its cells cannot be read in blocks; "
        "read it into memory, or write it again as CSR (adata.X = adata.X.tocsr())"
    )
