"""Scores of DeepHash with one or two settings changed, beside the settings and its anchors: the numbers of fig4."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.marks import status_in_words
from schash.tables import POOLED

DEFAULTS: dict[str, Any] = {
    "anchors": "sampled",
    "anchor_margin": 0.25,
    "n_bits": None,
    "beta": 0.9999,
    "lambda_": 1e-4,
    "gamma": 1.0,
}
"""Settings that the rows may differ in, with DeepHash's own values as written. `n_bits` None is the paper's rule."""
METRICS = ("median_f1", "macro_f1")
REPORTED = {"n_bits": "code_bits", "n_distinct_bits": "distinct_bits", "min_distance": "min_anchor_distance"}
"""What a run's history says of its anchors (as `anchors_...`), and its columns here: low and high over folds."""

SETTINGS = [name if name != "n_bits" else "n_bits_given" for name in DEFAULTS]
"""Their columns; a run's own number of bits is another one."""
KEYS = ["dataset", "scheme", "method"]


def settings_of(parameters: Mapping[str, Mapping[str, Any]], methods: Sequence[str]) -> pd.DataFrame:
    """DEFAULTS' settings of each method, from the parameters of its row in methods.yaml.

    Raises
    ------
    DataError
        if a method differs from the first one in anything else: then its scores do not belong here
    """
    rows, first = {}, None
    for method in methods:
        given = dict(parameters[method])
        rows[method] = {name: given.pop(name, value) for name, value in DEFAULTS.items()}
        first = given if first is None else first
        if given != first:
            message = (
                f"fig4: {method} has {given} where {methods[0]} has {first}; "
                f"they may differ in {', '.join(DEFAULTS)} alone"
            )
            raise DataError(message)
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename(columns={"n_bits": "n_bits_given"}).rename_axis("method").reset_index()


def fig4(
    metrics: pd.DataFrame,
    history: pd.DataFrame,
    parameters: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
) -> pd.DataFrame:
    """The table behind the figure: a row for each data set and method, with its settings, scores and anchors.

    Scores are mean and sd over folds, and the same of the difference to the first method in the same fold. A method
    with a fold that did not run has none of them, but its status.

    metrics : EXPERIMENT_COLUMNS; history : dataset, method, fold, metric, value; parameters : of every method's row
    """
    shown = metrics[(metrics["fold"] != POOLED) & ~metrics["method"].isin(controls)]
    table = shown[KEYS].drop_duplicates().reset_index(drop=True)
    methods = list(dict.fromkeys(table["method"]))
    table.insert(3, "title", table["method"].map(titles).fillna(table["method"]))
    table = table.merge(settings_of(parameters, methods), on="method", how="left")
    for metric in METRICS:
        scores = fold_scores(shown, metric)
        for name, values in ((metric, scores), (f"{metric}_difference", against(scores, methods[0]))):
            summary = pd.DataFrame({name: values.mean(axis=1), f"{name}_sd": values.std(axis=1)})
            table = table.join(summary, on=["dataset", "method"])
    table = table.join(_anchors(history), on=["dataset", "method"])
    folds = shown.drop_duplicates([*KEYS, "fold"]).groupby(["dataset", "method"], sort=False)
    words = folds["status"].agg(status_in_words).replace("", "ok").rename("status")
    failed = shown[shown["status"] != "ok"].drop_duplicates(["dataset", "method"])
    reasons = failed.set_index(["dataset", "method"])["reason"]
    ends = pd.concat([folds.size().rename("n_folds"), words, reasons], axis=1)
    return table.join(ends, on=["dataset", "method"])


def fold_scores(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Scores by (dataset, method) and fold; none of a method with a fold that did not run."""
    folds = metrics[metrics["fold"] != POOLED]
    bad = folds.loc[folds["status"] != "ok", ["dataset", "method"]].drop_duplicates()
    rows = folds[folds["metric"] == metric]
    keep = ~pd.MultiIndex.from_frame(rows[["dataset", "method"]]).isin(pd.MultiIndex.from_frame(bad))
    return rows[keep].pivot(index=["dataset", "method"], columns="fold", values="value").astype(float)


def against(scores: pd.DataFrame, first: str) -> pd.DataFrame:
    """Differences of `fold_scores` to those of one method on the same data set and fold."""
    reference = scores[scores.index.get_level_values("method") == first].droplevel("method")
    return scores - reference.reindex(scores.index.get_level_values("dataset")).to_numpy()


def _anchors(history: pd.DataFrame) -> pd.DataFrame:
    names = {f"anchors_{name}": column for name, column in REPORTED.items()}
    rows = history[history["metric"].isin(list(names))].assign(metric=lambda rows: rows["metric"].map(names))
    folds = rows.groupby(["dataset", "method", "metric"])["value"]
    ends = {"low": folds.min().unstack("metric"), "high": folds.max().unstack("metric")}
    columns = [(column, end) for column in REPORTED.values() for end in ends]
    return pd.DataFrame(
        {f"{column}_{end}": ends[end].reindex(columns=[column])[column] for column, end in columns}
    )


def others_fixed(table: pd.DataFrame, free: Sequence[str]) -> pd.DataFrame:
    """Rows that have the first method's settings but for the free ones."""
    first = table.iloc[0]
    fixed = [name for name in SETTINGS if name not in free]
    same = [table[name].isna() if pd.isna(first[name]) else table[name] == first[name] for name in fixed]
    return table[np.logical_and.reduce(same)]
