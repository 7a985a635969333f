"""Bytes of an array file, plain or compressed as a whole; written and read in pieces of bounded size."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow

from schash.errors import ModelFileError

Compression = Literal["gzip", "zstd"]

PIECE = 1 << 22
"""Bytes that are compressed, written or decompressed at once."""

_GZIP_LEVEL = 6
"""That of the command line; on codes 9 costs as much or more and saves nothing."""
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes. A plain file begins with the length of its header: an even number, so never 0x..8b1f, and at most
10^8, so never 0xfd2fb528."""


def check_compression(compression: str | None) -> None:
    if compression is not None and compression not in get_args(Compression):
        message = f"compression={compression!r}: must be None, 'gzip' or 'zstd'"
        raise ModelFileError(message)


@contextmanager
def open_writer(path: Path, compression: Compression | None) -> Iterator[Callable[[Any], Any]]:
    """Yield a function that appends a buffer to the file. The same buffers give the same file."""
    with open(path, "wb") as file:
        if compression == "gzip":
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
                yield stream.write
        elif compression == "zstd":
            with pyarrow.CompressedOutputStream(file, "zstd") as stream:
                yield stream.write
        else:
            yield file.write


@contextmanager
def open_reader(path: Path) -> Iterator[tuple[Any, int | None]]:
    """Yield a stream of the uncompressed bytes, and their number where the file is not compressed.

    pyarrow's reader, unlike Python's `zstandard`, reports a compressed stream that ends too early.
    """
    with open(path, "rb") as file:
        first = file.read(max(map(len, _MAGIC)))
        compression = next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)
        file.seek(0)
        if compression is None:
            yield file, os.fstat(file.fileno()).st_size
        else:
            with pyarrow.CompressedInputStream(file, compression) as stream:
                yield stream, None


def read_exactly(stream: Any, n_bytes: int) -> np.ndarray:
    """The next bytes of a stream, aligned to 64 in memory; `ValueError` if the stream ends before.

    Memory is only touched as bytes come, so that a header that asks for too much costs nothing.
    """
    space = np.empty(n_bytes + 64, dtype=np.uint8)
    start = -space.ctypes.data % 64
    data = space[start : start + n_bytes]
    done = 0
    while done < n_bytes:
        n = stream.readinto(data[done : done + PIECE])
        if n == 0:
            message = f"it ends {n_bytes - done} bytes too early"
            raise ValueError(message)
        done += n
    return data


def check_end(stream: Any) -> None:
    """`ValueError` if the stream goes on; pyarrow's own error if what compressed it is cut off."""
    if stream.read(1):
        message = "it goes on after the last array"
        raise ValueError(message)


def pieces(array: np.ndarray) -> Iterator[memoryview]:
    """The bytes of an array, C order, little-endian: rows at a time, copied only where they lie otherwise."""
    rows = np.atleast_1d(array)
    step = max(1, PIECE * len(rows) // max(1, rows.nbytes))
    dtype = array.dtype.newbyteorder("<")
    for start in range(0, len(rows), step):
        block = np.ascontiguousarray(rows[start : start + step], dtype=dtype).reshape(-1).view(np.uint8)
        for begin in range(0, len(block), PIECE):  # a single row may be longer
            yield block[begin : begin + PIECE].data
