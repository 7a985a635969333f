"""The headlines of every run that is worth remembering: a folder with one small file a run, which is never edited.

Two branches that both add runs add files of different names, so that merging them is never a conflict.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from schash.errors import DataError
from schash.reference import one_clean_commit
from schash.regression.headlines import headline_rows
from schash.tables import conform, empty, read_table, write_table

HISTORY_COLUMNS = {
    **dict.fromkeys(("run_id", "git_sha", "suite"), "str"),
    "seed": "int64",
    **dict.fromkeys(("experiment", "dataset", "scheme", "method", "metric"), "str"),
    "mean": "float64",
    "sd": "float64",
    "folds": "int64",
    "threads": "int64",
    "host": "str",
}
"""A headline (`schash.regression.headlines`) of one run: mean and sd over folds. A run id begins with its time, UTC."""

_KEYS = ["experiment", "dataset", "scheme", "method", "metric"]


def history_of(metrics: pd.DataFrame) -> pd.DataFrame:
    """HISTORY_COLUMNS of one run (METRIC_COLUMNS)."""
    rows = headline_rows(metrics)
    if rows.empty:
        return empty(HISTORY_COLUMNS)
    first = {name: (name, "first") for name in ("run_id", "git_sha", "suite", "seed", "threads", "host")}
    table = rows.groupby(_KEYS, sort=False).agg(
        **first, mean=("value", "mean"), sd=("value", "std"), folds=("fold", "size")
    )
    return conform(table.reset_index(), HISTORY_COLUMNS, name="history")


def record(metrics: pd.DataFrame, source: Path, folder: Path) -> Path:
    """Add a run to the history, `folder`/<run_id>.tsv; returns the file.

    Raises
    ------
    DataError
        if the run is not of one clean commit, has no headline, or is there already with other numbers
    """
    one_clean_commit(metrics, source)
    table = history_of(metrics)
    if table.empty:
        message = f"{source}: has none of the headline metrics; was it a run of the whole suite?"
        raise DataError(message)
    name = str(table["run_id"].iloc[0])
    if not re.fullmatch(r"[\w-]+", name):
        message = f"{source}: column 'run_id': {name!r} is no id of a run, which names a file of the history"
        raise DataError(message)
    path = folder / f"{name}.tsv"
    if path.exists():
        if not _equal(read_table(path, HISTORY_COLUMNS), table):
            message = f"{path}: is there already, with other numbers; a history is not edited"
            raise DataError(message)
        return path
    write_table(table, HISTORY_COLUMNS, path)
    return path


def _equal(kept: pd.DataFrame, table: pd.DataFrame) -> bool:
    both = kept.merge(table, on=_KEYS, how="outer", indicator=True)
    close = (both["mean_x"] - both["mean_y"]).abs() <= 1e-5 * both["mean_x"].abs()
    close |= both["mean_x"].isna() & both["mean_y"].isna()
    return bool(((both["_merge"] == "both") & close).all())


def read_history(paths: Sequence[str | Path]) -> pd.DataFrame:
    """All runs of these files, the oldest first; `DataError` naming a file that is no such table."""
    tables = [read_table(path, HISTORY_COLUMNS) for path in sorted(map(str, paths))]
    if not tables:
        return empty(HISTORY_COLUMNS)
    return pd.concat(tables, ignore_index=True).sort_values("run_id", kind="stable", ignore_index=True)
