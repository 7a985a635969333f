"""The papers' numbers, `config/expected.tsv`: one published number a row, with its place in the paper.

`dataset` is the paper's own, by its id in the registry; `data_name` what the paper calls it, and so do stand-ins.
`metric` names the number as the paper has it: schash.measured says which of ours that is.
"""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.tables import conform

EXPECTED_COLUMNS = dict.fromkeys(
    ("id", "paper", "target", "dataset", "data_name", "scheme", "method", "metric", "relation"), "str"
) | {"value": "float64", "tolerance": "float64", "source": "str", "note": "str"}
"""An empty `tolerance` is 0: a bound is kept exactly. An empty `scheme` or `method` is any."""

RELATIONS = ("about", "at_most", "at_least")
TARGETS = {
    "scdeephash": {"table1", "table2", "fig4", "variants"}
    | {f"fig{panel}" for panel in ("2a", "2b", "2c", "2d", "3a", "3b")},
    "cellfishing": {"cf_species"}
    | {f"cf_fig{number}" for number in range(2, 10)}
    | {f"cf_table{number}" for number in range(1, 4)},
}
"""Experiments of each paper."""

PRESETS = {
    "deephash": ("deephash_paper", "deephash_compact"),
    "scmap_cell": ("cf_scmap_cell", "scmap_cell"),
}
"""What a paper calls a method that we have in several sizes or ways: those, the preferred one first. CellFishing.jl
takes scmap-cell's nearest cell, scDeepHash the method as it is."""

_REQUIRED = ("id", "paper", "target", "dataset", "data_name", "metric", "relation", "value", "source")


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
