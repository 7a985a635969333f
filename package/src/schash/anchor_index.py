"""scDeepHash's retrieval (section 3.3): buckets of cells by their nearest anchor, neighbours from the nearest buckets.

A query goes to the bucket of its nearest anchor and takes the k nearest codes there; where the bucket holds fewer, the
bucket of the next anchor gives the rest, and so on. That is not the k nearest of all codes: a nearer code in another
bucket is not seen. `MultiIndex` gives the exact answer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from schash._anchor_kernels import search_buckets
from schash._cluster_kernels import order_by_shell
from schash._group_kernels import read_groups
from schash._lanes import LANES
from schash._packed_ids import bytes_for, pack_ids, unpack_ids
from schash.clustered import assign, group_codes
from schash.errors import ConfigError
from schash.hamming import BitCodes, hamming_distances
from schash.hamming_index import HammingIndex, Part, check_width
from schash.neighbors import NO_NEIGHBOR, Neighbors
from schash.parallel import in_blocks

_QUERIES = 64


class AnchorIndex(HammingIndex):
    """Buckets by nearest anchor, the lowest of equally near ones.

    Parameters
    ----------
    codes : the database
    anchors : one code a type, of the same width (`DeepHash.anchors_`)

    `search` returns `Neighbors` in order of (distance, row) of what the buckets gave; `n_lookups` counts buckets,
    `n_candidates` their distinct codes.

    Raises
    ------
    ConfigError
        if there is no anchor
    DataError
        if codes and anchors have different widths
    """

    FORMAT = "schash.AnchorIndex"

    def __init__(self, codes: BitCodes, anchors: BitCodes) -> None:
        if len(anchors) == 0:
            message = "an AnchorIndex needs at least one anchor"
            raise ConfigError(message)
        check_width(anchors, codes.n_bits, "anchors")
        self.anchors = anchors
        super().__init__(codes)

    def _engine(self, words: np.ndarray) -> "_Buckets":
        bucket, _ = assign(self.anchors.words, words)
        starts, order = np.zeros(len(self.anchors) + 1, np.uint32), np.empty(len(words), np.uint32)
        order_by_shell(bucket, np.zeros(len(words), np.int64), 1, starts, order)
        return _Buckets(group_codes(words, order), pack_ids(order), starts)

    def _restore_engine(self, arrays: dict[str, np.ndarray], n_codes: int) -> "_Buckets":
        buckets = _Buckets(arrays["groups"], arrays["order"], arrays["buckets"])
        shape = (-(-n_codes // LANES), self.anchors.words.shape[1], LANES)
        starts = buckets.buckets.astype(np.int64)
        fits = (
            buckets.groups.shape == shape and len(starts) == len(self.anchors) + 1 and starts[-1] == n_codes
        )
        if not fits or np.diff(starts).min() < 0 or starts[0] != 0:
            message = (
                f"groups of shape {buckets.groups.shape} in {len(starts) - 1} buckets are not {n_codes} codes"
            )
            raise ValueError(message)
        if len(buckets.code_at) != n_codes or buckets.code_at.max() >= n_codes:
            message = "buckets point outside of the codes"
            raise ValueError(message)
        return buckets

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.anchors.nbytes

    @property
    def bucket_sizes(self) -> np.ndarray:
        """Rows in the bucket of each anchor, (n_anchors,) int64."""
        sizes = np.zeros(len(self.anchors), np.int64)
        for part in self._parts:
            weights = part.weights if len(part.weights) else np.ones(part.n_codes, np.int64)
            of_place = np.repeat(np.arange(len(sizes)), np.diff(part.engine.buckets.astype(np.int64)))
            sizes += np.bincount(of_place, weights[part.engine.code_at], len(sizes)).astype(np.int64)
        return sizes

    def _search_parts(self, queries: BitCodes, k: int, n_threads: int, **options: Any) -> Neighbors:
        to_anchors = hamming_distances(queries, self.anchors)
        ranked = np.argsort(to_anchors, axis=1, kind="stable")
        words, offset, found = np.ascontiguousarray(queries.words), 0, []
        for part in self._parts:
            found.append(_search_part(part, words, k, ranked, offset, self.n_bits, n_threads))
            offset += part.n_rows
        ids, distances, ranks = (np.concatenate([f[i] for f in found], axis=1) for i in range(3))
        first = np.lexsort((ids, distances, ranks), axis=1)[:, :k]
        ids, distances = np.take_along_axis(ids, first, axis=1), np.take_along_axis(distances, first, axis=1)
        order = np.lexsort((ids, distances), axis=1)
        return Neighbors(
            np.take_along_axis(ids, order, axis=1),
            np.take_along_axis(distances, order, axis=1),
            np.sum([f[3] for f in found], axis=0),
            np.maximum.reduce([f[4] for f in found]),
        )

    def _to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays, description = super()._to_arrays()
        return {**arrays, "anchors": self.anchors.words}, description

    @classmethod
    def _empty(cls, codes: BitCodes, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> "AnchorIndex":
        return cls(codes, BitCodes(arrays["anchors"], codes.n_bits), **options)


@dataclass(frozen=True, eq=False)
class _Buckets:
    """Grouped codes by bucket: groups, packed order, and (n_buckets + 1,) uint32 where each bucket starts."""

    groups: np.ndarray
    order: np.ndarray
    buckets: np.ndarray

    @property
    def n_codes(self) -> int:
        return int(self.buckets[-1])

    @property
    def code_at(self) -> np.ndarray:
        return unpack_ids(self.order, bytes_for(self.n_codes))

    def words(self) -> np.ndarray:
        words = np.empty((self.n_codes, self.groups.shape[1]), np.uint64)
        read_groups(self.groups, words, self.code_at)
        return words

    def take(self, codes: np.ndarray) -> np.ndarray:
        return self.words()[codes]

    def arrays(self) -> dict[str, np.ndarray]:
        return {"groups": self.groups, "order": self.order, "buckets": self.buckets}


def _search_part(
    part: Part, words: np.ndarray, k: int, ranked: np.ndarray, offset: int, n_bits: int, n_threads: int
) -> tuple[np.ndarray, ...]:
    """(ids, distances, rank of the bucket of each, candidates, lookups) from one part."""
    n_query, engine = len(words), part.engine
    ids, distances = np.full((n_query, k), NO_NEIGHBOR), np.full((n_query, k), n_bits + 1, np.int32)
    ranks = np.full((n_query, k), ranked.shape[1])
    candidates, lookups = np.zeros((2, n_query), np.int64)
    width, id_bytes = (0,) * words.shape[1], bytes_for(engine.n_codes)

    def run(start: int, end: int) -> None:
        search_buckets(
            engine.groups, engine.order, id_bytes, engine.buckets, ranked, n_bits, words, start, end, width,
            part.weights, part.starts, part.rows, offset, ids, distances, ranks, candidates, lookups,
        )  # fmt: skip

    in_blocks(run, n_query, block=_QUERIES, n_threads=n_threads)
    return ids, distances, ranks, candidates, lookups
