"""Distinct codes and the rows that hold them: learned codes repeat massively, and each need be searched only once."""

from dataclasses import dataclass

import numpy as np

from schash._expand_kernels import group_equal_neighbors

WORTHWHILE = 0.75
"""Searching distinct codes pays below this share of distinct ones: the rows of each cost 8 bytes a code to keep."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """Codes numbered by the first row that holds each.

    words : (n_codes, n_words) uint64
    starts, rows : (n_codes + 1,) and (n_rows,) uint32, the rows of each code, ascending; both empty where every row
        counts as a code of its own
    """

    words: np.ndarray
    starts: np.ndarray
    rows: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Rows of each code, (n_codes,) int64; empty where one each."""
        return np.diff(self.starts.astype(np.int64)) if len(self.starts) else np.empty(0, np.int64)


def distinct_codes(words: np.ndarray) -> Distinct:
    """Group the rows of `words` (n, n_words) by code, if that pays."""
    none = np.empty(0, np.uint32)
    n = len(words)
    if n == 0:
        return Distinct(words, none, none)
    group = np.empty(n, np.int64)
    order = np.argsort(_hashes(words), kind="stable")
    n_codes = group_equal_neighbors(words, order, group)
    if n_codes > WORTHWHILE * n:
        return Distinct(words, none, none)
    first_places = np.searchsorted(
        group, np.arange(n_codes)
    )  # rows ascend within a run: its first is the smallest
    by_first_row = np.argsort(order[first_places])
    number = np.empty(n_codes, np.int64)
    number[by_first_row] = np.arange(n_codes)
    of_row = np.empty(n, np.int64)
    of_row[order] = number[group]
    starts = np.concatenate([[0], np.cumsum(np.bincount(of_row, minlength=n_codes))]).astype(np.uint32)
    rows = np.argsort(of_row, kind="stable").astype(np.uint32)
    return Distinct(np.ascontiguousarray(words[rows[starts[:-1]]]), starts, rows)


def _hashes(words: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each code, (n,) uint64: splitmix's finaliser, word by word."""
    h = np.zeros(len(words), np.uint64)
    for word in words.T:
        h ^= word
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(31)
    return h
