"""scDeepHash (Ma et al. 2022) as a compared method: `schash.deephash` behind the contract of the benchmark."""

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch._dynamo  # noqa: F401  (the first optimiser imports it, a second in every fold; here the fork server has it)
from scipy.spatial.distance import cdist

from schash.anchor_index import AnchorIndex
from schash.deephash import DeepHash
from schash.errors import ConfigError
from schash.hamming import hamming_distances, pack_bits
from schash.linear_index import LinearIndex
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells
from schash.methods.nearest import from_neighbors, nearest_blocks

Index = Literal["exact", "anchor"]


class DeepHashAnnotator:
    """Type of the nearest anchor. The margin is how much farther the second nearest anchor is.

    A search goes over the codes of the training cells: all of them (`index="exact"`), or those of the nearest anchors'
    buckets, as the paper's section 3.3 has it (`index="anchor"`). Codes that are floats (as coded) are compared by L1
    distance, all of them.

    Other parameters are those of `DeepHash`. Its validation cells, where it uses any, are held out of the training
    cells.
    """

    def __init__(self, *, index: str = "exact", seed: int = 0, **parameters: Any) -> None:
        if index not in get_args(Index):
            message = f"index={index!r} is not known; allowed: {', '.join(get_args(Index))}"
            raise ConfigError(message)
        self._how = index
        self._model = DeepHash(seed=seed, progress=False, **parameters)

    def warm_up(self) -> None:
        """Load the compiled distances."""
        codes = pack_bits(np.zeros((2, 8), np.bool_))
        hamming_distances(codes, codes)

    def fit(self, train: TrainingCells) -> "DeepHashAnnotator":
        self._model.fit(train.X, train.y, genes=train.genes, values=train.values)
        self._train = train
        self._database: LinearIndex | AnchorIndex | None = None
        return self

    def predict(self, query: QueryCells) -> Predictions:
        distances = self._model.decision_distances(query.X, genes=query.genes)
        nearest_two = np.sort(distances, axis=1)[:, :2]
        labels = self._model.classes_[distances.argmin(axis=1)]
        return Predictions.of(labels, nearest_two[:, 1] - nearest_two[:, 0])

    def search(self, query: QueryCells, k: int) -> NearestCells:
        """The k nearest training cells by their codes; the index is built on first use."""
        if self._model.options_.distance != "hamming":
            return self._search_floats(query, k)
        if self._database is None:
            codes = self._model.encode(self._train.X, genes=self._train.genes)
            anchors = self._model.anchors_
            self._database = AnchorIndex(codes, anchors) if self._how == "anchor" else LinearIndex(codes)
        return from_neighbors(self._database.search(self._model.encode(query.X, genes=query.genes), k))

    def _search_floats(self, query: QueryCells, k: int) -> NearestCells:
        database, queries = (
            self._model.relaxed_codes(cells.X, genes=cells.genes) for cells in (self._train, query)
        )
        return nearest_blocks(lambda rows: cdist(queries[rows], database, "cityblock"), len(queries), k)

    def history(self) -> pd.DataFrame:
        """Losses by step, in the long form that every method's history has."""
        return self._model.history_.melt(id_vars="step", var_name="metric", value_name="value").dropna()
