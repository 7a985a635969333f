"""The preprocessing that an index has learned from its cells, and its use on others: counts in, points out.

With x the transformed counts of a cell, m and sd the genes' means and standard deviations and V the leading singular
vectors, a cell's point is

    z = V' D (x - m),  D = diag(1 / sd)      computed as  sum over its genes of x_g P_g, less m' P,  with P = D V

in float32, gene after gene in the order of the selected genes, so that a cell's point depends on nothing but the cell.
It is not divided by the singular values.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from schash._cellfishing_kernels import reduce_counts, reduce_selected
from schash._genes import check_genes
from schash._selected_cells import SelectedCells, select_all
from schash._standardized import GeneStatistics, gene_statistics
from schash._threads import share_out
from schash._transforms import TRANSFORMS, Transform
from schash.errors import DataError

Stats = Literal["database", "query", "both"]
LANES = 16
"""Points are padded to a multiple of this, the float32 of the widest registers, and the loops have no remainder."""


@dataclass(frozen=True)
class GeneMap:
    """How the columns of a query meet the selected genes.

    order : (n_shared,) columns in the order of the selected genes, or None where they already come so
    slots : (n_columns,) int32, after ordering: place among the selected genes, -1 for the others
    shared : (n_selected,) bool, the selected genes that the query has
    """

    order: np.ndarray | None
    slots: np.ndarray
    shared: np.ndarray

    def arrange(self, chunks: Iterable[sparse.csr_matrix]) -> Iterator[sparse.csr_matrix]:
        """The chunks with their columns ordered; a sum of float32 depends on its order."""
        for chunk in chunks:
            if self.order is None:
                yield chunk
            else:
                ordered = chunk[:, self.order]
                ordered.sort_indices()
                yield ordered


def map_genes(names: np.ndarray, selected: np.ndarray) -> GeneMap:
    """Match a query's gene names with the selected ones, exactly.

    Raises
    ------
    DataError
        if a name occurs twice, or not a single selected gene is there
    """
    index = pd.Index(names)
    if not index.is_unique:
        check_genes(names, len(names))
    columns = index.get_indexer(selected)  # (n_selected,) -1 where missing
    shared = columns >= 0
    if not shared.any():
        message = (
            f"the query has none of the {len(selected):,} genes that the index uses: it has {len(names):,} such as "
            f"{str(names[0]) if len(names) else 'none'!r}, the index uses e.g. {str(selected[0])!r}; are both of one "
            "species, and both symbols or both identifiers?"
        )
        raise DataError(message)
    found = columns[shared]
    if np.all(np.diff(found) > 0):
        slots = np.full(len(names), -1, np.int32)
        slots[found] = np.flatnonzero(shared)
        return GeneMap(None, slots, shared)
    return GeneMap(found, np.flatnonzero(shared).astype(np.int32), shared)


@dataclass(frozen=True)
class Reduction:
    """What is learned.

    genes : (n_selected,) str; vectors : V, (n_selected, n_dims) float32; singular_values : (n_dims,) float64
    """

    genes: np.ndarray
    transform: Transform
    statistics: GeneStatistics
    vectors: np.ndarray
    singular_values: np.ndarray

    @property
    def n_dims(self) -> int:
        return self.vectors.shape[1]

    @property
    def nbytes(self) -> int:
        statistics = self.statistics.mean.nbytes + self.statistics.variance.nbytes
        return self.vectors.nbytes + self.singular_values.nbytes + statistics + self.genes.nbytes

    def points(
        self, chunks: Iterable[sparse.csr_matrix], names: np.ndarray, *, stats: Stats
    ) -> Iterator[np.ndarray]:
        """Points of the cells in blocks, (rows, n_dims) float32 views of padded rows.

        chunks : canonical CSR float32 counts, whose columns are `names`
        stats : whose mean and variance are used: the database's, the query's, or those of both together

        Raises
        ------
        DataError
            if no selected gene is there, or stats="query" is to take the variance of one cell
        """
        genes = map_genes(names, self.genes)
        arranged = genes.arrange(chunks)
        if stats == "database":
            weights, offset = self._weights(self.statistics, genes.shared)
            for chunk in arranged:
                yield self._reduce_counts(chunk, genes.slots, weights, offset)
            return
        cells = self.select(arranged, genes.slots)
        if cells.shape[0] == 1 and stats == "query":
            message = "stats='query' takes mean and variance from the query: give at least 2 cells, or use 'database'"
            raise DataError(message)
        found = gene_statistics(cells)
        weights, offset = self._weights(
            found if stats == "query" else self.statistics.pooled(found), genes.shared
        )
        yield from self._reduce_selected(cells, weights, offset)

    def points_of_selected(self, cells: SelectedCells) -> Iterator[np.ndarray]:
        """Points of the database's own cells: the same numbers as `points` gives for their counts."""
        weights, offset = self._weights(self.statistics, np.ones(len(self.genes), dtype=bool))
        yield from self._reduce_selected(cells, weights, offset)

    def select(self, chunks: Iterable[sparse.csr_matrix], slots: np.ndarray) -> SelectedCells:
        """Transformed counts of the selected genes."""
        return select_all(chunks, slots, len(self.genes), transform=TRANSFORMS.index(self.transform))

    def _weights(self, statistics: GeneStatistics, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P (n_selected, width) and m' P (width,), float32; genes not shared are left out, as if at their mean."""
        width = -(-self.n_dims // LANES) * LANES
        weights = np.zeros((len(self.genes), width))
        weights[:, : self.n_dims] = statistics.inverse_sd[:, None] * self.vectors
        offset = (statistics.mean[shared, None] * weights[shared]).sum(0)
        return weights.astype(np.float32), offset.astype(np.float32)

    def _reduce_counts(
        self, chunk: sparse.csr_matrix, slots: np.ndarray, weights: np.ndarray, offset: np.ndarray
    ) -> np.ndarray:
        points = np.empty((chunk.shape[0], weights.shape[1]), np.float32)
        counts = chunk.indptr.astype(np.int64), chunk.indices.astype(np.int32, copy=False), chunk.data
        learned = TRANSFORMS.index(self.transform), weights, offset
        share_out(partial(reduce_counts, *counts, slots, *learned, points), len(points))
        return points[:, : self.n_dims]

    def _reduce_selected(
        self, cells: SelectedCells, weights: np.ndarray, offset: np.ndarray
    ) -> Iterator[np.ndarray]:
        for block in cells.blocks():
            points = np.empty((block.n_rows, weights.shape[1]), np.float32)
            entries = block.indptr, block.slots, block.values
            share_out(partial(reduce_selected, *entries, weights, offset, points), len(points))
            yield points[:, : self.n_dims]
