"""scDeepHash (Ma et al. 2022) as a compared method: `schash.deephash` behind the contract of the benchmark."""

from typing import Any

import numpy as np
import pandas as pd
import torch._dynamo  # noqa: F401  (the first optimiser imports it, a second in every fold; here the fork server has it)

from schash.deephash import DeepHash
from schash.methods.contract import Predictions, QueryCells, TrainingCells


class DeepHashAnnotator:
    """Type of the nearest anchor. The margin is how much farther the second nearest anchor is.

    Parameters are those of `DeepHash`. Its validation cells, where it uses any, are held out of the training cells.
    """

    def __init__(self, *, seed: int = 0, **parameters: Any) -> None:
        self._model = DeepHash(seed=seed, progress=False, **parameters)

    def fit(self, train: TrainingCells) -> "DeepHashAnnotator":
        self._model.fit(train.X, train.y, genes=train.genes, values=train.values)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        distances = self._model.decision_distances(query.X, genes=query.genes)
        nearest_two = np.sort(distances, axis=1)[:, :2]
        labels = self._model.classes_[distances.argmin(axis=1)]
        return Predictions.of(labels, nearest_two[:, 1] - nearest_two[:, 0])

    def history(self) -> pd.DataFrame:
        """Losses by step, in the long form that every method's history has."""
        return self._model.history_.melt(id_vars="step", var_name="metric", value_name="value").dropna()
