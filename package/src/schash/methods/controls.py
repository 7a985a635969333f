"""Controls that ride in every experiment: what a perfect and two ignorant annotators would score.

`TrueLabels` is handed the solution by a rule of its own and must reach the ceiling of every metric, or the run fails.
"""

import numpy as np

from schash.errors import DataError
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells
from schash.methods.nearest import nearest_blocks


class TrueLabels:
    """Positive control: repeats the solution. It is the only method that is given one."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self._solution: np.ndarray | None = None

    def reveal(self, solution: np.ndarray) -> None:
        """Hand over the true types of the query cells, in their order."""
        self._solution = solution

    def fit(self, train: TrainingCells) -> "TrueLabels":
        self._types_of_train = train.y
        return self

    def predict(self, query: QueryCells) -> Predictions:
        return Predictions.of(self._revealed(query), np.ones(query.X.shape[0]))

    def search(self, query: QueryCells, k: int) -> NearestCells:
        """Cells of the query's own type at distance 0, the others at 1: what no search can beat."""
        truth = self._revealed(query)
        return nearest_blocks(
            lambda rows: (truth[rows, None] != self._types_of_train).astype(np.float32), len(truth), k
        )

    def _revealed(self, query: QueryCells) -> np.ndarray:
        if self._solution is None or len(self._solution) != query.X.shape[0]:
            message = "the positive control needs the solution of exactly the query cells"
            raise DataError(message)
        return self._solution


class Majority:
    """Negative control: the commonest training type for every cell (the first by name on a tie)."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, train: TrainingCells) -> "Majority":
        types, counts = np.unique(train.y, return_counts=True)
        self._type = types[counts.argmax()]
        return self

    def predict(self, query: QueryCells) -> Predictions:
        return Predictions.of(np.repeat(self._type, query.X.shape[0]))


class RandomLabels:
    """Negative control: a type drawn for each cell with the training frequencies, neighbours in random order."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, train: TrainingCells) -> "RandomLabels":
        self._n_train = len(train.y)
        self._types, counts = np.unique(train.y, return_counts=True)
        self._frequencies = counts / counts.sum()
        return self

    def predict(self, query: QueryCells) -> Predictions:
        rng = np.random.default_rng(self.seed)
        return Predictions.of(rng.choice(self._types, size=query.X.shape[0], p=self._frequencies))

    def search(self, query: QueryCells, k: int) -> NearestCells:
        """Training cells in an order of its own for every query."""
        rng = np.random.default_rng(self.seed)
        return nearest_blocks(
            lambda rows: rng.random((len(range(query.X.shape[0])[rows]), self._n_train), dtype=np.float32),
            query.X.shape[0],
            k,
        )
