"""How well the cells of a type keep together in a space: neighbourhood purity and silhouette, one value a cell.

Purity of a cell
    Among its nearest other cells, the share that is of its own type. It looks at k cells, or at as many as there are
    others of its type where they are fewer, so that 1 can be reached by every cell; a cell that is alone of its type
    has none (NaN). Ties are averaged: of the cells at the distance of the last one, each counts with the probability
    that a random order puts it among the nearest. Binary codes tie all the time.
Silhouette of a cell
    (b - a) / max(a, b), with a the mean distance to the others of its type and b that to the nearest other type, by
    scikit-learn: 0 for a cell that is alone of its type.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import pairwise_distances_chunked, silhouette_samples

from schash.errors import ConfigError, DataError

Distance = Literal["euclidean", "cityblock"]
"""Of bits as 0 and 1, cityblock is the Hamming distance, and exact."""


def neighborhood_purity(
    X: np.ndarray, labels: ArrayLike, *, k: int = 10, distance: Distance = "euclidean"
) -> np.ndarray:
    """Share of a cell's own type among its k nearest other cells: (n_cells,) float64.

    X : (n_cells, n_dimensions); labels : (n_cells,)

    Raises
    ------
    ConfigError
        if k is not positive
    DataError
        if there are fewer than two cells, or not one label for each
    """
    if k < 1:
        message = f"k must be at least 1, got {k}"
        raise ConfigError(message)
    types = _types(X, labels)
    n_others = np.bincount(types)[types] - 1
    n_nearest = np.minimum(k, n_others)  # 0 for a cell that is alone of its type
    found = np.full(len(types), np.nan)
    start = 0
    for block in pairwise_distances_chunked(X, metric=distance):
        for i, distances in enumerate(block, start):
            if n_nearest[i]:
                found[i] = _purity(np.delete(distances, i), np.delete(types == types[i], i), n_nearest[i])
        start += len(block)
    return found


def _purity(distances: np.ndarray, own: np.ndarray, n_nearest: int) -> float:
    """Expected share of `own` among the nearest, whatever the order of equal distances."""
    last = np.partition(distances, n_nearest - 1)[n_nearest - 1]
    nearer, tied = distances < last, distances == last
    places_left = n_nearest - np.count_nonzero(nearer)
    expected = np.count_nonzero(own & nearer) + places_left * own[tied].mean()
    return float(expected / n_nearest)


def silhouettes(X: np.ndarray, labels: ArrayLike, *, distance: Distance = "euclidean") -> np.ndarray:
    """Silhouette of every cell: (n_cells,) float64, NaN throughout where no two cells are of a type.

    Raises
    ------
    DataError
        if there are fewer than two types, or not one label for each cell
    """
    types = _types(X, labels)
    n_types = types.max() + 1
    if n_types < 2:
        message = "a silhouette needs at least two types, got one"
        raise DataError(message)
    if n_types == len(types):
        return np.full(len(types), np.nan)
    values: np.ndarray = silhouette_samples(X, types, metric=distance)
    return values.astype(np.float64)


def _types(X: np.ndarray, labels: ArrayLike) -> np.ndarray:
    names = np.asarray(labels, dtype=str)
    if X.ndim != 2 or names.shape != (len(X),) or len(X) < 2:
        message = f"need at least two cells with a label each, got cells of shape {X.shape}, labels of {names.shape}"
        raise DataError(message)
    types: np.ndarray = np.unique(names, return_inverse=True)[1]
    return types
