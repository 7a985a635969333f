"""Exact cosine search: what the approximate searches approximate, and a control of every one of them."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells
from schash.methods.nearest import nearest_blocks
from schash.preprocess import scaled_log1p

TRAIN_BLOCK = 4096
"""Training cells that are made dense at a time: a block of 20,000 genes takes 330 MB."""


class ExactCosine:
    """Nearest training cells by cosine distance of log counts scaled to 10,000 a cell, over all genes.

    Every distance is computed, nothing is learned. An annotation is the type of the nearest cell, its margin the cosine
    similarity. A cell without counts is at distance 1 from every other.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed  # nothing here is random; the contract hands every method a seed

    def fit(self, train: TrainingCells) -> "ExactCosine":
        self._genes, self._y = train.genes, train.y
        self._units = _units(train)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        nearest = self.search(query, 1)
        return Predictions.of(self._y[nearest.ids[:, 0]], 1 - nearest.distances[:, 0])

    def search(self, query: QueryCells, k: int) -> NearestCells:
        units = _units(query.on(self._genes))
        return nearest_blocks(lambda rows: self._distances(units[rows]), units.shape[0], k)

    def _distances(self, units: sparse.csr_matrix) -> np.ndarray:
        """(n_query, n_train) float32 cosine distances."""
        queries = units.toarray()  # two thirds of a product of sparse matrices would be index arithmetic
        similarity = np.empty((len(queries), self._units.shape[0]), dtype=np.float32)
        for start in range(0, self._units.shape[0], TRAIN_BLOCK):
            block = self._units[start : start + TRAIN_BLOCK].toarray()
            np.matmul(queries, block.T, out=similarity[:, start : start + TRAIN_BLOCK])
        return 1 - similarity


def _units(cells: TrainingCells | QueryCells) -> sparse.csr_matrix:
    """Cells as vectors of length 1, or 0 where a cell is empty."""
    return normalize(scaled_log1p(cells.X, values=cells.values), copy=False)
