"""Truncated singular value decomposition by ARPACK, of an array or of CellFishing's matrix, which is never formed; and
how far a decomposition is off."""

from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import linalg

from schash._standardized import StandardizedMatrix

Triple: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Left vectors (n_cells, n), singular values (n,) in falling order, right vectors (n, n_genes)."""


def as_operator(matrix: StandardizedMatrix) -> linalg.LinearOperator:
    """The matrix for ARPACK, which asks for one product at a time."""

    def times(right: np.ndarray) -> np.ndarray:
        return np.vstack([block.times(right.reshape(matrix.shape[1], -1)) for block in matrix.blocks()])

    def transposed_times(right: np.ndarray) -> np.ndarray:
        columns, start = right.reshape(matrix.shape[0], -1), 0
        total = np.zeros((matrix.shape[1], columns.shape[1]))
        for block in matrix.blocks():
            total += block.transposed_times(columns[start : start + block.n_rows])
            start += block.n_rows
        return total

    return linalg.LinearOperator(
        matrix.shape,
        matvec=lambda right: times(right).ravel(),
        rmatvec=lambda right: transposed_times(right).ravel(),
        matmat=times,
        rmatmat=transposed_times,
        dtype=np.float64,
    )


def truncated_svd(matrix: Any, n_dims: int, *, seed: int) -> Triple:
    """ARPACK's n_dims largest singular values, in falling order, with their vectors."""
    start = np.random.default_rng(seed).standard_normal(min(matrix.shape))
    U, s, Vt = linalg.svds(matrix, n_dims, v0=start, solver="arpack")
    order = np.argsort(-s, kind="stable")
    return U[:, order], s[order], Vt[order]


def relative_errors(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """|s - s_full| / s_full of each rank."""
    errors: np.ndarray = np.abs(values - exact) / exact
    return errors


def reconstruction_error(array: np.ndarray, U: np.ndarray, s: np.ndarray, Vt: np.ndarray) -> float:
    """Length of A - U S V' as a share of that of A."""
    return float(np.linalg.norm(array - (U * s) @ Vt) / np.linalg.norm(array))
