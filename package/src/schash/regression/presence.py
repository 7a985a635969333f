"""Rows that one of the tables lacks, and runs that ended otherwise."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from schash.calibration import CALIBRATION
from schash.folds import NOT_APPLICABLE
from schash.regression.reading import RUN
from schash.regression.verdicts import DIFF_COLUMNS
from schash.tables import conform, empty
from schash.timing_table import TOO_SLOW

_NAMED = 3
_HARMLESS = (NOT_APPLICABLE, TOO_SLOW)
"""How a new run may end without being a failure."""
_COSTS = ("fit_s", "predict_s", "peak_mb")


def judge_presence(reference: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """DIFF_COLUMNS: one row a run whose status turned, one a run that lacks rows or has new ones.

    Rows that are missing because a fold failed are told once, as the failure.
    """
    parts = [
        _turned(run, reference, "failed"),
        _turned(reference, run, "mended"),
        _lacking(reference, run, "missing"),
        _lacking(run, reference, "new"),
        _costless(reference, run),
    ]
    table = pd.concat([part for part in parts if len(part)] or [empty(DIFF_COLUMNS)], ignore_index=True)
    return conform(table, DIFF_COLUMNS, name="comparison")


def _bad(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["status"] != "ok", [*RUN, "fold", "metric", "status", "reason"]]


def _in(left: pd.DataFrame, right: pd.DataFrame, on: list[str]) -> np.ndarray:
    """Whether the key of each row of `left` is in `right`."""
    return pd.MultiIndex.from_frame(left[on]).isin(pd.MultiIndex.from_frame(right[on].drop_duplicates()))


def _anti(left: pd.DataFrame, right: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Rows of `left` whose key is not in `right`."""
    return left[~_in(left, right, on)]


def _turned(here: pd.DataFrame, there: pd.DataFrame, verdict: str) -> pd.DataFrame:
    """Runs with folds that ended badly `here`, and not so `there`."""
    turned = _anti(_bad(here), _bad(there), [*RUN, "fold", "metric", "status"])
    if (
        verdict == "mended"
    ):  # a fold that ended badly in another way is told as failed, one that is gone as missing
        turned = _anti(turned, _bad(there), [*RUN, "fold", "metric"])
        turned = turned[_in(turned, there[there["status"] == "ok"], [*RUN, "fold"])]
    else:
        turned = turned[_in(turned, there, RUN) | ~turned["status"].isin(_HARMLESS)]
    rows = [
        _row(verdict, key[:-2], len(group), _ending(key[-2], key[-1], group))
        for key, group in _grouped(turned, [*RUN, "status", "reason"])
    ]
    return pd.DataFrame(rows, columns=list(DIFF_COLUMNS))


def _lacking(here: pd.DataFrame, there: pd.DataFrame, verdict: str) -> pd.DataFrame:
    """Runs with rows `here` that there are not `there`, by whole experiment where all of it lacks."""
    told_as_failed = (verdict == "new") & ~here["status"].isin(_HARMLESS)
    gone = ~_in(here, there, [*RUN, "fold"]) & ~told_as_failed
    ran = here[((here["status"] == "ok") | gone) & (here["experiment"] != CALIBRATION)]
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


def _costless(reference: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """Runs that ended well on both sides and whose times or memory the run does not say, as the reference does."""
    ran = [
        table[(table["status"] == "ok") & (table["experiment"] != CALIBRATION)] for table in (reference, run)
    ]
    said = [table.groupby(RUN, sort=False)[list(_COSTS)].count() > 0 for table in ran]
    both = said[0].index.intersection(said[1].index, sort=False)
    lost = said[0].loc[both] & ~said[1].loc[both]
    rows = [
        _row("missing", list(key), 1, f"{', '.join(lost.columns[flags])} missing: no fold has it")
        for key, flags in zip(both, lost.to_numpy(), strict=True)
        if flags.any()
    ]
    return pd.DataFrame(rows, columns=list(DIFF_COLUMNS))


def _grouped(table: pd.DataFrame, columns: list[str]) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Groups in the order met, with their keys as text."""
    for key, group in table.groupby(columns, sort=False):
        yield [str(part) for part in key], group


def _ending(status: str, reason: str, rows: pd.DataFrame) -> str:
    said = f"{status}: {reason}" if reason else status
    return f"{said}; fold {', '.join(rows['fold'].unique())}"


def _few(metrics: pd.Series) -> str:
    names = list(dict.fromkeys(metric or "no score" for metric in metrics))
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
