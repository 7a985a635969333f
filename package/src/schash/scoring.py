"""From predictions and the solution to scores: the only stage, with the controls, that sees the solution."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.metrics.annotation import annotation_scores, per_type_scores
from schash.tables import POOLED, SCORE_COLUMNS

OF_GROUP = ("median_f1", "consistency", "kappa")
"""Metrics of a held-out group that the papers name by it."""
BY_TYPE = ("cf_fig5", "cf_fig6")
"""Experiments whose published numbers are of single types."""


def score_annotation(
    predictions: pd.DataFrame,
    solution: pd.DataFrame,
    status: pd.DataFrame,
    *,
    type_groups: Mapping[str, str] | None = None,
    by_type: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score each fold, and all folds pooled as in Abdelaal 2019.

    Parameters
    ----------
    predictions : fold, row, label, margin of the folds that ran
    solution : fold, row, label of every query cell, and the held-out group where folds are groups
    status : one row a fold (schash.folds.STATUS_COLUMNS)
    type_groups : name of a group of types to how their names begin; of each the best recall is a metric,
        `recall_of_best_cd4_type` for a group called cd4, where the cells scored have a type of it
    by_type : add the pooled consistency of each type, `consistency_of_t_cell`; its `n` counts the type's cells

    Returns
    -------
    scores : SCORE_COLUMNS. A fold that did not run has one row with no metric and its status. Pooled scores exist only
        where every fold ran, since a pool that lacks a fold is another set of cells. Where folds are groups, OF_GROUP
        of a fold stand there a second time under the name of its group: `median_f1_on_baron_human`.
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
        truth = solution[solution["fold"] == fold]
        pairs = _join(predictions[predictions["fold"] == fold], truth, fold)
        joined.append(pairs)
        parts.append(_long(pairs, run, type_groups or {}))
        parts.append(_of_group(parts[-1], truth))
    types = pd.DataFrame(columns=["type", "precision", "recall", "f1", "support"])
    if len(joined) == len(status) > 0:
        pool = pd.concat(joined, ignore_index=True)
        whole = {name: float(status[name].sum()) for name in ("fit_s", "predict_s")}
        whole |= {"peak_mb": float(status["peak_mb"].max())}
        whole |= {"threads": status["threads"].iloc[0], "host": status["host"].iloc[0]}
        parts.append(_long(pool, {**whole, "fold": POOLED, "status": "ok", "reason": ""}, type_groups or {}))
        types = per_type_scores(pool["truth"], pool["label"]).reset_index()
        if by_type:
            parts.append(_of_types(types, parts[-1]))
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


def _of_group(scores: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The fold's OF_GROUP under the name of its group; no rows where folds are no groups, nor of an undefined kappa."""
    group = "" if "group" not in truth else str(truth["group"].iloc[0])
    named = scores[scores["metric"].isin(OF_GROUP) & scores["value"].notna() & (group != "")]
    return named.assign(metric=named["metric"] + f"_on_{_slug(group)}")


def _of_types(types: pd.DataFrame, pooled: pd.DataFrame) -> pd.DataFrame:
    """Consistency of each type beside the pooled scores: the share of its cells that were given it."""
    run = pooled.iloc[[0] * len(types)].reset_index(drop=True)
    names = [f"consistency_of_{_slug(name)}" for name in types["type"]]
    return run.assign(metric=names, value=types["recall"].to_numpy(), n=types["support"].to_numpy())


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def best_recall_metric(group: str) -> str:
    """The id of the highest recall among the types of a group."""
    return f"recall_of_best_{group}_type"


def _best_recalls(pairs: pd.DataFrame, type_groups: Mapping[str, str]) -> dict[str, float]:
    """The highest recall of each group that the cells have a type of; a rejected cell counts as wrong."""
    if not type_groups:
        return {}
    recalls = per_type_scores(pairs["truth"], pairs["label"])["recall"]
    found = {name: recalls[recalls.index.str.startswith(begin)] for name, begin in type_groups.items()}
    return {best_recall_metric(name): float(of.max()) for name, of in found.items() if len(of)}


def _long(pairs: pd.DataFrame, run: dict[str, Any], type_groups: Mapping[str, str]) -> pd.DataFrame:
    scores = annotation_scores(pairs["truth"], pairs["label"]) | _best_recalls(pairs, type_groups)
    table = pd.DataFrame({"metric": list(scores), "value": list(scores.values()), "n": len(pairs)})
    return table.assign(**run)
