"""Cells from a user's own file: h5ad, 10x h5, or a 10x folder of matrix market files."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata.utils import make_index_unique
from scipy import sparse

from schash.errors import DataError, SchashError
from schash.h5ad_file import check_matrix, first_line, read_h5ad
from schash.preprocess import as_csr
from schash.tenx_file import open_tenx
from schash.tenx_folder import read_tenx_folder
from schash.values import LINEAR, ValuesKind

FORMATS = "an .h5ad file, a 10x .h5 file, or a folder with matrix.mtx[.gz], genes/features and barcodes"
TABLE_SUFFIXES = (".tsv", ".csv")
MAX_REPEATED_SHOWN = 3


@dataclass(frozen=True)
class UserCells:
    """A file's cells and the matrix chosen from it. X : (n_cells, n_genes) float32 CSR, `var` its genes."""

    adata: anndata.AnnData
    X: sparse.csr_matrix
    var: pd.DataFrame


def read_user_cells(path: str | Path, *, layer: str | None = None, use_raw: bool = False) -> UserCells:
    """Read a file of any supported format.

    Raises
    ------
    DataError
        if the file is missing, no known format, or lacks the layer; the message lists what there is
    """
    adata = _read(Path(path))
    if adata.n_obs == 0:
        message = f"{path}: holds no cells"
        raise DataError(message)
    X, var = chosen_matrix(adata, layer=layer, use_raw=use_raw, where=str(path))
    try:
        return UserCells(adata, as_csr(X), var)
    except DataError as error:
        message = f"{path}: {error}"
        raise DataError(message) from None


def chosen_matrix(
    adata: anndata.AnnData, *, layer: str | None, use_raw: bool, where: str
) -> tuple[Any, pd.DataFrame]:
    """X, the layer or .raw, and the genes of its columns.

    `DataError` listing what there is where it is none, and where it is no matrix.
    """
    if layer is not None and use_raw:
        message = "give either a layer or .raw, not both"
        raise DataError(message)
    if use_raw:
        if adata.raw is None:
            message = f"{where}: has no .raw"
            raise DataError(message)
        check_matrix(adata.raw.X, where)
        return adata.raw.X, adata.raw.var
    if layer is not None and layer not in adata.layers:
        message = f"{where}: has no layer {layer!r} (it has: {', '.join(adata.layers) or 'none'})"
        raise DataError(message)
    X = adata.X if layer is None else adata.layers[layer]
    if X is None:
        message = f"{where}: has no X; name a layer"
        raise DataError(message)
    check_matrix(X, where)
    return X, adata.var


def _read(path: Path) -> anndata.AnnData:
    if not path.exists():
        message = f"{path}: does not exist"
        raise DataError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of repeated names, which are refused where they matter
            if path.is_dir():
                return read_tenx_folder(path)
            if path.suffix == ".h5ad":
                return read_h5ad(path)
            if path.suffix == ".h5":
                return _read_tenx(path)
    except SchashError as error:
        message = f"{error}; expected {FORMATS}"
        raise DataError(message) from None
    except Exception as error:  # the readers raise many kinds for a file that is not theirs
        message = f"{path}: cannot be read ({first_line(error)}); expected {FORMATS}"
        raise DataError(message) from None
    message = f"{path}: unknown format; expected {FORMATS}"
    raise DataError(message)


def _read_tenx(path: Path) -> anndata.AnnData:
    opened = open_tenx(path)
    names = make_index_unique(pd.Index(opened.symbols, dtype=object))
    return anndata.AnnData(
        opened.chunks.read(0, opened.chunks.shape[0]),
        obs=pd.DataFrame(index=pd.Index(opened.barcodes, dtype=object)),
        var=pd.DataFrame({"gene_ids": opened.gene_ids}, index=names),
    )


def check_values(X: sparse.csr_matrix, values: ValuesKind, *, where: str) -> None:
    """Raise `DataError` where the numbers contradict their kind: fractional counts, negative linear values."""
    if values in LINEAR and X.nnz and X.data.min() < 0:
        message = f"{where}: values of kind {values!r} cannot be negative, found {X.data.min():g}"
        raise DataError(message)
    if values == "counts":
        fractional = np.flatnonzero(X.data != np.rint(X.data))
        if len(fractional):
            message = (
                f"{where}: expected counts, found {len(fractional):,} values that are no integers, e.g. "
                f"{X.data[fractional[0]]:.4g}. Use the matrix with the counts (--layer NAME or --raw), or say what "
                f"they are with --values (noninteger, lognorm, corrected, compressed)"
            )
            raise DataError(message)


def labels_of(adata: anndata.AnnData, column: str, *, where: str) -> pd.Series:
    """The labels in `obs[column]` as str with NA for missing ones; `DataError` listing the columns where it is none."""
    if column not in adata.obs.columns:
        message = f"{where}: obs has no column {column!r} (it has: {', '.join(adata.obs.columns) or 'none'})"
        raise DataError(message)
    labels = adata.obs[column]
    return labels.astype(object).where(labels.notna(), None)
