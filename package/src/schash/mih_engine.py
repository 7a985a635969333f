"""The tables of one part of a `schash.mih.MultiIndex`, beside its clusters, and the choice between the two."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schash._group_kernels import fill_groups
from schash._lanes import LANES
from schash._mih_kernels import BUCKET_COST, fill_table, search_tables
from schash._packed_ids import pack_ids, unpack_ids
from schash.clustered import Clustered
from schash.parallel import block_for, check_threads, in_blocks

Layout = Literal["fast", "compact"]
Strategy = Literal["auto", "tables", "clusters"]
_QUERIES = 64
_NO_BOUND = 1 << 60
_BATCH = 64
"""Queries from which on some are tried both ways."""
_TRIED = 4
_WIN = 4
"""How many times less work the tables must promise: so little of it is then spent on finding out."""
_FEW = 64
"""The part of a scan that a query of a small batch may spend in the tables."""
# What a search by clusters costs, in codes read from a bucket (measured; see package/benchmarks)
_SCANNED = 0.25
"""A code scanned in its cluster, which a block of queries shares and the cache holds."""
_PIVOT = 4
"""A cluster considered."""
_FETCHED = 8
"""A code fetched by its position, where the table has no copy of its own."""
_MOST = 0.8
"""Part of the codes beyond which looking at all of them, without asking which, is faster."""
CLUSTERED_ARRAYS = ("groups", "order", "places", "pivots", "shells")
TABLE_ARRAYS = ("firsts", "sizes", "starts", "ids", "copies")
_TYPES = {
    **dict.fromkeys(("groups", "pivots", "copies"), np.uint64),
    **dict.fromkeys(("order", "places", "ids"), np.uint8),
    **dict.fromkeys(("shells", "starts"), np.uint32),
    **dict.fromkeys(("firsts", "sizes"), np.int64),
}
_WIDEST = 32
"""Bits of a sub-code."""


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of one part.

    firsts, sizes : (n_tables,) int64, the sub-codes
    starts : uint32, 2^size + 1 of each table: where its buckets start
    ids : (n_tables * n_codes * id_bytes,) uint8, packed positions in the clustered copy, bucket by bucket
    copies : (n_tables * n_groups, n_words, LANES) uint64, or of length 0
    """

    firsts: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    ids: np.ndarray
    copies: np.ndarray

    @property
    def bases(self) -> np.ndarray:
        """Where each table's buckets begin in `starts`."""
        return np.concatenate([[0], np.cumsum((1 << self.sizes) + 1)[:-1]])


