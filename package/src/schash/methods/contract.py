"""What a method is given and what it must return.

A method never meets a query label: it is fitted on `TrainingCells` and predicts for `QueryCells`, which have none.
Anything that it estimates from data (genes, scales, projections, thresholds) it estimates from the training cells.
Only a method whose row says `transductive` is shown the unlabelled query cells while it is fitted.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from scipy import sparse

from schash.errors import DataError
from schash.metrics.annotation import UNASSIGNED
from schash.neighbors import NO_NEIGHBOR
from schash.preprocess import as_csr
from schash.values import ValuesKind, check_kind


@dataclass(frozen=True)
class TrainingCells:
    """Labelled cells of one fold.

    X : (n_cells, n_genes) float32 CSR, whatever matrix it was made from; y : (n_cells,) str; genes : (n_genes,) str;
    values : kind of the numbers in X

    Raises
    ------
    DataError
        if X holds NaN or infinities, its shape does not fit y and genes, a gene stands there twice, or there are fewer
        than two types
    """

    X: sparse.csr_matrix
    y: np.ndarray
    genes: np.ndarray
    values: ValuesKind

    def __post_init__(self) -> None:
        _check_cells(self, "training")
        y = np.asarray(self.y, dtype=str)
        if y.shape != (self.X.shape[0],):
            message = (
                f"training cells need a label each: {self.X.shape[0]:,} cells, labels of shape {y.shape}"
            )
            raise DataError(message)
        if len(np.unique(y)) < 2:
            message = f"training cells need at least two types, got {len(np.unique(y))}"
            raise DataError(message)
        object.__setattr__(self, "y", y)


@dataclass(frozen=True)
class QueryCells:
    """Unlabelled cells of one fold.

    X, genes, values as of `TrainingCells`. The genes may be others, in another order: a method takes the cells on the
    genes that it was fitted on, `query.on(genes)`, or handles missing genes in a way of its own.
    """

    X: sparse.csr_matrix
    genes: np.ndarray
    values: ValuesKind

    def __post_init__(self) -> None:
        _check_cells(self, "query")

    def on(self, genes: np.ndarray) -> "QueryCells":
        """The same cells on `genes`, in that order; 0 for a gene that they lack.

        Raises
        ------
        DataError
            if they have none of the genes
        """
        if np.array_equal(self.genes, genes):
            return self
        columns = pd.Index(self.genes).get_indexer(pd.Index(genes))
        found = columns >= 0
        if not found.any():
            message = (
                f"the query shares no gene with the training cells: {', '.join(self.genes[:3])}, ... against "
                f"{', '.join(genes[:3])}, ..."
            )
            raise DataError(message)
        chosen = sparse.csr_matrix(
            (np.ones(found.sum(), np.float32), (columns[found], np.flatnonzero(found))),
            shape=(len(self.genes), len(genes)),
        )
        return QueryCells(self.X @ chosen, genes, self.values)


def _check_cells(cells: TrainingCells | QueryCells, which: str) -> None:
    X, genes = as_csr(cells.X), np.asarray(cells.genes, dtype=str)
    if genes.shape != (X.shape[1],):
        message = (
            f"{which} cells need a name for each of {X.shape[1]:,} genes, got names of shape {genes.shape}"
        )
        raise DataError(message)
    names = pd.Index(genes)
    if not names.is_unique:
        message = f"{which} cells have gene {names[names.duplicated()][0]!r} more than once"
        raise DataError(message)
    object.__setattr__(cells, "X", X)
    object.__setattr__(cells, "genes", genes)
    object.__setattr__(cells, "values", check_kind(cells.values))


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


@dataclass(frozen=True, eq=False)
class NearestCells:
    """What a searcher finds: the training cells nearest to each query cell, ordered by (distance, row).

    ids : (n_query, k) int64, rows of the training cells; `NO_NEIGHBOR` where fewer than k were found
    distances : (n_query, k) float32, smaller = nearer, in the method's own unit; infinite where there is no neighbour
    """

    ids: np.ndarray
    distances: np.ndarray

    def check(self, n_query: int, k: int, n_train: int) -> None:
        """Raise `DataError` unless these are k distinct known rows (or none) a query, nearest first."""
        shapes = (self.ids.shape, self.distances.shape)
        if shapes != ((n_query, k), (n_query, k)):
            message = (
                f"a searcher must return ({n_query}, {k}) ids and distances, got {shapes[0]} and {shapes[1]}"
            )
            raise DataError(message)
        none = self.ids == NO_NEIGHBOR
        if np.any((self.ids >= n_train) | ((self.ids < 0) & ~none)):
            message = f"a searcher found rows that do not exist; there are {n_train} training cells"
            raise DataError(message)
        if np.any(none[:, :-1] & ~none[:, 1:]) or np.any(np.isinf(self.distances) != none):
            message = "a searcher must put missing neighbours last, at an infinite distance"
            raise DataError(message)
        if np.any(self.distances[:, 1:] < self.distances[:, :-1]):
            message = "a searcher must return the nearest cells first"
            raise DataError(message)
        tied = (self.distances[:, 1:] == self.distances[:, :-1]) & ~none[:, 1:]
        if np.any(tied & (self.ids[:, 1:] < self.ids[:, :-1])):
            message = "a searcher must return cells at equal distances in the order of their rows"
            raise DataError(message)
        ordered = np.sort(self.ids, axis=1)
        if np.any((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_NEIGHBOR)):
            message = "a searcher returned a cell twice for one query"
            raise DataError(message)


@runtime_checkable
class Method(Protocol):
    """An annotator: fit once on the training cells of a fold, then predict.

    Implementations take `seed` and their parameters by keyword. A method with something to show of its training
    returns it from `history()` as a table of (step, metric, value); the others need not have the method. One that
    compiles code on first use, or loads what was compiled, does so in `warm_up()`, before the clock starts.
    """

    def fit(self, train: TrainingCells) -> Any: ...

    def predict(self, query: QueryCells) -> Predictions: ...


@runtime_checkable
class TransductiveMethod(Protocol):
    """An annotator that is also shown the unlabelled query cells while it is fitted; its row says `transductive`."""

    def fit(self, train: TrainingCells, *, unlabelled: QueryCells) -> Any: ...

    def predict(self, query: QueryCells) -> Predictions: ...


@runtime_checkable
class Searcher(Protocol):
    """A method that finds similar training cells as well; its row says `searcher`. One fit serves both."""

    def fit(self, train: TrainingCells) -> Any: ...

    def search(self, query: QueryCells, k: int) -> NearestCells: ...


def few_cells() -> tuple[TrainingCells, QueryCells]:
    """Cells without meaning for a `warm_up`: two types of 30 cells, and 20 queries, on 200 genes."""
    counts = as_csr(np.random.default_rng(0).poisson(1.0, (80, 200)))
    genes = np.array([f"gene {i}" for i in range(200)])
    train = TrainingCells(counts[:60], np.repeat(["a", "b"], 30), genes, "counts")
    return train, QueryCells(counts[60:], genes, "counts")


def history_of(method: Method | TransductiveMethod) -> pd.DataFrame:
    """The training history of a method in long form (step, metric, value), without rows where it keeps none."""
    if not hasattr(method, "history"):
        return pd.DataFrame(columns=["step", "metric", "value"])
    table: pd.DataFrame = method.history()
    return table
