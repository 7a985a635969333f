"""Lists of texts as two arrays, for array files: millions of cell names cost no parsing."""

from collections.abc import Sequence

import numpy as np
import pyarrow
from pandas.api.types import infer_dtype

from schash.errors import DataError


def pack_strings(strings: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pack n texts into their joined UTF-8 (n_bytes,) uint8 and where each begins and ends (n + 1,) int64.

    Raises
    ------
    DataError
        if something is not a text, or is one that UTF-8 cannot express
    """
    values = np.asarray(strings, dtype=object)
    if values.ndim != 1:
        message = f"texts of shape {values.shape}: must be one-dimensional"
        raise DataError(message)
    if infer_dtype(values, skipna=False) not in ("string", "empty"):  # far faster than asking each
        i = next(i for i, value in enumerate(values) if not isinstance(value, str))
        message = f"texts: number {i} is {values[i]!r}, which is not a text"
        raise DataError(message)
    try:
        _, offsets, data = pyarrow.array(values, pyarrow.large_string()).buffers()
    except (UnicodeEncodeError, pyarrow.ArrowException) as error:
        message = f"texts: cannot be written as UTF-8 ({error})"
        raise DataError(message) from error
    ends = np.frombuffer(offsets, dtype=np.int64)[: len(values) + 1]
    return np.frombuffer(data or b"", dtype=np.uint8)[: ends[-1]], ends


def unpack_strings(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The texts that `pack_strings` packed: (n,) object.

    Raises
    ------
    DataError
        if the offsets do not cut the data into n texts in UTF-8
    """
    found = [(array.ndim, str(array.dtype)) for array in (data, offsets)]
    if found != [(1, "uint8"), (1, "int64")]:
        message = f"packed texts: (dimensions, type) are {found}; must be (1, uint8) and (1, int64)"
        raise DataError(message)
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(data):
        message = f"packed texts: the offsets {offsets} do not span the {len(data)} bytes"
        raise DataError(message)
    buffers = (pyarrow.py_buffer(np.ascontiguousarray(array)) for array in (offsets, data))
    packed = pyarrow.LargeStringArray.from_buffers(len(offsets) - 1, *buffers)
    try:
        packed.validate(full=True)
    except pyarrow.ArrowException as error:
        message = f"packed texts are damaged: {error}"
        raise DataError(message) from error
    return packed.to_numpy(zero_copy_only=False)
