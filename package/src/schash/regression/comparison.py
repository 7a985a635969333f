"""A run against the reference of its suite: everything judged, in one table, with what a reader must know of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schash.errors import DataError
from schash.regression.directions import rule_of
from schash.regression.presence import judge_presence
from schash.regression.quality import OTHER_FOLDS, judge_quality
from schash.regression.reading import RUN, scores
from schash.regression.timings import UNLIKE, Clock, clock_of, judge_costs
from schash.regression.verdicts import DIFF_COLUMNS, DRIFT, GOOD, ORDER, worst_first
from schash.tables import empty


@dataclass(frozen=True)
class Comparison:
    """`table`: DIFF_COLUMNS, worst first; `facts`: both runs; `remarks`: what was not compared, and on what folds."""

    table: pd.DataFrame
    facts: dict[str, dict[str, Any]]
    clock: Clock
    remarks: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Compared numbers by verdict, in the order of `verdicts.ORDER`."""
        counts = self.table["verdict"].value_counts()
        return {name: int(counts[name]) for name in ORDER if name in counts}

    @property
    def drifted(self) -> bool:
        """Whether anything fails the comparison."""
        return any(name in DRIFT for name in self.counts)

    def groups(self) -> pd.DataFrame:
        """What to tell, one row a run and verdict, worst first: the worst of its numbers and how many they are."""
        told = self.table[self.table["verdict"].isin([*DRIFT, *GOOD])]
        keys = ["verdict", *RUN]
        sizes = told.groupby(keys, sort=False).size().rename("numbers")
        return told.drop_duplicates(keys).join(sizes, on=keys).reset_index(drop=True)


def compare(
    reference: pd.DataFrame,
    run: pd.DataFrame,
    spread: pd.DataFrame | None = None,
    *,
    only: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> Comparison:
    """Hold a run against the reference (`reading.read_metrics` of both).

    spread : SPREAD_COLUMNS of the suite, or of another one in its place; only : experiments to look at, all by default;
    remarks : what else is to be said of the two runs

    Raises
    ------
    DataError
        if the suites differ, or `only` names an experiment that neither table has
    """
    suites = [str(table["suite"].iloc[0]) for table in (reference, run)]
    if suites[0] != suites[1]:
        message = f"column 'suite': the reference is of {suites[0]!r}, the run of {suites[1]!r}; compare like with like"
        raise DataError(message)
    clock = clock_of(reference, run)
    facts = {"reference": _facts(reference), "run": _facts(run)}
    if only:
        reference, run = _restricted(reference, run, only)
    parts = [judge_presence(reference, run)]
    if len(reference) and len(run):
        parts += [judge_quality(reference, run, spread, suites[0]), judge_costs(reference, run, clock)]
    told = [part for part in parts if len(part)]
    table = worst_first(pd.concat(told, ignore_index=True) if told else empty(DIFF_COLUMNS))
    return Comparison(table, facts, clock, (*remarks, *_remarks(table, run, clock, facts)))


MANY, LOPSIDED = 20, 4.0


def _lopsided(scored: pd.DataFrame) -> str:
    """What many small losses say together, none of which is beyond its own tolerance."""
    within = scored[(scored["verdict"] == "within") & ~scored["note"].str.contains(OTHER_FOLDS, regex=False)]
    signs = within["metric"].map(lambda metric: {"higher": 1, "lower": -1}.get(rule_of(metric).direction, 0))
    gains = within["difference"] * signs
    down, up = int((gains < 0).sum()), int((gains > 0).sum())
    if down < MANY or down < LOPSIDED * up:
        return ""
    return f"{down} scores lost something within their tolerances and {up} gained: together they may say more than each"


def _restricted(
    reference: pd.DataFrame, run: pd.DataFrame, only: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    known = list(dict.fromkeys([*reference["experiment"], *run["experiment"]]))
    if unknown := [name for name in only if name not in known]:
        message = f"experiments {', '.join(unknown)}: in neither table (there are: {', '.join(known)})"
        raise DataError(message)
    names = list(only)
    return reference[reference["experiment"].isin(names)], run[run["experiment"].isin(names)]


def _facts(table: pd.DataFrame) -> dict[str, Any]:
    """Where a table of metrics comes from."""
    joined = {name: ", ".join(map(str, table[name].unique())) for name in ("run_id", "git_sha")}
    threads = sorted(int(number) for number in table["threads"].unique())
    hosts = ", ".join(sorted(name for name in table["host"].unique() if name))
    return {
        **joined,
        "suite": str(table["suite"].iloc[0]),
        "seed": int(table["seed"].iloc[0]),
        "rows": len(table),
        "host": hosts,
        "threads": threads,
    }


def _remarks(
    table: pd.DataFrame, run: pd.DataFrame, clock: Clock, facts: dict[str, dict[str, Any]]
) -> list[str]:
    remarks = []
    scored = table[table["metric"] != ""]  # the others' notes hold what programs said when they failed
    seeds = [facts[side]["seed"] for side in ("reference", "run")]
    if seeds[0] != seeds[1]:
        remarks.append(f"seeds differ (reference {seeds[0]}, run {seeds[1]}): folds are not the same cells")
    elif other := int(scored["note"].str.contains(OTHER_FOLDS, regex=False).sum()):
        remarks.append(f"{other} scores stand on {OTHER_FOLDS} than the reference's: unpaired")
    if clock.reason:
        remarks.append(f"times not compared: {clock.reason}")
    if lopsided := _lopsided(scored):
        remarks.append(lopsided)
    if unlike := int(scored["note"].str.contains(UNLIKE, regex=False).sum()):
        remarks.append(f"{unlike} times and memories not compared: {UNLIKE}")
    unknown = sorted({name for name in scores(run)["metric"] if not rule_of(name).known})
    if unknown:
        remarks.append(f"no direction is known for {', '.join(unknown)}: any change counts")
    return remarks
