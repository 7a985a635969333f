"""ACTINN: a small fully connected network on log counts of nearly all genes (Ma & Pellegrini 2020, section 2).

    cells     scaled to 10,000 counts, log2(1 + x)
    genes     total expression within its 1st and 99th percentile over the genes; of these, coefficient of variation
              within its own 1st and 99th
    network   100, 50 and 25 ReLU units, softmax over the types; Xavier's uniform weights, biases 0
    loss      cross-entropy, the mean over a batch, + 0.005 times half the sum of all squared weights (not biases)
    training  Adam, 1e-4 times 0.95 for every 1,000 steps taken; 50 epochs of batches of 128 in a fresh order, the last
              one as large as it comes out

Where the paper leaves something open, it is done as in the released code.

Departures
    - the genes are chosen on the training cells. There they are chosen on training and test cells together
    - a gene without expression in the training cells is dropped before the percentiles are taken. There such a gene
      has a variation of 0/0, and if it passes the first filter no gene is left after the second
    - the scale is over the genes of the training cells, whatever genes the query has; there over the genes of both
    - values of a kind that went through a logarithm already are neither scaled nor logged
    - Adam adds its epsilon of 1e-8 after the bias correction, TensorFlow's before it; the random numbers are others

Cells stay sparse until their batch is made. Dense batches were faster than a sparse first layer (torch's embedding
bag): three times with 4% of the entries not zero, six times with 19%. What is left is Adam's pass over the weights.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch._dynamo  # (the first optimiser imports it, a second in every fold; here the fork server has it)
from pydantic import Field, field_validator
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis
from torch import nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

from schash.errors import DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.schema import Strict, validate
from schash.values import LINEAR

ROWS_AT_ONCE = 1024
"""Query cells made dense at a time."""
N_RECORDS = 100
"""Losses are kept at about this many steps."""


class ActinnSettings(Strict):
    """Parameters of `Actinn`, at the published values."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (100, 50, 25)
    learning_rate: float = Field(1e-4, gt=0, allow_inf_nan=False)
    decay: float = Field(0.95, gt=0, le=1, description="factor of the learning rate every `decay_steps`")
    decay_steps: int = Field(1000, ge=1)
    epochs: int = Field(50, ge=1)
    batch_size: int = Field(128, ge=1)
    l2: float = Field(0.005, ge=0, allow_inf_nan=False)
    target_sum: float = Field(1e4, gt=0, allow_inf_nan=False)
    percentiles: tuple[float, float] = Field((1, 99), description="of the genes that are kept")

    @field_validator("percentiles")
    @classmethod
    def _a_range(cls, percentiles: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= percentiles[0] < percentiles[1] <= 100:
            message = "must be two numbers from 0 to 100, the lower first"
            raise ValueError(message)
        return percentiles


class Actinn:
    """ACTINN. The margin is the log of how many times more probable the best type is than the second.

    Parameters are those of `ActinnSettings`.
    """

    def __init__(self, *, seed: int = 0, **parameters: Any) -> None:
        self.settings = validate(ActinnSettings, parameters, where="actinn")
        self.seed = seed

    def fit(self, train: TrainingCells) -> "Actinn":
        self._genes = train.genes
        X = self._log2(train)
        self._kept = usual_genes(X, self.settings.percentiles)
        self._types, kind = np.unique(train.y, return_inverse=True)
        generator = torch.Generator().manual_seed(self.seed)
        widths = (len(self._kept), *self.settings.hidden, len(self._types))
        self._network = make_network(widths, generator)
        self._history = train_network(self._network, X[:, self._kept], kind, self.settings, generator)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        X = self._log2(query.on(self._genes))[:, self._kept]
        with torch.no_grad():
            logits = np.concatenate(
                [
                    self._network(_dense(X[i : i + ROWS_AT_ONCE])).numpy()
                    for i in range(0, X.shape[0], ROWS_AT_ONCE)
                ]
            )  # (n_query, n_types)
        top_two = np.sort(logits, axis=1)[:, -2:]
        return Predictions.of(self._types[logits.argmax(axis=1)], top_two[:, 1] - top_two[:, 0])

    def history(self) -> pd.DataFrame:
        """Loss by step, and the cross-entropy that is part of it."""
        return self._history.melt(id_vars="step", var_name="metric", value_name="value")

    def _log2(self, cells: TrainingCells | QueryCells) -> sparse.csr_matrix:
        if cells.values not in LINEAR:
            return cells.X
        X = scaled_log1p(cells.X, values=cells.values, target_sum=self.settings.target_sum)
        X.data /= math.log(2)
        return X


def usual_genes(X: sparse.csr_matrix, percentiles: tuple[float, float]) -> np.ndarray:
    """Columns without the extremes of total expression, then of the coefficient of variation."""
    mean, variance = mean_variance_axis(X, axis=0)
    expressed = np.flatnonzero(mean > 0)
    usual = expressed[_within(mean[expressed], percentiles)]
    usual = usual[_within(np.sqrt(variance[usual]) / mean[usual], percentiles)]
    if not len(usual):
        message = (
            f"actinn: no gene is left of the {len(expressed):,} that the training cells express: those within the "
            f"percentiles {percentiles} of total expression and of the coefficient of variation are kept"
        )
        raise DataError(message)
    return usual


def _within(scores: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    if not len(scores):
        return np.zeros(0, dtype=bool)
    low, high = np.percentile(scores, percentiles)
    return (scores >= low) & (scores <= high)


def make_network(widths: tuple[int, ...], generator: torch.Generator) -> nn.Sequential:
    """Fully connected layers of these widths with ReLU between them; its outputs are logits."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        # skip_init: the layer's own initialisation draws from torch's global generator
        layer = nn.utils.skip_init(nn.Linear, n_in, n_out)
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train_network(
    network: nn.Sequential,
    X: sparse.csr_matrix,
    kind: np.ndarray,
    settings: ActinnSettings,
    generator: torch.Generator,
) -> pd.DataFrame:
    """Train in place; return the losses by step.

    X : (n_cells, n_genes); kind : (n_cells,) int64, the type of each cell
    """
    n_steps = settings.epochs * -(-len(kind) // settings.batch_size)
    types = torch.from_numpy(kind.astype(np.int64))
    weights = [p for p in network.parameters() if p.ndim == 2]
    biases = [p for p in network.parameters() if p.ndim == 1]
    # Adam's weight decay adds l2 w to the gradient of w, which is the gradient of l2 w^2 / 2: the penalty of the loss
    groups = [{"params": weights, "weight_decay": settings.l2}, {"params": biases, "weight_decay": 0.0}]
    optimiser = torch.optim.Adam(groups, lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, settings.decay_steps, gamma=settings.decay)
    records = []
    for step, rows in enumerate(_batches(len(kind), settings, generator), start=1):
        loss = F.cross_entropy(network(_dense(X[rows.numpy()])), types[rows])
        if step % max(1, n_steps // N_RECORDS) == 0 or step == n_steps:
            penalty = settings.l2 / 2 * sum(float(w.detach().square().sum()) for w in weights)
            records.append({"step": step, "loss": loss.item() + penalty, "cross_entropy": loss.item()})
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return pd.DataFrame(records)


def _batches(n: int, settings: ActinnSettings, generator: torch.Generator) -> Iterator[torch.Tensor]:
    for _ in range(settings.epochs):
        yield from torch.randperm(n, generator=generator).split(settings.batch_size)


def _dense(X: sparse.csr_matrix) -> torch.Tensor:
    return torch.from_numpy(X.toarray())
