"""Which of the cells that a search ranks are relevant to the query, and how many stand at the same distance.

A cell is relevant to a query if it has the query's type. The order is (distance, database row); equal distances mean
equal as stored. Codes tie often, so the cut at k mostly falls inside a group of equal distance, of which a list of
`width` neighbours shows only the smaller rows. A tie-averaged score needs the totals of the whole group: they come with
`rank_by_distance`, which sees all distances a block at a time, or are given to `rank_neighbors`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from schash.errors import ConfigError, DataError
from schash.neighbors import NO_NEIGHBOR

UNKNOWN = -1
"""Size of a group of equal distance that the list may show only a part of."""

_DISTANCES = 4_000_000
"""Distances that are in memory at a time."""


@dataclass(frozen=True, eq=False)
class RankedRelevance:
    """The first `width` cells of each query in order of (distance, database row).

    types : (n_query,) str, the query's own type
    relevant : (n_query, width) bool; False where there is no neighbour
    distances : (n_query, width) float, not decreasing; infinite where there is no neighbour
    n_relevant : (n_query,) int64, relevant cells in the whole database
    tied_size : (n_query,) int64, database cells at the distance of the last column, shown or not; `UNKNOWN` where the
        list may show only a part of them
    tied_relevant : (n_query,) int64, how many of those are relevant; `UNKNOWN` likewise

    Raises
    ------
    DataError
        if shapes do not fit, distances decrease or are NaN, or the counts contradict each other
    """

    types: np.ndarray
    relevant: np.ndarray
    distances: np.ndarray
    n_relevant: np.ndarray
    tied_size: np.ndarray
    tied_relevant: np.ndarray

    def __post_init__(self) -> None:
        relevant, distances = np.ascontiguousarray(self.relevant), np.ascontiguousarray(self.distances)
        if relevant.ndim != 2 or relevant.dtype != np.bool_ or 0 in relevant.shape:
            message = f"relevant must be (n_query, width) bool, got {relevant.shape} {relevant.dtype}"
            raise DataError(message)
        if distances.shape != relevant.shape or distances.dtype not in (np.float32, np.float64):
            message = f"distances must be {relevant.shape} float32 or float64, got {distances.shape} {distances.dtype}"
            raise DataError(message)
        object.__setattr__(self, "relevant", relevant)
        object.__setattr__(self, "distances", distances)
        object.__setattr__(self, "types", np.asarray(self.types, dtype=str))
        for name in ("n_relevant", "tied_size", "tied_relevant"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        for name in ("types", "n_relevant", "tied_size", "tied_relevant"):
            if getattr(self, name).shape != (len(relevant),):
                message = f"{name} must be ({len(relevant)},), got {getattr(self, name).shape}"
                raise DataError(message)
        if np.isnan(distances).any() or np.any(distances[:, 1:] < distances[:, :-1]):
            message = "distances must not decrease with the rank, nor be NaN"
            raise DataError(message)
        self._check_counts()

    def _check_counts(self) -> None:
        if np.any(self.relevant & np.isinf(self.distances)):
            message = "what stands at an infinite distance is no neighbour and cannot be relevant"
            raise DataError(message)
        known = self.tied_size != UNKNOWN
        shown, shown_relevant = _last_group(self.relevant, self.distances)
        unseen = np.where(known, self.tied_size - shown, 0)
        unseen_relevant = np.where(known, self.tied_relevant - shown_relevant, 0)
        if np.any((unseen_relevant < 0) | (unseen_relevant > unseen)):
            query = int(np.flatnonzero((unseen_relevant < 0) | (unseen_relevant > unseen))[0])
            message = (
                f"query {query}: {self.tied_relevant[query]} relevant of {self.tied_size[query]} cells at the last "
                f"distance do not fit the {shown_relevant[query]} of {shown[query]} in the list"
            )
            raise DataError(message)
        seen = np.count_nonzero(self.relevant, axis=1) + unseen_relevant
        if np.any(seen > self.n_relevant):
            query = int(np.flatnonzero(seen > self.n_relevant)[0])
            message = (
                f"query {query}: {seen[query]} relevant cells are ranked, "
                f"but the database has {self.n_relevant[query]}"
            )
            raise DataError(message)

    def __len__(self) -> int:
        return self.relevant.shape[0]

    @property
    def width(self) -> int:
        return self.relevant.shape[1]

    def unknown_at(self, k: int) -> np.ndarray:
        """(n_query,) bool: rank k stands in a group of unknown size, so that no tie-averaged score exists."""
        start = np.argmax(self.distances == self.distances[:, -1:], axis=1)
        unknown: np.ndarray = (self.tied_size == UNKNOWN) & (start < k)
        return unknown


def rank_neighbors(
    ids: np.ndarray,
    distances: np.ndarray,
    *,
    database_labels: ArrayLike,
    query_labels: ArrayLike,
    last_group: Literal["unknown", "as_found"] | np.ndarray = "unknown",
) -> RankedRelevance:
    """Relevance of found neighbours, `NearestCells` or `Neighbors`.

    Parameters
    ----------
    ids : (n_query, width) int64 rows of the database, `NO_NEIGHBOR` last where fewer were found
    distances : (n_query, width); equal ones must stand in the order of their rows
    last_group : what is known of the group of equal distance that the last column belongs to. "unknown": nothing,
        unless every database cell is in the list; scores at a k before that group can still be tie-averaged.
        "as_found": the list is all that the method ranked, as with a search that only compares candidates.
        (n_query, n_types) integers: how many database cells of each type, sorted by name, stand at that distance in
        all, which a search can tell without knowing the query's type.

    Raises
    ------
    DataError
        if the neighbours are not in the order of (distance, row), or shapes or rows do not fit the labels
    """
    ids, distances = np.asarray(ids), np.asarray(distances)
    labels = _Labels(database_labels, query_labels)
    if ids.ndim != 2 or 0 in ids.shape or ids.shape != distances.shape or len(ids) != len(labels.query):
        message = (
            f"ids and distances must be (n_query, width) for {len(labels.query)} queries, "
            f"got {ids.shape} and {distances.shape}"
        )
        raise DataError(message)
    none = ids == NO_NEIGHBOR
    _check_order(ids, distances, none, len(labels.database))
    # row -1 is the last cell, which is not relevant where it stands for none
    relevant = (labels.database[ids] == labels.query[:, None]) & ~none
    if distances.dtype not in (np.float32, np.float64):
        distances = distances.astype(np.float64)
    distances = np.where(none, distances.dtype.type(np.inf), distances)
    size, tied_relevant = _last_group(relevant, distances)
    whole = none[:, -1] | (ids.shape[1] >= len(labels.database))  # then nothing can be unseen
    if isinstance(last_group, np.ndarray):
        total, total_relevant = labels.totals(last_group)
    elif last_group == "unknown":
        total = total_relevant = np.full(len(ids), UNKNOWN)
    elif last_group == "as_found":
        total, total_relevant = size, tied_relevant
    else:
        message = f"last_group must be 'unknown', 'as_found' or counts by type, got {last_group!r}"
        raise ConfigError(message)
    return RankedRelevance(
        labels.query_labels,
        relevant,
        distances,
        labels.n_relevant,
        np.where(whole, size, total),
        np.where(whole, tied_relevant, total_relevant),
    )


def rank_by_distance(
    distances: np.ndarray | Callable[[int, int], np.ndarray],
    width: int,
    *,
    database_labels: ArrayLike,
    query_labels: ArrayLike,
) -> RankedRelevance:
    """Relevance of the `width` nearest cells from all distances, with the totals of the last group of equal distance.

    distances : (n_query, n_database), or a function that computes the rows start to end - 1 of it, such as
        `lambda start, end: hamming_distances(queries[start:end], database)`; it is asked for blocks that keep memory
        bounded. Smaller = nearer.

    Raises
    ------
    ConfigError
        if width is below 1
    DataError
        if a block is not (end - start, n_database) finite numbers
    """
    if width < 1:
        message = f"width must be at least 1, got {width}"
        raise ConfigError(message)
    labels = _Labels(database_labels, query_labels)
    n_query, n_database = len(labels.query), len(labels.database)
    if not callable(distances) and len(distances) != n_query:
        message = f"distances must have a row for each of {n_query} queries, got shape {distances.shape}"
        raise DataError(message)
    relevant = np.zeros((n_query, width), dtype=np.bool_)
    ranked = np.full((n_query, width), np.inf)
    size, tied_relevant = np.zeros(n_query, np.int64), np.zeros(n_query, np.int64)
    for query, row in enumerate(_rows(distances, n_query, n_database)):
        is_relevant = labels.database == labels.query[query]
        nearest, tied = _nearest(row, width)
        relevant[query, : len(nearest)] = is_relevant[nearest]
        ranked[query, : len(nearest)] = row[nearest]
        size[query], tied_relevant[query] = len(tied), np.count_nonzero(is_relevant[tied])
    if width > n_database:
        size[:], tied_relevant[:] = width - n_database, 0  # the last group is what pads the list
    return RankedRelevance(labels.query_labels, relevant, ranked, labels.n_relevant, size, tied_relevant)


def _rows(
    distances: np.ndarray | Callable[[int, int], np.ndarray], n_query: int, n_database: int
) -> Iterator[np.ndarray]:
    """The distances of one query after the other, computed in blocks."""
    block = max(1, _DISTANCES // n_database)
    for start in range(0, n_query, block):
        end = min(n_query, start + block)
        rows = distances(start, end) if callable(distances) else distances[start:end]
        if rows.shape != (end - start, n_database) or not np.isfinite(rows).all():
            message = (
                f"distances of queries {start} to {end - 1} must be {(end - start, n_database)} finite numbers, "
                f"got {rows.shape} {rows.dtype}"
            )
            raise DataError(message)
        yield from rows


def _nearest(row: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the `width` smallest, in order of (distance, row), and of all that equal the last of them."""
    last = min(width, len(row)) - 1
    farthest = np.partition(row, last)[last]
    nearer, tied = np.flatnonzero(row < farthest), np.flatnonzero(row == farthest)
    nearer = nearer[np.argsort(row[nearer], kind="stable")]
    return np.concatenate([nearer, tied[: last + 1 - len(nearer)]]), tied


