"""Linear support vector machines: the simple classifiers to beat (Abdelaal 2019, best overall).

`LinearSVM(scale=False)` is Abdelaal's wrapper: scikit-learn's LinearSVC with its defaults on log1p of counts without
scaling. `scale=True` scales each cell to 10,000 counts first. `threshold` adds Abdelaal's rejection: Platt-calibrated
probabilities (CalibratedClassifierCV with its defaults), and cells whose top probability is below 0.7 are unassigned.
"""

import numpy as np
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.metrics.annotation import UNASSIGNED
from schash.preprocess import log1p_counts, scaled_log1p


class LinearSVM:
    """One-vs-rest linear SVM on log counts, with optional scaling and rejection."""

    def __init__(self, *, scale: bool = False, threshold: float | None = None, seed: int = 0) -> None:
        self.scale = scale
        self.threshold = threshold
        self.seed = seed

    def fit(self, train: TrainingCells) -> "LinearSVM":
        svm = LinearSVC(random_state=self.seed)
        self._model = svm if self.threshold is None else CalibratedClassifierCV(svm)
        self._genes = train.genes
        self._model.fit(self._features(train), train.y)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        X = self._features(query.on(self._genes))
        classes = self._model.classes_
        if self.threshold is None:
            scores = self._model.decision_function(X)
            if scores.ndim == 1:  # two types: one signed score, positive for the second
                scores = np.column_stack([-scores, scores])
            labels = classes[scores.argmax(axis=1)]
            top_two = np.sort(scores, axis=1)[:, -2:]
            return Predictions.of(labels, top_two[:, 1] - top_two[:, 0])
        probabilities = self._model.predict_proba(X)
        top = probabilities.max(axis=1)
        labels = np.asarray(classes[probabilities.argmax(axis=1)], dtype=object)
        labels[top < self.threshold] = UNASSIGNED
        return Predictions.of(labels, top)

    def _features(self, cells: TrainingCells | QueryCells) -> sparse.csr_matrix:
        transform = scaled_log1p if self.scale else log1p_counts
        return transform(cells.X, values=cells.values)
