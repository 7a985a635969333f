"""What a method is given and what it must return.

A method never meets a query label: it is fitted on `TrainingCells` and predicts for `QueryCells`, which have none.
Anything that it estimates from data (genes, scales, projections, thresholds) it estimates from the training cells.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from scipy import sparse

from schash.errors import DataError
from schash.metrics.annotation import UNASSIGNED
from schash.values import ValuesKind


@dataclass(frozen=True)
class TrainingCells:
    """Labelled cells of one fold.

    X : (n_cells, n_genes) float32 CSR; y : (n_cells,) str; genes : (n_genes,) str; values : kind of the numbers in X
    """

    X: sparse.csr_matrix
    y: np.ndarray
    genes: np.ndarray
    values: ValuesKind


@dataclass(frozen=True)
class QueryCells:
    """Unlabelled cells of one fold, on the same genes in the same order as the training cells."""

    X: sparse.csr_matrix
    genes: np.ndarray
    values: ValuesKind


@dataclass(frozen=True)
class Predictions:
    """What a method says of each query cell.

    labels : (n_query,) str, `UNASSIGNED` where the method rejects the cell
    margin : (n_query,) float32, larger = surer, in the method's own unit; NaN where it has none
    """

    labels: np.ndarray
    margin: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, margin: np.ndarray | None = None) -> Self:
        """Make predictions from labels of any string type, with NaN margins where none are given."""
        names = np.asarray(labels, dtype=str)
        if margin is None:
            margin = np.full(len(names), np.nan, dtype=np.float32)
        return cls(names, np.asarray(margin, dtype=np.float32))

    def check(self, n_query: int, types: np.ndarray) -> None:
        """Raise `DataError` unless there is one known type (or `UNASSIGNED`) for each query cell."""
        if self.labels.shape != (n_query,) or self.margin.shape != (n_query,):
            message = (
                f"a method must return {n_query} labels and margins, "
                f"got shapes {self.labels.shape} and {self.margin.shape}"
            )
            raise DataError(message)
        unknown = sorted(set(self.labels) - set(types) - {UNASSIGNED})
        if unknown:
            message = f"a method predicted types that no training cell has: {', '.join(unknown[:5])}"
            raise DataError(message)


@runtime_checkable
class Method(Protocol):
    """An annotator: fit once on the training cells of a fold, then predict.

    Implementations take `seed` and their parameters by keyword. A method with something to show of its training
    returns it from `history()` as a table of (step, metric, value); the others need not have the method.
    """

    def fit(self, train: TrainingCells) -> Any: ...

    def predict(self, query: QueryCells) -> Predictions: ...


def history_of(method: Method) -> pd.DataFrame:
    """The training history of a method in long form (step, metric, value), without rows where it keeps none."""
    if not hasattr(method, "history"):
        return pd.DataFrame(columns=["step", "metric", "value"])
    table: pd.DataFrame = method.history()
    return table
