"""scANVI, a semi-supervised variational autoencoder of counts (Xu 2021), which the hashing papers call "scVI".

Runs scvi-tools, a new model for each fold. Transductive: the unlabelled query cells are trained on beside the training
cells, first by the autoencoder alone (SCVI), then together with the classifier (SCANVI.from_scvi_model). Abdelaal 2019
gave it 600 genes and 200 epochs; network, likelihood and optimiser are the library's defaults.

Departures
    - the genes are those most variable among the training cells by scanpy's default measure. There it was the variance
      of the counts over all cells, with which the scores are lower. The measure that scvi-tools shows (seurat_v3) is
      left out: where many genes have the same mean, as in small sets, its fit fails or ends the process
    - one model a fold. There one model went through all folds, and had seen every label by the second
    - first SCVI, then SCANVI from it, as the authors do now; there SCANVI alone. `max_epochs` is the sum of both
    - no cell is held out for validation, which nothing here looks at: by default the library takes a tenth away, and
      with it a good part of a rare type
    - where the last batch would be a single cell, which batch normalisation refuses, the batches are a little smaller

`predict` runs the trained encoder and classifier and takes any cells: a prediction depends on the other query cells
only by way of the training.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import scanpy as sc
import torch
from anndata import AnnData
from scvi.model import SCANVI, SCVI

from schash.errors import ConfigError, DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells, few_cells
from schash.preprocess import scaled_log1p

LABELS = "type"
LOGGERS = ("scvi", "lightning.pytorch", "lightning.fabric")
HARMLESS = (
    (".*LeafSpec.* is deprecated", FutureWarning),  # lightning asks torch for something by its old name
    ("Last batch will have a small size", UserWarning),  # of kinds of cells that are no batches of their own
    ("The number of training batches", UserWarning),  # is too small for a log by the step, which nobody reads
    (".* has fewer than 3 cells", UserWarning),  # a rare type, or a single query cell
    ("The `srun` command is available", UserWarning),  # see _contained
)
"""Warnings of the libraries, by how they begin."""


class ScAnvi:
    """scANVI on counts of the most variable genes. Margin: highest probability of a type minus the second.

    max_epochs : passes over all cells, those of the classifier's stage included
    max_epochs_scanvi : how many of them train the classifier too; 10 is what the library takes at most by itself
    accelerator : "cpu", or "auto" for a GPU where there is one
    """

    def __init__(
        self,
        *,
        n_genes: int = 600,
        max_epochs: int = 200,
        max_epochs_scanvi: int = 10,
        batch_size: int = 128,
        accelerator: str = "cpu",
        seed: int = 0,
    ) -> None:
        _check_whole("n_genes", n_genes, least=1)
        _check_whole("max_epochs_scanvi", max_epochs_scanvi, least=1)
        _check_whole("max_epochs", max_epochs, least=max_epochs_scanvi + 1)
        _check_whole("batch_size", batch_size, least=2)
        if accelerator not in ("cpu", "auto"):
            message = f"scanvi: accelerator must be cpu or auto, got {accelerator!r}"
            raise ConfigError(message)
        self.n_genes = n_genes
        self.max_epochs = max_epochs
        self.max_epochs_scanvi = max_epochs_scanvi
        self.batch_size = batch_size
        self.accelerator = accelerator
        self.seed = seed

    def warm_up(self) -> None:
        """Load scanpy's compiled loops and what the libraries import when they first train."""
        train, query = few_cells()
        small = ScAnvi(n_genes=100, max_epochs=2, max_epochs_scanvi=1, accelerator=self.accelerator)
        small.fit(train, unlabelled=query).predict(query)

    def fit(self, train: TrainingCells, *, unlabelled: QueryCells) -> "ScAnvi":
        _check_counts(train)
        _check_counts(unlabelled)
        chosen = variable_genes(train, self.n_genes)
        self._genes = train.genes[chosen]
        self._unknown = _unused_name(train.y)
        query = unlabelled.on(self._genes)
        X = np.concatenate([train.X[:, chosen].toarray(), query.X.toarray()])
        labels = np.concatenate([train.y, np.repeat(self._unknown, query.X.shape[0])])
        with _contained(self.seed):
            self._train(AnnData(X, obs={LABELS: labels}), n_labelled=len(train.y))
        return self

    def _train(self, cells: AnnData, *, n_labelled: int) -> None:
        n_scvi = self.max_epochs - self.max_epochs_scanvi
        SCVI.setup_anndata(cells, labels_key=LABELS)
        autoencoder = SCVI(cells)
        autoencoder.train(n_scvi, **self._training(cells.n_obs, n_labelled))
        self._model = SCANVI.from_scvi_model(autoencoder, unlabeled_category=self._unknown)
        self._model.train(self.max_epochs_scanvi, **self._training(cells.n_obs, n_labelled))
        self._stages = (("scvi", 0, autoencoder.history), ("scanvi", n_scvi, self._model.history))

    def _training(self, n_cells: int, n_labelled: int) -> dict[str, Any]:
        return {
            "accelerator": self.accelerator,
            "devices": 1,
            "train_size": 1.0,
            "shuffle_set_split": False,  # of one set; the batches are shuffled
            "batch_size": whole_batches(self.batch_size, n_cells, n_labelled),
            "enable_progress_bar": False,
        }

    def predict(self, query: QueryCells) -> Predictions:
        _check_counts(query)
        X = query.on(self._genes).X.toarray()
        with _contained(self.seed):
            cells = AnnData(X, obs={LABELS: np.repeat(self._unknown, X.shape[0])})
            table = self._model.predict(cells, soft=True)
        types, p = table.columns.to_numpy(str), table.to_numpy()
        top_two = np.sort(p, axis=1)[:, -2:]
        return Predictions.of(types[p.argmax(axis=1)], top_two[:, 1] - top_two[:, 0])

    def history(self) -> pd.DataFrame:
        """Losses by epoch, counted through both stages; each metric is named after its stage."""
        parts = []
        for stage, before, recorded in self._stages:
            for name, table in recorded.items():
                steps = before + 1 + table.index.to_numpy(np.int64)
                values = table[name].to_numpy(np.float64)
                parts.append(pd.DataFrame({"step": steps, "metric": f"{stage}_{name}", "value": values}))
        return pd.concat(parts, ignore_index=True)


