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
