"""Loops of `schash.hamming`, compiled. Words are uint64.

Bits beyond a code's width are zero on both sides.
"""

import numpy as np

from schash._numba import njit, popcount


@njit
def pairwise_distances(words: np.ndarray, others: np.ndarray, out: np.ndarray) -> None:
    """out[i, j] = number of bits in which words[i] and others[j] differ.

    words : (n, n_words) uint64; others : (m, n_words) uint64; out : (n, m) int32
    """
    for i in range(words.shape[0]):
        for j in range(others.shape[0]):
            total = 0
            for w in range(words.shape[1]):
                total += popcount(words[i, w] ^ others[j, w])
            out[i, j] = total
