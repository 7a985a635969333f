"""The file of a trained model: safetensors with one JSON document in its header. No pickle.

The JSON holds the format's name and version, what the caller describes the model by, the shapes and types of
the arrays, and a checksum over all of it. Files are written under a temporary name and renamed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from schash.atomic import atomic_path
from schash.errors import ModelFileError

FORMAT = "schash.DeepHash"
VERSION = 1
"""Raised when a reader of the previous version could not read the new file."""
_KEY = "schash"


def write_model(path: str | Path, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> None:
    """Write arrays and a JSON-able description."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "description": description,
        "arrays": {name: [str(a.dtype), list(a.shape)] for name, a in sorted(contiguous.items())},
    }
    header["checksum"] = _checksum(contiguous, header)
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata={_KEY: json.dumps(header)})


def read_model(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_model` wrote: (arrays, description).

    Raises
    ------
    ModelFileError
        if the file is missing, foreign, truncated, damaged, or of a newer version
    """
    if not Path(path).is_file():
        message = f"{path}: there is no such model file"
        raise ModelFileError(message)
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, file.metadata())
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        message = f"{path}: truncated, damaged, or not a schash model file ({error})"
        raise ModelFileError(message) from error
    _check_arrays(path, arrays, header)
    return arrays, header["description"]


def _header(path: str | Path, metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})[_KEY])
        name, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path}: not a schash model file: its safetensors header has no readable {_KEY!r} entry"
        raise ModelFileError(message) from error
    if name != FORMAT:
        message = f"{path}: holds {name!r}, not {FORMAT!r}"
        raise ModelFileError(message)
    if not isinstance(version, int) or version > VERSION:
        message = (
            f"{path}: is of version {version!r}; this schash reads up to version {VERSION}: update schash"
        )
        raise ModelFileError(message)
    return header


def _check_arrays(path: str | Path, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    found = {name: [str(a.dtype), list(a.shape)] for name, a in sorted(arrays.items())}
    if found != header.get("arrays"):
        message = f"{path}: damaged: its arrays are {found}, its header says {header.get('arrays')}"
        raise ModelFileError(message)
    stated = header.pop("checksum", None)
    if _checksum(arrays, header) != stated:
        message = f"{path}: damaged: the checksum of its content is not the one it states"
        raise ModelFileError(message)


def _checksum(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
