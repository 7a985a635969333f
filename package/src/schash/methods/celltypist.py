"""CellTypist: logistic regression, each type against the rest, by stochastic gradient descent (Domínguez Conde 2022).

Runs the package `celltypist`: cells scaled to 10,000 counts and ln(1 + x), each gene standardised on the training
cells and cut at 10, then scikit-learn's SGDClassifier with the logistic loss and the package's alpha of 1e-4.
The settings are those by which the authors say that they train with gradient descent: 10 epochs of mini-batches of
1,000 cells, at most 100 an epoch; then a second round on the genes that the first gives the largest absolute
coefficients, 300 a type. The package's own defaults are `mini_batch` and `feature_selection` off.

Departures
    - the package's other solver is out of reach: it hands LogisticRegression an argument that scikit-learn has removed
    - without mini-batches gradient descent runs until the loss settles, which on thousands of standardised genes takes
      minutes a fold and ends, without the second round, well below the other methods. Hence the authors' settings
      also where the package calls a training set small (below 10,000 cells). Up to 1,000 cells are split in two batches
    - a cell takes the type of the highest score; the paper's vote among clusters of query cells is left out, since it
      would make a prediction depend on the other query cells
    - the query is scaled on the genes that it shares with the training cells. Those that it lacks count as if they
      stood at their mean, as in the package

Training is dense: 4 bytes for each cell and gene, about three times over. `with_mean=False` keeps it sparse.
"""

import importlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any
from unittest import mock

import numpy as np
from anndata import AnnData
from scipy import sparse

from schash.errors import ConfigError, DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.timing import available_threads
from schash.values import LINEAR

BATCH_SIZE = 1000
"""Training cells of a mini-batch, the package's own."""
BLOCK = 512
"""Query cells at a time, dense in float64."""


def _import_celltypist() -> Any:
    """The package, without what its import does to the process: it makes folders in the home directory, ignores three
    kinds of warnings for everybody, and shows the log of every library."""
    root, variable = logging.getLogger(), "CELLTYPIST_FOLDER"
    handlers, level = list(root.handlers), root.level
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks scanpy for its version in a deprecated way
        with mock.patch.dict(os.environ, {variable: os.environ.get(variable, folder)}):
            package = importlib.import_module("celltypist")
    root.handlers[:] = handlers
    root.setLevel(level)
    return package


celltypist = _import_celltypist()


class CellTypist:
    """CellTypist trained on the training cells. Margin: the highest decision score minus the second."""

    def __init__(
        self,
        *,
        mini_batch: bool = True,
        epochs: int = 10,
        feature_selection: bool = True,
        top_genes: int = 300,
        alpha: float = 1e-4,
        with_mean: bool = True,
        seed: int = 0,
    ) -> None:
        whole: dict[str, Any] = {
            "epochs": epochs,
            "top_genes": top_genes,
        }  # what a YAML file says, not the hints
        for name, number in whole.items():
            if not isinstance(number, Integral) or number < 1:
                message = f"celltypist: {name} must be a whole number of at least 1, got {number!r}"
                raise ConfigError(message)
        rate: Any = alpha
        if not (isinstance(rate, Real) and float(rate) > 0):
            message = f"celltypist: alpha must be a number above 0, got {alpha!r}"
            raise ConfigError(message)
        self.mini_batch = mini_batch
        self.epochs = epochs
        self.feature_selection = feature_selection
        self.top_genes = top_genes
        self.alpha = alpha
        self.with_mean = with_mean
        self.seed = seed

    def fit(self, train: TrainingCells) -> "CellTypist":
        X = _scaled(train)
        n_cells, n_expressed = X.shape[0], len(np.unique(X.indices[X.data > 0]))
        with _silent(), _seeded(self.seed):
            self._model = celltypist.train(
                X,
                labels=train.y,
                genes=train.genes,
                check_expression=False,  # it looks at the first cell, which may be empty
                use_SGD=True,
                alpha=self.alpha,
                mini_batch=self.mini_batch,
                batch_size=BATCH_SIZE if n_cells > BATCH_SIZE else n_cells // 2,
                epochs=self.epochs,
                # of so few genes each type takes all; the package calls it an error
                feature_selection=self.feature_selection and n_expressed > self.top_genes,
                top_genes=self.top_genes,
                with_mean=self.with_mean,
                n_jobs=available_threads(),
                random_state=self.seed,
            )
        self._genes = train.genes
        return self

    def predict(self, query: QueryCells) -> Predictions:
        shared = np.isin(self._genes, query.genes)
        X = _scaled(query.on(self._genes))[:, shared]
        if not np.isin(self._model.features, self._genes[shared]).any():
            message = (
                f"celltypist: the query has none of the {len(self._model.features):,} genes of the model"
            )
            raise DataError(message)
        blocks = range(0, X.shape[0], BLOCK)
        scores = np.concatenate([self._scores(X[start : start + BLOCK], shared) for start in blocks])
        top_two = np.sort(scores, axis=1)[:, -2:]
        return Predictions.of(self._model.cell_types[scores.argmax(axis=1)], top_two[:, 1] - top_two[:, 0])

    def _scores(self, X: sparse.csr_matrix, shared: np.ndarray) -> np.ndarray:
        """Decision scores, (n_cells, n_types), in the order of the model's types."""
        cells = AnnData(X.toarray())  # sparse ones the package cannot clip where with_mean is off
        cells.var_names = self._genes[shared]
        with _silent():
            result = celltypist.annotate(cells, model=self._model, majority_voting=False)
        return result.decision_matrix.to_numpy()


def _scaled(cells: TrainingCells | QueryCells) -> sparse.csr_matrix:
    if cells.values not in LINEAR:
        message = (
            f"celltypist scales counts itself: values must be {' or '.join(LINEAR)}, got {cells.values!r}"
        )
        raise DataError(message)
    return scaled_log1p(cells.X, values=cells.values)


@contextmanager
def _silent() -> Iterator[None]:
    """The package tells its log of every step, and warns there of an empty first cell."""
    log = logging.getLogger("celltypist.logger")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Mini-batches are drawn from numpy's global generator: seed it inside, restore it outside."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
