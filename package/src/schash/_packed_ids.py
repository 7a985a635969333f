"""Numbers below n in as few bytes as hold them, least significant first."""

import numpy as np

from schash._numba import njit


def bytes_for(n: int) -> int:
    """Bytes that hold any number below n."""
    return max(1, -(-(n - 1).bit_length() // 8))


def pack_ids(ids: np.ndarray) -> np.ndarray:
    """n numbers below n as bytes_for(n) bytes each, least significant first: (n * id_bytes,) uint8."""
    as_bytes = np.ascontiguousarray(ids, "<u4").view(np.uint8).reshape(-1, 4)
    return np.ascontiguousarray(as_bytes[:, : bytes_for(len(ids))]).ravel()


def unpack_ids(packed: np.ndarray, id_bytes: int) -> np.ndarray:
    """The numbers that `pack_ids` packed, int64."""
    as_bytes = np.zeros((len(packed) // id_bytes, 8), np.uint8)
    as_bytes[:, :id_bytes] = packed.reshape(-1, id_bytes)
    return as_bytes.view("<i8").ravel()


@njit
def read_id(ids: np.ndarray, p: int, id_bytes: int) -> int:
    """Number p of a packed list, `id_bytes` bytes each, least significant first; a list of 0 bytes each counts."""
    if id_bytes == 0:
        return p
    value = np.int64(0)
    for b in range(id_bytes):
        value |= np.int64(ids[p * id_bytes + b]) << (8 * b)
    return int(value)
