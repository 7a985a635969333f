"""What DeepHash checks of the cells and labels that it is given, and the cells that it holds out."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from schash.errors import DataError


def hold_out(types: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to validate on, both of the training cells, stratified by type."""
    rows = np.arange(len(types))
    if fraction == 0:
        return rows, rows[:0]
    n_types = types.max() + 1
    if np.bincount(types).min() < 2 or math.ceil(fraction * len(types)) < n_types:
        message = (
            f"validation_fraction={fraction} needs 2 cells of every type, and one held-out cell a type; "
            f"the rarest type has {np.bincount(types).min()} cells, there are {len(types)} cells of {n_types} types"
        )
        raise DataError(message)
    kept, held_out = train_test_split(rows, test_size=fraction, stratify=types, random_state=seed)
    return np.sort(kept), np.sort(held_out)


def check_labels(y: Any, n_cells: int) -> np.ndarray:
    """The types as an (n_cells,) array; `DataError` where they are missing or too few."""
    if y is None:
        message = "requires y to be passed, but the target y is None"
        raise DataError(message)
    labels = as_data_error(column_or_1d)(y, warn=True)
    if len(labels) != n_cells:
        message = f"y must hold one type per cell: {n_cells} cells, {len(labels)} labels"
        raise DataError(message)
    n_missing = int(pd.isna(labels).sum())
    if n_missing:
        message = f"y holds {n_missing} missing label(s) (NaN or None): leave those cells out"
        raise DataError(message)
    as_data_error(check_classification_targets)(labels)
    return labels


def as_data_error(function: Callable) -> Callable:
    """scikit-learn's own checks and words, raised as this package's error, which is a ValueError too."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise DataError(str(error)) from error

    return checked