def _last_group(relevant: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells, and relevant cells, in the list at its last distance: two (n_query,) int64 arrays."""
    last = distances == distances[:, -1:]
    return np.count_nonzero(last, axis=1), np.count_nonzero(last & relevant, axis=1)


def _check_order(ids: np.ndarray, distances: np.ndarray, none: np.ndarray, n_database: int) -> None:
    if np.any((ids >= n_database) | ((ids < 0) & ~none)):
        message = f"neighbours must be rows of the database, which has {n_database} cells"
        raise DataError(message)
    if np.any(none[:, :-1] & ~none[:, 1:]):
        message = "missing neighbours must stand last"
        raise DataError(message)
    if not np.isfinite(distances[~none]).all():
        message = "the distance of a neighbour must be a finite number"
        raise DataError(message)
    both = ~none[:, 1:]
    first, second = distances[:, :-1], distances[:, 1:]
    wrong = both & ((second < first) | ((second == first) & (ids[:, 1:] <= ids[:, :-1])))
    if np.any(wrong):
        query, rank = (int(place[0]) for place in np.nonzero(wrong))
        message = (
            f"neighbours must be in the order of (distance, row), but query {query} has row {ids[query, rank + 1]} at "
            f"{distances[query, rank + 1]} behind row {ids[query, rank]} at {distances[query, rank]}"
        )
        raise DataError(message)


class _Labels:
    """Labels as integers: the database's by sorted name, a query's -1 where the database has no such type."""

    def __init__(self, database_labels: ArrayLike, query_labels: ArrayLike) -> None:
        database, query = np.asarray(database_labels, dtype=str), np.asarray(query_labels, dtype=str)
        if database.ndim != 1 or query.ndim != 1 or len(database) == 0 or len(query) == 0:
            message = f"labels must be two vectors that are not empty, got shapes {database.shape} and {query.shape}"
            raise DataError(message)
        names, codes, sizes = np.unique(database, return_inverse=True, return_counts=True)
        self.query_labels = query
        self.database = codes.astype(np.int32)
        slots = np.minimum(np.searchsorted(names, query), len(names) - 1)
        known = names[slots] == query
        self.query = np.where(known, slots, -1).astype(np.int32)
        self.n_relevant = np.where(known, sizes[slots], 0)
        self._sizes = sizes

    def totals(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells and relevant cells of each query's last group from counts by type (n_query, n_types)."""
        shape = (len(self.query), len(self._sizes))
        if counts.shape != shape or np.any((counts < 0) | (counts > self._sizes)):
            message = (
                f"counts of the last group must be {shape}, queries x types, each from 0 to the cells of the type; "
                f"got {counts.shape}"
            )
            raise DataError(message)
        own = np.take_along_axis(counts, np.maximum(self.query, 0)[:, None], axis=1)[:, 0]
        return counts.sum(axis=1), np.where(self.query >= 0, own, 0)
