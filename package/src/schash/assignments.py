"""Which types the cells of each held-out group are mapped onto (CellFishing.jl, Fig. 8). Sees the solution."""

import pandas as pd

from schash.confusion import count_confusion
from schash.tables import conform, empty

ASSIGNMENT_COLUMNS = {
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "fold": "str",
    "group": "str",
    "type": "str",
    "predicted": "str",
    "cells": "int64",
}
"""Query cells of a true type in one fold by the type that they were mapped onto; no rows of 0 cells, nor of a fold that
did not run. `group` is the held-out one, "" where folds are no groups."""


def count_assignments(predictions: pd.DataFrame, solution: pd.DataFrame) -> pd.DataFrame:
    """fold, group, type, predicted, cells of every fold that ran.

    predictions : fold, row, label; solution : fold, row, label, group of every query cell
    """
    parts = []
    for fold, truth in solution.groupby("fold", sort=True):
        of_fold = count_confusion(predictions[predictions["fold"] == fold], truth)
        group = str(truth["group"].iloc[0]) if "group" in truth else ""
        parts.append(of_fold.assign(fold=str(fold), group=group))
    columns = ["fold", "group", "type", "predicted", "cells"]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True)[columns] if found else empty(ASSIGNMENT_COLUMNS)[columns]


def cluster_sizes(assignments: pd.DataFrame) -> pd.DataFrame:
    """Cells by dataset, scheme, fold, group and type, from the method that ran where another did not."""
    keys = ["dataset", "scheme", "fold", "group", "type"]
    of_method = assignments.groupby(["method", *keys], sort=False)["cells"].sum()
    return of_method.groupby(keys, sort=False).max().reset_index()


def read_assignments(paths: list[str]) -> pd.DataFrame:
    """All of several files."""
    tables = [pd.read_parquet(path) for path in paths]
    return conform(pd.concat(tables, ignore_index=True), ASSIGNMENT_COLUMNS, name="assignments")
