"""Every number of both papers held against ours: agrees, differs or not run, on the paper's own data or a stand-in."""

import io
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError
from schash.expected import PRESETS
from schash.measured import Measured, measure
from schash.tables import conform

VERDICT_COLUMNS = (
    dict.fromkeys(
        ("id", "paper", "target", "dataset", "data_name", "scheme", "method", "metric", "relation"), "str"
    )
    | dict.fromkeys(("paper_value", "tolerance", "ours", "ours_sd"), "float64")
    | {"n": "int64", "difference": "float64"}
    | dict.fromkeys(("ran_on", "same", "ran", "measured", "verdict", "reason", "source", "note"), "str")
)
"""`ours` is a mean over `n` folds. `ran` and `measured` are our method and metric, `ran_on` the data set; `same` says
whether that is the paper's own or a stand-in."""

AGREES, DIFFERS, NOT_RUN = "agrees", "differs", "not run"
SAME, STAND_IN = "same", "stand-in"
OUTCOMES = {
    "agrees": (AGREES, SAME),
    "differs": (DIFFERS, SAME),
    "agrees on a stand-in": (AGREES, STAND_IN),
    "differs on a stand-in": (DIFFERS, STAND_IN),
    "not run": (NOT_RUN, ""),
}
"""Verdict and data of each outcome. On a stand-in a number neither confirms nor refutes the paper's."""

_COMMENT = "# "


def verdicts(expected: pd.DataFrame, metrics: pd.DataFrame, table1: pd.DataFrame) -> pd.DataFrame:
    """One row of VERDICT_COLUMNS for each row of `expected`, in its order.

    expected : schash.expected.EXPECTED_COLUMNS
    metrics : schash.tables.METRIC_COLUMNS
    table1 : one row a data set of the suite, with `dataset`, schash.measured.QUANTITIES and `stand_in_for`
    """
    sizes = table1.set_index("dataset")
    rows = [_judge(row, measure(row, metrics, sizes)) for row in expected.itertuples(index=False)]
    return conform(pd.DataFrame(rows, columns=list(VERDICT_COLUMNS)), VERDICT_COLUMNS, name="paper_vs_ours")


def _judge(row: Any, found: Measured | str) -> dict[str, Any]:
    copied = set(VERDICT_COLUMNS) & set(row._fields)
    verdict = {name: getattr(row, name) for name in copied} | {"paper_value": row.value}
    if isinstance(found, str):
        nothing = dict.fromkeys(("ours", "ours_sd", "difference"), np.nan) | {"n": 0}
        unsaid = dict.fromkeys(("ran_on", "same", "ran", "measured"), "")
        return verdict | nothing | unsaid | {"verdict": NOT_RUN, "reason": found}
    ours = float(found.values.mean())
    difference = ours - row.value
    excess = {"about": abs(difference), "at_most": difference, "at_least": -difference}[row.relation]
    same = found.dataset == row.dataset
    remarks = [
        *([] if same else [f"stand-in: {found.dataset} for {row.data_name}"]),
        *([f"{found.method} ran"] if row.method in PRESETS and found.method != row.method else []),
        *found.notes,
        f"{difference:+.3g} from the paper's value, tolerance {row.tolerance:g}",
    ]
    return verdict | {
        "ours": ours,
        "ours_sd": float(found.values.std(ddof=1)) if len(found.values) > 1 else np.nan,
        "n": len(found.values),
        "difference": difference,
        "ran_on": found.dataset,
        "same": SAME if same else STAND_IN,
        "ran": found.method,
        "measured": found.metric,
        "verdict": AGREES if excess <= row.tolerance + 1e-9 else DIFFERS,
        "reason": "; ".join(remarks),
    }


def outcomes(table: pd.DataFrame) -> pd.Series:
    """The outcome of each row, a name of OUTCOMES."""
    names = {pair: name for name, pair in OUTCOMES.items()}
    pairs = zip(table["verdict"], table["same"], strict=True)
    return pd.Series([names[pair] for pair in pairs], index=table.index, dtype=str)


def count_verdicts(table: pd.DataFrame) -> dict[str, int]:
    """How many rows have each of the OUTCOMES."""
    found = outcomes(table)
    return {name: int((found == name).sum()) for name in OUTCOMES}


def write_verdicts(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of verdicts as tsv, under comment lines that count them."""
    checked = conform(table, VERDICT_COLUMNS, name=str(path))
    counts = [f"{name}: {count}" for name, count in count_verdicts(checked).items()]
    lines = [f"published numbers: {len(checked)}", *counts]
    with atomic_path(path) as temporary:
        head = "".join(f"{_COMMENT}{line}\n" for line in lines)
        rows = checked.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
        temporary.write_text(head + rows, encoding="utf-8")


def read_verdicts(path: str | Path) -> pd.DataFrame:
    """Read what `write_verdicts` wrote; `DataError` where the file is no such table."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
        rows = io.StringIO("".join(dropwhile(lambda line: line.startswith(_COMMENT), lines)))
        table = pd.read_csv(rows, sep="\t", keep_default_na=False, dtype=str)
        numbers = [name for name, kind in VERDICT_COLUMNS.items() if kind != "str" and name in table.columns]
        table[numbers] = table[numbers].apply(pd.to_numeric)
    except (ValueError, OSError) as error:
        message = f"{path}: cannot be read as a table: {error}"
        raise DataError(message) from None
    return conform(table, VERDICT_COLUMNS, name=str(path))
