"""Tables of metrics from outside, checked cell by cell: an error names the file, the line, the column and the value."""

from pathlib import Path

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.tables import METRIC_COLUMNS, POOLED, conform

RUN = ["experiment", "dataset", "scheme", "method"]
KEY = [*RUN, "metric", "over"]
"""What is compared: `over` is "folds" for the mean over them, "pooled" for the score of all their cells together."""

_OPTIONAL = ("value", "fit_s", "predict_s", "peak_mb")
"""Numbers that a row may lack."""
_FROM_ZERO = ("n", "fit_s", "predict_s", "peak_mb")


def read_metrics(path: str | Path) -> pd.DataFrame:
    """Read metrics.tsv or metrics.parquet: METRIC_COLUMNS and `over`.

    Raises
    ------
    DataError
        naming file, line, column and value: of a file that is no such table, has no rows, a number that is none or not
        finite, a row twice, or rows of several suites, runs or seeds
    """
    table = _numbers(conform(_read(path), dict.fromkeys(METRIC_COLUMNS, "str"), name=str(path)), path)
    if table.empty:
        message = f"{path}: holds no rows; expected the metrics of a finished run"
        raise DataError(message)
    for column in ("suite", "seed", "run_id"):
        if table[column].nunique() > 1:
            found = ", ".join(sorted(table[column].astype(str).unique()))
            message = f"{path}: column {column!r} must have one value, found {found}"
            raise DataError(message)
    twice = table.duplicated([*RUN, "metric", "fold"])
    if twice.any():
        place = int(np.argmax(twice))
        row = table.iloc[place][[*RUN, "metric", "fold"]]
        message = f"{path}: line {table.index[place] + 2}: a second row of {' / '.join(map(str, row))}"
        raise DataError(message)
    return table.reset_index(drop=True).assign(over=np.where(table["fold"] == POOLED, POOLED, "folds"))


def _read(path: str | Path) -> pd.DataFrame:
    if not Path(path).is_file():
        message = f"{path}: there is no such file; `make demo` or `make small` writes the metrics of a run"
        raise DataError(message)
    try:
        if Path(path).suffix == ".parquet":
            return pd.read_parquet(path).astype(object).where(lambda table: table.notna(), "").astype(str)
        table = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str, skip_blank_lines=False)
        return table[(table != "").any(axis=1)]  # and yet every row knows its line
    except (ValueError, OSError) as error:
        message = f"{path}: cannot be read as a table: {error}"
        raise DataError(message) from None


def _numbers(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    for column, kind in METRIC_COLUMNS.items():
        if kind == "str":
            continue
        text = table[column]
        numbers = pd.to_numeric(text, errors="coerce").astype(float)
        wrong = ~np.isfinite(numbers.to_numpy())
        if column in _OPTIONAL:
            wrong &= ~text.isin(["", "nan", "NaN"]).to_numpy()
        if kind == "int64":
            wrong |= (numbers % 1 != 0).to_numpy()
        if column in _FROM_ZERO:
            wrong |= (numbers < 0).to_numpy()
        if wrong.any():
            place, what = int(np.argmax(wrong)), "a whole number" if kind == "int64" else "a finite number"
            what += " from 0 on" * (column in _FROM_ZERO)
            line = table.index[place] + 2
            message = f"{path}: line {line}, column {column!r}: expected {what}, found {text.iloc[place]!r}"
            raise DataError(message)
        table = table.assign(**{column: numbers if kind == "float64" else numbers.astype("int64")})
    return table


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with a score: those that ran."""
    return table[(table["status"] == "ok") & (table["metric"] != "")]
