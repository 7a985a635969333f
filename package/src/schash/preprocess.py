"""Transforms of one cell at a time. Nothing here is estimated from other cells, so nothing can leak.

    raw         x                          scDeepHash as coded
    log1p       ln(1 + x)                  scDeepHash as written; Abdelaal's wrappers
    scaled_log  ln(1 + 10^4 x / sum x)     the field's usual normalisation

A kind of values that already went through a logarithm or a correction passes the log transforms unchanged: the method
then works on what it is given, and the kind stands beside every number.
"""

from typing import Any, Literal, cast, get_args

import numpy as np
from scipy import sparse

from schash.errors import DataError
from schash.values import LINEAR, ValuesKind

InputTransform = Literal["raw", "log1p", "scaled_log"]
TRANSFORMS: tuple[InputTransform, ...] = get_args(InputTransform)

TARGET_SUM = 1e4
"""Counts a cell after scaling."""


def as_csr(X: sparse.spmatrix | np.ndarray) -> sparse.csr_matrix:
    """`X` (n_cells, n_genes), dense or sparse of any float or integer type, as float32 CSR.

    Raises
    ------
    DataError
        if X is not a matrix or holds NaN or infinities
    """
    if not sparse.issparse(X):
        X = np.asarray(X)
        if X.ndim != 2:
            message = f"expression values must be a matrix of cells x genes, got {X.ndim} dimension(s)"
            raise DataError(message)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused
        csr = sparse.csr_matrix(cast(Any, X)).astype(np.float32, copy=False)
    n_bad = int(np.count_nonzero(~np.isfinite(csr.data)))
    if n_bad:
        message = f"expression values must be finite, found {n_bad} NaN or infinite entries"
        raise DataError(message)
    return csr


def log1p_counts(X: sparse.spmatrix | np.ndarray, *, values: ValuesKind = "counts") -> sparse.csr_matrix:
    """ln(1 + x) of linear values, (n_cells, n_genes) float32 CSR; other kinds unchanged."""
    csr = as_csr(X)
    if values not in LINEAR:
        return csr
    _check_not_negative(csr, values)
    return _with_data(csr, np.log1p(csr.data))


def scaled_log1p(
    X: sparse.spmatrix | np.ndarray, *, values: ValuesKind = "counts", target_sum: float = TARGET_SUM
) -> sparse.csr_matrix:
    """ln(1 + target_sum x / sum x) of linear values, cell by cell; an empty cell stays empty; other kinds unchanged."""
    csr = as_csr(X)
    if values not in LINEAR:
        return csr
    _check_not_negative(csr, values)
    totals = np.asarray(csr.sum(axis=1)).ravel()
    factors = np.divide(target_sum, totals, out=np.zeros_like(totals), where=totals > 0)
    scaled = csr.data * np.repeat(factors.astype(np.float32), np.diff(csr.indptr))
    return _with_data(csr, np.log1p(scaled))


def transform(
    X: sparse.spmatrix | np.ndarray, name: InputTransform, *, values: ValuesKind = "counts"
) -> sparse.csr_matrix:
    """Apply a transform by name."""
    if name == "raw":
        return as_csr(X)
    if name == "log1p":
        return log1p_counts(X, values=values)
    if name == "scaled_log":
        return scaled_log1p(X, values=values)
    message = f"input transform {name!r} is not known; allowed: {', '.join(TRANSFORMS)}"
    raise DataError(message)


def _with_data(csr: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    return sparse.csr_matrix((data.astype(np.float32, copy=False), csr.indices, csr.indptr), shape=csr.shape)


def _check_not_negative(csr: sparse.csr_matrix, values: ValuesKind) -> None:
    if csr.nnz and float(csr.data.min()) < 0:
        message = f"values of kind {values!r} cannot be negative, found {float(csr.data.min()):g}"
        raise DataError(message)
