"""Seconds and memory judged: only on like hosts, in units of the calibration, and wide.

Like hosts
    one name and as many threads, in all folds of both sides of a row; for seconds that of the calibration, too
Unit
    the calibration of each run (`schash.calibration`): how much slower this machine is today than the reference's was
    then is divided out, as the geometric mean of its kernels. Without it on both sides seconds are not compared
Which seconds
    of fitting and predicting, a fold; of timings, what the whole of a batch took. A time is slower where both the
    median and the shortest of its folds are: noise only ever adds. Below FLOOR_S a time counts as FLOOR_S: what takes
    less than that says nothing, unless it now takes much more
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from schash.calibration import CALIBRATION, METRIC
from schash.regression.directions import rule_of
from schash.regression.reading import RUN, scores
from schash.regression.verdicts import DIFF_COLUMNS
from schash.tables import POOLED, conform

TIME_FACTOR = 2.25
"""A time that trebled stays above it, if the noise is below a third; noise of 1.6 times stays below it."""
MEMORY_FACTOR = 1.5
FLOOR_S = 0.5
FLOOR_MB = 150.0
COSTS = {"fit_s": "seconds", "predict_s": "seconds", "peak_mb": "memory"}
_SIDES = ("reference", "run")
UNLIKE = "another host or other threads"


@dataclass(frozen=True)
class Clock:
    """How this run's machine stands to that of the reference: `ratio` > 1 is slower today; NaN: not known, and why."""

    ratio: float
    kernels: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    hosts: tuple[str, str] = ("", "")
    """Of the reference's calibration and of the run's: they say nothing of any other."""


def clock_of(reference: pd.DataFrame, run: pd.DataFrame) -> Clock:
    """Compare the calibrations of both tables."""
    both = [
        table[(table["experiment"] == CALIBRATION) & (table["metric"] == METRIC)]
        for table in (reference, run)
    ]
    for name, rows in zip(("the reference", "the run"), both, strict=True):
        if rows.empty:
            return Clock(np.nan, reason=f"{name} has no calibration")
    old, new = (rows.set_index("method")["value"] for rows in both)
    known = [side[np.isfinite(side) & (side > 0)] for side in (old, new)]
    if len(known[0]) < len(old) or set(known[0].index) != set(known[1].index) or len(known[1]) < len(new):
        return Clock(np.nan, reason="the calibrations are not of the same kernels, or one took no time")
    if any(rows["host"].nunique() > 1 for rows in both):
        return Clock(np.nan, reason="a calibration was made on several hosts")
    kernels = {str(name): float(value) for name, value in (known[1] / known[0]).items()}
    ratio = float(np.exp(np.mean(np.log(list(kernels.values())))))
    return Clock(ratio, kernels, hosts=(str(both[0]["host"].iloc[0]), str(both[1]["host"].iloc[0])))


def judge_costs(reference: pd.DataFrame, run: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """DIFF_COLUMNS of every time and memory that both tables have; a run that several experiments share counts once."""
    sides = [pd.concat([_of_folds(table), _of_timings(table)]) for table in (reference, run)]
    table = sides[0].merge(sides[1], on=[*RUN, "metric", "kind"], suffixes=("_reference", "_run"))
    if table.empty:
        return pd.DataFrame(columns=list(DIFF_COLUMNS)).astype(DIFF_COLUMNS)
    table = table.drop_duplicates(["dataset", "scheme", "method", "metric", *(f"median_{s}" for s in _SIDES)])
    is_time = (table["kind"] == "seconds").to_numpy()
    unit = np.where(is_time, clock.ratio, 1.0)
    floor = np.where(is_time, FLOOR_S, FLOOR_MB)
    allowed = np.where(is_time, TIME_FACTOR, MEMORY_FACTOR)
    factor = _factor(table, unit, floor)
    like = (table["host_reference"] == table["host_run"]) & (
        table["threads_reference"] == table["threads_run"]
    )
    for side, host in zip(_SIDES, clock.hosts, strict=True):
        elsewhere = is_time & np.isfinite(clock.ratio) & (table[f"host_{side}"] != host)
        like &= (table[f"machines_{side}"] == 1) & ~elsewhere
    up, down = np.where(is_time, "slower", "larger"), np.where(is_time, "faster", "smaller")
    verdict = np.select([factor > allowed, factor < 1 / allowed], [up, down], "within")
    known = like & (~is_time | np.isfinite(clock.ratio))
    return conform(
        table[[*RUN, "metric"]].assign(
            over="folds",
            verdict=np.where(known, verdict, "not compared"),
            reference=table["median_reference"],
            run=table["median_run"],
            difference=factor,
            tolerance=allowed,
            excess=np.where(known, np.maximum(factor, 1 / factor) / allowed, np.nan),
            tolerance_from=np.where(is_time, "calibrated", "factor"),
            folds=table["folds_run"],
            note=np.where(like, "", UNLIKE),
        ),
        DIFF_COLUMNS,
        name="times and memory",
    )


def _factor(table: pd.DataFrame, unit: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """What the run takes over what the reference took; the nearer to 1 of that of medians and that of minima."""
    factors = [
        np.maximum(table[f"{of}_run"].to_numpy() / unit, floor)
        / np.maximum(table[f"{of}_reference"].to_numpy(), floor)
        for of in ("median", "least")
    ]
    return np.where(np.abs(np.log(factors[0])) < np.abs(np.log(factors[1])), factors[0], factors[1])


def _of_folds(table: pd.DataFrame) -> pd.DataFrame:
    """Costs of each run: kind, metric, median and least over folds, host, threads."""
    ran = table[(table["status"] == "ok") & (table["fold"] != POOLED) & (table["experiment"] != CALIBRATION)]
    folds = ran.drop_duplicates([*RUN, "fold"])
    long = folds.melt([*RUN, "fold", "host", "threads"], list(COSTS), "metric", "seconds").dropna(
        subset="seconds"
    )
    return _aggregate(long.assign(kind=long["metric"].map(COSTS)))


def _of_timings(table: pd.DataFrame) -> pd.DataFrame:
    """Metrics that are times or memory. Milliseconds are those of one of n queries: a batch takes n times as long."""
    ran = scores(table)
    ran = ran[(ran["experiment"] != CALIBRATION) & (ran["fold"] != POOLED)]
    kinds = ran["metric"].map(lambda metric: rule_of(metric).direction)
    ran = ran.assign(kind=kinds)[kinds.isin(["seconds", "milliseconds", "memory"])].dropna(subset="value")
    of_batch = ran["kind"] == "milliseconds"
    seconds = ran["value"].where(~of_batch, ran["value"] * ran["n"] / 1e3)
    return _aggregate(ran.assign(seconds=seconds, kind=ran["kind"].replace({"milliseconds": "seconds"})))


def _aggregate(long: pd.DataFrame) -> pd.DataFrame:
    long = long.assign(machine=long["host"] + "/" + long["threads"].astype(str))
    groups = long.groupby([*RUN, "metric", "kind"], sort=False)
    return groups.agg(
        median=("seconds", "median"),
        least=("seconds", "min"),
        folds=("seconds", "size"),
        host=("host", "first"),
        threads=("threads", "first"),
        machines=("machine", "nunique"),
    ).reset_index()
