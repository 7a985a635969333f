"""Rows of the timings (fig2d, fig3b), and what they are called.

A metric of one size is `name[n=8192]`, of one size and index `name[linear,n=8192]`; the same without brackets is that
at the size of Tabula Muris, which the paper's numbers are about. Rows have SCORE_COLUMNS, their fold is always 0.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.tables import EXPERIMENT_COLUMNS, SCORE_COLUMNS, conform, empty

TM_CELLS = 54_865
"""Cells of Tabula Muris, as scDeepHash has it."""
MILLION = 1 << 20
FAISS_METHOD = "faiss_flat"
"""What faiss's rows are called: no method of the benchmark, but the line from outside."""
TOO_SLOW = "too slow"
"""Status of a size that was left out, since it would have taken longer than its limit."""

_SIZED = re.compile(r"(?P<name>\w+)\[(?:(?P<what>[\w-]+),)?n=(?P<n>\d+)\]")


def sized(name: str, n: int, what: str = "") -> str:
    """The id of a metric at one size."""
    return f"{name}[{what + ',' if what else ''}n={n}]"


def by_size(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows whose metric has a size, with the columns `name`, `what` and `size` besides."""
    found = scores["metric"].str.extract(_SIZED).fillna({"what": ""})
    rows = found["n"].notna() & scores["metric"].str.fullmatch(_SIZED)
    parts = found[rows].rename(columns={"n": "size"}).astype({"size": np.int64})
    return scores[rows].join(parts)


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Of a straight line through log value over log size; NaN for fewer than two sizes."""
    if len(sizes) < 2:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def predicted(sizes: Sequence[int], values: Sequence[float], n: int) -> float:
    """Seconds that n cells will take, by the line through the last two sizes, at least in proportion to their number;
    0 where there is no size yet."""
    if not sizes:
        return 0.0
    power = max(1.0, slope(sizes[-2:], values[-2:]) if len(sizes) > 1 else 1.0)
    return float(values[-1] * (n / sizes[-1]) ** power)


@dataclass
class Scores:
    """Rows in the making; `common` are columns that all of them have (fit_s, peak_mb, threads, host). With a `path`
    they are on disk as soon as they are made, so that those before a failure are kept."""

    common: dict[str, Any]
    path: Path | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, metric: str, value: float, n: int, **columns: Any) -> None:
        """A number that was measured; n is what it was measured on."""
        ran = {"metric": metric, "value": value, "n": n, "status": "ok", "reason": ""}
        row = {**self.common, **ran, **columns}
        self.rows.append(row)
        if self.path:
            with open(self.path, "a") as file:
                file.write(json.dumps(row) + "\n")

    def read(self, path: Path) -> None:
        """Take the rows that another wrote there."""
        self.rows += [json.loads(line) for line in path.read_text().splitlines()]

    def miss(self, metric: str, n: int, status: str, reason: str) -> None:
        """A number that there is not, and why."""
        self.add(metric, np.nan, n, status=status, reason=reason)

    def table(self) -> pd.DataFrame:
        """SCORE_COLUMNS."""
        return together([pd.DataFrame(self.rows)] if self.rows else [])


def together(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """SCORE_COLUMNS of all tables; what a table lacks is not known."""
    unknown: dict[str, Any] = {
        "fold": "0",
        "fit_s": np.nan,
        "predict_s": np.nan,
        "peak_mb": np.nan,
        "host": "",
        "threads": 0,
    }
    complete = [table.assign(**{k: v for k, v in unknown.items() if k not in table}) for table in tables]
    if not complete:
        return empty(SCORE_COLUMNS)
    return conform(pd.concat(complete, ignore_index=True), SCORE_COLUMNS, name="timings")


def gathered(tables: Sequence[pd.DataFrame], runs: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """EXPERIMENT_COLUMNS of all methods; what faiss did with the codes of one of them is its own method's."""
    parts = [table.assign(**run) for table, run in zip(tables, runs, strict=True)]
    scores = pd.concat(parts, ignore_index=True)
    of_faiss = scores["metric"].str.contains(r"\[faiss,", regex=True)
    scores.loc[of_faiss, ["method", "preset", "variant"]] = [FAISS_METHOD, "", ""]
    scores.loc[of_faiss, ["fit_s", "peak_mb"]] = np.nan
    return conform(scores, EXPERIMENT_COLUMNS, name="timings")
