"""Means over folds of what retrieval scored, in a form that table2 draws: one score a row, its id taken apart."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from schash.expected import PRESETS
from schash.marks import status_in_words
from schash.retrieval_ids import (
    RECALL_WITHIN_TYPE,
    RECALL_WITHIN_TYPE_CHANCE,
    k_parts,
    map_parts,
)

KEYS = ["dataset", "scheme", "method"]
PARTS = ["database", "k", "denominator", "average", "ties"]
RETRIEVAL_TABLE_COLUMNS = {
    **dict.fromkeys((*KEYS, "title", "metric", *PARTS), "str"),
    **dict.fromkeys(("k_cells", "mean", "sd"), "float64"),
    "n_folds": "int64",
    **dict.fromkeys(("chance", "paper"), "float64"),
    **dict.fromkeys(("status", "reason"), "str"),
}
"""`k` as named, `k_cells` as a number (mean over folds); `chance` beside the recall within types; `paper`: what was
published of the very data set."""

_PUBLISHED = r"^map_(?:hits_at_|at_k\[k=)(\d+)(?:,hits,.*)?$"


def retrieval_table(
    metrics: pd.DataFrame, titles: Mapping[str, str], expected: pd.DataFrame | None = None
) -> pd.DataFrame:
    """RETRIEVAL_TABLE_COLUMNS: mean, sample standard deviation and number of folds of every mean average precision and
    of the recall within types.

    A score that one fold lacks has no mean: a mean over the others would be of other queries. A method with a fold that
    did not run has a single row, with its status in words and the reason.

    metrics : EXPERIMENT_COLUMNS of the scores of retrieval; expected : the papers' numbers (schash.expected)
    """
    failed = failed_runs(metrics)
    incomplete = pd.MultiIndex.from_frame(failed[KEYS])
    ran = metrics[~pd.MultiIndex.from_frame(metrics[KEYS]).isin(incomplete)].reset_index(drop=True)
    maps = pd.concat([ran.drop(columns="metric"), map_parts(ran["metric"])], axis=1).dropna(subset="k")
    within = ran[ran["metric"] == RECALL_WITHIN_TYPE]
    parts = dict(zip(PARTS, ("db80", "", "", "queries", "averaged"), strict=True))
    chance = ran[ran["metric"] == RECALL_WITHIN_TYPE_CHANCE].groupby(KEYS)["value"].mean().rename("chance")
    table = pd.concat(
        [
            _means(maps.assign(metric="map_at_k")).join(_numbers(ran), on=["dataset", "database", "k"]),
            _means(within.assign(**parts)).join(chance, on=KEYS),
        ],
        ignore_index=True,
    )
    table["k_cells"] = table["k_cells"].fillna(pd.to_numeric(table["k"], errors="coerce"))
    table = pd.concat([table.assign(status="ok"), failed], ignore_index=True)
    table["title"] = table["method"].map(titles).fillna(table["method"])
    table["paper"] = _published(table, expected)
    text = [name for name, kind in RETRIEVAL_TABLE_COLUMNS.items() if kind == "str"]
    table = table.reindex(columns=list(RETRIEVAL_TABLE_COLUMNS)).fillna(
        {**dict.fromkeys(text, ""), "n_folds": 0}
    )
    return table.astype(RETRIEVAL_TABLE_COLUMNS)


def failed_runs(metrics: pd.DataFrame) -> pd.DataFrame:
    """Runs with a fold that did not run: data set, scheme, method, status in words and the first reason."""
    folds = metrics.drop_duplicates([*KEYS, "fold"])
    groups = folds.groupby(KEYS, sort=False)
    words = groups["status"].agg(status_in_words).rename("status")
    reasons = folds[folds["status"] != "ok"].groupby(KEYS)["reason"].first()
    return pd.concat([words[words != ""], reasons], axis=1, join="inner").reset_index()


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby([*KEYS, "metric", *PARTS], sort=False)
    table = groups["value"].agg(["mean", "std", "size", "count"])
    whole = table["count"] == table["size"]
    table[["mean", "std"]] = table[["mean", "std"]].where(whole)
    table["reason"] = groups["reason"].agg(lambda reasons: next(filter(None, reasons), ""))
    return table.rename(columns={"std": "sd", "size": "n_folds"}).drop(columns="count").reset_index()


def _numbers(rows: pd.DataFrame) -> pd.Series:
    """The numbers that named k stand for, by data set, database and k."""
    named = rows.join(k_parts(rows["metric"])).dropna(subset="k")
    return named.groupby(["dataset", "database", "k"])["value"].mean().rename("k_cells")


def _published(table: pd.DataFrame, expected: pd.DataFrame | None) -> pd.Series:
    """What the paper's Table 2 has of the method on the very data set: AP@k over the hits found.

    The paper does not say how it treats ties and whether 60% or 80% of the cells are searched: it stands beside both.
    """
    values = pd.Series(np.nan, index=table.index)
    if expected is None:
        return values
    plain = expected[(expected["target"] == "table2") & (expected["relation"] == "about")]
    plain = plain.assign(k=plain["metric"].str.extract(_PUBLISHED)[0]).dropna(subset="k")
    hits = (table["denominator"] == "hits") & (table["average"] == "queries")
    for row in plain.to_dict("records"):
        here = hits & (table["dataset"] == row["dataset"]) & (table["k"] == row["k"])
        names = PRESETS.get(row["method"], (row["method"],))
        method = next((name for name in names if name in set(table.loc[here, "method"])), None)
        values[here & (table["method"] == method)] = float(row["value"])
    return values
