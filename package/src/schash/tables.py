"""Schemas of the tables that travel between stages and out of the workflow, checked on write and on read."""

from pathlib import Path

import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError

POOLED = "pooled"
"""Value of `fold` for a score over the query cells of all folds together."""

COST_COLUMNS = {
    "fit_s": "float64",
    "predict_s": "float64",
    "peak_mb": "float64",
    "threads": "int64",
    "host": "str",
}
"""Seconds to fit and to predict, the higher of the two peaks of resident memory in MiB, threads and machine."""

PREDICTION_COLUMNS = {"fold": "int16", "row": "int64", "label": "str", "margin": "float32"}
"""One query cell a row; `row` is its position in the prepared cells."""

STATUS_COLUMNS = {"fold": "int16", "status": "str", "reason": "str", **COST_COLUMNS}
"""How each fold of a run ended."""

HISTORY_COLUMNS = {"fold": "int16", "step": "int64", "metric": "str", "value": "float64"}
"""What a method shows of its training."""

SCORE_COLUMNS = {
    "fold": "str",
    "metric": "str",
    "value": "float64",
    "n": "int64",
    "status": "str",
    "reason": "str",
    **COST_COLUMNS,
}
"""Scores of one (data set, scheme, method): one metric of one fold a row. `n` counts the cells scored."""

TYPE_COLUMNS = {
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "type": "str",
    "precision": "float64",
    "recall": "float64",
    "f1": "float64",
    "support": "int64",
}
"""Per-type scores over the pooled query cells of all folds; `support` is the number of true cells."""

EXPERIMENT_COLUMNS = {
    "suite": "str",
    "experiment": "str",
    "dataset": "str",
    "stand_in": "str",
    "scheme": "str",
    "method": "str",
    "preset": "str",
    "variant": "str",
    "seed": "int64",
    **SCORE_COLUMNS,
}
"""Scores of all runs of one experiment."""

METRIC_COLUMNS = {"run_id": "str", "git_sha": "str", **EXPERIMENT_COLUMNS}
"""The table that leaves the workflow: metrics.parquet and metrics.tsv."""

SUMMARY_COLUMNS = {
    "experiment": "str",
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "metric": "str",
    "mean": "float64",
    "sd": "float64",
    "n_folds": "int64",
    "pooled": "float64",
}


def empty(columns: dict[str, str]) -> pd.DataFrame:
    """A table of that schema without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def conform(table: pd.DataFrame, columns: dict[str, str], *, name: str) -> pd.DataFrame:
    """Return `table` with exactly `columns` in their order and types; `DataError` naming what is missing or extra."""
    missing = [column for column in columns if column not in table.columns]
    extra = [column for column in table.columns if column not in columns]
    if missing or extra:
        message = f"{name}: missing columns {missing or 'none'}, unknown columns {extra or 'none'}"
        raise DataError(message)
    return table[list(columns)].astype(columns)


def write_table(table: pd.DataFrame, columns: dict[str, str], path: str | Path) -> None:
    """Write a table as parquet or, by its suffix, as tsv with six significant digits."""
    checked = conform(table, columns, name=str(path))
    with atomic_path(path) as temporary:
        if Path(path).suffix == ".tsv":
            checked.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
        else:
            checked.to_parquet(temporary, index=False)


def read_table(path: str | Path, columns: dict[str, str]) -> pd.DataFrame:
    """Read what `write_table` wrote; `DataError` where the file is no such table."""
    try:
        if Path(path).suffix == ".tsv":
            table = pd.read_csv(path, sep="\t", keep_default_na=False, na_values={"value": [""]}, dtype=str)
            numeric = [name for name, kind in columns.items() if kind != "str" and name in table.columns]
            table[numeric] = table[numeric].apply(pd.to_numeric)
        else:
            table = pd.read_parquet(path)
        return conform(table, columns, name=str(path))
    except DataError:
        raise
    except (ValueError, OSError) as error:
        message = f"{path}: cannot be read as a table: {error}"
        raise DataError(message) from None
