"""Headline metrics over commits, panel by panel, with the papers' values: what the trend figure draws."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from schash.regression.headlines import HEADLINES, Headline, chosen

FOLLOWED = (
    "deephash_compact",
    "deephash_paper",
    "cellfishing",
    "svm",
    "scmap_cell",
    "cf_scmap_cell",
    "exact_cosine",
)
"""Methods that have a line, in this order: those of the papers, and what they must not fall behind."""

MOST_DATASETS = 3
MOST_COMMITS = 24
_RELATIVE = re.compile(r"_(?:gap|minus|ratio|spread|range|gain)(?:_|$)")
"""Published numbers that are a difference of two."""
_SAME = 0.006
"""Values of one name that lie nearer are one line: the text's and the checkpoints' of the same network."""


class Panel(NamedTuple):
    """One metric on one data set. `runs`: commit, run_id, method, mean, sd; `papers`: method, name, relation, value."""

    headline: Headline
    dataset: str
    metric: str
    runs: pd.DataFrame
    papers: pd.DataFrame


def trend_panels(history: pd.DataFrame, verdicts: pd.DataFrame) -> list[Panel]:
    """Panels of the data sets that a paper's number is held against, or of the first one where there is none.

    history : HISTORY_COLUMNS of one suite, the run at hand last; verdicts : VERDICT_COLUMNS of that run
    """
    if history.empty:
        return []
    latest = history[history["run_id"] == history["run_id"].iloc[-1]]
    seed = latest["seed"].iloc[0]
    kept = history[(history["seed"] == seed) & history["method"].isin(FOLLOWED)]
    panels = []
    for headline in HEADLINES:
        here = latest[(latest["experiment"] == headline.experiment) & latest["method"].isin(FOLLOWED)]
        metric = chosen(headline, list(here["metric"].unique()))
        if metric is None:
            continue
        published = _published(verdicts, headline.experiment, metric)
        of_metric = here[here["metric"] == metric]
        datasets = list(dict.fromkeys(of_metric["dataset"]))
        with_paper = [name for name in datasets if (published["dataset"] == name).any()]
        for dataset in with_paper[:MOST_DATASETS] or datasets[:1]:
            scheme = of_metric.loc[of_metric["dataset"] == dataset, "scheme"].iloc[0]
            rows = kept[
                (kept["experiment"] == headline.experiment)
                & (kept["metric"] == metric)
                & (kept["dataset"] == dataset)
                & (kept["scheme"] == scheme)
            ]
            papers = published[published["dataset"] == dataset].drop(columns="dataset")
            panels.append(Panel(headline, dataset, metric, _of_commits(rows), papers.reset_index(drop=True)))
    return panels


def _of_commits(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["git_sha", "run_id", "method", "mean", "sd"]
    return rows[columns].rename(columns={"git_sha": "commit"}).reset_index(drop=True)


def _published(verdicts: pd.DataFrame, experiment: str, metric: str) -> pd.DataFrame:
    """dataset, method, name, relation, value of the papers' numbers that are held against the metric itself."""
    rows = verdicts[
        (verdicts["target"] == experiment)
        & (verdicts["measured"] == metric)
        & verdicts["ran"].isin(FOLLOWED)
        & np.isfinite(verdicts["paper_value"])
        & ~verdicts["metric"].str.contains(_RELATIVE)
    ]
    table = pd.DataFrame(
        {
            "dataset": rows["ran_on"],
            "method": rows["ran"],
            "name": rows["data_name"],
            "relation": rows["relation"],
            "value": rows["paper_value"],
        }
    )
    names = list(zip(table["dataset"], table["method"], table["name"], strict=True))
    values = table["value"].to_numpy(float)
    near = [
        any(names[i] == names[j] and abs(values[i] - values[j]) <= _SAME * abs(values[j]) for i in range(j))
        for j in range(len(table))
    ]
    return table[~np.array(near, dtype=bool)].reset_index(drop=True)


def commits(panels: list[Panel]) -> dict[str, str]:
    """Commits of all panels and the day of their first run, "11-21", in that order; the last MOST_COMMITS of them."""
    if not panels:
        return {}
    runs = pd.concat([panel.runs for panel in panels], ignore_index=True).sort_values("run_id", kind="stable")
    first = runs.drop_duplicates("commit").iloc[-MOST_COMMITS:]
    days = [f"{run_id[4:6]}-{run_id[6:8]}" for run_id in first["run_id"].astype(str)]
    return dict(zip(first["commit"].astype(str), days, strict=True))


def trend_table(panels: list[Panel]) -> pd.DataFrame:
    """The numbers behind the figure: the runs' and the papers', a row each."""
    parts = []
    for panel in panels:
        common = {"experiment": panel.headline.experiment, "dataset": panel.dataset, "metric": panel.metric}
        parts.append(panel.runs.assign(**common, source="run"))
        papers = panel.papers.rename(columns={"value": "mean", "name": "data_name"})
        parts.append(papers.assign(**common, source="paper"))
    columns = ["experiment", "dataset", "metric", "source", "commit", "run_id", "method", "mean", "sd"]
    told = [part for part in parts if len(part)]
    table = pd.concat(told, ignore_index=True) if told else pd.DataFrame()
    return table.reindex(columns=[*columns, "data_name", "relation"])
