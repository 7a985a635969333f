"""Products of a sparse block of cells with thin matrices, compiled. Cells are CSR as in `_selected_cells`."""

import numpy as np

from schash._numba import njit


@njit
def times(
    indptr: np.ndarray,
    slots: np.ndarray,
    values: np.ndarray,
    right: np.ndarray,
    out: np.ndarray,
    start: int,
    end: int,
) -> None:
    """out[start:end] = block[start:end] @ right. right : (n_selected, width) float64; out : (n, width), added to"""
    for i in range(start, end):
        for p in range(indptr[i], indptr[i + 1]):
            value = values[p]
            row = right[slots[p]]
            for j in range(out.shape[1]):
                out[i, j] += value * row[j]


@njit
def transposed_times(
    indptr: np.ndarray,
    slots: np.ndarray,
    values: np.ndarray,
    right: np.ndarray,
    out: np.ndarray,
    start: int,
    end: int,
) -> None:
    """out = block[start:end].T @ right[start:end]. right : (n, width) float64; out : (n_selected, width), added to"""
    for i in range(start, end):
        row = right[i]
        for p in range(indptr[i], indptr[i + 1]):
            value = values[p]
            target = out[slots[p]]
            for j in range(row.shape[0]):
                target[j] += value * row[j]
