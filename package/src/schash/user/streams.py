"""Cells of a file, block by block: of an h5ad or a 10x h5 only the rows in use are in memory.

What cannot be read by rows is read whole, by `schash.user.files`: folders of matrix market files, matrices stored by
columns, and h5ad files of anndata's oldest formats.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from anndata.utils import make_index_unique
from scipy import sparse

from schash.cell_chunks import CellChunks, canonical
from schash.errors import DataError, SchashError
from schash.h5_check import check_h5
from schash.h5ad_file import check_layout, first_line
from schash.tenx_file import open_tenx
from schash.user.files import check_values, read_user_cells
from schash.values import ValuesKind


@dataclass(frozen=True)
class CellFile:
    """The cells of a file.

    obs, var : its cells, and the genes of the chosen matrix
    chunks : that matrix
    adata : the whole, where the file could not be read by rows
    """

    path: Path
    obs: pd.DataFrame
    var: pd.DataFrame
    chunks: CellChunks
    adata: anndata.AnnData | None = None

    @property
    def n_cells(self) -> int:
        return len(self.obs)

    def checked(self, values: ValuesKind) -> CellChunks:
        """The matrix, whose blocks raise `DataError` where they are damaged or contradict the kind of values."""

        def read(start: int, stop: int) -> sparse.csr_matrix:
            try:
                block = canonical(self.chunks.read(start, stop))
            except SchashError as error:
                message = str(error)
                if str(self.path) not in message:
                    message = f"{self.path}: {message}"
                raise DataError(message) from None
            except Exception as error:  # h5py raises whatever a damaged field leads to
                message = f"{self.path}: cells {start:,} to {stop:,} cannot be read, the file is damaged "
                raise DataError(message + f"({first_line(error)})") from None
            check_values(block, values, where=str(self.path))
            return block

        chunks = self.chunks
        genes = self.var.index.to_numpy(str)
        return CellChunks(read, chunks.shape, genes=genes, chunk_rows=chunks.chunk_rows, where=str(self.path))

    def blocks(self, values: ValuesKind) -> Iterator[tuple[np.ndarray, sparse.csr_matrix]]:
        """Names and rows of the cells, block by block: (n,) str, (n, n_genes) CSR float32."""
        names = self.obs.index.to_numpy(object)
        start = 0
        for block in self.checked(values):
            yield names[start : start + block.shape[0]], block
            start += block.shape[0]


def open_cells(path: str | Path, *, layer: str | None = None, use_raw: bool = False) -> CellFile:
    """The cells of an h5ad, a 10x h5 or a 10x folder.

    Raises
    ------
    DataError
        if the file is missing, no known format, holds no cells, or lacks the layer; the message lists what there is
    """
    path = Path(path)
    opened = None
    if path.is_file() and not (layer is not None and use_raw):
        if path.suffix in (".h5ad", ".h5"):
            check_h5(path)
        if path.suffix == ".h5ad":
            check_layout(path)
        try:
            if path.suffix == ".h5ad":
                opened = _open_h5ad(path, layer, use_raw)
            elif path.suffix == ".h5" and layer is None and not use_raw:
                opened = _open_10x(path)
        except Exception:
            opened = None  # the reader of whole files reads it, or says what is wrong
    if opened is None or opened.n_cells == 0:
        cells = read_user_cells(path, layer=layer, use_raw=use_raw)
        chunks = CellChunks.from_matrix(cells.X)
        opened = CellFile(path, cells.adata.obs, cells.var, chunks, cells.adata)
    return opened


def _open_h5ad(path: Path, layer: str | None, use_raw: bool) -> CellFile | None:
    with h5py.File(path, "r") as file:
        if file.attrs.get("encoding-type") != "anndata":
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            obs, var = read_elem(file["obs"]), read_elem(file["raw/var" if use_raw else "var"])
    return CellFile(path, obs, var, CellChunks.from_h5ad(path, layer=layer, use_raw=use_raw))


def _open_10x(path: Path) -> CellFile:
    opened = open_tenx(path)
    names = make_index_unique(pd.Index(opened.symbols, dtype=object))
    var = pd.DataFrame({"gene_ids": opened.gene_ids}, index=names)
    obs = pd.DataFrame(index=pd.Index(opened.barcodes, dtype=object))
    return CellFile(path, obs, var, opened.chunks)
