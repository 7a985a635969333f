"""Loop of `schash.calibration`. It must never become faster: it is a yardstick, and shares no code with what it is laid
against but the population count."""

import numpy as np

from schash._numba import njit, popcount


@njit
def nearest_of_all(codes: np.ndarray, queries: np.ndarray) -> int:
    """Sum over queries of the smallest Hamming distance. codes, queries : (n, n_words) uint64."""
    total = 0
    for i in range(len(queries)):
        best = 64 * codes.shape[1]
        for j in range(len(codes)):
            distance = 0
            for word in range(codes.shape[1]):
                distance += popcount(codes[j, word] ^ queries[i, word])
            best = min(best, distance)
        total += best
    return total
