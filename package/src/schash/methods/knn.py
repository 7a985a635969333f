"""k nearest neighbours on log counts, as the kNN wrappers of Abdelaal 2019 (k = 50; k = 9 is their second setting)."""

from sklearn.neighbors import KNeighborsClassifier

from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.preprocess import log1p_counts
from schash.timing import available_threads


class KNearestNeighbours:
    """scikit-learn's KNeighborsClassifier with its defaults: Euclidean distance, uniform votes.

    A training set with fewer cells than `n_neighbors` is used whole.
    """

    def __init__(self, *, n_neighbors: int = 50, seed: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.seed = seed  # nothing here is random; the contract hands every method a seed

    def fit(self, train: TrainingCells) -> "KNearestNeighbours":
        k = min(self.n_neighbors, len(train.y))
        self._model = KNeighborsClassifier(n_neighbors=k, n_jobs=available_threads())
        self._genes = train.genes
        self._model.fit(log1p_counts(train.X, values=train.values), train.y)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        query = query.on(self._genes)
        votes = self._model.predict_proba(log1p_counts(query.X, values=query.values))
        return Predictions.of(self._model.classes_[votes.argmax(axis=1)], votes.max(axis=1))
