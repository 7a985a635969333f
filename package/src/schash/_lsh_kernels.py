"""Loops of `schash.lsh`, compiled."""

import numpy as np

from schash._numba import njit

TILE = 128
"""Hyperplanes that are taken together, a multiple of 64: 50 x 128 float32 stay in the innermost cache."""


@njit
def _project(point: np.ndarray, normals: np.ndarray, first: int, last: int, out: np.ndarray) -> None:
    """out[t] = point @ normals[:, first + t], dimension after dimension.

    Four dimensions at a time save loads and stores; the sums keep their order.
    """
    n_dims = normals.shape[0]
    out[:] = 0
    d = 0
    while d + 4 <= n_dims:
        a, b, c, e = point[d], point[d + 1], point[d + 2], point[d + 3]
        for t in range(first, last):
            sum_ab = (out[t - first] + a * normals[d, t]) + b * normals[d + 1, t]
            out[t - first] = (sum_ab + c * normals[d + 2, t]) + e * normals[d + 3, t]
        d += 4
    while d < n_dims:
        for t in range(first, last):
            out[t - first] += point[d] * normals[d, t]
        d += 1


@njit
def hash_points(points: np.ndarray, normals: np.ndarray, words: np.ndarray, start: int, end: int) -> None:
    """Codes of points [start, end): bit t of a code: point @ normals[:, t] >= 0, packed as in `schash.hamming`.

    points : (n, >= n_dims) float32, further columns are left out; normals : (n_dims, n_bits) float32;
    words : (n, n_words) uint64, written
    """
    n_bits = normals.shape[1]
    projections = np.empty(TILE, np.float32)
    for first in range(0, n_bits, TILE):
        last = min(first + TILE, n_bits)
        for i in range(start, end):
            _project(points[i], normals, first, last, projections)
            for w in range(first // 64, (last + 63) // 64):
                word = np.uint64(0)
                for t in range(min(64, n_bits - 64 * w)):
                    bit = np.uint64(projections[64 * w - first + t] >= 0)
                    word |= bit << np.uint64(t)
                words[i, w] = word
