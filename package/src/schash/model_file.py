"""The file of a trained model: an array file (`schash.array_file`) of the format "schash.DeepHash"."""

from pathlib import Path
from typing import Any

import numpy as np

from schash.array_file import read_arrays, write_arrays

FORMAT = "schash.DeepHash"
VERSION = 2
"""Raised when a reader of the previous version could not read the new file. 2: another checksum."""


def write_model(path: str | Path, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> None:
    """Write arrays and a JSON-able description."""
    write_arrays(path, arrays, description, format=FORMAT, version=VERSION)


def read_model(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_model` wrote: (arrays, description).

    Raises
    ------
    ModelFileError
        if the file is missing, foreign, truncated, damaged, or of a newer version
    """
    return read_arrays(path, format=FORMAT, version=VERSION, mmap=False)
