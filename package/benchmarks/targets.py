"""What was aimed at, 2^20 codes on two threads, and what was reached."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from benchmarks import case_cellfishing, case_growth, case_learned, case_memory, case_readers, case_search
from benchmarks.settings import MAIN_BITS, MAIN_K

N = 1 << 20
THREADS = 2
TARGET_COLUMNS = {
    "what": "str",
    "reached": "float64",
    "target": "float64",
    "least": "float64",
    "unit": "str",
    "verdict": "str",
}
Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Searches and facts."""


@dataclass(frozen=True)
class Target:
    """An aim. least : below it the work is not done; the target itself where there is none."""

    what: str
    reach: Callable[[Tables], float]
    target: float
    unit: str
    least: float
    is_most: bool = False

    def verdict(self, value: float) -> str:
        """Met, above the least only, or missed."""
        sign = -1 if self.is_most else 1
        if sign * value >= sign * self.target:
            return "met"
        return "least met" if sign * value >= sign * self.least else "MISSED"


def verdicts(tables: Tables) -> pd.DataFrame:
    """One row a target that was measured."""
    rows = []
    for target in _targets():
        try:
            value = target.reach(tables)
        except (LookupError, ValueError):  # not in these tables
            continue
        facts = (target.what, value, target.target, target.least, target.unit, target.verdict(value))
        rows.append(dict(zip(TARGET_COLUMNS, facts, strict=True)))
    return pd.DataFrame(rows, columns=list(TARGET_COLUMNS)).astype(TARGET_COLUMNS)


def _targets() -> Iterator[Target]:
    for level, bits, target, least in (
        ("13", MAIN_BITS, 30, 15),
        ("21", MAIN_BITS, 8, 8),
        ("25", MAIN_BITS, 4, 4),
        ("13", 256, 10, 4),
    ):
        what = f"MultiIndex fast, {bits} bits, difficulty {level}"
        yield Target(what, _speedup(level, bits, "multi_fast"), target, "x faiss", least)
    for level in ("30", "uniform"):
        what = f"MultiIndex fast, {MAIN_BITS} bits, difficulty {level}"
        yield Target(what, _against_linear(level), 1, "x LinearIndex", 1)
    yield Target(f"LinearIndex, {MAIN_BITS} bits", _speedup("13", MAIN_BITS, "linear"), 2, "x faiss", 2)
    yield Target("learned codes, the slowest width", _learned_ms, 0.02, "ms a query", 0.02, True)
    compact = f"compact, {case_memory.N_HASHES} x {MAIN_BITS} bits"
    yield Target(
        f"memory, {compact}", _fact(case_memory.CASE, compact, "memory"), 183, "bytes a cell", 183, True
    )
    whole = _fact(case_cellfishing.CASE, case_cellfishing.SUBJECT, f"end to end, threads: {THREADS}")
    yield Target("CellFishing, counts to neighbours", whole, 6000, case_cellfishing.RATE, 6000)
    slope = _fact(case_growth.CASE, "multi_fast", "log-log slope")
    yield Target("growth of a search, slope", slope, 0.5, "", 0.5, True)
    ratio = _fact(case_growth.CASE, "multi_fast", "2^13 to 2^20")
    yield Target("growth of a search, 2^13 to 2^20", ratio, 3, "times", 3, True)
    for what, n in (
        (f"csv of {case_readers.TM_CELLS:,} cells", case_readers.TM_CELLS),
        ("10x h5 of 2^20 cells", N),
    ):
        peak = _fact(case_readers.CASE, case_readers.PREPARED, case_readers.PEAK, n)
        yield Target(f"preparing a {what}, {case_readers.PEAK}", peak, 4096, "MB", 4096, True)


def _of(tables: Tables, case: str, **values: object) -> pd.DataFrame:
    rows = tables[0]
    for name, value in {"case": case, "n": N, "threads": THREADS, "k": MAIN_K, **values}.items():
        rows = rows[rows[name] == value]
    return rows


def _speedup(level: str, bits: int, contestant: str) -> Callable[[Tables], float]:
    def reach(tables: Tables) -> float:
        rows = _of(tables, case_search.CASE, level=level, bits=bits, contestant=contestant)
        return float(rows["speedup"].iloc[0])

    return reach


def _against_linear(level: str) -> Callable[[Tables], float]:
    def reach(tables: Tables) -> float:
        rows = _of(tables, case_search.CASE, level=level, bits=MAIN_BITS)
        ms = dict(zip(rows["contestant"], rows["ms_per_query"].to_numpy(float), strict=True))
        return float(ms["linear"] / ms["multi_fast"])

    return reach


def _learned_ms(tables: Tables) -> float:
    return float(
        _of(tables, case_learned.CASE, contestant="multi_fast")["ms_per_query"].to_numpy(float).max()
    )


def _fact(case: str, subject: str, quantity: str, n: int = N) -> Callable[[Tables], float]:
    def reach(tables: Tables) -> float:
        rows = tables[1]
        for name, value in {"case": case, "n": n, "subject": subject, "quantity": quantity}.items():
            rows = rows[rows[name] == value]
        return float(rows["value"].iloc[0])

    return reach
