"""Cells with standardised genes as a matrix that is multiplied but never formed.

With X the transformed counts (n x G, sparse), m the genes' means and D = diag(1 / sd), the matrix is

    A = (X - 1 m') D        A Q = X (D Q) - 1 (m' D Q)        A' Y = D (X' Y - m (1' Y))

so that X stays sparse. A gene without variance has 1 / sd = 0 and contributes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from schash._cellfishing_kernels import add_moments
from schash._selected_cells import SelectedBlock, SelectedCells
from schash._standardized_kernels import times, transposed_times
from schash._threads import share_out

CONSTANT = 1e-6
"""A gene whose standard deviation is below this share of its mean is constant: float32 has relative errors of 6e-8."""
N_SLICES = 8


@dataclass(frozen=True)
class GeneStatistics:
    """Mean and population variance of the transformed counts of each selected gene, (n_selected,) float64."""

    n_cells: int
    mean: np.ndarray
    variance: np.ndarray

    @property
    def inverse_sd(self) -> np.ndarray:
        """1 / sd, and 0 for genes without variance."""
        sd = np.sqrt(self.variance)
        varies = sd > CONSTANT * np.abs(self.mean)
        return np.divide(1.0, sd, out=np.zeros_like(sd), where=varies)

    def pooled(self, other: "GeneStatistics") -> "GeneStatistics":
        """Statistics of both sets of cells together."""
        n = self.n_cells + other.n_cells
        share, rest = self.n_cells / n, other.n_cells / n
        mean = share * self.mean + rest * other.mean
        within = share * self.variance + rest * other.variance
        between = share * (self.mean - mean) ** 2 + rest * (other.mean - mean) ** 2
        return GeneStatistics(n, mean, within + between)


def gene_statistics(cells: SelectedCells) -> GeneStatistics:
    """Mean and variance over all cells, zeros included; (0 cells: all 0)."""
    sums, squares = np.zeros(cells.shape[1]), np.zeros(cells.shape[1])
    for block in cells.blocks():
        add_moments(block.slots, block.values, sums, squares)
    n = max(1, cells.shape[0])
    mean = sums / n
    return GeneStatistics(cells.shape[0], mean, np.maximum(squares / n - mean**2, 0))


class StandardizedBlock:
    """Consecutive rows of A."""

    def __init__(self, cells: SelectedBlock, mean: np.ndarray, inverse_sd: np.ndarray) -> None:
        self.cells, self.mean, self.inverse_sd = cells, mean, inverse_sd

    @property
    def n_rows(self) -> int:
        return self.cells.n_rows

    @property
    def _entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.cells.indptr, self.cells.slots, self.cells.values

    def times(self, right: np.ndarray) -> np.ndarray:
        """Rows of A @ right, (n_rows, width), of `right` (n_selected, width)."""
        weighted = np.ascontiguousarray(self.inverse_sd[:, None] * right)
        out = np.zeros((self.n_rows, right.shape[1]))
        share_out(partial(times, *self._entries, weighted, out), self.n_rows)
        return out - (self.mean[:, None] * weighted).sum(0)

    def transposed_times(self, right: np.ndarray) -> np.ndarray:
        """These rows' part of A' @ Y, (n_selected, width), of `right`, their rows of Y (n_rows, width)."""
        # One sum a slice: slices depend on the block alone, so that neither does their order depend on the threads
        parts = np.zeros((N_SLICES, len(self.mean), right.shape[1]))
        right, ends = np.ascontiguousarray(right), np.linspace(0, self.n_rows, N_SLICES + 1).astype(np.int64)

        def run(first: int, last: int) -> None:
            for s in range(first, last):
                transposed_times(*self._entries, right, parts[s], ends[s], ends[s + 1])

        share_out(run, N_SLICES, block=1)
        centred = parts.sum(0) - self.mean[:, None] * right.sum(0)
        product: np.ndarray = self.inverse_sd[:, None] * centred
        return product


class StandardizedMatrix:
    """A, (n_cells, n_selected), in blocks of rows."""

    def __init__(self, cells: SelectedCells, statistics: GeneStatistics) -> None:
        self.shape = cells.shape
        self._cells = cells
        self._mean, self._inverse_sd = statistics.mean, statistics.inverse_sd

    def blocks(self) -> Iterator[StandardizedBlock]:
        for block in self._cells.blocks():
            yield StandardizedBlock(block, self._mean, self._inverse_sd)

    def toarray(self) -> np.ndarray:
        """A itself, for tests and for comparisons with a full decomposition."""
        return np.vstack([block.times(np.eye(self.shape[1])) for block in self.blocks()])
