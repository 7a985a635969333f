"""The rules that prepared cells keep; a broken one raises `DataError`: file, key, found, allowed."""

from collections.abc import Sequence
from typing import Any, get_args

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from schash.data.registry import ObsColumn
from schash.errors import DataError
from schash.values import check_kind

OBS_COLUMNS: tuple[str, ...] = get_args(ObsColumn)
"""What may be known of a cell besides its values: an allow-list, lest a label slip in under a new name."""
VAR_COLUMNS = ("gene_id",)
UNS_KEYS = ("values", "dataset", "stand_in_for")
NOT_NEGATIVE = ("counts", "noninteger", "lognorm")
"""Kinds of values that are never negative."""


def check_cells(adata: anndata.AnnData, where: str) -> None:
    """Raise `DataError` naming `where` unless `adata` meets the schema of `schash.data.cells`."""
    _check_matrix(adata.X, where)
    check_names(adata, where)
    check_values(adata.X, adata.uns["values"], where)


def check_names(adata: anndata.AnnData, where: str) -> None:
    """The rules for all but the matrix, which may be missing: names, columns and what stands beside them."""
    require_unique(adata.obs_names, where, "cells")
    require_unique(adata.var_names, where, "genes")
    _check_columns(adata.obs, OBS_COLUMNS, f"{where}: obs")
    _check_columns(adata.var, VAR_COLUMNS, f"{where}: var")
    if "batch" not in adata.obs:
        message = f"{where}: obs has no column 'batch', found: {', '.join(adata.obs) or 'none'}"
        raise DataError(message)
    _check_nothing_else(adata, where)


def _check_matrix(X: Any, where: str) -> None:
    if not isinstance(X, sp.csr_matrix | sp.csr_array) or X.dtype != np.float32:
        came = f"{getattr(X, 'format', type(X).__name__)} {getattr(X, 'dtype', '')}".strip()
        message = f"{where}: X must be CSR float32, came {came}"
        raise DataError(message)
    if not X.has_canonical_format:
        message = f"{where}: X must have sorted indices and no entry twice"
        raise DataError(message)


def require_unique(names: pd.Index, where: str, what: str) -> None:
    """Raise `DataError` unless `names` are non-empty strings, no two of them the same."""
    if not all(isinstance(name, str) and name for name in names):
        message = f"{where}: the names of {what} must be non-empty strings"
        raise DataError(message)
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        examples = ", ".join(repeated[:3])
        message = f"{where}: names of {what} must be unique; {len(repeated)} of them repeat, e.g. {examples}"
        raise DataError(message)


def _check_columns(frame: pd.DataFrame, allowed: Sequence[str], where: str) -> None:
    for name in frame.columns:
        if name not in allowed:
            names = ", ".join(allowed)
            message = f"{where}[{name!r}] is not allowed; allowed: {names} (labels have a file of their own)"
            raise DataError(message)
        if not all(isinstance(item, str) for item in frame[name]):
            message = f"{where}[{name!r}] must hold strings, came {frame[name].dtype}"
            raise DataError(message)


def _check_nothing_else(adata: anndata.AnnData, where: str) -> None:
    if sorted(adata.uns) != sorted(UNS_KEYS):
        found = ", ".join(sorted(adata.uns)) or "none"
        message = f"{where}: uns must hold exactly {', '.join(UNS_KEYS)}; found: {found}"
        raise DataError(message)
    names = ("layers", "obsm", "varm", "obsp", "varp")
    extra = [name for name in names if len(getattr(adata, name))]
    if adata.raw is not None:
        extra.append("raw")
    if extra:
        message = f"{where}: {', '.join(extra)} must be empty: clusters and embeddings could tell the labels"
        raise DataError(message)


def check_values(X: sp.csr_matrix, kind: str, where: str) -> None:
    """Raise `DataError` where the numbers of X contradict the kind that they are said to be."""
    check_kind(kind)
    data = X.data
    if not np.isfinite(data).all():
        n_bad = int((~np.isfinite(data)).sum())
        message = f"{where}: X holds {n_bad} NaN or infinite values; every value must be finite"
        raise DataError(message)
    if kind in NOT_NEGATIVE and data.size and data.min() < 0:
        message = f"{where}: values={kind!r} are never negative, but X holds {data.min():g}"
        raise DataError(message)
    fractional = data[data != np.floor(data)]
    if kind == "counts" and fractional.size:
        message = (
            f"{where}: values='counts' are integers, but X holds e.g. {fractional[0]:g}; "
            "say 'noninteger' (linear) or 'lognorm' (log-transformed)"
        )
        raise DataError(message)
    if kind in ("noninteger", "lognorm") and data.size and not fractional.size:
        message = f"{where}: values={kind!r}, but every value of X is an integer, which are 'counts'"
        raise DataError(message)


def first_wrong(data: np.ndarray, kind: str | None) -> tuple[int, str] | None:
    """Position of the first number that values of that kind cannot be, and what was expected there; None where all can.

    kind : None where it is not known; then only what is not finite is wrong
    What only all values together tell, such as that none of `noninteger` has a fraction, is left to `check_values`.
    """
    wrong = ~np.isfinite(data)
    expected = "a finite number"
    if kind in NOT_NEGATIVE:
        wrong |= data < 0
        expected = "a number of at least 0"
    if kind == "counts":
        wrong |= data != np.floor(data)
        expected = "an integer of at least 0"
    positions = np.flatnonzero(wrong)
    if not len(positions):
        return None
    return int(positions[0]), f"{expected} (values: {kind})" if kind else expected
