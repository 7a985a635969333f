"""CaSTLe: a boosted tree ensemble a type, on binned expression of few genes (Lieberman et al. 2018).

For each type, one against the rest:

    genes     the `n_genes` of highest mean expression, and the `n_genes` that tell most about being of the type: mutual
              information between the bin of the gene and the type
    features  which of the bins (-inf, 0], (0, 1], (1, 6], (6, inf) the gene is in, one column a bin but the lowest
    trees     xgboost, 20 rounds, eta 0.7, gamma 0.001, max_depth 5, min_child_weight 10

A cell takes the type of the highest probability, the first of equals. Only genes that more than 10 cells express count.

What the released code (the one that trains per type) makes of the paper, and this with it:

    - "mutual information" is normalised: 2 I(gene; type) / (H(gene) + H(type)), which favours genes that vary little;
      `information="mi"` takes I itself
    - the bins cut what scater calls `exprs`: log2(1 + counts per million) in the data sets that it was made for. One
      molecule of a cell with fewer than 15,873 is then above 6 already, so that a gene is almost only on or off.
      `target_sum=None` cuts the values as they come, which is how the benchmark of Abdelaal et al. 2019 runs it: on
      counts
    - the step that removes correlated genes keeps them all: it asks whether a gene correlates below 0.9 with *any*
      other, and half of its matrix are zeros. `max_correlation=0.9` is the step as it was meant: a gene goes when its
      Pearson correlation with one further down the list is 0.9 or more
    - trees start from a probability of 0.5, xgboost's default of that time. The present one starts from the share of
      the type; min_child_weight counts p (1 - p), so rare types would never be split off

Departures
    - all of it is estimated on the training cells. There, means, correlations and the 10 cells are of training and test
      cells together
    - the lowest bin is the one without a column, also for a gene that no cell has in it; there it is the lowest that
      occurs, which changes no more than which of two equal cuts is taken
    - values of a kind that went through a logarithm already are cut as they are; the edges were made for log2
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import xgboost
from pydantic import Field, field_validator
from scipy import sparse
from scipy.special import xlogy

from schash.errors import DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.schema import Strict, validate
from schash.timing import available_threads
from schash.values import LINEAR


class CastleSettings(Strict):
    """Parameters of `Castle`, at the published values."""

    n_genes: int = Field(100, ge=1, description="genes by mean, and genes by information")
    information: Literal["nmi", "mi"] = "nmi"
    edges: tuple[float, ...] = Field(
        (0, 1, 6), min_length=1, description="upper edges of all bins but the last"
    )
    min_cells: int = Field(10, ge=0, description="a gene must be expressed by more cells than this")
    target_sum: float | None = Field(1e6, gt=0, allow_inf_nan=False, description="None: values as they come")
    max_correlation: float | None = Field(None, gt=0, le=1)
    rounds: int = Field(20, ge=1)
    eta: float = Field(0.7, gt=0, le=1)
    gamma: float = Field(0.001, ge=0)
    max_depth: int = Field(5, ge=1)
    min_child_weight: float = Field(10, ge=0)

    @field_validator("edges")
    @classmethod
    def _increasing(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if edges[0] != 0 or any(not low < high for low, high in pairwise(edges)):
            message = "must start at 0, where most values are, and increase"
            raise ValueError(message)
        return edges


@dataclass(frozen=True)
class _Classifier:
    """Trees of one type. columns : (n_features,) of the binned genes"""

    columns: np.ndarray
    booster: xgboost.Booster


class Castle:
    """CaSTLe, one classifier a type. The margin is the highest probability minus the second.

    Parameters are those of `CastleSettings`.
    """

    def __init__(self, *, seed: int = 0, **parameters: Any) -> None:
        self.settings = validate(CastleSettings, parameters, where="castle")
        self.seed = seed  # nothing here is random; the contract hands every method a seed

    def fit(self, train: TrainingCells) -> "Castle":
        self._genes = train.genes
        self._types, kind = np.unique(train.y, return_inverse=True)
        X = self._expression(train)
        bins = one_hot_bins(X, self.settings.edges)
        genes = self._choose(X, bins, kind)
        self._used = np.unique(np.concatenate(genes))
        by_column = bins[:, self._columns(self._used)].tocsc()
        columns = [self._columns(np.searchsorted(self._used, chosen)) for chosen in genes]
        labels = [(kind == i).astype(np.float32) for i in range(len(self._types))]
        with ThreadPoolExecutor(available_threads()) as pool:
            self._classifiers = list(pool.map(lambda j, y: self._train(by_column, j, y), columns, labels))
        return self

    def predict(self, query: QueryCells) -> Predictions:
        X = self._expression(query.on(self._genes))[:, self._used]
        bins = one_hot_bins(X, self.settings.edges).tocsc()
        probability = np.column_stack(
            [c.booster.inplace_predict(bins[:, c.columns].tocsr()) for c in self._classifiers]
        )  # (n_query, n_types)
        top_two = np.sort(probability, axis=1)[:, -2:]
        return Predictions.of(self._types[probability.argmax(axis=1)], top_two[:, 1] - top_two[:, 0])

    def _expression(self, cells: TrainingCells | QueryCells) -> sparse.csr_matrix:
        """What is cut into bins: log2(1 + target_sum x / sum x) of linear values."""
        if self.settings.target_sum is None or cells.values not in LINEAR:
            return cells.X
        X = scaled_log1p(cells.X, values=cells.values, target_sum=self.settings.target_sum)
        X.data /= math.log(2)
        return X

    def _expressed(self, X: sparse.csr_matrix) -> np.ndarray:
        n_cells = np.bincount(X.indices[X.data > 0], minlength=X.shape[1])
        kept = np.flatnonzero(n_cells > self.settings.min_cells)
        if not len(kept):
            message = (
                f"castle: no gene is expressed by more than min_cells={self.settings.min_cells} of the "
                f"{X.shape[0]:,} training cells; allowed: fewer than {n_cells.max(initial=0)}"
            )
            raise DataError(message)
        return kept

    def _choose(self, X: sparse.csr_matrix, bins: sparse.csr_matrix, kind: np.ndarray) -> list[np.ndarray]:
        """Genes of each type, the highest means first."""
        kept = self._expressed(X)
        n, limit = self.settings.n_genes, self.settings.max_correlation
        mean = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
        by_mean = kept[_highest(mean[kept], n)]
        chosen = []
        for scores in gene_information(bins, kind, len(self.settings.edges), self.settings.information):
            by_information = kept[_highest(scores[kept], n)]
            genes = np.concatenate([by_mean, by_information[~np.isin(by_information, by_mean)]])
            chosen.append(genes if limit is None else genes[~_correlated(X[:, genes].toarray(), limit)])
        return chosen

    def _columns(self, genes: np.ndarray) -> np.ndarray:
        """Columns of genes among the binned ones, gene by gene."""
        n_bins = len(self.settings.edges)
        return (genes[:, None] * n_bins + np.arange(n_bins)).ravel()

    def _train(self, bins: sparse.csc_matrix, columns: np.ndarray, y: np.ndarray) -> _Classifier:
        # absent entries are "missing" to xgboost, and a column holds ones only: a cut puts the ones on one side and the
        # missing on the other, which is the cut between 0 and 1 of the dense column
        data = xgboost.QuantileDMatrix(bins[:, columns].tocsr(), label=y, nthread=1)
        parameters = {
            "objective": "binary:logistic",
            "base_score": 0.5,
            "eta": self.settings.eta,
            "gamma": self.settings.gamma,
            "max_depth": self.settings.max_depth,
            "min_child_weight": self.settings.min_child_weight,
            "tree_method": "hist",  # the same trees as an exact search: a column has one cut
            "nthread": 1,  # the types run side by side; several threads on so small a table only wait for each other
        }
        return _Classifier(columns, xgboost.train(parameters, data, self.settings.rounds))


def one_hot_bins(X: sparse.csr_matrix, edges: tuple[float, ...]) -> sparse.csr_matrix:
    """Ones where a value is in a bin above the lowest: (n_cells, n_genes * len(edges)), gene by gene.

    Bin b > 0 of n edges is (edges[b - 1], edges[b]], the last one open; the lowest, up to 0, has no column.
    """
    n_bins = len(edges)
    bin_of = np.searchsorted(np.asarray(edges, dtype=np.float32), X.data, side="left")
    width = X.shape[1] * n_bins
    index_type = np.int32 if width <= np.iinfo(np.int32).max else np.int64
    columns = X.indices.astype(index_type) * n_bins + (np.maximum(bin_of, 1) - 1).astype(index_type)
    above = (bin_of > 0).astype(
        np.float32
    )  # an entry of the lowest bin stands in some column until it is dropped
    binned = sparse.csr_matrix((above, columns, X.indptr.copy()), shape=(X.shape[0], width))
    binned.eliminate_zeros()
    return binned


def gene_information(
    bins: sparse.csr_matrix, kind: np.ndarray, n_bins: int, which: Literal["nmi", "mi"]
) -> np.ndarray:
    """Information between the bin of each gene and being of each type: (n_types, n_genes), in nats or normalised.

    bins : as of `one_hot_bins`; kind : (n_cells,) int, the type of each cell
    """
    n_cells, n_types = len(kind), int(kind.max()) + 1
    is_type = sparse.csr_matrix(
        (np.ones(n_cells, np.float32), (kind, np.arange(n_cells))), shape=(n_types, n_cells)
    )
    # cells by type, gene and bin, the lowest bin last. float32 counts cells exactly up to 2^24 of them a type
    above = (is_type @ bins).toarray().reshape(n_types, -1, n_bins).astype(np.float64)
    sizes = np.bincount(kind, minlength=n_types).astype(np.float64)
    lowest = sizes[:, None, None] - above.sum(axis=2, keepdims=True)
    joint = np.concatenate([above, lowest], axis=2)  # (n_types, n_genes, n_bins + 1)
    of_bin = joint.sum(axis=0)
    gene_entropy = _entropy(of_bin / n_cells)
    information = np.empty(joint.shape[:2])
    for i, of_type in enumerate(joint):
        type_entropy = _entropy(np.array([sizes[i], n_cells - sizes[i]]) / n_cells)
        both = np.concatenate([of_type, of_bin - of_type], axis=1) / n_cells
        information[i] = gene_entropy + type_entropy - _entropy(both)
        if which == "nmi":
            information[i] *= 2 / (gene_entropy + type_entropy)
    return information


def _entropy(p: np.ndarray) -> np.ndarray:
    """-sum p ln p over the last axis."""
    entropy: np.ndarray = -xlogy(p, p).sum(axis=-1)
    return entropy


def _highest(scores: np.ndarray, n: int) -> np.ndarray:
    """The n highest, the first of equals first."""
    return np.argsort(-scores, kind="stable")[:n]


def _correlated(X: np.ndarray, limit: float) -> np.ndarray:
    """Which columns correlate at `limit` or above with one further right. A constant column correlates with none."""
    centred = X - X.mean(axis=0, dtype=np.float64)
    varies = np.ptp(X, axis=0) > 0
    unit = np.divide(centred, np.linalg.norm(centred, axis=0), out=np.zeros_like(centred), where=varies)
    return np.tril(unit.T @ unit >= limit, k=-1).any(axis=0)
