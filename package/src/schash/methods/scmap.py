"""scmap-cell and scmap-cluster: nearest cells, or nearest profile of a type (Kiselev et al., Nature Methods 2018).

Followed are the manual of the R package scmap and, as facts, its released code (from 1.2 on): 500 genes by dropout
(`schash.dropout_selection`) of log2(1 + x), here chosen on the training cells alone. ln(1 + x) serves as well: genes,
cosines, correlations and medians do not depend on the base. Other than linear values are taken as they are.

scmap-cell
    Cells of length 1 are cut into chunks of 10 genes (100 chunks from 1,000 genes on), with floor(sqrt(N)) centroids a
    chunk by k-means (`schash.product_quantizer` says where the clustering departs). A query gets the type of its 3
    nearest cells if they agree and the similarity of the nearest is above 0.5. Two variants:

                    as_written (manual)                  as_coded (released code)
    centroids       as k-means leaves them               brought to length 1: all chunks count alike
    similarity      cosine to the cell that the          the same with those centroids, whose length is taken for
                    centroids make up                    sqrt(number of chunks)
    the 3 cells     the nearest                          the first 3 places of a buffer of the 10 nearest, which is not
                                                         sorted (scmap's pull request 20 of 2019 says so)

    Departures of both: a chunk with fewer distinct subvectors than centroids is kept, and so are the genes beyond the
    last full chunk; the released code drops them.

scmap-cluster
    Median profile of each type; profiles of zeros are left out. Cosine, Pearson and Spearman each name the most similar
    type. If at least two name the same, the cell gets it, with the larger of their similarities; below 0.7 it is
    unassigned, and so it is where all three differ or one of them is not defined. Genes that the query lacks leave the
    comparison, as in the released code. Of equally similar types the first by name; there, one at random.

`threshold=None` switches rejection off: scmap-cell takes the majority of the 3 cells, among equals the type of the
nearer; scmap-cluster takes cosine's type where all three differ or one is not defined.
"""

import math
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Literal, get_args

import numpy as np
from scipy.stats import rankdata
from sklearn.preprocessing import normalize

from schash._product_quantizer_kernels import first_of_buffer
from schash.dropout_selection import select_by_dropout
from schash.errors import ConfigError, DataError
from schash.methods.contract import NearestCells, Predictions, QueryCells, TrainingCells, few_cells
from schash.methods.nearest import nearest_rows
from schash.metrics.annotation import UNASSIGNED
from schash.preprocess import log1p_counts
from schash.product_quantizer import ProductQuantizer

Variant = Literal["as_written", "as_coded"]

UNDEFINED = -2.0
"""Stands for a similarity that is not defined; below every other."""

_BLOCK_BYTES = 1 << 26
"""Similarities held at a time."""
_CLUSTER_BLOCK = 4096
"""Cells ranked at a time."""


