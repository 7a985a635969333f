"""The header of an array file: where each array lies, in the layout of safetensors.

https://github.com/huggingface/safetensors#format: eight bytes, little-endian, with the length of the header; the
header, a JSON object {name: {dtype, shape, data_offsets}} padded with spaces; the arrays, little-endian, in C order,
without holes. Its `__metadata__` takes texts only: ours is one JSON document under the key "schash".

Departs from the library in the order of the arrays. Holes are forbidden, so that arrays cannot all be padded to
64 bytes. Sorted by the largest power of two (up to 64) that divides their size, largest first, each begins at a
multiple of its own power, which is at least its item size: 128-bit codes never straddle a cache line.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from schash.errors import ModelFileError

ALIGNMENT = 64
"""Bytes: a cache line. The data of a file, hence its first array, begins at a multiple of it."""
MAX_HEADER = 100_000_000
"""Bytes: the limit that the safetensors library sets itself against headers that eat the memory."""
NO_DIGEST = "0" * 64
"""Stands in the header where the checksum will stand, while the checksum is computed."""
PREFIX = 8
"""Bytes of the length of the header."""

_KEY = "schash"
_METADATA = "__metadata__"
_DTYPES = {
    "BOOL": np.dtype("?"),
    **{f"{kind}{8 * size}": np.dtype(f"<{kind.lower()}{size}") for kind in "UI" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


class Entry(NamedTuple):
    """An array in the file; `begin` and `end` count bytes from the start of the data."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def file_order(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays in the order in which a file holds them; `ModelFileError` for one that it cannot hold."""
    for name, array in arrays.items():
        if not isinstance(name, str) or name == _METADATA:
            message = f"an array is named {name!r}: names are texts other than {_METADATA!r}"
            raise ModelFileError(message)
        if array.dtype.newbyteorder("<") not in _CODES:
            hint = "; pack texts with schash.packed_strings.pack_strings" if array.dtype.kind in "OUT" else ""
            message = (
                f"array {name!r} is of type {array.dtype}: a file holds {', '.join(map(str, _CODES))}{hint}"
            )
            raise ModelFileError(message)
    return dict(sorted(arrays.items(), key=lambda item: (-_power_of_two(item[1].nbytes), item[0])))


def _power_of_two(n_bytes: int) -> int:
    """The largest power of two, up to ALIGNMENT, that divides `n_bytes`."""
    return math.gcd(n_bytes, ALIGNMENT)


def encode_header(arrays: Mapping[str, np.ndarray], document: dict[str, Any]) -> bytes:
    """The length and the header of arrays in `file_order`, padded so that the data is aligned.

    The document follows "sha256", so that the first NO_DIGEST in the header is the place of the checksum.
    """
    header: dict[str, Any] = {_METADATA: {_KEY: _as_json({"sha256": NO_DIGEST, **document})}}
    begin = 0
    for name, array in arrays.items():
        end = begin + array.nbytes
        code = _CODES[array.dtype.newbyteorder("<")]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(PREFIX + len(text)) % ALIGNMENT)
    if len(text) > MAX_HEADER:
        message = (
            f"the header takes {len(text)} bytes, more than the {MAX_HEADER} that readers accept: "
            "move long lists from the description to arrays (schash.packed_strings.pack_strings for texts)"
        )
        raise ModelFileError(message)
    return len(text).to_bytes(PREFIX, "little") + text


def _as_json(document: dict[str, Any]) -> str:
    try:
        return json.dumps(document)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the description does not go into JSON: {error}"
        raise ModelFileError(message) from error


def decode_header(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our document, and the rest of the header, unchecked.

    Raises
    ------
    ValueError
        if the header is not JSON
    LookupError
        if it is, but holds no document of ours
    """
    try:
        header = json.loads(text.decode("utf-8"))
    except RecursionError as error:
        message = "its header is nested too deeply"
        raise ValueError(message) from error
    try:
        document = json.loads(header.pop(_METADATA)[_KEY])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"its safetensors header has no readable {_KEY!r} entry"
        raise LookupError(message) from error
    return document, header


def check_entries(header: dict[str, Any]) -> dict[str, Entry]:
    """The arrays that a header lists, in the order of their data; `ValueError` where they cannot be so."""
    entries = {name: _entry(name, fields) for name, fields in header.items()}
    ordered = dict(sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)))
    expected = 0
    for name, entry in ordered.items():
        if entry.begin != expected:
            message = f"array {name!r} begins at byte {entry.begin} of the data, not at {expected}"
            raise ValueError(message)
        expected = entry.end
    return ordered


def _entry(name: str, fields: Any) -> Entry:
    try:
        dtype = _DTYPES[fields["dtype"]]
        shape, (begin, end) = tuple(fields["shape"]), fields["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        message = f"array {name!r} is described by {str(fields)[:200]}"
        raise ValueError(message) from error
    if any(type(number) is not int or number < 0 for number in (*shape, begin, end)):
        message = f"array {name!r} has a shape or offsets that are no counts: {str(fields)[:200]}"
        raise ValueError(message)
    if end - begin != math.prod(shape) * dtype.itemsize:
        message = f"array {name!r} takes {end - begin} bytes, which do not make {dtype} of shape {shape}"
        raise ValueError(message)
    return Entry(dtype, shape, begin, end)
