"""Moving the reference on purpose, with the reason on record."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError
from schash.reference import KEPT, one_clean_commit
from schash.regression.comparison import compare
from schash.regression.directions import QUALITY, of_directions
from schash.regression.history import record
from schash.regression.reading import RUN, read_metrics
from schash.regression.verdicts import DRIFT, GOOD
from schash.tables import METRIC_COLUMNS, conform, read_table, write_table

LOG = "accepted.tsv"
LOG_COLUMNS = {
    **dict.fromkeys(("date", "git_sha", "run_id", "reason"), "str"),
    "rows_moved": "int64",
    "beyond_tolerance": "int64",
    "what": "str",
}
"""One accepted run a row. `rows_moved`: rows of metrics.tsv with another value or status, gone or new, times left out;
`beyond_tolerance`: compared numbers that drifted or got better; `what`: experiments and methods of these."""

_NAMED = 6


def accept(
    metrics: Path,
    reference: Path,
    reason: str,
    spread: pd.DataFrame | None = None,
    *,
    history: Path | None = None,
    even_failed: bool = False,
) -> dict[str, object]:
    """Put a run in the place of the reference and log it in accepted.tsv beside it; returns the row of LOG_COLUMNS.

    What else of the run is kept beside its reference (`schash.reference.KEPT`) follows where both have it. Whatever may
    be wrong is found before anything is written; the metrics are written last.

    history : folder to add the run's headlines to; even_failed : accept a run with failures that the reference has not

    Raises
    ------
    DataError
        for an empty reason; a run that is no table of metrics, of another suite, not of one clean commit, or with runs
        that failed; a log that cannot be read; a history that has the run with other numbers
    """
    said = " ".join(reason.split())
    if not said:
        message = "--reason is empty; say why the numbers may move, for those who read the log later"
        raise DataError(message)
    new = read_metrics(metrics)
    commit = one_clean_commit(new, metrics)
    if reference.is_file():
        old = read_metrics(reference)
        table = compare(old, new, spread).table
        if not even_failed:
            _refuse_failures(table, metrics)
        moved = table[table["verdict"].isin([*DRIFT, *GOOD])]
        rows = _moved(old, new)
    else:
        moved, rows = pd.DataFrame(columns=["experiment", "method"]), len(new)
    entry = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "git_sha": commit,
        "run_id": str(new["run_id"].iloc[0]),
        "reason": said,
        "rows_moved": rows,
        "beyond_tolerance": len(moved),
        "what": _what(moved),
    }
    path = reference.parent / LOG
    log = _with(entry, path)
    if history:
        record(new, metrics, history)
    write_table(log, LOG_COLUMNS, path)
    _replace(metrics, new, reference)
    return entry


def _refuse_failures(table: pd.DataFrame, metrics: Path) -> None:
    failed = table[table["verdict"] == "failed"]
    if len(failed):
        first = failed.iloc[0]
        key = " / ".join(str(first[name]) for name in RUN if first[name])
        message = (
            f"{metrics}: {len(failed)} run(s) failed that did not in the reference, the first {key}: {first['note']}; "
            "mend them, or give --even-failed"
        )
        raise DataError(message)


def _replace(metrics: Path, table: pd.DataFrame, reference: Path) -> None:
    for name in KEPT:
        beside, kept = metrics.parent / name, reference.parent / name
        if name != metrics.name and beside.is_file() and kept.is_file():
            with atomic_path(kept) as temporary:
                shutil.copyfile(beside, temporary)
    if metrics.suffixes == reference.suffixes:
        with atomic_path(reference) as temporary:
            shutil.copyfile(metrics, temporary)
    else:
        write_table(table[list(METRIC_COLUMNS)], METRIC_COLUMNS, reference)


def _moved(old: pd.DataFrame, new: pd.DataFrame) -> int:
    """Rows whose value or status is another, or that only one table has."""
    columns = [*RUN, "metric", "fold", "value", "status"]
    both = old[columns].merge(new[columns], how="outer", on=[*RUN, "metric", "fold"], indicator=True)
    same = (both["value_x"] == both["value_y"]) | (both["value_x"].isna() & both["value_y"].isna())
    timed = ~of_directions(both["metric"], *QUALITY)
    kept = (both["_merge"] == "both") & (same | timed) & (both["status_x"] == both["status_y"])
    return int((~kept).sum())


def _what(moved: pd.DataFrame) -> str:
    names = list(dict.fromkeys(f"{row.experiment} {row.method}".strip() for row in moved.itertuples()))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _with(entry: dict[str, object], path: Path) -> pd.DataFrame:
    """The log with a row more."""
    row = pd.DataFrame([entry])
    if path.is_file():
        row = pd.concat([read_table(path, LOG_COLUMNS), row], ignore_index=True)
    return conform(row, LOG_COLUMNS, name=str(path))
