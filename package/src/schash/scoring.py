"""From predictions and the solution to scores: the only stage, with the controls, that sees the solution."""

from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.metrics.annotation import annotation_scores, per_type_scores
from schash.tables import POOLED, SCORE_COLUMNS


def score_annotation(
    predictions: pd.DataFrame, solution: pd.DataFrame, status: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score each fold, and all folds pooled as in Abdelaal 2019.

    Parameters
    ----------
    predictions : fold, row, label, margin of the folds that ran
    solution : fold, row, label of every query cell
    status : one row a fold (schash.folds.STATUS_COLUMNS)

    Returns
    -------
    scores : SCORE_COLUMNS. A fold that did not run has one row with no metric and its status. Pooled scores exist only
        where every fold ran, since a pool that lacks a fold is another set of cells.
    types : type, precision, recall, f1, support over the pooled cells (or no rows)

    Raises
    ------
    DataError
        if the predictions are not exactly the query cells of the folds that ran
    """
    parts = []
    joined = []
    for record in status.to_dict("records"):
        fold = record["fold"]
        run = {name: record[name] for name in ("fit_s", "predict_s", "peak_mb", "threads", "host")}
        run |= {"fold": str(fold), "status": record["status"], "reason": record["reason"]}
        if record["status"] != "ok":
            parts.append(pd.DataFrame([{**run, "metric": "", "value": np.nan, "n": 0}]))
            continue
        pairs = _join(predictions[predictions["fold"] == fold], solution[solution["fold"] == fold], fold)
        joined.append(pairs)
        parts.append(_long(pairs, run))
    types = pd.DataFrame(columns=["type", "precision", "recall", "f1", "support"])
    if len(joined) == len(status) > 0:
        pool = pd.concat(joined, ignore_index=True)
        whole = {name: float(status[name].sum()) for name in ("fit_s", "predict_s")}
        whole |= {"peak_mb": float(status["peak_mb"].max())}
        whole |= {"threads": status["threads"].iloc[0], "host": status["host"].iloc[0]}
        parts.append(_long(pool, {**whole, "fold": POOLED, "status": "ok", "reason": ""}))
        types = per_type_scores(pool["truth"], pool["label"]).reset_index()
    return pd.concat(parts, ignore_index=True)[list(SCORE_COLUMNS)].astype(SCORE_COLUMNS), types


def _join(predictions: pd.DataFrame, solution: pd.DataFrame, fold: int) -> pd.DataFrame:
    if sorted(predictions["row"]) != sorted(solution["row"]):
        message = (
            f"fold {fold}: {len(predictions)} predictions do not stand for "
            f"exactly the {len(solution)} query cells"
        )
        raise DataError(message)
    truth = solution.set_index("row")["label"]
    return pd.DataFrame(
        {"truth": truth.loc[predictions["row"]].to_numpy(str), "label": predictions["label"].to_numpy(str)}
    )


def _long(pairs: pd.DataFrame, run: dict[str, Any]) -> pd.DataFrame:
    scores = annotation_scores(pairs["truth"], pairs["label"])
    table = pd.DataFrame({"metric": list(scores), "value": list(scores.values()), "n": len(pairs)})
    return table.assign(**run)
