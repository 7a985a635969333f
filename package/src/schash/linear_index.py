"""Exact search by looking at every code: the specification of the other indexes, and a fast one."""

import numpy as np

from schash._group_kernels import read_groups
from schash._lanes import LANES
from schash._linear_kernels import search_all
from schash.clustered import group_codes
from schash.hamming import words_for
from schash.hamming_index import HammingIndex
from schash.parallel import block_for, in_blocks

_IN_PLACE = np.empty(0, np.uint8)
_QUERIES = 64
"""Queries that share each block of codes while it is in the cache."""


class LinearIndex(HammingIndex):
    """The k nearest codes by linear scan, eight codes at a time.

    Parameters
    ----------
    codes : the database; any width from 1 bit on

    `search` returns `Neighbors` ordered by (distance, row); `n_candidates` is the number of distinct codes.
    """

    FORMAT = "schash.LinearIndex"

    def _engine(self, words: np.ndarray) -> "_LinearEngine":
        return _LinearEngine(group_codes(words, np.arange(len(words))), len(words), self.n_bits)

    def _restore_engine(self, arrays: dict[str, np.ndarray], n_codes: int) -> "_LinearEngine":
        groups, shape = arrays["groups"], (-(-n_codes // LANES), words_for(self.n_bits), LANES)
        if groups.shape != shape or groups.dtype != np.uint64:
            message = f"groups has shape {groups.shape}, expected {shape}"
            raise ValueError(message)
        return _LinearEngine(groups, n_codes, self.n_bits)


class _LinearEngine:
    def __init__(self, groups: np.ndarray, n_codes: int, n_bits: int) -> None:
        self.groups, self.n_codes, self.n_bits = groups, n_codes, n_bits

    def words(self) -> np.ndarray:
        words = np.empty((self.n_codes, self.groups.shape[1]), np.uint64)
        read_groups(self.groups, words, np.arange(self.n_codes))
        return words

    def take(self, codes: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.groups[codes // LANES, :, codes % LANES])

    def arrays(self) -> dict[str, np.ndarray]:
        return {"groups": self.groups}

    def search(
        self, queries: np.ndarray, k: int, *, limits: np.ndarray, weights: np.ndarray, n_threads: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n_query = len(queries)
        keys, sizes = np.empty((n_query, k), np.uint64), np.zeros(n_query, np.int64)
        width = (0,) * queries.shape[1]

        def run(start: int, end: int) -> None:
            search_all(
                self.groups, _IN_PLACE, 0, self.n_codes, self.n_bits, queries, start, end, width,
                limits, weights, k, keys, sizes,
            )  # fmt: skip

        in_blocks(run, n_query, block=block_for(n_query, n_threads, most=_QUERIES), n_threads=n_threads)
        return keys, sizes, np.full(n_query, self.n_codes), np.zeros(n_query, np.int64)
