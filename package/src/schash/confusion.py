"""Which types a method takes for which, over the pooled query cells of all folds. Sees the solution."""

import pandas as pd

from schash.errors import DataError

CONFUSION_COLUMNS = {
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "type": "str",
    "predicted": "str",
    "cells": "int64",
}
"""Query cells of a true type by what was predicted ("unassigned" where they were rejected); no rows of 0 cells."""


def count_confusion(predictions: pd.DataFrame, solution: pd.DataFrame) -> pd.DataFrame:
    """type, predicted, cells; no rows where a fold did not run, since what is left is another set of cells.

    predictions : fold, row, label of the folds that ran; solution : fold, row, label of every query cell

    Raises
    ------
    DataError
        if a cell was predicted twice, or one that is no query cell
    """
    keys = ["fold", "row"]
    if predictions.duplicated(keys).any():
        message = "a query cell was predicted twice in one fold"
        raise DataError(message)
    pairs = solution[[*keys, "label"]].merge(
        predictions[[*keys, "label"]], on=keys, suffixes=("", "_predicted")
    )
    if len(pairs) < len(predictions):
        message = f"{len(predictions) - len(pairs)} predictions are of cells that are no query cells"
        raise DataError(message)
    if len(pairs) < len(solution):
        pairs = pairs.iloc[:0]
    counts = pairs.groupby(["label", "label_predicted"]).size().rename("cells").reset_index()
    return counts.rename(columns={"label": "type", "label_predicted": "predicted"})


def recall_of_types(counts: pd.DataFrame) -> pd.DataFrame:
    """Share of a type's cells that were given it: one row a method in the order met, one column a type, sorted."""
    sizes = counts.groupby(["method", "type"])["cells"].sum()
    hits = counts[counts["type"] == counts["predicted"]].set_index(["method", "type"])["cells"]
    recalls = (hits.reindex(sizes.index, fill_value=0) / sizes).unstack("type")
    return recalls.reindex(index=list(dict.fromkeys(counts["method"])))


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts of one method with `share`, of the true type's cells."""
    return counts.assign(share=counts["cells"] / counts.groupby("type")["cells"].transform("sum"))


def order_of_types(counts: pd.DataFrame, begin: str | None) -> list[str]:
    """Types that begin with `begin` first, then the others by how much they and those are taken for each other.

    counts : of one method; without a group, all by name
    """
    types = sorted(set(counts["type"]))
    if not begin:
        return types
    group = [name for name in types if name.startswith(begin)]
    table = shares(counts)
    crossing = table[table["type"].isin(group) != table["predicted"].isin(group)]
    taken = crossing.groupby("type")["share"].sum() + 0.0
    given = crossing[crossing["type"].isin(group)].groupby("predicted")["share"].sum()
    near = taken.reindex(types, fill_value=0) + given.reindex(types, fill_value=0)
    others = [name for name in types if name not in group]
    return [*group, *sorted(others, key=lambda name: (-near[name], name))]
