"""Identical codes: found once, searched once, expanded to their rows."""

import numpy as np

from schash._collect_kernels import ROW_BITS
from schash._numba import njit

_CODE = (1 << ROW_BITS) - 1


@njit
def group_equal_neighbors(words: np.ndarray, order: np.ndarray, group: np.ndarray) -> int:
    """group[p] = number of the run of identical codes that order[p] lies in; returns the number of runs.

    order : (n,) rows by hash, then row. Should two different codes share a hash, a code may come in more than one run,
    which costs time and changes no answer.
    """
    runs = 0
    for p in range(order.shape[0]):
        same = p > 0
        if same:
            for w in range(words.shape[1]):
                same = same and words[order[p], w] == words[order[p - 1], w]
        runs += 0 if same else 1
        group[p] = runs - 1
    return runs


@njit
def expand(
    keys: np.ndarray, sizes: np.ndarray, starts: np.ndarray, rows: np.ndarray,
    offset: int, ids: np.ndarray, distances: np.ndarray, start: int, end: int,
) -> None:  # fmt: skip
    """Turn sorted keys of codes into the first k rows by (distance, row), for queries start to end - 1.

    keys : (n_query, k) uint64, sizes : (n_query,) how many count; starts, rows : rows of each code, ascending, or empty
    ids, distances : (n_query, k), padded beforehand
    """
    k = ids.shape[1]
    many = starts.shape[0] > 0
    for i in range(start, end):
        filled, c = 0, 0
        while c < sizes[i] and filled < k:
            distance = np.int64(keys[i, c] >> np.uint64(ROW_BITS))
            if not many:
                ids[i, filled] = np.int64(keys[i, c] & np.uint64(_CODE)) + offset
                distances[i, filled] = distance
                filled, c = filled + 1, c + 1
                continue
            last, total = c, 0
            while last < sizes[i] and np.int64(keys[i, last] >> np.uint64(ROW_BITS)) == distance:
                code = np.int64(keys[i, last] & np.uint64(_CODE))
                total += min(k - filled, np.int64(starts[code + 1]) - np.int64(starts[code]))
                last += 1
            tied, t = np.empty(total, np.int64), 0
            for e in range(c, last):
                code = np.int64(keys[i, e] & np.uint64(_CODE))
                for r in range(min(k - filled, np.int64(starts[code + 1]) - np.int64(starts[code]))):
                    tied[t] = rows[np.int64(starts[code]) + r]
                    t += 1
            tied.sort()
            for r in range(min(total, k - filled)):
                ids[i, filled + r] = tied[r] + offset
                distances[i, filled + r] = distance
            filled += min(total, k - filled)
            c = last
