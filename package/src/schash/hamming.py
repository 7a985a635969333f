"""Binary codes packed into 64-bit words, and Hamming distances between them.

Bit order, the only one in this package: bit k of a code is bit k % 64, counted from the least significant,
of word k // 64. Bits of the last word beyond `n_bits` are zero, so that they never count.
"""

from dataclasses import dataclass

import numpy as np

from schash._hamming_kernels import pairwise_distances
from schash.errors import DataError

WORD_BITS = 64
MAX_BITS = 32_767
"""Distances within the indexes are 16-bit numbers."""


@dataclass(frozen=True, eq=False)
class BitCodes:
    """Codes of `n_bits` bits each.

    words : (n, n_words) uint64, n_words = ceil(n_bits / 64)
    """

    words: np.ndarray
    n_bits: int

    def __post_init__(self) -> None:
        if self.n_bits < 1:
            message = f"a code has at least 1 bit, got n_bits={self.n_bits}"
            raise DataError(message)
        if self.n_bits > MAX_BITS:
            message = f"a code has at most {MAX_BITS} bits, got n_bits={self.n_bits}"
            raise DataError(message)
        if self.words.dtype != np.uint64 or self.words.ndim != 2:
            message = f"words must be an (n, n_words) uint64 array, got {self.words.shape} {self.words.dtype}"
            raise DataError(message)
        if self.words.shape[1] != words_for(self.n_bits):
            message = (
                f"codes of {self.n_bits} bits take {words_for(self.n_bits)} words, got {self.words.shape[1]}"
            )
            raise DataError(message)
        rest = self.n_bits % WORD_BITS
        if rest and np.any(self.words[:, -1] >> np.uint64(rest)):
            message = f"bits beyond n_bits={self.n_bits} must be zero"
            raise DataError(message)

    def __len__(self) -> int:
        return self.words.shape[0]

    def __getitem__(self, rows: int | slice | np.ndarray) -> "BitCodes":
        """Codes of some rows; one row gives codes of length 1."""
        if isinstance(rows, int | np.integer):
            return BitCodes(self.words[int(rows)][np.newaxis], self.n_bits)
        return BitCodes(self.words[rows], self.n_bits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BitCodes):
            return NotImplemented
        return self.n_bits == other.n_bits and np.array_equal(self.words, other.words)

    __hash__ = None  # type: ignore[assignment]  # the words are an array, which may be written to

    @property
    def nbytes(self) -> int:
        """Memory of the words."""
        return self.words.nbytes


def words_for(n_bits: int) -> int:
    """Number of 64-bit words that hold `n_bits` bits."""
    return -(-n_bits // WORD_BITS)


def pack_bits(bits: np.ndarray) -> BitCodes:
    """Pack (n, n_bits) booleans, or integers 0 and 1, in the bit order of this module.

    Raises
    ------
    DataError
        if `bits` is not a matrix with at least one column, or holds anything but 0 and 1
    """
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] == 0:
        message = f"bits must be an (n, n_bits) matrix with n_bits >= 1, got shape {bits.shape}"
        raise DataError(message)
    if bits.dtype != np.bool_ and not np.all((bits == 0) | (bits == 1)):
        message = f"bits must be boolean, or 0 and 1; got {bits.dtype} with other values"
        raise DataError(message)
    n, n_bits = bits.shape
    padded = np.zeros((n, words_for(n_bits) * 8), dtype=np.uint8)  # (n, n_bytes)
    packed = np.packbits(bits.astype(np.bool_, copy=False), axis=1, bitorder="little")
    padded[:, : packed.shape[1]] = packed
    return BitCodes(padded.view("<u8").astype(np.uint64, copy=False), n_bits)


def unpack_bits(codes: BitCodes) -> np.ndarray:
    """The (n, n_bits) booleans of which `pack_bits` made `codes`."""
    as_bytes = np.ascontiguousarray(codes.words).astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(as_bytes, axis=1, count=codes.n_bits, bitorder="little")
    return bits.astype(np.bool_)


def hamming_distances(codes: BitCodes, others: BitCodes) -> np.ndarray:
    """Distances of every code to every other: (n, m) int32.

    Raises
    ------
    DataError
        if the two have different widths
    """
    if codes.n_bits != others.n_bits:
        message = f"codes of {codes.n_bits} and of {others.n_bits} bits have no Hamming distance"
        raise DataError(message)
    out = np.empty((len(codes), len(others)), dtype=np.int32)
    pairwise_distances(np.ascontiguousarray(codes.words), np.ascontiguousarray(others.words), out)
    return out
