"""Binomial thinning, one coin a molecule."""

from typing import Any

import numpy as np

from schash._numba import njit


@njit
def thin_rows(data: np.ndarray, indptr: np.ndarray, kept: np.ndarray, rng: Any) -> None:
    """Keep each of the data[j] molecules of row i with probability kept[i]; `data` is written over."""
    for i in range(len(indptr) - 1):
        for j in range(indptr[i], indptr[i + 1]):
            n = 0
            for _ in range(int(data[j])):
                n += rng.random() < kept[i]
            data[j] = n
