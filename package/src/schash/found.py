"""What a searcher found in one fold, between the run that searched and the stage that scores it."""

from pathlib import Path

import numpy as np

from schash.array_file import read_arrays, write_arrays
from schash.methods.contract import NearestCells

FORMAT, VERSION = "schash-neighbors", 1


def write_neighbors(path: str | Path, found: NearestCells, *, n_train: int, seconds: float) -> None:
    """Write neighbours of one fold, whole or not at all.

    n_train : cells that were searched; seconds : of the search
    """
    arrays = {"ids": found.ids.astype(np.int32), "distances": found.distances}
    description = {"n_train": n_train, "search_s": seconds}
    write_arrays(path, arrays, description, format=FORMAT, version=VERSION)


def read_neighbors(path: str | Path) -> NearestCells:
    """Read what `write_neighbors` wrote; `ModelFileError` where the file is missing, foreign or damaged."""
    arrays, _ = read_arrays(path, format=FORMAT, version=VERSION)
    return NearestCells(arrays["ids"].astype(np.int64), arrays["distances"])
