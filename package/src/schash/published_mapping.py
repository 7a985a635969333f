"""Numbers of CellFishing.jl's mapping experiments that follow from the scores: rows to look a published number up in.

index_s, query_s                     seconds to fit and to predict of a fold
X_distance_from_self_mapping         distance of a held-out batch's X from the mean of X over the folds of `random5`,
                                     same data set and method
consistency_of_T, cells_of_T,        of the pooled cells of a type, whose number is the `n` of its consistency
share_of_T
"""

import re

import pandas as pd

from schash.tables import POOLED

SECONDS = {"index_s": "fit_s", "query_s": "predict_s"}
SELF_MAPPING = "random5"
ALL_CELLS = "all"
"""Fold of a number that the pooled cells have, which is the paper's own way of counting."""
RUN = ["experiment", "dataset", "scheme", "method"]

_DISTANCE = re.compile(r"(?P<metric>consistency|kappa)_distance_from_self_mapping")
_OF_TYPE = re.compile(r"(?P<what>consistency|cells|share)_of_(?P<type>\w+)")


def with_mapping_metrics(metrics: pd.DataFrame, name: str) -> pd.DataFrame:
    """`metrics` (schash.tables.METRIC_COLUMNS) and the rows of the metric `name`, where it is one of these."""
    if name in SECONDS:
        folds = _folds(metrics, "consistency")
        return pd.concat([metrics, folds.assign(metric=name, value=folds[SECONDS[name]])], ignore_index=True)
    if match := _DISTANCE.fullmatch(name):
        folds = distances_from_self_mapping(metrics, match["metric"])
        return pd.concat([metrics, folds.assign(metric=name)], ignore_index=True)
    if match := _OF_TYPE.fullmatch(name):
        return pd.concat([metrics, _of_type(metrics, match["what"], match["type"], name)], ignore_index=True)
    return metrics


def distances_from_self_mapping(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The folds of other schemes, with their distance from the mean over the folds of SELF_MAPPING as `value`."""
    folds = _folds(metrics, metric)
    mapped = whole_self_mapping(metrics, metric)
    means = mapped.groupby(["dataset", "method"])["value"].mean().rename("self_mapping")
    others = folds[folds["scheme"] != SELF_MAPPING].join(means, on=["dataset", "method"])
    known = others[others["self_mapping"].notna()]
    return known.assign(value=(known["value"] - known["self_mapping"]).abs()).drop(columns="self_mapping")


def whole_self_mapping(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The folds of SELF_MAPPING, of the methods that lack none: without the others a mean flatters."""
    folds = _folds(metrics, metric)
    failed = metrics[(metrics["scheme"] == SELF_MAPPING) & (metrics["status"] != "ok")]
    keys = ["experiment", "dataset", "method"]
    lacking = pd.MultiIndex.from_frame(folds[keys]).isin(pd.MultiIndex.from_frame(failed[keys]))
    return folds[(folds["scheme"] == SELF_MAPPING) & ~lacking]


def _folds(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    ran = (metrics["metric"] == metric) & (metrics["status"] == "ok")
    return metrics[ran & (metrics["fold"] != POOLED)]


def _of_type(metrics: pd.DataFrame, what: str, of_type: str, name: str) -> pd.DataFrame:
    pooled = metrics[metrics["fold"] == POOLED]
    rows = pooled[pooled["metric"] == f"consistency_of_{of_type}"].assign(metric=name, fold=ALL_CELLS)
    if what == "cells":
        return rows.assign(value=rows["n"].astype(float))
    if what == "share":
        cells = pooled[pooled["metric"] == "consistency"].set_index(RUN)["n"].rename("n_cells")
        rows = rows.join(cells, on=RUN)
        return rows.assign(value=rows["n"] / rows["n_cells"]).drop(columns="n_cells")
    return rows