def check_arrays(clustered: Clustered, tables: Tables) -> None:
    """Raise `ValueError` where types or sizes of arrays read from a file do not fit: compiled loops trust them."""
    for name, dtype in _TYPES.items():
        array = getattr(clustered if name in CLUSTERED_ARRAYS else tables, name)
        if array.dtype != dtype:
            message = f"{name} is of type {array.dtype}, expected {dtype}"
            raise ValueError(message)
    if (
        tables.sizes.ndim != 1
        or not len(tables.sizes)
        or tables.sizes.min() < 1
        or tables.sizes.max() > _WIDEST
    ):
        message = f"sub-codes of {tables.sizes.tolist()} bits"
        raise ValueError(message)
    n_bits, n, id_bytes = clustered.n_bits, clustered.n_codes, clustered.id_bytes
    n_words, n_groups, n_tables = -(-n_bits // 64), -(-n // LANES), len(tables.sizes)
    wanted = {
        "groups": (clustered.groups, (n_groups, n_words, LANES)),
        "order": (clustered.order, (n * id_bytes,)),
        "places": (clustered.places, (n * id_bytes,)),
        "pivots": (clustered.pivots, ((len(clustered.shells) - 1) // (n_bits + 1), n_words)),
        "firsts": (tables.firsts, (n_tables,)),
        "starts": (tables.starts, (int(((1 << tables.sizes) + 1).sum()),)),
        "ids": (tables.ids, (n_tables * n * id_bytes,)),
        "copies": (tables.copies, (n_tables * n_groups if len(tables.copies) else 0, n_words, LANES)),
    }
    for name, (array, shape) in wanted.items():
        if array.shape != shape:
            message = f"{name} has shape {array.shape}, expected {shape}"
            raise ValueError(message)
    ids = (clustered.order, clustered.places, tables.ids)
    largest = max(int(unpack_ids(packed, id_bytes).max(initial=0)) for packed in ids)
    steps = (
        np.diff(part.astype(np.int64))
        for part in (clustered.shells, *np.split(tables.starts, tables.bases[1:]))
    )
    within = (
        0 <= tables.firsts.min() <= tables.firsts.max() <= n_bits
        and int((tables.firsts + tables.sizes).max()) <= n_bits
    )
    if (
        largest >= n
        or not within
        or any(step.min(initial=0) < 0 for step in steps)
        or tables.starts.max() > n
    ):
        message = "tables point outside of the codes"
        raise ValueError(message)


def build_tables(
    words: np.ndarray, clustered: Clustered, fields: tuple[np.ndarray, np.ndarray], layout: Layout
) -> Tables:
    """Sort the codes into buckets, table by table. words : (n_codes, n_words) uint64."""
    n, n_words = words.shape
    n_groups = len(clustered.groups)
    firsts, sizes = fields
    n_tables = len(sizes)
    starts = np.zeros(int(((1 << sizes) + 1).sum()), np.uint32)
    ids = np.empty((n_tables, n * clustered.id_bytes), np.uint8)
    code_at = clustered.code_at
    copies = np.empty(
        (n_tables * n_groups if layout == "fast" else 0, n_words, clustered.groups.shape[2]), np.uint64
    )
    bases = np.concatenate([[0], np.cumsum((1 << sizes) + 1)])

    def fill(a: int, _: int) -> None:
        places = np.empty(n, np.uint32)
        fill_table(words, code_at, firsts[a], sizes[a], starts[bases[a] : bases[a + 1]], places)
        ids[a] = pack_ids(places)
        if layout == "fast":
            fill_groups(words, code_at[places], copies[a * n_groups : (a + 1) * n_groups])

    in_blocks(fill, n_tables, block=1, n_threads=check_threads(None))
    return Tables(firsts, sizes, starts, ids.ravel(), copies)


class MultiEngine:
    """Tables and a clustered copy of the same codes."""

    def __init__(self, clustered: Clustered, tables: Tables) -> None:
        self.clustered, self.tables = clustered, tables

    def words(self) -> np.ndarray:
        return self.clustered.words()

    def take(self, codes: np.ndarray) -> np.ndarray:
        return self.clustered.take(codes)

    def arrays(self) -> dict[str, np.ndarray]:
        clustered = {name: getattr(self.clustered, name) for name in CLUSTERED_ARRAYS}
        tables = {name: getattr(self.tables, name) for name in TABLE_ARRAYS}
        return {**clustered, **tables}

    def search(
        self, queries: np.ndarray, k: int, *, strategy: Strategy = "auto", **options: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        way, bound = self._plan(queries, k, options) if strategy == "auto" else (strategy, _NO_BOUND)
        if way != "tables":
            scan = self.clustered.search_all if way == "all" else self.clustered.search
            return *scan(queries, k, **options), np.zeros(len(queries), np.int64)
        keys, sizes, candidates, lookups = self._search_tables(queries, k, bound=bound, **options)
        hard = np.flatnonzero(sizes < 0)
        if len(hard):
            options["limits"] = options["limits"][hard]
            keys[hard], sizes[hard], scanned = self.clustered.search(queries[hard], k, **options)
            candidates[hard] += scanned
        return keys, sizes, candidates, lookups

    def _plan(self, queries: np.ndarray, k: int, options: dict[str, Any]) -> tuple[str, int]:
        """("tables", bound), ("clusters", 0) or ("all", 0): the way that needs least work, and how much work to put
        into a query by the tables before it goes to the clusters.

        Some of the queries are searched both ways, and the counts compared (no clock: the same answer each time). A few
        queries are not worth that: they may do a small part of a scan's work in the tables first.
        """
        n = self.clustered.n_codes
        if len(queries) < _BATCH:
            return "tables", n // _FEW
        tried = np.linspace(0, len(queries) - 1, _TRIED).astype(np.int64)
        some, options = np.ascontiguousarray(queries[tried]), {**options, "limits": options["limits"][tried]}
        _, _, scanned = self.clustered.search(some, k, **options)
        if scanned.mean() > _MOST * n:
            scan, scan_cost = "all", int(_SCANNED * n)
        else:
            scan, scan_cost = "clusters", int(_SCANNED * scanned.mean() + _PIVOT * len(self.clustered.pivots))
        _, sizes, candidates, lookups = self._search_tables(some, k, bound=scan_cost // _WIN, **options)
        code_cost = 1 if len(self.tables.copies) else _FETCHED
        spent = np.where(sizes < 0, scan_cost, code_cost * candidates + BUCKET_COST * lookups)
        return ("tables", 2 * scan_cost) if spent.mean() < scan_cost / _WIN else (scan, 0)

    def _search_tables(
        self,
        queries: np.ndarray,
        k: int,
        *,
        bound: int,
        limits: np.ndarray,
        weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n_query, c, t = len(queries), self.clustered, self.tables
        keys = np.empty((n_query, k), np.uint64)
        sizes, candidates, lookups = np.zeros((3, n_query), np.int64)
        bases = t.bases

        def run(start: int, end: int) -> None:
            search_tables(
                c.groups, c.order, t.firsts, t.sizes, bases, t.starts, t.ids, c.n_codes, c.id_bytes, t.copies,
                c.n_bits, queries, start, end, c.width, limits, weights, k, bound, keys, sizes, candidates, lookups,
            )  # fmt: skip

        in_blocks(run, n_query, block=block_for(n_query, n_threads, most=_QUERIES), n_threads=n_threads)
        return keys, sizes, candidates, lookups
