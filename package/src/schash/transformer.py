"""Neighbour graphs from binary codes, as scikit-learn's `KNeighborsTransformer` gives them: for `sc.pp.neighbors`.

Rows of a float representation, such as principal components, become codes of signed random projections (`schash.lsh`).
The share of bits in which two codes differ estimates the angle between the rows, pi d / n_bits. Codes are searched
exactly: the error of that estimate is all there is.
"""

from functools import partial
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from schash._checks import as_data_error
from schash._transformer_kernels import nearest_of_candidates
from schash.errors import ConfigError, DataError
from schash.hamming import BitCodes
from schash.lsh import SignHash, estimated_angles, random_hyperplanes
from schash.mih import MultiIndex
from schash.parallel import check_threads, in_blocks

METRICS = ("angle", "hamming", "euclidean")
MODES = ("distance", "connectivity")
BLOCK = 512
"""Rows that a thread takes at a time."""


class HammingTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Graph of the nearest neighbours in Hamming space.

    Parameters
    ----------
    n_neighbors : neighbours of a row. As in scikit-learn, mode "distance" gives one more, since a training row is its
        own nearest neighbour
    n_bits : bits of a code, at least 8. The error of an angle shrinks with 1 / sqrt(n_bits); the cost of a search grows
    mode : "distance", or "connectivity" for ones
    metric : "angle", the estimated angle in radians, 0 to pi; "hamming", the bits that differ, 0 to n_bits; or
        "euclidean": codes find `oversample` times as many candidates, and the exact distance chooses among them
    oversample : candidates per neighbour of metric "euclidean"
    seed : of the hyperplanes
    n_threads : threads of a search; None takes all cores

    Attributes
    ----------
    mean_ : (n_features,) mean of the training rows. An angle depends on where it is measured from: seen from far
        outside the data, all rows lie in one direction, and hardly a hyperplane through the origin separates them. So
        rows are centred first. Principal components of the training rows are centred already
    hash_ : SignHash
    index_ : MultiIndex of the training rows
    n_features_in_, n_samples_fit_ : shape of the training rows

    Notes
    -----
    Neighbours are in the order of (distance, row). In the graph of `fit_transform` each row comes first among its own
    neighbours, before other rows of the same code: Scanpy takes the first one for the row itself. `transform` cannot
    know which of its rows were trained on.
    """

    def __init__(
        self,
        n_neighbors: int = 15,
        n_bits: int = 512,
        *,
        mode: str = "distance",
        metric: str = "angle",
        oversample: int = 8,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_bits = n_bits
        self.mode = mode
        self.metric = metric
        self.oversample = oversample
        self.seed = seed
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> Self:
        """Index the training rows, (n_samples, n_features) floats; `y` is ignored.

        Raises
        ------
        DataError
            for NaN, infinities or no rows
        ConfigError
            for an unknown mode or metric, or numbers out of range
        """
        self._check_parameters()
        rows = self._rows(X, reset=True)
        self.n_samples_fit_ = self._n_features_out = len(rows)
        self.mean_ = rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
        self.hash_ = SignHash(random_hyperplanes(self.n_bits, rows.shape[1], seed=self.seed))
        centred = rows - self.mean_
        self.index_ = MultiIndex(self.hash_.encode(centred, n_threads=self.n_threads))
        self._fit_rows = centred if self.metric == "euclidean" else None
        return self

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Graph from (n, n_features) rows to their nearest training rows: (n, n_samples_fit_) CSR.

        Each row holds n_neighbors + 1 entries (n_neighbors in mode "connectivity"), nearest first, so that column
        numbers are not sorted. A distance of 0 is an entry too.

        Raises
        ------
        DataError
            for NaN, infinities, another number of features, or fewer training rows than neighbours are asked for
        """
        check_is_fitted(self, "index_")
        return self._graph(self._rows(X, reset=False) - self.mean_, own=False)

    def fit_transform(self, X: Any, y: Any = None) -> sparse.csr_matrix:
        """Graph of the training rows, (n_samples, n_samples) CSR; each row is its own first neighbour."""
        self.fit(X)
        return self._graph(self._rows(X, reset=False) - self.mean_, own=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _graph(self, centred: np.ndarray, *, own: bool) -> sparse.csr_matrix:
        width = self.n_neighbors + (self.mode == "distance")
        self._check_enough(self.n_samples_fit_)
        codes = self.hash_.encode(centred, n_threads=self.n_threads)
        ids, distances = self._nearest(centred, codes, width, own)
        data = np.ones(ids.shape) if self.mode == "connectivity" else distances
        ends = np.arange(0, ids.size + 1, width)
        shape = len(ids), self.n_samples_fit_
        return sparse.csr_matrix((data.ravel(), ids.ravel(), ends), shape=shape)

    def _nearest(
        self, centred: np.ndarray, codes: BitCodes, width: int, own: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows and distances of the `width` nearest, (n, width) each."""
        exact = self.metric == "euclidean"
        n_found = min(width * self.oversample, self.n_samples_fit_) if exact else width
        found = self.index_.search(codes, n_found, n_threads=self.n_threads)
        ids = _own_first(found.ids) if own else found.ids
        if exact:
            assert self._fit_rows is not None
            n_threads = check_threads(self.n_threads)
            return _rerank(centred, self._fit_rows, ids, width, own=own, n_threads=n_threads)
        distances = found.distances.astype(np.float64)  # the own row's is 0, as that of what it moved behind
        return ids, estimated_angles(distances, self.n_bits) if self.metric == "angle" else distances

    def _rows(self, X: Any, *, reset: bool) -> np.ndarray:
        return as_data_error(validate_data)(self, X, reset=reset, dtype=np.float32)

    def _check_enough(self, n_rows: int) -> None:
        width = self.n_neighbors + (self.mode == "distance")
        if width > n_rows:
            message = (
                f"Expected n_neighbors <= n_samples_fit, but n_neighbors = {width}, n_samples_fit = {n_rows}"
                + (" (mode 'distance' takes one more for the row itself)" if self.mode == "distance" else "")
            )
            raise DataError(message)

    def _check_parameters(self) -> None:
        for name, value, allowed in (("mode", self.mode, MODES), ("metric", self.metric, METRICS)):
            if value not in allowed:
                message = f"{name}={value!r} is not known; allowed: {', '.join(allowed)}"
                raise ConfigError(message)
        for name, least in (("n_neighbors", 1), ("n_bits", 8), ("oversample", 1)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < least:
                message = f"{name} must be an integer of at least {least}, got {value!r}"
                raise ConfigError(message)


def _own_first(ids: np.ndarray) -> np.ndarray:
    """Neighbours (n, width) of the training rows with each row before the others of distance 0."""
    own = np.arange(len(ids))[:, np.newaxis]
    # Where as many rows of smaller number have the same code, the own row is not among the found: the last gives way
    is_own = ids == own
    place = np.where(is_own.any(axis=1), is_own.argmax(axis=1), ids.shape[1] - 1)[:, np.newaxis]  # (n, 1)
    columns = np.arange(ids.shape[1])
    source = columns - ((columns <= place) & (columns > 0))  # what comes before the own row moves one back
    return np.where(columns == 0, own, np.take_along_axis(ids, source, axis=1))


def _rerank(
    queries: np.ndarray, rows: np.ndarray, ids: np.ndarray, width: int, *, own: bool, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `width` nearest of each query's candidates by Euclidean distance, in the order of (distance, row).

    queries : (n, n_features); rows : (n_rows, n_features); ids : (n, n_candidates). The first candidate stays if `own`.
    """
    candidates = np.ascontiguousarray(ids[:, own:])
    nearest = np.empty((len(ids), width - own), dtype=np.int64)
    distances = np.empty((len(ids), width - own))
    run = partial(nearest_of_candidates, queries, rows, candidates, nearest, distances)
    in_blocks(run, len(ids), block=BLOCK, n_threads=n_threads)
    if not own:
        return nearest, distances
    return np.hstack([ids[:, :1], nearest]), np.hstack([np.zeros((len(ids), 1)), distances])
