"""Named arrays and a JSON description in one file: portable, versioned, checksummed, memory-mapped. No pickle.

The file is in the layout of safetensors (`schash._array_layout`), which its library reads where the file is not
compressed. Its header holds the name and version of the format, the caller's description, and a sha256 over every
byte of the file: the length, the header with zeros in place of the checksum, and the data.

A whole file may be compressed by gzip or zstd, as by the command line; it is recognised by its first bytes and read
into memory. A change of its bytes that decompresses to the same content (there are spare bits) is not noticed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from schash._array_layout import (
    MAX_HEADER,
    NO_DIGEST,
    PREFIX,
    Entry,
    check_entries,
    decode_header,
    encode_header,
    file_order,
)
from schash._array_streams import (
    Compression,
    check_compression,
    check_end,
    open_reader,
    open_writer,
    pieces,
    read_exactly,
)
from schash.atomic import atomic_path
from schash.errors import ModelFileError


def write_arrays(
    path: str | Path,
    arrays: Mapping[str, np.ndarray],
    description: dict[str, Any],
    *,
    format: str,
    version: int,
    compression: Compression | None = None,
) -> None:
    """Write arrays and a description, whole or not at all. The same content gives the same bytes.

    Parameters
    ----------
    arrays
        booleans, integers or floats, of any shape and memory order; none is copied as a whole
    description
        anything that goes into JSON: tuples come back as lists, keys as texts
    format, version
        a reader asks for this name, and for at most the version that it knows

    Raises
    ------
    ModelFileError
        if an array is of another type, the description does not go into JSON or is beyond 100 MB, or the
        compression is unknown
    """
    check_compression(compression)
    ordered = file_order({name: np.asanyarray(array) for name, array in arrays.items()})
    header = encode_header(ordered, {"format": format, "version": version, "description": description})
    digest = hashlib.sha256(header)
    for piece in _all_pieces(ordered):
        digest.update(piece)
    header = header.replace(NO_DIGEST.encode(), digest.hexdigest().encode(), 1)
    with atomic_path(path) as temporary, open_writer(temporary, compression) as write:
        write(header)
        for piece in _all_pieces(ordered):
            write(piece)


def read_arrays(
    path: str | Path, *, format: str, version: int, mmap: bool = True, verify: bool = True
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_arrays` wrote: (arrays, description).

    Parameters
    ----------
    mmap
        map an uncompressed file instead of reading it: the arrays are read from disk as they are used. They can be
        written to, which changes neither the file nor what others read
    verify
        compare the checksum: one pass over the file

    Raises
    ------
    ModelFileError
        if the file is missing, foreign, truncated, damaged, of another format or of a newer version
    """
    path = Path(path)
    _check_is_file(path)
    try:
        header, document, entries, data = _read(path, format, version, mmap)
        if verify:
            _verify(header, document, entries, data)
        return {name: _view(data, entry) for name, entry in entries.items()}, document["description"]
    except ModelFileError:
        raise
    except (ValueError, OverflowError, OSError, MemoryError) as error:
        message = f"{path}: truncated, damaged, or not a schash model file ({error})"
        raise ModelFileError(message) from error


def _all_pieces(arrays: Mapping[str, np.ndarray]) -> Iterator[memoryview]:
    for array in arrays.values():
        yield from pieces(array)


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        message = f"{path}: is a folder, not a model file"
        raise ModelFileError(message)
    if not path.is_file():
        message = f"{path}: there is no such model file"
        raise ModelFileError(message)


def _read(
    path: Path, format: str, version: int, mmap: bool
) -> tuple[bytes, dict[str, Any], dict[str, Entry], np.ndarray]:
    """The bytes up to the data, our document, the arrays' places, and the data (bytes)."""
    with open_reader(path) as (stream, size):
        header = _read_header(stream)
        document, table = _decode(path, header[PREFIX:])
        _check_format(path, document, format, version)
        entries = check_entries(table)
        n_bytes = max((entry.end for entry in entries.values()), default=0)
        if size is not None and size != len(header) + n_bytes:
            message = f"it has {size} bytes, its header speaks of {len(header) + n_bytes}"
            raise ValueError(message)
        if mmap and size is not None:
            return header, document, entries, np.memmap(stream, np.uint8, "c")[len(header) :]
        data = read_exactly(stream, n_bytes)
        check_end(stream)
        return header, document, entries, data


def _read_header(stream: Any) -> bytes:
    prefix = read_exactly(stream, PREFIX).tobytes()
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        message = f"its header would take {length} bytes"
        raise ValueError(message)
    return prefix + read_exactly(stream, length).tobytes()


def _decode(path: Path, text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        return decode_header(text)
    except LookupError as error:
        message = f"{path}: not a schash model file: {error.args[0]}"
        raise ModelFileError(message) from error


def _check_format(path: Path, document: Any, format: str, version: int) -> None:
    if not isinstance(document, dict) or not {"format", "version"} <= document.keys():
        message = f"{path}: not a schash model file: the 'schash' entry of its header names no format"
        raise ModelFileError(message)
    if document["format"] != format:
        message = f"{path}: holds {document['format']!r}, not {format!r}"
        raise ModelFileError(message)
    found = document["version"]
    if type(found) is not int or found > version:
        message = f"{path}: is of version {found!r}; this schash reads up to version {version}: update schash"
        raise ModelFileError(message)
    if "description" not in document:
        message = "its header has no description"
        raise ValueError(message)


def _verify(header: bytes, document: dict[str, Any], entries: dict[str, Entry], data: np.ndarray) -> None:
    if "sha256" in document:
        stated = document["sha256"]
        digest = hashlib.sha256(header.replace(str(stated).encode(), NO_DIGEST.encode(), 1))
        digest.update(data.data)
    else:
        stated = document.pop("checksum", None)
        digest = _digest_before_0005(document, entries, data)
    if digest.hexdigest() != stated:
        message = "the checksum of its content is not the one it states"
        raise ValueError(message)


def _digest_before_0005(document: dict[str, Any], entries: dict[str, Entry], data: np.ndarray) -> Any:
    """That of the first model files, over the document as JSON and the arrays by name (docs/decisions/0005)."""
    found = {name: [str(entry.dtype), list(entry.shape)] for name, entry in entries.items()}
    if found != document.get("arrays"):
        message = f"its arrays are {found}, its header says {document.get('arrays')}"
        raise ValueError(message)
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for name in sorted(entries):
        digest.update(name.encode())
        digest.update(data[entries[name].begin : entries[name].end].data)
    return digest


def _view(data: np.ndarray, entry: Entry) -> np.ndarray:
    """An array in its place in `data`: no copy. A plain ndarray, whose results are plain too."""
    return data[entry.begin : entry.end].view(np.ndarray).view(entry.dtype).reshape(entry.shape)
