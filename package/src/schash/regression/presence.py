"""Rows that one of the tables lacks, and runs that ended otherwise."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from schash.calibration import CALIBRATION
from schash.regression.reading import RUN
from schash.regression.verdicts import DIFF_COLUMNS
from schash.tables import conform, empty

_NAMED = 3


def judge_presence(reference: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """DIFF_COLUMNS: one row a run whose status turned, one a run that lacks rows or has new ones.

    Rows that are missing because a fold failed are told once, as the failure.
    """
    parts = [
        _turned(run, reference, "failed"),
        _turned(reference, run, "mended"),
        _lacking(reference, run, "missing"),
        _lacking(run, reference, "new"),
    ]
    table = pd.concat([part for part in parts if len(part)] or [empty(DIFF_COLUMNS)], ignore_index=True)
    return conform(table, DIFF_COLUMNS, name="comparison")


def _bad(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["status"] != "ok", [*RUN, "fold", "metric", "status", "reason"]]


def _anti(left: pd.DataFrame, right: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Rows of `left` whose key is not in `right`."""
    known = pd.MultiIndex.from_frame(right[on])
    return left[~pd.MultiIndex.from_frame(left[on]).isin(known)]


def _turned(here: pd.DataFrame, there: pd.DataFrame, verdict: str) -> pd.DataFrame:
    """Runs with folds that ended badly `here`, and not so `there`, though they are there."""
    turned = _anti(_bad(here), _bad(there), [*RUN, "fold", "metric", "status"])
    known = pd.MultiIndex.from_frame(there[RUN].drop_duplicates())
    turned = turned[pd.MultiIndex.from_frame(turned[RUN]).isin(known)]
    if verdict == "mended":  # a fold that ended badly in another way is told as failed
        turned = _anti(turned, _bad(there), [*RUN, "fold", "metric"])
    rows = [
        _row(verdict, key[:-2], len(group), _ending(key[-2], key[-1], group))
        for key, group in _grouped(turned, [*RUN, "status", "reason"])
    ]
    return pd.DataFrame(rows, columns=list(DIFF_COLUMNS))


def _lacking(here: pd.DataFrame, there: pd.DataFrame, verdict: str) -> pd.DataFrame:
    """Runs with rows `here` that there are not `there`, by whole experiment where all of it lacks."""
    ran = here[(here["status"] == "ok") & (here["experiment"] != CALIBRATION)]
    lacking = _anti(ran, there, [*RUN, "metric", "fold"])
    lacking = _anti(lacking, _anti(_bad(there), _bad(here), [*RUN, "fold", "metric"]), [*RUN, "fold"])
    rows = []
    for (experiment,), of_experiment in _grouped(lacking, ["experiment"]):
        if experiment not in set(there["experiment"]):
            note = f"{len(of_experiment):,} rows {verdict}: all of the experiment"
            rows.append(_row(verdict, [experiment, "", "", ""], len(of_experiment), note))
            continue
        for key, group in _grouped(of_experiment, RUN):
            whole = len(group) == (ran[RUN] == key).all(axis=1).sum()
            what = "all of the run" if whole else _few(group["metric"])
            rows.append(_row(verdict, key, len(group), f"{len(group):,} rows {verdict}: {what}"))
    return pd.DataFrame(rows, columns=list(DIFF_COLUMNS))


def _grouped(table: pd.DataFrame, columns: list[str]) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Groups in the order met, with their keys as text."""
    for key, group in table.groupby(columns, sort=False):
        yield [str(part) for part in key], group


def _ending(status: str, reason: str, rows: pd.DataFrame) -> str:
    said = f"{status}: {reason}" if reason else status
    return f"{said}; fold {', '.join(rows['fold'].unique())}"


def _few(metrics: pd.Series) -> str:
    names = list(dict.fromkeys(metrics))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _row(verdict: str, key: list[str], size: int, note: str) -> dict[str, object]:
    nothing = dict.fromkeys(("reference", "run", "difference", "tolerance"), np.nan)
    return {
        "verdict": verdict,
        **dict(zip(RUN, key, strict=True)),
        "metric": "",
        "over": "",
        **nothing,
        "excess": float(size),
        "tolerance_from": "",
        "folds": 0,
        "note": note,
    }
