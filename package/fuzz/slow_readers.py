"""Readers that are slow and plain, and share no code with those under test: Python loops, h5py and csv alone."""

from typing import Any

import h5py
import numpy as np


class Unreadable(Exception):  # noqa: N818
    """The slow reader makes nothing of it."""


def text_of(value: Any) -> str:
    """One text; `Unreadable` for anything else."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(str(error)) from None
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_, int, float, np.integer, np.floating)):
        return str(value)
    message = f"no text: {value!r}"
    raise Unreadable(message)


def matrix(item: Any) -> np.ndarray:
    """A dense, CSR or CSC matrix of an h5ad as float32, entry by entry."""
    if isinstance(item, h5py.Dataset):
        if item.ndim != 2 or item.dtype.kind not in "iufb":
            message = f"no matrix: {item.ndim} dimensions of {item.dtype}"
            raise Unreadable(message)
        return as_float32(item[()])
    kind = item.attrs["encoding-type"]
    shape = tuple(int(size) for size in item.attrs["shape"])
    by_row = kind == "csr_matrix"
    return compressed(
        item["data"], item["indices"], item["indptr"], shape if by_row else shape[::-1], transposed=not by_row
    )


def compressed(
    data: Any, indices: Any, indptr: Any, shape: tuple[int, ...], *, transposed: bool
) -> np.ndarray:
    """Compressed rows, checked, summed where an entry comes twice; turned around where they are columns."""
    values, places, ends = (array[()] for array in (data, indices, indptr))
    if values.dtype.kind not in "iufb" or any(array.dtype.kind not in "iu" for array in (places, ends)):
        message = "not numbers"
        raise Unreadable(message)
    n, m = shape
    if any(array.ndim != 1 for array in (values, places, ends)) or len(ends) != n + 1:
        message = "shapes"
        raise Unreadable(message)
    ends = [int(end) for end in ends]
    if ends[0] != 0 or ends != sorted(ends) or ends[-1] > len(values) or len(values) != len(places):
        message = "pointers"
        raise Unreadable(message)
    dense = np.zeros((n, m), dtype=np.float32)
    numbers = as_float32(values)
    for i in range(n):
        for k in range(ends[i], ends[i + 1]):
            j = int(places[k])
            if not 0 <= j < m:
                message = "an index outside"
                raise Unreadable(message)
            dense[i, j] += numbers[k]
    return dense.T if transposed else dense


def as_float32(values: Any) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def frame_column(group: Any, name: str) -> list[Any]:
    """A column of a data frame as texts, None where it is missing."""
    item = group[name]
    if isinstance(item, h5py.Dataset):
        if item.ndim != 1:
            message = "column of another shape"
            raise Unreadable(message)
        return [text_of(value) for value in item[()]]
    if item.attrs["encoding-type"] != "categorical":
        message = "unknown column"
        raise Unreadable(message)
    categories = [text_of(value) for value in item["categories"][()]]
    codes = [int(code) for code in item["codes"][()]]
    if any(not -1 <= code < len(categories) for code in codes):
        message = "a code outside"
        raise Unreadable(message)
    return [None if code == -1 else categories[code] for code in codes]


def frame_index(group: Any) -> list[str]:
    """The names of a data frame's rows."""
    return frame_column(group, text_of(group.attrs["_index"]))