def variable_genes(train: TrainingCells, n_genes: int) -> np.ndarray:
    """Places of the `n_genes` most variable genes, or of all that vary, in the order of the genes.

    Variable is what scanpy's default measures: the dispersion of the scaled counts, compared with genes of like mean.
    Among equals the first.
    """
    X = scaled_log1p(train.X, values=train.values)
    varying = np.flatnonzero((X.max(axis=0) - X.min(axis=0)).toarray().ravel())
    if not len(varying):
        message = "scanvi: no gene differs between the training cells"
        raise DataError(message)
    if len(varying) <= n_genes:
        return varying
    table = sc.pp.highly_variable_genes(AnnData(X[:, varying]), flavor="seurat", inplace=False)
    dispersion = table["dispersions_norm"].to_numpy(copy=True)
    dispersion[np.isnan(dispersion)] = -np.inf  # all genes of that mean vary alike
    return varying[np.sort(np.argsort(-dispersion, kind="stable")[:n_genes])]


def whole_batches(batch_size: int, *n_cells: int) -> int:
    """The largest size up to `batch_size` at which no last batch of `n_cells` is a single cell."""
    sizes = range(batch_size, 1, -1)
    return next((size for size in sizes if all(n % size != 1 for n in n_cells)), batch_size)


def _unused_name(types: np.ndarray) -> str:
    name = "unlabelled"
    while name in types:
        name += "_"
    return name


def _check_whole(name: str, number: Any, *, least: int) -> None:
    if not isinstance(number, Integral) or number < least:
        message = f"scanvi: {name} must be a whole number of at least {least}, got {number!r}"
        raise ConfigError(message)


def _check_counts(cells: TrainingCells | QueryCells) -> None:
    if cells.values != "counts":
        message = f"scanvi models counts: values must be counts, got {cells.values!r}"
        raise DataError(message)
    if np.any(cells.X.data < 0) or np.any(cells.X.data % 1):
        message = "scanvi models counts: found values that are negative or not whole numbers"
        raise DataError(message)


@contextmanager
def _contained(seed: int) -> Iterator[None]:
    """Draw from `seed`, on one thread, without a word; and leave the process as it was.

    Batches of 128 cells are too small to share: two threads that wait for each other at every step are many times
    slower than one as soon as something else runs on their cores.
    """
    numpy_state = np.random.get_state()  # noqa: NPY002 (the library looks at random cells for counts)
    n_threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    # under Slurm lightning would look for a process for each task of the job, but in an interactive one
    alone = mock.patch.dict(os.environ, {"SLURM_JOB_NAME": "interactive"})
    with alone, torch.random.fork_rng(), warnings.catch_warnings():
        for message, category in HARMLESS:
            warnings.filterwarnings("ignore", message=message, category=category)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            torch.set_num_threads(n_threads)
            torch.backends.cudnn.benchmark = benchmark
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
