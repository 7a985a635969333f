"""CellFishing.jl (Sato et al. 2019) as a compared method: `schash.CellFishing` behind the contract of the benchmark.

Its paper gives a cell the label of the nearest cell of the database, the first of the ten that it searches (section
"Self-mapping evaluation"). How many are searched matters: each hash nominates that many cells. The database is built
without labels. Settings are those of `schash.CellFishing`, which are the paper's but for the statistics of the
standardisation: the database's, so that a query's answer does not depend on the other queries.
"""

from typing import Any

import numpy as np

from schash.cellfishing import CellFishing
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells, few_cells
from schash.methods.nearest import from_neighbors
from schash.values import LINEAR


class CellFishingAnnotator:
    """Type of the nearest training cell by total Hamming distance. The margin is the share of bits that agree.

    Values that are no counts have been normalised already: they are neither scaled nor transformed.

    n_neighbors : how many cells each hash nominates for an annotation
    parameters : those of `schash.CellFishing`
    """

    def __init__(self, *, n_neighbors: int = 10, seed: int = 0, **parameters: Any) -> None:
        self.n_neighbors = n_neighbors
        self._parameters = parameters
        self._index = CellFishing(seed=seed, **parameters)

    def warm_up(self) -> None:
        """Load the compiled loops: half a second to several, more than a small search takes."""
        train, query = few_cells()
        shape = {
            name: self._parameters[name]
            for name in ("layout", "n_tables", "n_bits")
            if name in self._parameters
        }
        other = CellFishingAnnotator(n_dims=10, **shape)
        other.fit(train)
        other.predict(query)

    def fit(self, train: TrainingCells) -> "CellFishingAnnotator":
        if train.values not in LINEAR:
            self._index.set_params(transform="none")
        self._index.fit(train.X, genes=train.genes)
        self._y = train.y
        return self

    def predict(self, query: QueryCells) -> Predictions:
        nearest = self.search(query, self.n_neighbors)
        n_bits = self._index.n_bits * self._index.n_hashes
        return Predictions.of(self._y[nearest.ids[:, 0]], 1 - nearest.distances[:, 0] / np.float32(n_bits))

    def search(self, query: QueryCells, k: int) -> NearestCells:
        return from_neighbors(self._index.search(query.X, k, genes=query.genes))