class ScmapCell:
    """Nearest training cells by cosine through a product quantiser. The margin is the similarity of the nearest.

    n_chunks : None for chunks of 10 genes, at most 100; n_centroids : None for floor(sqrt(N)); n_votes : cells that
    must agree; n_neighbors : width of the buffer of `as_coded`; without effect in `as_written`
    """

    def __init__(
        self,
        *,
        n_features: int = 500,
        n_chunks: int | None = None,
        n_centroids: int | None = None,
        variant: Variant = "as_written",
        n_neighbors: int = 10,
        n_votes: int = 3,
        threshold: float | None = 0.5,
        seed: int = 0,
    ) -> None:
        _check_whole(n_features=n_features, n_neighbors=n_neighbors, n_votes=n_votes)
        optional = {"n_chunks": n_chunks, "n_centroids": n_centroids}
        _check_whole(**{name: value for name, value in optional.items() if value is not None})
        if variant not in get_args(Variant):
            message = f"variant={variant!r} is not known; allowed: {', '.join(get_args(Variant))}"
            raise ConfigError(message)
        if n_votes > n_neighbors:
            message = f"n_votes={n_votes} cells cannot be among n_neighbors={n_neighbors}"
            raise ConfigError(message)
        self.n_features = n_features
        self.n_chunks = n_chunks
        self.n_centroids = n_centroids
        self.variant = variant
        self.n_neighbors = n_neighbors
        self.n_votes = n_votes
        self.threshold = _checked_threshold(threshold)
        self.seed = seed

    def warm_up(self) -> None:
        """Load the compiled loops."""
        train, query = few_cells()
        ScmapCell(n_features=100, variant=self.variant).fit(train).predict(query)

    def fit(self, train: TrainingCells) -> "ScmapCell":
        logged = log1p_counts(train.X, values=train.values)
        chosen = select_by_dropout(logged, self.n_features)
        self._features = train.genes[chosen]
        self._types, self._type_of = np.unique(train.y, return_inverse=True)
        n_chunks = self.n_chunks or min(len(chosen) // 10, 100)
        self._quantizer = ProductQuantizer(
            n_chunks=min(max(n_chunks, 1), len(chosen)),
            n_centroids=self.n_centroids or math.isqrt(len(train.y)),
            unit_centroids=self.variant == "as_coded",
            seed=self.seed,
        ).fit(normalize(logged[:, chosen], copy=False).toarray())
        return self

    def predict(self, query: QueryCells) -> Predictions:
        labels, margins = [], []
        for similarities in self._similarities(query):
            votes = self._type_of[self._voters(similarities)]
            margins.append(similarities.max(axis=1))
            labels.append(self._types[_elected(votes)].astype(object))
            if self.threshold is not None:
                agree = np.all(votes == votes[:, :1], axis=1)
                labels[-1][~(agree & (margins[-1] > self.threshold))] = UNASSIGNED
        return Predictions.of(np.concatenate(labels), np.concatenate(margins))

    def search(self, query: QueryCells, k: int) -> NearestCells:
        """The k nearest training cells; the distance is 1 - similarity."""
        found = [nearest_rows(_distances(block), k) for block in self._similarities(query)]
        return NearestCells(
            np.concatenate([block.ids for block in found]),
            np.concatenate([block.distances for block in found]),
        )

    def _similarities(self, query: QueryCells) -> Iterator[np.ndarray]:
        """Similarities to all training cells, (n_block, n_train) float32, of one block of query cells at a time."""
        logged = log1p_counts(query.on(self._features).X, values=query.values)
        step = max(_BLOCK_BYTES // (4 * len(self._type_of)), 1)
        for start in range(0, max(logged.shape[0], 1), step):
            yield self._quantizer.cosine(logged[start : start + step].toarray())

    def _voters(self, similarities: np.ndarray) -> np.ndarray:
        """Rows of the training cells that vote: (n_query, n_votes)."""
        n_train = similarities.shape[1]
        n_votes = min(self.n_votes, n_train)
        if self.variant == "as_written":
            return nearest_rows(_distances(similarities), n_votes).ids
        rows = np.empty((len(similarities), n_votes), dtype=np.int64)
        first_of_buffer(similarities, min(self.n_neighbors, n_train), n_votes, rows)
        return rows


class ScmapCluster:
    """Most similar median profile by cosine, Pearson and Spearman. The margin is the similarity, or 0."""

    def __init__(self, *, n_features: int = 500, threshold: float | None = 0.7, seed: int = 0) -> None:
        _check_whole(n_features=n_features)
        self.n_features = n_features
        self.threshold = _checked_threshold(threshold)
        self.seed = seed  # nothing here is random; the contract hands every method a seed

    def fit(self, train: TrainingCells) -> "ScmapCluster":
        logged = log1p_counts(train.X, values=train.values)
        chosen = select_by_dropout(logged, self.n_features)
        self._features = train.genes[chosen]
        logged = logged[:, chosen]
        types = np.unique(train.y)
        profiles = np.stack([np.median(logged[train.y == each].toarray(), axis=0) for each in types])
        expressed = profiles.any(axis=1)
        if not expressed.any():
            message = (
                f"the median of each of the {len(chosen)} genes chosen by dropout is 0 in every type: "
                f"scmap-cluster has nothing to compare with; choose more than n_features={self.n_features}"
            )
            raise DataError(message)
        self._types, self._profiles = types[expressed], profiles[expressed].astype(np.float64)
        return self

    def predict(self, query: QueryCells) -> Predictions:
        shared = np.isin(self._features, query.genes)
        query = query.on(self._features[shared] if shared.any() else self._features)
        logged = log1p_counts(query.X, values=query.values)
        labels, margins = [], []
        for start in range(0, max(logged.shape[0], 1), _CLUSTER_BLOCK):
            cells = logged[start : start + _CLUSTER_BLOCK].toarray()
            label, margin = self._assign(cells.astype(np.float64), self._profiles[:, shared])
            labels.append(label)
            margins.append(margin)
        return Predictions.of(np.concatenate(labels), np.concatenate(margins))

    def _assign(self, cells: np.ndarray, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels and similarities of (n_block, n_genes) cells."""
        similarities = _similarities_to(cells, profiles)
        named, largest = similarities.argmax(axis=2), similarities.max(axis=2)  # (3, n_block)
        agrees = named[:, np.newaxis] == named  # (3, 3, n_block)
        n_agreeing = agrees.sum(axis=0)
        defined = np.all(largest > UNDEFINED, axis=0)
        elected = np.where(defined, n_agreeing.argmax(axis=0), 0)  # 0, cosine, where all three differ
        columns = np.arange(len(cells))
        labels = self._types[named[elected, columns]].astype(object)
        margins = np.where(agrees[elected, :, columns].T, largest, UNDEFINED).max(axis=0)
        margins[margins == UNDEFINED] = 0
        if self.threshold is not None:
            sure = defined & (n_agreeing.max(axis=0) >= 2) & (margins >= self.threshold)
            labels[~sure] = UNASSIGNED
        return labels, margins


def _elected(votes: np.ndarray) -> np.ndarray:
    """The commonest type of each row of `votes`, nearest first; of equally common ones that of the nearest."""
    n_same = (votes[:, :, np.newaxis] == votes[:, np.newaxis]).sum(axis=2)
    return np.take_along_axis(votes, n_same.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]


def _distances(similarities: np.ndarray) -> np.ndarray:
    return np.maximum(1 - similarities, 0)


def _similarities_to(cells: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """Cosine, Pearson and Spearman of cells (n, n_genes) with profiles (n_types, n_genes): (3, n, n_types)."""
    spaces = [
        (cells, profiles),
        (_centred(cells), _centred(profiles)),
        (_centred(rankdata(cells, axis=1)), _centred(rankdata(profiles, axis=1))),
    ]
    return np.stack([_cosine(*space) for space in spaces])


def _cosine(cells: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """(n, n_types), UNDEFINED where one of the two is 0."""
    lengths = np.linalg.norm(cells, axis=1)[:, np.newaxis] * np.linalg.norm(profiles, axis=1)
    products = np.einsum(
        "ng,tg->nt", cells, profiles
    )  # no BLAS: a cell's sum is the same alone as among others
    return np.divide(products, lengths, out=np.full_like(products, UNDEFINED), where=lengths > 0)


def _centred(rows: np.ndarray) -> np.ndarray:
    """Rows less their mean. What was float32 has an exact mean here where all values are the same: they become 0."""
    return rows - rows.mean(axis=1, keepdims=True)


def _check_whole(**numbers: int) -> None:
    for name, value in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            message = f"{name} must be a whole number of at least 1, got {value!r}"
            raise ConfigError(message)


def _checked_threshold(threshold: float | None) -> float | None:
    known = threshold is None or (isinstance(threshold, Real) and not isinstance(threshold, bool))
    if not known or (threshold is not None and not -1 <= threshold <= 1):
        message = (
            f"threshold must be a similarity from -1 to 1, or None to label every cell, got {threshold!r}"
        )
        raise ConfigError(message)
    return threshold
