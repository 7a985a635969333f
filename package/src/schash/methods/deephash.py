"""scDeepHash (Ma et al. 2022) as a compared method: `schash.deephash` behind the contract of the benchmark."""

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch._dynamo  # noqa: F401  (the first optimiser imports it, a second in every fold; here the fork server has it)
from scipy.spatial.distance import cdist

from schash.anchor_index import AnchorIndex
from schash.anchors import describe_anchors
from schash.clustered import assign
from schash.deephash import DeepHash
from schash.errors import ConfigError
from schash.hamming import BitCodes, hamming_distances, pack_bits, unpack_bits
from schash.linear_index import LinearIndex
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells
from schash.methods.nearest import from_neighbors, nearest_blocks
from schash.neighbors import NO_NEIGHBOR

Index = Literal["exact", "anchor"]

ANCHORS_REPORTED = ("n_bits", "n_distinct_bits", "min_distance")
"""What a history says of the anchors: fields of `schash.anchors.AnchorReport`."""


class DeepHashAnnotator:
    """Type of the nearest anchor. The margin is how much farther the second nearest anchor is.

    A search goes over the codes of the training cells: all of them (`index="exact"`), or those of the nearest anchors'
    buckets, as the paper's section 3.3 has it (`index="anchor"`). Then the cells of a nearer bucket stand before those
    of a farther one, whatever their codes: the distance is (n_bits + 1) x the bucket's place + the distance of the
    codes. So a longer list begins with the shorter one, and a list of all cells is not that of an exact search. Codes
    that are floats (as coded) are compared by L1 distance, all of them.

    Other parameters are those of `DeepHash`. Its validation cells, where it uses any, are held out of the training
    cells.
    """

    def __init__(self, *, index: str = "exact", seed: int = 0, **parameters: Any) -> None:
        if index not in get_args(Index):
            message = f"index={index!r} is not known; allowed: {', '.join(get_args(Index))}"
            raise ConfigError(message)
        self._how = index
        self._model = DeepHash(seed=seed, progress=False, **parameters)

    @property
    def model(self) -> DeepHash:
        """The hash function."""
        return self._model

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
            self._codes = codes
        queries = self._model.encode(query.X, genes=query.genes)
        found = from_neighbors(self._database.search(queries, k))
        return (
            by_bucket(found, self._codes, queries, self._model.anchors_) if self._how == "anchor" else found
        )

    def _search_floats(self, query: QueryCells, k: int) -> NearestCells:
        database, queries = (
            self._model.relaxed_codes(cells.X, genes=cells.genes) for cells in (self._train, query)
        )
        return nearest_blocks(lambda rows: cdist(queries[rows], database, "cityblock"), len(queries), k)

    def history(self) -> pd.DataFrame:
        """Losses by step, in the long form that every method's history has; at the last step what the anchors are.

        `anchors_n_bits`, `anchors_n_distinct_bits` and `anchors_min_distance`: `schash.anchors.AnchorReport`.
        """
        losses = self._model.history_.melt(id_vars="step", var_name="metric", value_name="value").dropna()
        report = describe_anchors(unpack_bits(self._model.anchors_))
        said = {f"anchors_{name}": float(getattr(report, name)) for name in ANCHORS_REPORTED}
        anchors = pd.DataFrame({"metric": list(said), "value": list(said.values())})
        anchors.insert(0, "step", self._model.history_["step"].iloc[-1])
        return pd.concat([losses, anchors], ignore_index=True)


def by_bucket(found: NearestCells, codes: BitCodes, queries: BitCodes, anchors: BitCodes) -> NearestCells:
    """What the buckets of nearest anchors gave, in the order in which the buckets are searched."""
    bucket, _ = assign(anchors.words, codes.words)
    order = np.argsort(hamming_distances(queries, anchors), axis=1, kind="stable")
    places = np.argsort(order, axis=1).astype(np.int32)
    of_cells = np.take_along_axis(places, bucket[found.ids], axis=1)
    distances = found.distances + np.float32(codes.n_bits + 1) * of_cells.astype(np.float32)
    distances[found.ids == NO_NEIGHBOR] = np.inf
    sorted_ = np.lexsort((found.ids, distances), axis=1)
    return NearestCells(
        np.take_along_axis(found.ids, sorted_, axis=1), np.take_along_axis(distances, sorted_, axis=1)
    )
