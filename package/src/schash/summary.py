"""From metrics.parquet to what a person reads: means over folds, ranks and comparisons."""

import numpy as np
import pandas as pd

from schash.metrics.comparison import Comparison, holm, paired_bootstrap
from schash.tables import POOLED, SUMMARY_COLUMNS

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


def compare_with_best(
    predictions: dict[str, pd.DataFrame],
    solution: pd.DataFrame,
    best: str,
    *,
    metric: str,
    seed: int,
    n_replicates: int = 1000,
) -> pd.DataFrame:
    """Paired bootstrap over the pooled query cells of every method against `best`, Holm-corrected.

    predictions : method -> fold, row, label of all folds; methods that lack a cell are left out by the caller
    """
    truth = solution.sort_values(["fold", "row"])["label"].to_numpy(str)
    labels = {name: t.sort_values(["fold", "row"])["label"].to_numpy(str) for name, t in predictions.items()}
    others = [name for name in labels if name != best]
    results: list[Comparison] = [
        paired_bootstrap(
            truth, labels[name], labels[best], metric=metric, n_replicates=n_replicates, seed=seed
        )
        for name in others
    ]
    table = pd.DataFrame(
        [
            {
                "metric": metric,
                "best": best,
                "method": name,
                "difference": result.difference,
                "low": result.low,
                "high": result.high,
                "p": result.p,
                "n_cells": result.n_cells,
            }
            for name, result in zip(others, results, strict=True)
        ]
    )
    return table.assign(p_holm=holm(table["p"])) if len(table) else table


def compare_experiment(
    summary: pd.DataFrame,
    predictions: dict[tuple[str, str, str], pd.DataFrame],
    solutions: list[pd.DataFrame],
    *,
    experiment: str,
    controls: list[str],
    seed: int,
    n_replicates: int,
) -> pd.DataFrame:
    """Compare the methods of each data set with its best, for median and macro F1.

    The best is the method with the highest mean over folds, controls left out, the first in the experiment's order on
    a tie. Controls are not compared, nor is a method that did not predict every query cell.

    predictions : (dataset, scheme, method) -> predictions, data set by data set
    solutions : one table a data set, in the same order
    """
    groups = list(dict.fromkeys((dataset, scheme) for dataset, scheme, _ in predictions))
    parts = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COMPARISON_COLUMNS.items()})]
    for (dataset, scheme), solution in zip(groups, solutions, strict=True):
        complete = {
            run[2]: table
            for run, table in predictions.items()
            if run[:2] == (dataset, scheme) and run[2] not in controls and len(table) == len(solution)
        }
        here = summary[(summary["dataset"] == dataset) & summary["method"].isin(list(complete))]
        for metric in ("median_f1", "macro_f1"):
            means = (
                here[here["metric"] == metric].set_index("method")["mean"].reindex(list(complete)).dropna()
            )
            if len(means) < 2:
                continue
            best = str(means.idxmax())
            table = compare_with_best(
                {name: complete[name] for name in means.index},
                solution,
                best,
                metric=metric,
                seed=seed,
                n_replicates=n_replicates,
            )
            parts.append(table.assign(experiment=experiment, dataset=dataset, scheme=scheme))
    table = pd.concat(parts, ignore_index=True)
    return table[list(COMPARISON_COLUMNS)].astype(COMPARISON_COLUMNS)
