"""From metrics.parquet to what a person reads: means over folds, ranks and comparisons."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from schash.metrics.comparison import holm, paired_bootstrap
from schash.seeds import derive_seed
from schash.tables import POOLED, SUMMARY_COLUMNS, conform, empty

COMPARED_METRICS = ("median_f1", "macro_f1")
KEYS = ["experiment", "dataset", "scheme", "method", "metric"]

COMPARISON_COLUMNS = {
    "experiment": "str",
    "dataset": "str",
    "scheme": "str",
    "metric": "str",
    "best": "str",
    "method": "str",
    "difference": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "p_holm": "float64",
    "n_cells": "int64",
}
"""One method against the best of its data set: difference (method - best), 95% interval, p raw and Holm-corrected."""


def summarise(metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean, sample standard deviation and number of folds of every metric, with the pooled value beside them.

    A method with a fold that did not run has no mean: a mean over the folds that did would flatter it.
    """
    ran = metrics[(metrics["status"] == "ok") & (metrics["metric"] != "")]
    folds = ran[ran["fold"] != POOLED].groupby(KEYS, sort=False)["value"]
    table = folds.agg(mean="mean", sd="std", n_folds="size").reset_index()
    pooled = ran[ran["fold"] == POOLED].set_index(KEYS)["value"].rename("pooled")
    table = table.join(pooled, on=KEYS)
    failed = metrics.loc[metrics["status"] != "ok", ["experiment", "dataset", "scheme", "method"]]
    incomplete = set(failed.drop_duplicates().itertuples(index=False, name=None))
    rows = table[["experiment", "dataset", "scheme", "method"]].itertuples(index=False, name=None)
    table.loc[[row in incomplete for row in rows], ["mean", "sd"]] = np.nan
    return table[list(SUMMARY_COLUMNS)].astype(SUMMARY_COLUMNS)


def compare_dataset(
    scores: pd.DataFrame,
    predictions: dict[str, pd.DataFrame],
    solution: pd.DataFrame,
    *,
    controls: list[str],
    seed: int,
    n_replicates: int,
) -> pd.DataFrame:
    """Compare the methods of one data set with its best, for median and macro F1 (COMPARISON_COLUMNS).

    The best is the method with the highest mean over folds, controls left out, the first in the experiment's order on
    a tie. Controls are not compared, nor is a method that did not predict every query cell.

    scores : EXPERIMENT_COLUMNS of one (experiment, data set); predictions : method -> fold, row, label
    """
    truth = solution.sort_values(["fold", "row"])["label"].to_numpy(str)
    labels = {
        name: table.sort_values(["fold", "row"])["label"].to_numpy(str)
        for name, table in predictions.items()
        if name not in controls and len(table) == len(solution)
    }
    means = summarise(scores).pivot(index="method", columns="metric", values="mean")
    common = {name: scores[name].iloc[0] for name in ("experiment", "dataset", "scheme")}
    parts: list[pd.DataFrame] = []
    for metric in COMPARED_METRICS:
        if len(labels) < 2:
            continue
        best = str(means[metric].reindex(list(labels)).idxmax())
        # every method of a data set meets the same draws
        draws = derive_seed("bootstrap", common["dataset"], common["scheme"], metric, seed)
        options: dict[str, Any] = {"metric": metric, "n_replicates": n_replicates, "seed": draws}
        others = [name for name in labels if name != best]
        results = [paired_bootstrap(truth, labels[name], labels[best], **options) for name in others]
        table = pd.DataFrame([asdict(result) for result in results]).drop(columns="n_replicates")
        parts.append(table.assign(**common, best=best, method=others, p_holm=holm(table["p"])))
    if not parts:
        return empty(COMPARISON_COLUMNS)
    return conform(pd.concat(parts, ignore_index=True), COMPARISON_COLUMNS, name="comparisons")
