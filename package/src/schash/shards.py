"""One answer from several indexes that each hold a part of the cells (shards): that of one index of all cells.

A database that outgrows a machine is hashed part by part under one preprocessing (`CellFishing.same_hashes_over`), each
part is searched where it lies, and only the nearest cells of each part are sent to be merged. `docs/scale.md` has the
plan and its costs.

What is merged is small: k neighbours of each query and shard. Merging keeps the order of one index, (distance, row),
with rows counted through the shards as they are given, so that the answer is the same, ties included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from operator import index
from typing import Any, TypeAlias

import numpy as np

from schash._merge_kernels import merge_sorted
from schash._threads import share_out
from schash.errors import DataError
from schash.neighbors import NO_NEIGHBOR, Neighbors

ID_BITS = 40
"""Of a row in a sort key; distances take the bits above, so that one sort orders by (distance, row)."""
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Nominations:
    """Cells that each hash of a `CellFishing` nominates, before they are ranked over all hashes.

    Rankings of shards cannot be merged without them: one index of all cells ranks only what its own hashes nominate,
    and a shard nominates more than its share.

    ids : (n_query, n_hashes, k) int64, rows, ordered by (distance, row); -1 for none
    distances : (n_query, n_hashes, k) int32, by the hash that nominates
    totals : (n_query, n_hashes, k) int32, over all hashes
    n_bits : of all hashes together
    n_candidates, n_lookups : (n_query,) int64, as in `Neighbors`
    """

    ids: np.ndarray
    distances: np.ndarray
    totals: np.ndarray
    n_bits: int
    n_candidates: np.ndarray
    n_lookups: np.ndarray

    @property
    def k(self) -> int:
        return self.ids.shape[2]

    def nearest(self) -> Neighbors:
        """The k nominated cells of smallest total distance; ties to the smaller row. It is what a search returns."""
        n_query, n_hashes, k = self.ids.shape
        flat = (n_query, n_hashes * k)
        keys = np.sort(_keys(self.totals.reshape(flat), self.ids.reshape(flat)), axis=1)
        keys[:, 1:][keys[:, 1:] == keys[:, :-1]] = _NONE  # a cell that several hashes nominate counts once
        ids, totals = _of_keys(np.sort(keys, axis=1)[:, : self.k], far=self.n_bits + 1)
        return Neighbors(ids, totals, self.n_candidates, self.n_lookups)


def merge_neighbors(shards: Sequence[Neighbors], first_rows: Sequence[int]) -> Neighbors:
    """The k nearest of what the `LinearIndex`es or `MultiIndex`es of several shards found.

    shards : of the same queries and k; `n_candidates` and `n_lookups` are summed
    first_rows : row, in all cells, of the first cell of each shard. An inner merge, of a tree of them, counts from 0
        and the outer one from where each inner one begins

    Raises
    ------
    DataError
        if there is no shard, they are of different queries or k, `first_rows` holds no whole numbers or does not go up,
        or a shard has a row that belongs to the next one
    """
    first_rows = _check_shards([each.ids for each in shards], first_rows)
    ids, distances, _ = _merged([(each.ids, each.distances, each.distances) for each in shards], first_rows)
    return Neighbors(ids, distances, _sum(shards, "n_candidates"), _sum(shards, "n_lookups"))


def merge_nominations(shards: Sequence[Nominations], first_rows: Sequence[int]) -> Nominations:
    """What the hashes of one index of all cells would nominate. Parameters and errors as in `merge_neighbors`."""
    first_rows = _check_shards([each.ids for each in shards], first_rows)
    if len({each.n_bits for each in shards}) > 1:
        message = (
            f"shards have codes of {', '.join(str(each.n_bits) for each in shards)} bits; expected one number"
        )
        raise DataError(message)
    ids, distances, totals = _merged([(each.ids, each.distances, each.totals) for each in shards], first_rows)
    counts = {name: _sum(shards, name) for name in ("n_candidates", "n_lookups")}
    return replace(shards[0], ids=ids, distances=distances, totals=totals, **counts)


Lists: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ids, distances, and a number that goes with each: (..., k), sorted by (distance, id)."""


def _merged(shards: Sequence[Lists], first_rows: Sequence[int]) -> Lists:
    """The k nearest of all, one shard after another, so that only two are at work at a time."""
    shape = shards[0][0].shape
    merged = [np.ascontiguousarray(_shifted(array, i, first_rows[0])) for i, array in enumerate(shards[0])]
    for shard, first in zip(shards[1:], first_rows[1:], strict=True):
        flat = [array.reshape(-1, shape[-1]) for array in (*merged, *shard)]
        out = [np.empty_like(array) for array in flat[:3]]
        share_out(partial(merge_sorted, *flat, first, *out), len(flat[0]))
        merged = [array.reshape(shape) for array in out]
    return merged[0], merged[1], merged[2]


def _shifted(array: np.ndarray, which: int, first: int) -> np.ndarray:
    """Ids, the first of `Lists`, are counted through all shards; the others stay."""
    return np.where(array == NO_NEIGHBOR, NO_NEIGHBOR, array + np.int64(first)) if which == 0 else array


def _check_shards(ids: Sequence[np.ndarray], first_rows: Sequence[int]) -> list[int]:
    """The first rows as Python's own numbers."""
    if not ids:
        message = "there is no shard to merge"
        raise DataError(message)
    shapes = [each.shape for each in ids]
    if len(set(shapes)) > 1:
        message = f"shards must answer the same queries with the same k, got arrays of {sorted(set(shapes))}"
        raise DataError(message)
    try:
        firsts = [index(first) for first in first_rows]
    except TypeError:
        message = f"first_rows must be whole numbers, got {list(first_rows)}"
        raise DataError(message) from None
    rising = all(a <= b for a, b in pairwise(firsts))  # equal where a shard is empty
    if len(firsts) != len(shapes) or not rising or firsts[0] < 0 or firsts[-1] >= 1 << ID_BITS:
        message = f"first_rows must go up from 0, one a shard; got {firsts} for {len(shapes)} shards"
        raise DataError(message)
    for number, (each, first, end) in enumerate(zip(ids, firsts, [*firsts[1:], 1 << ID_BITS], strict=True)):
        if each.size and first + int(each.max()) >= max(end, first):
            message = (
                f"shard {number} has row {int(each.max())}, which is row {first + int(each.max())} of all cells; "
                f"the next shard begins at {end}"
            )
            raise DataError(message)
    return firsts


def _keys(distances: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Numbers that sort by (distance, row); what is no neighbour sorts last."""
    return np.where(ids == NO_NEIGHBOR, _NONE, (distances.astype(np.int64) << ID_BITS) | ids)


def _of_keys(keys: np.ndarray, far: int) -> tuple[np.ndarray, np.ndarray]:
    none = keys == _NONE
    ids = np.where(none, NO_NEIGHBOR, keys & ((1 << ID_BITS) - 1))
    return ids, np.where(none, far, keys >> ID_BITS).astype(np.int32)


def _sum(shards: Sequence[Neighbors] | Sequence[Nominations], name: str) -> Any:
    return np.sum([getattr(each, name) for each in shards], axis=0, dtype=np.int64)
