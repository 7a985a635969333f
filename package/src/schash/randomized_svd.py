"""Leading singular vectors of a large matrix by random projection (Halko et al. 2011; Algorithm 971, Li et al. 2017).

CellFishing.jl multiplies its genes x cells matrix by a random one, sharpens the result by 3 power iterations with an LU
factorisation between the products, and ends with QR. With A = cells x genes:

    Y = A' W, W random (n_cells x l), l = n_dims + 5
    3 times: L = the lower triangle of LU(Y);  Y = A' (A L)
    Q = QR(Y);  A Q = P R;  R = S diag(s) T';  V = Q T

scikit-learn's `randomized_svd` is the same idea, but it holds n_cells x l numbers and cannot centre a sparse matrix.
Here A is read block by block and only n_genes x l numbers are held. CellFishing.jl factorises between A L and A' (A L)
too; in exact arithmetic both span the same space, and float64 has the digits to spare. R is found by adding block after
block to a QR factorisation, which, unlike the eigenvalues of (A Q)' A Q, does not square the condition.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from scipy import linalg
from threadpoolctl import threadpool_limits

from schash.errors import DataError

N_ITERATIONS = 3
N_OVERSAMPLES = 5


class RowBlock(Protocol):
    """Consecutive rows of a matrix A."""

    @property
    def n_rows(self) -> int: ...
    def times(self, right: np.ndarray) -> np.ndarray:
        """These rows of A @ right."""
        ...

    def transposed_times(self, right: np.ndarray) -> np.ndarray:
        """These rows' part of A' @ Y, of `right`, their rows of Y."""
        ...


class BlockMatrix(Protocol):
    """A matrix that is read in blocks of rows, any number of times."""

    shape: tuple[int, int]

    def blocks(self) -> Iterable[RowBlock]: ...


class DenseMatrix:
    """An array as a `BlockMatrix` of one block."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = np.asarray(array, dtype=np.float64)
        self.shape: tuple[int, int] = self.array.shape
        self.n_rows = self.shape[0]

    def blocks(self) -> Iterator["DenseMatrix"]:
        yield self

    def times(self, right: np.ndarray) -> np.ndarray:
        return self.array @ right

    def transposed_times(self, right: np.ndarray) -> np.ndarray:
        return self.array.T @ right


def randomized_svd(
    matrix: BlockMatrix,
    n_dims: int,
    *,
    seed: int,
    n_oversamples: int = N_OVERSAMPLES,
    n_iterations: int = N_ITERATIONS,
) -> tuple[np.ndarray, np.ndarray]:
    """Leading right singular vectors (n_columns, n_dims) and singular values (n_dims,), in falling order, float64.

    Each vector's entry of largest size is positive, the first of them in a tie. The same seed gives the same numbers,
    whatever the number of threads of the linear algebra library: it gets one.

    Raises
    ------
    DataError
        if n_dims is not between 1 and the smaller side of the matrix
    """
    if not 1 <= n_dims <= min(matrix.shape):
        message = (
            f"n_dims must be between 1 and {min(matrix.shape)} for a matrix of {matrix.shape}, got {n_dims}"
        )
        raise DataError(message)
    width = min(n_dims + n_oversamples, *matrix.shape)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, user_api="blas"):
        Y: Any = sum(
            block.transposed_times(rng.random((block.n_rows, width)) - 0.5) for block in matrix.blocks()
        )
        for _ in range(n_iterations):
            L = linalg.lu(Y, permute_l=True)[0]
            Y = sum(block.transposed_times(block.times(L)) for block in matrix.blocks())
        Q = linalg.qr(Y, mode="economic")[0]  # (n_columns, width)
        _, s, Tt = linalg.svd(_triangle(matrix, Q))
        V = (Q @ Tt.T)[:, :n_dims]
    return V * _signs(V), s[:n_dims]


def _triangle(matrix: BlockMatrix, Q: np.ndarray) -> np.ndarray:
    """R (width, width) of the QR factorisation of A @ Q."""
    R = np.zeros((0, Q.shape[1]))
    for block in matrix.blocks():
        R = linalg.qr(np.vstack([R, block.times(Q)]), mode="r", overwrite_a=True)[0][: Q.shape[1]]
    return R


def _signs(V: np.ndarray) -> np.ndarray:
    largest = V[np.abs(V).argmax(axis=0), np.arange(V.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)
