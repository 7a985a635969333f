"""The papers' numbers (`config/expected.tsv`), and how ours compare with them.

Which of our numbers stands beside a paper's
    That of the experiment `target`, or, for annotation, of any experiment with the same data set, scheme and method.
    It is the mean over folds, not the pooled value; a run that lacks a fold has none, since the others flatter it.
Data sets
    `same` is the paper's own, by id. A stand-in names it, by id or by `data_name`, as whole words in its `stand_in`
    text, capitals aside. It counts only where the paper's own is missing, the one with the most cells first. Sizes and
    seconds of a stand-in say nothing and are not compared.
Methods
    `deephash` is whichever preset ran, `deephash_paper` before `deephash_compact`; the reason names it.
Derived metrics, by fold, where the experiment did not record them itself
    X_spread is the largest minus the smallest value of X over folds, X_gap_to_M is X of the row's method minus X of
    method M, and X_ratio_to_M is X of the row's method divided by X of M.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.tables import POOLED, conform

EXPECTED_COLUMNS = dict.fromkeys(
    ("id", "paper", "target", "dataset", "data_name", "scheme", "method", "metric", "relation"), "str"
) | {"value": "float64", "tolerance": "float64", "source": "str", "note": "str"}
"""`data_name` is what stand-ins call the data set. An empty `tolerance` is 0: a bound is kept exactly."""

VERDICT_COLUMNS = (
    dict.fromkeys(("id", "paper", "target", "dataset", "method", "metric", "relation"), "str")
    | dict.fromkeys(("paper_value", "ours", "ours_sd"), "float64")
    | dict.fromkeys(("ran_on", "same", "verdict", "reason", "source"), "str")
)

RELATIONS = ("about", "at_most", "at_least")
TARGETS = {
    "scdeephash": {"table1", "table2", "fig4", "variants"}
    | {f"fig{panel}" for panel in ("2a", "2b", "2c", "2d", "3a", "3b")},
    "cellfishing": {"cf_species"}
    | {f"cf_fig{number}" for number in range(2, 10)}
    | {f"cf_table{number}" for number in range(1, 4)},
}
"""Experiments of each paper."""

AGREES, DIFFERS, NOT_RUN = "agrees", "differs", "not run"

QUANTITIES = ("cells", "genes", "types", "types_over_10")
"""Facts of a data set, compared with table1 and never with a stand-in."""

PRESETS = {"deephash": ("deephash_paper", "deephash_compact")}

_REQUIRED = ("id", "paper", "target", "dataset", "data_name", "metric", "relation", "value", "source")
_ANNOTATION = re.compile(r"(median_f1|macro_f1|accuracy)(_union|_lenient)?|kappa|consistency|coverage")
_DERIVED = re.compile(r"(?P<base>\w+?)_(?:spread|(?P<kind>gap|ratio)_to_(?P<other>\w+))")
_SIZE = re.compile(r"(cells|genes|types)(_\w+)?|share_of_\w+|orthologs|\w+_s")


def read_expected(path: str | Path) -> pd.DataFrame:
    """Read and check the papers' numbers: EXPECTED_COLUMNS.

    Raises
    ------
    DataError
        naming file, row and column, what came and what is allowed
    """
    table = conform(pd.DataFrame(_records(path)), dict.fromkeys(EXPECTED_COLUMNS, "str"), name=str(path))
    seen: set[str] = set()
    for place, row in enumerate(table.to_dict("records"), start=2):
        if fault := _fault(row, seen):
            message = f"{path}: line {place} (id {row['id']!r}), {fault}"
            raise DataError(message)
        seen.add(row["id"])
    return table.assign(tolerance=table["tolerance"].replace("", "0")).astype(EXPECTED_COLUMNS)


def _records(path: str | Path) -> dict[str, list[str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    except (OSError, ValueError, csv.Error) as error:
        message = f"{path}: cannot be read as a table: {error}"
        raise DataError(message) from None
    for place, line in enumerate(lines, start=2):
        if len(line) != len(header):
            message = f"{path}: line {place} has {len(line)} fields, the header has {len(header)}"
            raise DataError(message)
    return {name: [line[i] for line in lines] for i, name in enumerate(header)}


def _fault(row: dict[Any, str], seen: set[str]) -> str | None:
    for column in _REQUIRED:
        if not row[column].strip():
            return f"column {column!r}: is empty"
    if not re.fullmatch(r"[a-z0-9_]+", row["id"]):
        return "column 'id': allowed are lower-case letters, digits and _"
    if row["id"] in seen:
        return "column 'id': is given twice"
    targets = TARGETS.get(row["paper"], set())
    for column, allowed in (("paper", set(TARGETS)), ("target", targets), ("relation", set(RELATIONS))):
        if row[column] not in allowed:
            return f"column {column!r}: {row[column]!r} is not known; allowed: {', '.join(sorted(allowed))}"
    for column in ("value", "tolerance"):
        if not np.isfinite(pd.to_numeric(row[column] or "0", errors="coerce")):
            return f"column {column!r}: {row[column]!r} is not a finite number"
    if float(row["tolerance"] or 0) < 0:
        return f"column 'tolerance': {row['tolerance']!r} is negative"
    return None


@dataclass(frozen=True)
class Measured:
    """Our number: its values by fold, and where they are from."""

    values: pd.Series
    dataset: str
    method: str


def verdicts(expected: pd.DataFrame, metrics: pd.DataFrame, table1: pd.DataFrame) -> pd.DataFrame:
    """One row of VERDICT_COLUMNS for each row of `expected`, in its order.

    metrics : schash.tables.METRIC_COLUMNS
    table1 : one row a data set of the suite, with `dataset`, the QUANTITIES and `stand_in_for`
    """
    sizes = table1.set_index("dataset")
    rows = [_judge(row, metrics, sizes) for row in expected.itertuples(index=False)]
    return conform(pd.DataFrame(rows, columns=list(VERDICT_COLUMNS)), VERDICT_COLUMNS, name="paper_vs_ours")


def count_verdicts(table: pd.DataFrame) -> dict[str, int]:
    """How many rows agree and differ on the paper's own data, were run on a stand-in only, and were not run.

    A number from a stand-in neither confirms nor refutes the paper's, whichever way its own row compares.
    """
    own = table[table["same"] != "stand-in"]
    counts = {name: int((own["verdict"] == name).sum()) for name in (AGREES, DIFFERS)}
    return {
        **counts,
        "on a stand-in": len(table) - len(own),
        NOT_RUN: int((table["verdict"] == NOT_RUN).sum()),
    }


def _judge(row: Any, metrics: pd.DataFrame, sizes: pd.DataFrame) -> dict[str, Any]:
    copied = ("id", "paper", "target", "dataset", "method", "metric", "relation", "source")
    verdict = {name: getattr(row, name) for name in copied} | {"paper_value": row.value}
    found = _quantity(row, sizes) if row.metric in QUANTITIES else _search(row, metrics, sizes)
    if isinstance(found, Measured) and not np.isfinite(found.values.mean(skipna=False)):
        found = f"our value on {found.dataset} is not a finite number"
    if isinstance(found, str):
        nothing = {"ours": np.nan, "ours_sd": np.nan, "ran_on": "", "same": ""}
        return verdict | nothing | {"verdict": NOT_RUN, "reason": found}
    ours = float(found.values.mean())
    difference = ours - row.value
    excess = {"about": abs(difference), "at_most": difference, "at_least": -difference}[row.relation]
    same = found.dataset == row.dataset
    return verdict | {
        "ours": ours,
        "ours_sd": float(found.values.std(ddof=1)) if len(found.values) > 1 else np.nan,
        "ran_on": found.dataset,
        "same": "same" if same else "stand-in",
        "verdict": AGREES if excess <= row.tolerance + 1e-9 else DIFFERS,
        "reason": ("" if same else f"stand-in: {found.dataset} for {row.data_name}; ")
        + (f"{found.method} ran; " if row.method in PRESETS else "")
        + f"{difference:+.3g} from the paper's value, tolerance {row.tolerance:g}",
    }


def _quantity(row: Any, sizes: pd.DataFrame) -> Measured | str:
    if row.dataset in sizes.index:
        return Measured(pd.Series([float(sizes.loc[row.dataset, row.metric])]), row.dataset, "")
    has_stand_in = any(_names(text, row) for text in sizes["stand_in_for"])
    return f"data set not in this suite{'; the size of a stand-in says nothing' if has_stand_in else ''}"


def _search(row: Any, metrics: pd.DataFrame, sizes: pd.DataFrame) -> Measured | str:
    target = metrics["experiment"] == row.target
    no_target = "" if target.any() else "experiment not in this suite"
    derived = _DERIVED.fullmatch(row.metric)
    base = derived["base"] if derived else row.metric
    shared = bool(row.scheme) and bool(_ANNOTATION.fullmatch(base))
    rows = metrics.iloc[np.argsort(~target, kind="stable")] if shared else metrics[target]
    rows = rows[rows["scheme"] == row.scheme] if row.scheme else rows
    if rows.empty:
        return no_target or f"scheme {row.scheme} not run"
    if not (datasets := _datasets(row, rows, sizes)):
        return no_target or "data set not in this suite"
    if row.dataset not in datasets and _SIZE.fullmatch(row.metric):
        return "data set not in this suite; the size or time of a stand-in says nothing"
    found = [_by_preset(rows[rows["dataset"] == name], row.method, row.metric) for name in datasets]
    return next((one for one in found if isinstance(one, Measured)), no_target or found[0])


def _datasets(row: Any, rows: pd.DataFrame, sizes: pd.DataFrame) -> list[str]:
    """The paper's own data set where it ran, else its stand-ins, the largest first."""
    texts = rows.drop_duplicates("dataset").set_index("dataset")["stand_in"]
    if row.dataset in texts.index:
        return [row.dataset]
    stand_ins = [name for name, text in texts.items() if _names(text, row)]
    cells = sizes["cells"].reindex(stand_ins).fillna(0)
    return list(cells.sort_values(ascending=False, kind="stable").index)


