"""Dot products and distances between many cells, block by block: float32 storage, float64 arithmetic.

A distance is found as |x|^2 + |y|^2 - 2 x.y, which cancels for near cells and is then divided by a small bandwidth:
hence float64. Only one block of cells is ever held in it.
"""

from collections.abc import Iterator

import numpy as np

BLOCK = 512
"""Cells of one block where each meets all cells of the other side."""

WIDE_BLOCK_BYTES = 64 * 1024 * 1024
"""Float64 held of the other side at a time. BLAS is fast on blocks of thousands of cells and slow on hundreds."""


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Consecutive slices that cover range(n)."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def wide_blocks(n: int, width: int) -> Iterator[slice]:
    """Slices of range(n) as long as memory allows, `width` numbers to an entry."""
    return blocks(n, max(1, WIDE_BLOCK_BYTES // (8 * width)))


def squared_lengths(X: np.ndarray) -> np.ndarray:
    """|x|^2 of each row, (n,) float64."""
    lengths = np.empty(len(X))
    for rows in wide_blocks(*X.shape):
        block = X[rows].astype(np.float64)
        lengths[rows] = np.einsum("ij,ij->i", block, block)
    return lengths


def dot_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Left (m, n_genes) float64, one block of cells; right (n, n_genes): (m, n) float64."""
    products = np.empty((len(left), len(right)))
    for rows in wide_blocks(*right.shape):
        products[:, rows] = left @ right[rows].astype(np.float64).T
    return products


def squared_distances(left: np.ndarray, right: np.ndarray, right_lengths: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances, left and right as in `dot_products`; right_lengths: `squared_lengths(right)`."""
    return distances_from_products(dot_products(left, right), left, right_lengths)


def distances_from_products(products: np.ndarray, left: np.ndarray, right_lengths: np.ndarray) -> np.ndarray:
    """Squared distances from dot products, which are overwritten."""
    products *= -2
    products += np.einsum("ij,ij->i", left, left)[:, None]
    products += right_lengths
    return np.maximum(products, 0, out=products)
