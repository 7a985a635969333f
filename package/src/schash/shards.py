"""One answer from several indexes that each hold a part of the cells (shards): that of one index of all cells.

A database that outgrows a machine is hashed part by part under one preprocessing (`CellFishing.same_hashes_over`), each
part is searched where it lies, and only the nearest cells of each part are sent to be merged. `docs/scale.md` has the
plan and its costs.

What is merged is small: k neighbours of each query and shard. Merging keeps the order of one index, (distance, row),
with rows counted through the shards as they are given, so that the answer is the same, ties included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

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
        n_query = len(self.ids)
        keys = np.sort(_keys(self.totals.reshape(n_query, -1), self.ids.reshape(n_query, -1)), axis=1)
        keys[:, 1:][keys[:, 1:] == keys[:, :-1]] = _NONE  # a cell that several hashes nominate counts once
        ids, totals = _of_keys(np.sort(keys, axis=1)[:, : self.k], far=self.n_bits + 1)
        return Neighbors(ids, totals, self.n_candidates, self.n_lookups)


def merge_neighbors(shards: Sequence[Neighbors], first_rows: Sequence[int]) -> Neighbors:
    """The k nearest of what the `LinearIndex`es or `MultiIndex`es of several shards found.

    shards : of the same queries and k; `n_candidates` and `n_lookups` are summed
    first_rows : row, in all cells, of the first cell of each shard

    Raises
    ------
    DataError
        if there is no shard, they are of different queries or k, or `first_rows` does not go up
    """
    _check_shards([each.ids.shape for each in shards], first_rows)
    far = max(int(each.distances[each.ids == NO_NEIGHBOR].max(initial=0)) for each in shards)
    keys = np.hstack(
        [
            _keys(each.distances, _shifted(each.ids, first))
            for each, first in zip(shards, first_rows, strict=True)
        ]
    )
    ids, distances = _of_keys(_smallest(keys, shards[0].k), far=far)
    return Neighbors(ids, distances, _sum(shards, "n_candidates"), _sum(shards, "n_lookups"))


def merge_nominations(shards: Sequence[Nominations], first_rows: Sequence[int]) -> Nominations:
    """What the hashes of one index of all cells would nominate. Parameters and errors as in `merge_neighbors`."""
    _check_shards([each.ids.shape for each in shards], first_rows)
    if len({each.n_bits for each in shards}) > 1:
        message = (
            f"shards have codes of {', '.join(str(each.n_bits) for each in shards)} bits; expected one number"
        )
        raise DataError(message)
    ids = np.concatenate(
        [_shifted(each.ids, first) for each, first in zip(shards, first_rows, strict=True)], axis=2
    )
    distances = np.concatenate([each.distances for each in shards], axis=2)
    order = np.argsort(_keys(distances, ids), axis=2, kind="stable")[:, :, : shards[0].k]
    totals = np.concatenate([each.totals for each in shards], axis=2)
    taken = [np.take_along_axis(values, order, axis=2) for values in (ids, distances, totals)]
    return replace(
        shards[0],
        ids=taken[0],
        distances=taken[1],
        totals=taken[2],
        n_candidates=_sum(shards, "n_candidates"),
        n_lookups=_sum(shards, "n_lookups"),
    )


def _check_shards(shapes: Sequence[tuple[int, ...]], first_rows: Sequence[int]) -> None:
    if not shapes:
        message = "there is no shard to merge"
        raise DataError(message)
    if len(set(shapes)) > 1:
        message = f"shards must answer the same queries with the same k, got arrays of {sorted(set(shapes))}"
        raise DataError(message)
    rising = all(a < b for a, b in pairwise(first_rows))
    if len(first_rows) != len(shapes) or not rising or first_rows[0] < 0 or first_rows[-1] >= 1 << ID_BITS:
        message = (
            f"first_rows must go up from 0, one a shard; got {list(first_rows)} for {len(shapes)} shards"
        )
        raise DataError(message)


def _shifted(ids: np.ndarray, first: int) -> np.ndarray:
    return np.where(ids == NO_NEIGHBOR, NO_NEIGHBOR, ids + first)


def _keys(distances: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Numbers that sort by (distance, row); what is no neighbour sorts last."""
    return np.where(ids == NO_NEIGHBOR, _NONE, (distances.astype(np.int64) << ID_BITS) | ids)


def _smallest(keys: np.ndarray, k: int) -> np.ndarray:
    """The k smallest of each row in order, (n_query, k)."""
    if keys.shape[1] > k:
        keys = np.partition(keys, k - 1, axis=1)[:, :k]
    return np.sort(keys, axis=1)


def _of_keys(keys: np.ndarray, far: int) -> tuple[np.ndarray, np.ndarray]:
    none = keys == _NONE
    ids = np.where(none, NO_NEIGHBOR, keys & ((1 << ID_BITS) - 1))
    return ids, np.where(none, far, keys >> ID_BITS).astype(np.int32)


def _sum(shards: Sequence[Neighbors] | Sequence[Nominations], name: str) -> Any:
    return np.sum([getattr(each, name) for each in shards], axis=0, dtype=np.int64)
