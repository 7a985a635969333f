"""CV_folds.RData: the cross-validation folds that Abdelaal et al. 2019 published beside each data set.

Written by their Cross_Validation.R: `n_folds`; `Cells_to_Keep`, one logical a cell; `Train_Idx` and `Test_Idx`, lists
of one vector a fold, which number the cells that are kept from 1; `col_Index`, the column of Labels.csv, from 1.
"""

from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from schash.data.loaders.rdata_files import read_objects
from schash.errors import DataError
from schash.published_folds import PublishedFolds

LARGEST = 2**53
"""R numbers cells by doubles at most, which hold whole numbers up to here."""
OBJECTS = ("n_folds", "Train_Idx", "Test_Idx", "Cells_to_Keep", "col_Index")


def read_cv_folds(source: IO[bytes], *, where: str, column: int) -> PublishedFolds:
    """Read the folds that were made of the labels in the `column`-th column, counted from 1.

    Raises
    ------
    DataError
        naming `where`, if the file is damaged, holds something else, or is of another column of labels
    """
    objects = read_objects(source, OBJECTS, where=where)
    of_column = _integers(objects["col_Index"], f"{where}: col_Index")
    if list(of_column) != [column]:
        message = f"{where}: is of column {_shown(of_column)} of the labels, expected column {column}"
        raise DataError(message)
    folds = {name: _vectors(objects[name], f"{where}: {name}") for name in ("Train_Idx", "Test_Idx")}
    n_folds = _integers(objects["n_folds"], f"{where}: n_folds")
    for name, vectors in folds.items():
        if list(n_folds) != [len(vectors)]:
            message = f"{where}: n_folds is {_shown(n_folds)}, but {name} holds {len(vectors)} vectors"
            raise DataError(message)
    kept = np.asarray(objects["Cells_to_Keep"])
    if kept.dtype != bool or kept.ndim != 1 or np.ma.is_masked(objects["Cells_to_Keep"]):
        message = (
            f"{where}: Cells_to_Keep must be a logical vector without NA, came {kept.dtype} {kept.shape}"
        )
        raise DataError(message)
    train, test = (tuple(vector - 1 for vector in vectors) for vectors in folds.values())
    return PublishedFolds(where=where, kept=kept, train=train, test=test)


def _vectors(value: Any, where: str) -> list[np.ndarray]:
    """The vectors of an R list, with or without names."""
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        message = f"{where} must be a list of vectors, came {type(value).__name__}"
        raise DataError(message)
    return [_integers(item, where) for item in items]


def _integers(value: Any, where: str) -> np.ndarray:
    """An R vector of whole numbers, kept as integer or double, as (n,) int64."""
    numbers = np.asarray(value)
    whole = numbers.dtype.kind in "if" and numbers.ndim == 1 and not np.ma.is_masked(value)
    if not whole or not (numbers == np.floor(numbers)).all() or not (np.abs(numbers) < LARGEST).all():
        message = f"{where} must hold whole numbers, came {numbers.dtype} {numbers.shape}"
        raise DataError(message)
    return numbers.astype(np.int64)


def _shown(numbers: np.ndarray) -> str:
    return ", ".join(map(str, numbers[:3])) or "empty"
