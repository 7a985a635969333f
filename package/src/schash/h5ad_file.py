"""h5ad files of others: read whole, with errors that name the file, and a matrix whose indices lie within it."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata
import h5py
from scipy import sparse

from schash.errors import DataError
from schash.h5_check import check_h5


def read_h5ad(path: str | Path) -> anndata.AnnData:
    """Any h5ad; `DataError` where it is damaged or something else. Missing files are left to the caller."""
    check_h5(path)
    check_layout(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of old formats and repeated names: what matters is checked by who needs it
            return anndata.read_h5ad(path)
    except Exception as error:  # h5py and anndata raise many kinds for a file that is not theirs
        message = f"{path}: cannot be read as h5ad: {first_line(error)}"
        raise DataError(message) from error


def check_layout(path: str | Path) -> None:
    """Raise `DataError` where tables or matrices are not laid out as in an h5ad: readers would make something of it.

    Call `check_h5` before.
    """
    with h5py.File(path, "r") as file:
        fault = next(_faults(file), None)
    if fault is not None:
        message = f"{path}: cannot be read as h5ad: {fault}"
        raise DataError(message)


def _faults(file: h5py.File) -> Iterator[str]:
    for name in ("obs", "var"):
        table: Any = file.get(name)
        if isinstance(table, h5py.Group):
            index = table.get(str(table.attrs.get("_index", "_index")))
            if index is None or (isinstance(index, h5py.Dataset) and index.ndim != 1):
                yield f"{name} has no index of one dimension"
        elif table is None or table.dtype.names is None:  # records are the oldest format
            yield f"{name} is no table"
    layers: Any = file.get("layers")
    names = ["X", "raw/X", *(f"layers/{key}" for key in (layers if isinstance(layers, h5py.Group) else ()))]
    for name in names:
        yield from _faults_of_matrix(file.get(name), name)


def _faults_of_matrix(item: Any, name: str) -> Iterator[str]:
    if isinstance(item, h5py.Group) and {"data", "indices", "indptr"} <= set(item):
        for part, kinds in (("data", "biuf"), ("indices", "iu"), ("indptr", "iu")):
            array = item[part]
            if not isinstance(array, h5py.Dataset) or array.ndim != 1 or array.dtype.kind not in kinds:
                yield f"{name}/{part} is no list of numbers"


def first_line(error: BaseException) -> str:
    """Kind and first line of an error, for a message."""
    text = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {text[:300]}"


def check_matrix(X: Any, where: str) -> None:
    """Raise `DataError` for what is no matrix of numbers, or is sparse with pointers or indices that lead out of it.

    Compiled code trusts the indices. anndata and scipy check sizes only.
    """
    if getattr(X, "ndim", None) != 2 or getattr(X, "dtype", None) is None or X.dtype.kind not in "biuf":
        came = f"{type(X).__name__} of {getattr(X, 'dtype', '?')}, {getattr(X, 'ndim', '?')} dimension(s)"
        message = f"{where}: expected a matrix of numbers, cells x genes, came {came}"
        raise DataError(message)
    if isinstance(X, sparse.csr_matrix | sparse.csc_matrix | sparse.csr_array | sparse.csc_array):
        try:
            X.check_format(full_check=True)
        except ValueError as error:
            message = f"{where}: damaged: its sparse matrix is none ({error})"
            raise DataError(message) from None
