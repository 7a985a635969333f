"""Who stands where over the data sets of an experiment: one order of the rows for every figure and table, and ranks.

Methods that lack a data set
    A mean over fewer data sets is another number: without the hard one it flatters. So a method has a mean and a mean
    rank only if it is *complete*, that is, ran in full on every data set. It is ordered by its lead: its difference to
    the mean of the complete methods, averaged over the data sets that it ran on. For complete methods that is the
    order of their means. Where no method is complete, the lead is over all methods that ran on the data set.
Controls
    are not ranked; they stand last, in the order given.
Ties
    are scores equal to three decimals, which is what a reader sees of them; they share their mean rank.
"""

from collections.abc import Sequence

import pandas as pd

from schash.summary import summarise

DECIMALS = 3


def score_table(summary: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean score by method (rows) and data set (columns), in the order met; NaN where a method did not run in full.

    summary : method, dataset, metric, mean; rows of a method that did not run may lack the metric
    """
    return _by_method(summary, metric, everything=summary)


def scores_of(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`score_table` from the scores of every fold (schash.tables.EXPERIMENT_COLUMNS)."""
    return _by_method(summarise(metrics), metric, everything=metrics)


def _by_method(summary: pd.DataFrame, metric: str, everything: pd.DataFrame) -> pd.DataFrame:
    table = summary[summary["metric"] == metric].pivot(index="method", columns="dataset", values="mean")
    methods, datasets = (list(dict.fromkeys(everything[name])) for name in ("method", "dataset"))
    return table.reindex(index=methods, columns=datasets).astype(float)


def complete(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of the methods that ran on every data set."""
    return scores.dropna()


def order_methods(scores: pd.DataFrame, controls: Sequence[str]) -> list[str]:
    """Methods from best to worst, then those that ran nowhere, then the controls."""
    ranked = scores.drop(index=[name for name in controls if name in scores.index])
    against = complete(ranked) if len(complete(ranked)) else ranked
    lead = (ranked - against.mean()).mean(axis=1).round(DECIMALS + 3)
    best_first = lead.sort_values(ascending=False, kind="stable", na_position="last")
    return [*best_first.index, *(name for name in controls if name in scores.index)]


def mean_ranks(scores: pd.DataFrame) -> pd.Series:
    """Mean over data sets of the rank among the complete methods (1 = best); NaN for the others."""
    ranks = complete(scores).round(DECIMALS).rank(ascending=False, method="average")
    return ranks.mean(axis=1).reindex(scores.index)


def best_scores(scores: pd.DataFrame, controls: Sequence[str]) -> pd.DataFrame:
    """True where a method has the best score of the data set, ties included; never for a control."""
    ranked = scores.drop(index=[name for name in controls if name in scores.index]).round(DECIMALS)
    return (ranked == ranked.max()).reindex(scores.index, fill_value=False)
