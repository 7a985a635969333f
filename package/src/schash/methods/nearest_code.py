"""A cell's label from its nearest code, learned or drawn: what do labels buy in CellFishing.jl's own experiment?

Sato et al. (2019) hash without labels and leave "tailored hash values" to the future. DeepHash learns such codes. Here
both are searched in the same way, as CellFishing.jl annotates: a query gets the type of the nearest training cell.
"""

from typing import Any

import numpy as np

from schash.cellfishing import CellFishing
from schash.hamming import BitCodes, hamming_distances, pack_bits
from schash.linear_index import LinearIndex
from schash.methods.cellfishing import CellFishingAnnotator
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells
from schash.methods.deephash import DeepHashAnnotator
from schash.methods.nearest import nearest_blocks
from schash.values import LINEAR


class NearestCode(DeepHashAnnotator):
    """Type of most training cells that have the nearest learned code; of codes at one distance that of the first row.

    Thousands of cells of a type may share a code. Were the first of them to decide, as in a search, one cell of another
    type that got their code would name them all.

    The margin is minus the distance. Parameters are those of `DeepHashAnnotator`, whose annotation is the nearest
    anchor's type.
    """

    def warm_up(self) -> None:
        """Load the compiled search as well."""
        super().warm_up()
        codes = pack_bits(np.zeros((20, 16), np.bool_))
        LinearIndex(codes).search(codes, 1)

    def fit(self, train: TrainingCells) -> "NearestCode":
        super().fit(train)
        self.search(QueryCells(train.X[:1], train.genes, train.values), 1)  # builds the index, on first use
        self._label_of_row = labels_by_code(self._model.encode(train.X, genes=train.genes), train.y)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        nearest = self.search(query, 1)
        return Predictions.of(self._label_of_row[nearest.ids[:, 0]], -nearest.distances[:, 0])


def labels_by_code(codes: BitCodes, y: np.ndarray) -> np.ndarray:
    """For each of n cells the label of most cells that have its code, the first in alphabetical order of equally many.

    y : (n,) str
    """
    names, labels = np.unique(y, return_inverse=True)
    _, of_code = np.unique(codes.words, axis=0, return_inverse=True)
    counts = np.zeros((of_code.max() + 1, len(names)), np.int64)
    np.add.at(counts, (of_code.ravel(), labels), 1)
    by_code: np.ndarray = names[counts.argmax(axis=1)]
    return by_code[of_code.ravel()]


class BothCodes(NearestCode):
    """Type of the training cell that is nearest by both codes together.

    The distance is the share of bits of the learned code that differ plus that of CellFishing's hashes, each of all
    training cells. Learned codes of a type are often equal; the hashes decide among them.

    n_hashes : of CellFishing; other parameters are those of `DeepHashAnnotator`, with codes of bits
    """

    def __init__(self, *, n_hashes: int = 4, seed: int = 0, **parameters: Any) -> None:
        super().__init__(seed=seed, **parameters)
        self._hashes = CellFishing(n_hashes=n_hashes, seed=seed)

    def warm_up(self) -> None:
        """Load what either code needs."""
        super().warm_up()
        CellFishingAnnotator().warm_up()

    def fit(self, train: TrainingCells) -> "BothCodes":
        DeepHashAnnotator.fit(self, train)
        if train.values not in LINEAR:
            self._hashes.set_params(transform="none")
        self._hashes.fit(train.X, genes=train.genes)
        self._of_train = self._codes_of(train)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        nearest = self.search(query, 1)
        return Predictions.of(self._train.y[nearest.ids[:, 0]], -nearest.distances[:, 0])

    def search(self, query: QueryCells, k: int) -> NearestCells:
        of_query = self._codes_of(query)

        def distances(rows: slice) -> np.ndarray:
            """(n_rows, n_train) float32; the hashes count as one code, however many they are."""
            shares = [
                hamming_distances(queries[rows], codes) / np.float32(codes.n_bits)
                for queries, codes in zip(of_query, self._of_train, strict=True)
            ]
            total: np.ndarray = shares[0] + np.mean(shares[1:], axis=0)
            return total

        return nearest_blocks(distances, query.X.shape[0], k)

    def _codes_of(self, cells: TrainingCells | QueryCells) -> list[BitCodes]:
        """The learned codes, then those of each hash."""
        learned = self._model.encode(cells.X, genes=cells.genes)
        return [learned, *self._hashes.encode(cells.X, genes=cells.genes)]
