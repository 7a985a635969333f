"""Whether a search keeps the order of cells within a type, held against exact cosine search.

scDeepHash claims that its codes "preserve the similarity within a type" (section 1, first contribution) and shows no
number. Here: of the 10 cells of the query's own type that exact cosine search puts first, the share that a method has
among its own first 10 of that type. Precision and recall of types have no part in it: a method that ranks all cells of
the type last can reach 1, and codes that are the same for all cells of a type are at chance, 10 / cells of the type.

Ties of the method are averaged: of the cells at the distance of its tenth, each is among the ten with the probability
that a random order gives it. Those of exact search go by row. Types of at most `MIN_CELLS_EXCLUSIVE` cells are left
out, since chance alone comes near 1 there.
"""

import numpy as np
from numpy.typing import ArrayLike

from schash.errors import ConfigError, DataError
from schash.methods.contract import NearestCells
from schash.neighbors import NO_NEIGHBOR

MIN_CELLS_EXCLUSIVE = 20
"""Queries of types that have more cells than this in the database are scored."""


def recall_within_type(
    found: NearestCells,
    exact: NearestCells,
    *,
    database_labels: ArrayLike,
    query_labels: ArrayLike,
    n_nearest: int = 10,
    as_found: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Recall of the nearest cells of the query's own type: recall and chance, both (n_query,) float64.

    Both are NaN for a query whose type has too few cells, or whose exact list shows fewer than `n_nearest` of them. The
    recall alone is NaN where it cannot be known: the method's list ends before, or within the ties of, its
    `n_nearest`-th cell of the type.

    as_found : the list is all that the method ranked, so that what is not in it is not found

    Raises
    ------
    ConfigError
        if types of so few cells would be scored that recall cannot fail
    DataError
        if lists, database and queries do not fit each other
    """
    if not 1 <= n_nearest <= MIN_CELLS_EXCLUSIVE:
        message = f"n_nearest must be from 1 to {MIN_CELLS_EXCLUSIVE}, got {n_nearest}"
        raise ConfigError(message)
    database, query = np.asarray(database_labels, dtype=str), np.asarray(query_labels, dtype=str)
    if not len(found.ids) == len(exact.ids) == len(query):
        message = f"{len(query)} queries, but lists of {len(found.ids)} and, exact, of {len(exact.ids)}"
        raise DataError(message)
    members = {name: database == name for name in np.unique(query)}
    recall, chance = np.full(len(query), np.nan), np.full(len(query), np.nan)
    for i, name in enumerate(query):
        n_members = np.count_nonzero(members[name])
        if n_members <= MIN_CELLS_EXCLUSIVE:
            continue
        nearest, _ = _own(exact, i, members[name])
        if len(nearest) < n_nearest:
            continue
        chance[i] = n_nearest / n_members
        ids, distances = _own(found, i, members[name])
        ended = as_found or len(ids) == n_members or found.ids[i, -1] == NO_NEIGHBOR
        if ended or _ties_end(distances, found.distances[i, -1], n_nearest):
            recall[i] = _share(ids, distances, nearest[:n_nearest])
    return recall, chance


def _own(lists: NearestCells, i: int, is_member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids and distances of the cells of one type in the list of query i, nearest first."""
    ids = lists.ids[i]
    own = is_member[ids] & (ids != NO_NEIGHBOR)  # row -1 is the last cell, which is meant nowhere
    return ids[own], lists.distances[i][own]


def _ties_end(distances: np.ndarray, last: float, n_nearest: int) -> bool:
    """Whether the list goes beyond all cells at the distance of the `n_nearest`-th of the type."""
    return len(distances) >= n_nearest and bool(distances[n_nearest - 1] < last)


def _share(ids: np.ndarray, distances: np.ndarray, nearest: np.ndarray) -> float:
    """Expected share of `nearest` among the first len(nearest) of the ids, over all orders of equal distances."""
    n = len(nearest)
    wanted = np.isin(ids, nearest)
    if len(ids) <= n:
        return float(np.count_nonzero(wanted) / n)
    before, tied = distances < distances[n - 1], distances == distances[n - 1]
    free = n - np.count_nonzero(before)
    sure, maybe = np.count_nonzero(wanted & before), np.count_nonzero(wanted & tied)
    return float((sure + maybe * free / np.count_nonzero(tied)) / n)
