"""Codes in clusters around pivots, and an exact scan of them that leaves out what cannot be near.

Each code lies with its nearest pivot, the codes of a cluster ordered by their distance to it ("shells"). For a query q,
a pivot p and a code x the triangle inequality gives D(q, x) >= |D(q, p) - D(p, x)|, so that once k codes within some
limit are known, of each cluster only the shells within that limit of D(q, p) need be read. Codes of cells come in
clusters, so most are never looked at; where nothing can be left out, this is a linear scan. The codes themselves are
stored once. (Not part of CellFishing, whose only index is multi-index hashing.)
"""

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np

from schash._cluster_kernels import (
    chain,
    majority_codes,
    nearest_pivots,
    order_by_shell,
    radii,
    search_clusters,
)
from schash._group_kernels import fill_groups, read_groups, take_codes
from schash._lanes import LANES
from schash._linear_kernels import search_all
from schash._packed_ids import bytes_for, pack_ids, unpack_ids
from schash.parallel import block_for, check_threads, in_blocks

_SAMPLE = 64
"""Codes a pivot on which the pivots are placed."""
_ROUNDS = 2
_QUERIES = 64
"""Queries searched together: each part of the data is read once for all of them."""
_SCAN_QUERIES = 256
"""The same where all codes are scanned, and queries need not lie together."""
_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Clustered:
    """Grouped codes ordered by (pivot, distance to it, row).

    groups : (ceil(n / LANES), n_words, LANES) uint64
    order, places : (n * id_bytes,) uint8, the code at each position and the position of each code, packed
    pivots : (n_pivots, n_words) uint64
    shells : (n_pivots * (n_bits + 1) + 1,) uint32, where each shell starts
    """

    groups: np.ndarray
    order: np.ndarray
    places: np.ndarray
    pivots: np.ndarray
    shells: np.ndarray
    n_bits: int

    @property
    def n_codes(self) -> int:
        return int(self.shells[-1])

    @cached_property
    def _radii(self) -> np.ndarray:
        """Smallest and largest distance to the pivot of each cluster, (2, n_pivots) int64."""
        found = np.empty((2, len(self.pivots)), np.int64)
        radii(self.shells, self.n_bits + 1, found[0], found[1])
        return found

    @property
    def id_bytes(self) -> int:
        """Bytes of each number in packed lists of codes or positions."""
        return bytes_for(self.n_codes)

    @property
    def code_at(self) -> np.ndarray:
        """`order` unpacked, (n_codes,) int64."""
        return unpack_ids(self.order, self.id_bytes)

    def words(self) -> np.ndarray:
        """The codes in their order, (n_codes, n_words) uint64."""
        words = np.empty((self.n_codes, self.groups.shape[1]), np.uint64)
        read_groups(self.groups, words, self.code_at)
        return words

    def take(self, codes: np.ndarray) -> np.ndarray:
        """Some of them, (m, n_words) uint64."""
        words = np.empty((len(codes), self.groups.shape[1]), np.uint64)
        take_codes(self.groups, self.places, self.id_bytes, codes, words)
        return words

    @property
    def width(self) -> tuple[int, ...]:
        return (0,) * self.pivots.shape[1]

    def search(
        self,
        queries: np.ndarray,
        k: int,
        *,
        limits: np.ndarray,
        weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The k nearest codes of each query: (keys (n_query, k), how many of them, codes scanned)."""
        nearest, _ = assign(self.pivots, queries, n_threads=n_threads)
        order = np.argsort(nearest, kind="stable")  # queries that lie together are searched together
        least, largest = self._radii
        ordered = (np.ascontiguousarray(queries[order]), limits[order], nearest[order])
        keys = np.empty((len(queries), k), np.uint64)
        sizes, scanned = np.zeros((2, len(queries)), np.int64)

        def run(start: int, end: int) -> None:
            search_clusters(
                self.groups, self.order, self.id_bytes, self.pivots, self.shells, least, largest, self.n_bits,
                ordered[0], start, end, self.width, ordered[1], weights, ordered[2], k, keys, sizes, scanned,
            )  # fmt: skip

        in_blocks(
            run, len(queries), block=block_for(len(queries), n_threads, most=_QUERIES), n_threads=n_threads
        )
        back = np.argsort(order)
        return keys[back], sizes[back], scanned[back]

    def search_all(
        self, queries: np.ndarray, k: int, *, limits: np.ndarray, weights: np.ndarray, n_threads: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same by looking at every code, for where little can be left out."""
        n_query = len(queries)
        keys, sizes = np.empty((n_query, k), np.uint64), np.zeros(n_query, np.int64)

        def run(start: int, end: int) -> None:
            search_all(
                self.groups, self.order, self.id_bytes, self.n_codes, self.n_bits, queries, start, end, self.width,
                limits, weights, k, keys, sizes,
            )  # fmt: skip

        in_blocks(run, n_query, block=block_for(n_query, n_threads, most=_SCAN_QUERIES), n_threads=n_threads)
        return keys, sizes, np.full(n_query, self.n_codes)


def cluster_codes(words: np.ndarray, n_bits: int, *, n_pivots: int | None = None, seed: int = 0) -> Clustered:
    """Place pivots among the codes and order the codes around them. words : (n, n_words) uint64, n >= 1.

    `n_pivots` is half the square root of n by default: the work of finding the clusters and of scanning them then grow
    alike (measured to be flat within a factor of two around it).
    """
    n = len(words)
    rng = np.random.default_rng(seed)
    n_pivots = max(1, min(isqrt(n) // 2 if n_pivots is None else n_pivots, n))
    sample = rng.choice(n, min(n, _SAMPLE * n_pivots), replace=False)
    pivots = words[sample[:n_pivots]].copy()
    for _ in range(_ROUNDS):
        nearest, _ = assign(pivots, words[sample])
        majority_codes(words, sample, nearest, pivots, n_bits)
    pivots = np.ascontiguousarray(pivots[chain(pivots)])
    nearest, distance = assign(pivots, words)
    shells = np.zeros(n_pivots * (n_bits + 1) + 1, np.uint32)
    order = np.empty(n, np.uint32)
    order_by_shell(nearest, distance, n_bits + 1, shells, order)
    return Clustered(
        group_codes(words, order), pack_ids(order), pack_ids(np.argsort(order)), pivots, shells, n_bits
    )


def group_codes(words: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The codes of `rows`, in that order, as groups of LANES: (ceil(m / LANES), n_words, LANES)."""
    groups = np.empty((-(-len(rows) // LANES), words.shape[1], LANES), np.uint64)
    if len(rows):
        fill_groups(words, rows, groups)
    return groups


def assign(
    pivots: np.ndarray, words: np.ndarray, *, n_threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest pivot of each code, the lowest of equals, and its distance: two (n,) int64."""
    groups = group_codes(pivots, np.arange(len(pivots)))
    nearest, distance = np.empty((2, len(words)), np.int64)
    width = (0,) * words.shape[1]

    def run(start: int, end: int) -> None:
        nearest_pivots(groups, len(pivots), words, start, end, width, nearest, distance)

    threads = 1 if len(words) < _ROWS else check_threads(n_threads)
    in_blocks(run, len(words), block=_ROWS // 16, n_threads=threads)
    return nearest, distance
