"""The tables: one row a timed search, and facts that are no search (sizes of files, stages, slopes)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contestants import FLAT
from benchmarks.race import Run, recall
from schash._version import __version__
from schash.hamming import BitCodes
from schash.provenance import git_sha, processor
from schash.tables import conform, empty, read_table, write_table

D10 = 10
PROBLEM = ("case", "data", "level", "n", "bits")
"""Columns that say what was searched in."""
EQUAL, DIFFERENT, APPROXIMATE = "equal to faiss", "DIFFERENT", "approximate"

SEARCH_COLUMNS = {
    "case": "str",
    "data": "str",
    "level": "str",
    "n": "int64",
    "n_distinct": "int64",
    "n_queries": "int64",
    "bits": "int64",
    "k": "int64",
    "threads": "int64",
    "contestant": "str",
    "d10": "float64",
    "answers": "str",
    "recall": "float64",
    "ms_per_query": "float64",
    "speedup": "float64",
    "candidates": "float64",
    "lookups": "float64",
    "bytes_per_code": "float64",
    "build_s": "float64",
    "repeats": "int64",
    "repeats_ms": "str",
    "other_cores": "float64",
    "version": "str",
    "cpu": "str",
    "git_sha": "str",
}
"""One contestant in one race. Milliseconds are a query's, the median of the repeats; `speedup` divides the median of
faiss's flat index in the same race by it; candidates and lookups are means over the queries (empty: not told);
`other_cores` were busy with other processes meanwhile: near 0 on a quiet machine."""

FACT_COLUMNS = {
    "case": "str",
    "data": "str",
    "n": "int64",
    "subject": "str",
    "quantity": "str",
    "value": "float64",
    "unit": "str",
    "version": "str",
    "cpu": "str",
    "git_sha": "str",
}


@dataclass(frozen=True)
class Problem:
    """What is searched in.

    data : where the codes come from; level : of difficulty, or ""; n_distinct : -1 where they were not counted
    """

    case: str
    data: str
    level: str
    codes: BitCodes
    queries: BitCodes
    n_distinct: int = -1


class Results:
    """Both tables of a run; with `keep`, on top of those that earlier runs left in the folder.

    Raises
    ------
    DataError
        if a table there cannot be read, or is of another version
    """

    def __init__(self, folder: Path, *, keep: bool) -> None:
        self.folder = folder
        self.search = self._earlier("bench.tsv", SEARCH_COLUMNS, keep)
        self.facts = self._earlier("facts.tsv", FACT_COLUMNS, keep)
        self._origin = {"cpu": processor(), "git_sha": git_sha()}

    def _earlier(self, name: str, columns: dict[str, str], keep: bool) -> pd.DataFrame:
        path = self.folder / name
        return read_table(path, columns) if keep and path.is_file() else empty(columns)

    def start(self, case: str) -> None:
        """Forget what an earlier run of this case gave."""
        self.search = self.search[self.search["case"] != case]
        self.facts = self.facts[self.facts["case"] != case]

    def add_race(self, problem: Problem, runs: Sequence[Run], k: int, n_threads: int) -> pd.DataFrame:
        """Append and return one row a contestant. d10 of a race for fewer neighbours is that of an earlier one."""
        rows = pd.DataFrame([row | self._origin for row in _rows(problem, runs, k, n_threads)])
        if k < D10:
            rows["d10"] = self._known_d10(rows.iloc[0])
        self.search = _joined(self.search, rows, SEARCH_COLUMNS)
        return rows

    def _known_d10(self, row: pd.Series) -> float:
        same = (self.search[list(PROBLEM)] == row[list(PROBLEM)]).all(axis=1)
        known = self.search.loc[same, "d10"].dropna()
        return float(known.iloc[0]) if len(known) else np.nan

    def add_facts(
        self, case: str, data: str, n: int, subject: str, facts: Iterable[tuple[str, float, str]]
    ) -> None:
        """Append (quantity, value, unit) of a subject."""
        common = {"case": case, "data": data, "n": n, "subject": subject, "version": f"schash {__version__}"}
        rows = [
            common | {"quantity": quantity, "value": value, "unit": unit} | self._origin
            for quantity, value, unit in facts
        ]
        self.facts = _joined(self.facts, pd.DataFrame(rows), FACT_COLUMNS)

    def save(self) -> None:
        """Write both tables. Only complete cases should be written: call it after each."""
        write_table(self.search, SEARCH_COLUMNS, self.folder / "bench.tsv")
        write_table(self.facts, FACT_COLUMNS, self.folder / "facts.tsv")

    def wrong(self) -> pd.DataFrame:
        """Rows of exact contestants whose distances were not faiss's."""
        return self.search[self.search["answers"] == DIFFERENT]


def _joined(table: pd.DataFrame, rows: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    checked = conform(rows, columns, name="benchmark")
    return checked if table.empty else pd.concat([table, checked], ignore_index=True)


def _rows(problem: Problem, runs: Sequence[Run], k: int, n_threads: int) -> list[dict]:
    yardstick = next(run for run in runs if run.contestant.name == FLAT)
    assert yardstick.answer is not None
    exact, n, n_queries = yardstick.answer.distances, len(problem.codes), len(problem.queries)
    rows = []
    for run in runs:
        assert run.answer is not None
        one = run.contestant
        rows.append(
            {
                "case": problem.case,
                "data": problem.data,
                "level": problem.level,
                "n": n,
                "n_distinct": problem.n_distinct,
                "n_queries": n_queries,
                "bits": problem.codes.n_bits,
                "k": k,
                "threads": n_threads,
                "contestant": one.name,
                "d10": float(exact[:, D10 - 1].mean()) if k >= D10 else np.nan,
                "answers": (DIFFERENT if run.n_unequal else EQUAL) if one.is_exact else APPROXIMATE,
                "recall": recall(run.answer.distances, exact),
                "ms_per_query": 1e3 * run.median_s / n_queries,
                "speedup": yardstick.median_s / run.median_s,
                "candidates": _told(run.answer.n_candidates),
                "lookups": _told(run.answer.n_lookups),
                "bytes_per_code": one.n_bytes / n,
                "build_s": one.build_s,
                "repeats": len(run.seconds),
                "repeats_ms": " ".join(f"{1e3 * seconds / n_queries:.4g}" for seconds in run.seconds),
                "other_cores": run.other_cores,
                "version": one.version,
            }
        )
    return rows


def _told(counts: np.ndarray) -> float:
    return float(counts.mean()) if len(counts) and counts[0] >= 0 else np.nan
