"""Signed random projections: binary codes whose Hamming distance estimates an angle (Charikar 2002; CellFishing.jl,
Methods, Hashing expression profiles).

Bit t of the code of x is 1 if x lies on the positive side of a random hyperplane through the origin, x . r_t >= 0. Two
vectors at the angle theta differ in it with probability theta / pi, so that pi d / T estimates theta from the Hamming
distance d of codes of T bits. Normals that are orthogonal to each other (in groups of as many as there are dimensions)
leave the estimate unbiased and lower its variance (Ji et al. 2012, super-bits).
"""

from functools import partial

import numpy as np

from schash._lsh_kernels import hash_points
from schash._threads import numba_threads, share_out
from schash.errors import DataError
from schash.hamming import BitCodes, words_for


class SignHash:
    """One hash function.

    normals : (n_bits, n_dims) float32, of the hyperplanes
    """

    def __init__(self, normals: np.ndarray) -> None:
        self.normals = np.ascontiguousarray(normals, dtype=np.float32)
        self._columns = np.ascontiguousarray(self.normals.T)  # (n_dims, n_bits)

    @property
    def n_bits(self) -> int:
        return self.normals.shape[0]

    @property
    def n_dims(self) -> int:
        return self.normals.shape[1]

    def encode(self, points: np.ndarray, *, n_threads: int | None = None) -> BitCodes:
        """Codes of (n, n_dims) points.

        Sums run in float32 in the order of the dimensions, so that a point alone gets the same code as among others.

        Raises
        ------
        DataError
            if the points have another number of dimensions
        """
        points = np.ascontiguousarray(points, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.n_dims:
            message = f"points must be (n, {self.n_dims}), got shape {points.shape}"
            raise DataError(message)
        words = np.empty((len(points), words_for(self.n_bits)), np.uint64)
        with numba_threads(n_threads):
            share_out(partial(hash_points, points, self._columns, words), len(points))
        return BitCodes(words, self.n_bits)


def random_hyperplanes(n_bits: int, n_dims: int, *, seed: int, orthogonalize: bool = True) -> np.ndarray:
    """Normals (n_bits, n_dims) float32 of random hyperplanes, drawn from the isotropic Gaussian.

    orthogonalize : make them orthonormal by QR in groups of n_dims, the last group of what is left (128 bits in 50
        dimensions: 50 + 50 + 28)

    Raises
    ------
    DataError
        if n_bits or n_dims is below 1
    """
    if n_bits < 1 or n_dims < 1:
        message = f"a hash needs at least 1 bit and 1 dimension, got n_bits={n_bits}, n_dims={n_dims}"
        raise DataError(message)
    normals = np.random.default_rng(seed).standard_normal((n_bits, n_dims))
    if orthogonalize:
        for start in range(0, n_bits, n_dims):
            # QR may turn a normal around. That flips one bit of every code, and no distance.
            normals[start : start + n_dims] = np.linalg.qr(normals[start : start + n_dims].T)[0].T
    return normals.astype(np.float32)


def estimated_angles(distances: np.ndarray, n_bits: int) -> np.ndarray:
    """pi d / T in radians, of Hamming distances between codes of T bits."""
    angles: np.ndarray = np.pi * np.asarray(distances) / n_bits
    return angles
