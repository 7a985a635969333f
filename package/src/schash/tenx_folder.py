"""Folders of Cell Ranger: matrix.mtx, features.tsv (genes.tsv before version 3), barcodes.tsv, packed by gzip or not.

Names are taken as they are written: a gene called NA is a gene, and a quote is a character of a name.
"""

import csv
import gzip
import zlib
from pathlib import Path
from typing import IO, Any

import anndata
import numpy as np
import pandas as pd
from anndata.utils import make_index_unique
from scipy import sparse

from schash.errors import DataError

GENES = "Gene Expression"
LONGEST_LINE = 1 << 16
_KINDS = ("integer", "real")


def read_tenx_folder(folder: Path) -> anndata.AnnData:
    """Cells x genes: counts as CSR, obs by barcode, var by symbol (repeated ones made unique) with `gene_ids`.

    Features that are no genes are left out. Raises `DataError` naming the file and what is wrong with it.
    """
    features, is_v3 = _features(folder)
    barcodes = [row[0] for row in _rows(_find(folder, "barcodes.tsv"))]
    path = _find(folder, "matrix.mtx")
    X = _matrix(path, (len(features), len(barcodes)))
    table = pd.DataFrame(features).iloc[:, :3]
    var = pd.DataFrame({"gene_ids": table[0].to_numpy()}, index=pd.Index(table[1].to_numpy(), dtype=object))
    kept = np.flatnonzero(table[2] == GENES) if is_v3 else np.arange(len(table))
    var = var.iloc[kept]
    var.index = make_index_unique(var.index)
    return anndata.AnnData(X[:, kept], obs=pd.DataFrame(index=pd.Index(barcodes, dtype=object)), var=var)


def _features(folder: Path) -> tuple[list[list[str]], bool]:
    """Rows of id, symbol and, from version 3 on, type."""
    is_v3 = any((folder / f"features.tsv{end}").is_file() for end in ("", ".gz"))
    path = _find(folder, "features.tsv" if is_v3 else "genes.tsv")
    rows = _rows(path)
    wanted = 3 if is_v3 else 2
    short = next((i for i, row in enumerate(rows) if len(row) < wanted), None)
    if short is not None:
        message = f"{path}: line {short + 1} must hold {wanted} fields separated by tabs, came {str(rows[short])[:200]}"
        raise DataError(message)
    return rows, is_v3


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    message = f"{folder}: has no {name} or {name}.gz"
    raise DataError(message)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _rows(path: Path) -> list[list[str]]:
    try:
        with _open(path) as handle:
            lines = handle.read().decode("utf-8").replace("\r\n", "\n").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {error}"
        raise DataError(message) from error
    if lines[-1] == "":
        lines.pop()
    return [line.split("\t") for line in lines]


def _matrix(path: Path, expected: tuple[int, int]) -> sparse.csr_matrix:
    """(n_cells, n_features) of a file of (n_features, n_cells) = `expected`.

    Parsed by pandas: scipy's reader of this format may crash on a damaged file.
    """
    try:
        with _open(path) as handle:
            n_entries = _read_head(handle, path, expected)
            table = _entries(handle)
        if len(table) != n_entries:
            message = f"came {len(table):,} entries, expected {n_entries:,}"
            raise ValueError(message)
        rows, columns = table[0].to_numpy() - 1, table[1].to_numpy() - 1
        for places, size in zip((rows, columns), expected, strict=True):
            if len(places) and not 0 <= places.min() <= places.max() < size:
                message = (
                    f"entries must lie from 1 to {size:,}, came {places.min() + 1:,} to {places.max() + 1:,}"
                )
                raise ValueError(message)
        return sparse.csr_matrix((table[2].to_numpy(), (columns, rows)), shape=expected[::-1])
    except DataError:
        raise
    except Exception as error:  # of gzip, of text, and of the parser
        message = (
            f"{path}: cannot be read as a Matrix Market file: {type(error).__name__}: {str(error)[:300]}"
        )
        raise DataError(message) from error


def _entries(handle: IO[bytes]) -> pd.DataFrame:
    """Row, column and value of each entry, as numbered in the file."""
    types = {0: np.int64, 1: np.int64, 2: np.float64}
    options: dict[str, Any] = {"sep": r"\s+", "header": None, "names": list(types), "index_col": False}
    try:
        return pd.read_csv(handle, **options, dtype=types, na_filter=False, quoting=csv.QUOTE_NONE)
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: np.empty(0, dtype) for name, dtype in types.items()})


def _read_head(handle: IO[bytes], path: Path, expected: tuple[int, int]) -> int:
    """The number of entries, after which the handle stands before the first."""
    banner = handle.readline(LONGEST_LINE).decode("utf-8").lower().split()
    wanted = banner[:3] == ["%%matrixmarket", "matrix", "coordinate"] and banner[4:] == ["general"]
    if not wanted or banner[3] not in _KINDS:
        came = " ".join(banner)[:200]
        message = f"{path}: must begin with '%%MatrixMarket matrix coordinate integer general', came {came!r}"
        raise DataError(message)
    line = handle.readline(LONGEST_LINE)
    while line.startswith(b"%") or (line and not line.strip()):
        line = handle.readline(LONGEST_LINE)
    words = line.decode("utf-8").split()
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
        message = f"{path}: must state rows, columns and entries, came {line[:200]!r}"
        raise DataError(message)
    n_features, n_cells, n_entries = map(int, words)
    if (n_features, n_cells) != expected:
        message = (
            f"{path}: is of {n_features:,} features x {n_cells:,} barcodes, but there are {expected[0]:,} and "
            f"{expected[1]:,} names"
        )
        raise DataError(message)
    return n_entries