def _names(text: str, row: Any) -> bool:
    names = "|".join(re.escape(name) for name in (row.dataset, row.data_name))
    return bool(re.search(rf"(?<![\w-])({names})(?![\w-])", text, flags=re.IGNORECASE))


def _by_preset(rows: pd.DataFrame, method: str, metric: str) -> Measured | str:
    """The first of the method's presets that has the metric, else the most telling reason why none has."""
    reasons = []
    for name in PRESETS.get(method, (method,)):
        values = _measure(rows, name, metric)
        if not isinstance(values, str):
            return Measured(values, str(rows["dataset"].iloc[0]), name)
        reasons.append(values)
    missing = [f"method not run: {name}" for name in PRESETS.get(method, (method,))]
    return next((one for one in reasons if one not in missing), f"method not run: {method}")


def _measure(rows: pd.DataFrame, method: str, metric: str) -> pd.Series | str:
    """Values of one metric by (seed, fold), from the first complete run that has it; else why there are none."""
    mine = rows[rows["method"] == method] if method else rows
    if mine.empty:
        return f"method not run: {method}"
    runs = [run for _, run in mine.groupby(["experiment", "scheme", "method"], sort=False)]
    having = [run for run in runs if (run["metric"] == metric).any()]
    if not having and (match := _DERIVED.fullmatch(metric)):
        return _derive(rows, method, match)
    if not having:
        failures = [_failure(run) for run in runs if method]
        return next(filter(None, failures), f"metric not measured: {metric}")
    run = min(having, key=lambda run: bool(_failure(run)))
    values = run[(run["metric"] == metric) & (run["fold"] != POOLED)].set_index(["seed", "fold"])["value"]
    return _failure(run) or (f"{metric} only pooled" if values.empty else values.sort_index())


def _failure(run: pd.DataFrame) -> str:
    failed = run[run["status"] != "ok"].head(1)
    return "".join(f"{row.status} in fold {row.fold}: {row.reason}" for row in failed.itertuples())


def _derive(rows: pd.DataFrame, method: str, match: re.Match[str]) -> pd.Series | str:
    values = _measure(rows, method, match["base"])
    if isinstance(values, str):
        return values
    if not match["kind"]:
        return pd.Series([values.max() - values.min()]) if len(values) > 1 else "one fold has no spread"
    other = _by_preset(rows, match["other"], match["base"])
    if isinstance(other, str):
        return other
    if not values.index.equals(other.values.index):
        return f"not on the same folds as {other.method}"
    return values - other.values if match["kind"] == "gap" else values / other.values
