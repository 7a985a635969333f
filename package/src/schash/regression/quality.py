"""Scores judged: better, worse, changed, within the tolerance, or the same."""

import numpy as np
import pandas as pd

from schash.regression.directions import QUALITY, of_directions, rule_of
from schash.regression.pairing import pair
from schash.regression.tolerances import with_tolerances
from schash.regression.verdicts import DIFF_COLUMNS

OTHER_FOLDS = "other folds"
RESIZED = f"{OTHER_FOLDS}: of the same seed, and yet of another number of cells"


def judge_quality(
    reference: pd.DataFrame, run: pd.DataFrame, spread: pd.DataFrame | None, suite: str
) -> pd.DataFrame:
    """DIFF_COLUMNS of every score that both tables have."""
    pairs = pair(reference, run)
    pairs = pairs[of_directions(pairs["metric"], *QUALITY)].reset_index(drop=True)
    table = with_tolerances(pairs, spread, suite)
    directions = np.array([rule_of(metric).direction for metric in table["metric"]], dtype=object)
    moved = table["run"] - table["reference"]
    table["difference"] = moved
    gain = np.select(
        [directions == "higher", directions == "lower", directions == "zero"],
        [moved, -moved, table["reference"].abs() - table["run"].abs()],
        -moved.abs(),
    )
    size = np.where(directions == "zero", np.abs(gain), moved.abs())
    beyond = size > table["tolerance"]
    worse = np.where(directions == "equal", "changed", "worse")
    verdict = np.where(beyond, np.where(gain > 0, "better", worse), "within")
    verdict = np.where(table["identical"], "same", verdict)
    elsewhere = table["resized"] & np.isin(verdict, ["same", "within", "better"])
    table["verdict"] = np.where((table["undefined"] > 0) | elsewhere, "changed", verdict)
    table["excess"] = np.where(
        table["undefined"] > 0, np.inf, size / np.maximum(table["tolerance"], np.finfo(float).tiny)
    )
    table["note"] = [
        "; ".join(
            [f"undefined on one side in {undefined} fold(s)"] * bool(undefined)
            + [RESIZED if resized else OTHER_FOLDS] * (not paired)
        )
        for undefined, paired, resized in zip(
            table["undefined"], table["paired"], table["resized"], strict=True
        )
    ]
    return table[list(DIFF_COLUMNS)].astype(DIFF_COLUMNS)
