"""Small tables of metrics, as a run writes them, and what a comparison of two says."""

import numpy as np
import pandas as pd

from schash.calibration import CALIBRATION, METRIC
from schash.regression.wording import where
from schash.tables import METRIC_COLUMNS, POOLED, write_table

COMMON = {
    "run_id": "20260101T000000Z-0000", "git_sha": "abc123abc123", "suite": "demo", "stand_in": "", "preset": "",
    "variant": "", "seed": 0, "status": "ok", "reason": "", "fit_s": 1.0, "predict_s": 0.5, "peak_mb": 400.0,
    "threads": 1, "host": "here",
}  # fmt: skip
FOLDS = ("0", "1", "2", "3", "4")
SCORES = {"median_f1": 0.9, "accuracy": 0.95}


def rows(method, values=SCORES, *, experiment="fig2a", dataset="d1", scheme="cv5", folds=FOLDS, **columns):
    """One row a fold and metric; folds differ a little; pooled scores beside them where there are several folds."""
    every = [*folds, POOLED] if len(folds) > 1 else folds
    return [
        {
            **COMMON, "experiment": experiment, "dataset": dataset, "scheme": scheme, "method": method, "fold": fold,
            "metric": metric, "value": value + (0.01 * (int(fold) - 2) if fold != POOLED else 0.0), "n": 100,
            **columns,
        }
        for metric, value in values.items()
        for fold in every
    ]  # fmt: skip


def calibration(seconds=0.1, **columns):
    kernels = ("hamming_scan", "plain_python")
    one = {"experiment": CALIBRATION, "dataset": "", "scheme": "", "folds": ("2",)}
    return [row for name in kernels for row in rows(name, {METRIC: seconds}, **one, **columns)]


def table(*parts, **columns):
    flat = [row for part in parts for row in part]
    return pd.DataFrame(flat).assign(**columns)[list(METRIC_COLUMNS)]


def write(frame, path):
    write_table(frame, METRIC_COLUMNS, path)
    return path


OLD = table(rows("svm"), rows("knn"), calibration())

FAILED = {"status": "failed", "value": np.nan, "reason": "ValueError: another host, other folds"}


def slowed(factor, method="svm", column="fit_s"):
    return OLD.assign(**{column: OLD[column].where(OLD["method"] != method, OLD[column] * factor)})


def failed(frame, fold, status="failed", reason="ran out of luck"):
    here = (frame["method"] == "svm") & (frame["fold"] == fold)
    one = frame[here].iloc[[0]].assign(metric="", value=np.nan, status=status, reason=reason, fit_s=np.nan)
    return pd.concat([frame[~here], one], ignore_index=True)


def told(comparison):
    return {(row.verdict, where(row)) for row in comparison.groups().itertuples()}


def verdict_of(comparison, metric, over="folds"):
    found = comparison.table
    return found[(found["metric"] == metric) & (found["over"] == over)].iloc[0]
