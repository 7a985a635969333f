"""The few numbers of a run that are kept for good, and drawn over commits.

One metric of an experiment, the first of its ids that the run has; `{largest}` stands for the largest number of cells
that a timing was taken at.
"""

import re
from typing import NamedTuple

import pandas as pd

from schash.regression.reading import scores
from schash.tables import POOLED


class Headline(NamedTuple):
    """`title` and `unit` for a figure; `metrics` in the order of preference."""

    title: str
    unit: str
    experiment: str
    metrics: tuple[str, ...]


HEADLINES = (
    Headline("Annotation within a data set", "median F1", "fig2a", ("median_f1",)),
    Headline("Annotation of a held-out study", "median F1", "fig2b", ("median_f1",)),
    Headline("Retrieval", "mAP@k", "table2", ("map_at_k[k=1x,hits,averaged,queries,db80]",)),
    Headline("Self-mapping", "consistency", "cf_fig4", ("consistency",)),
    Headline(
        "Across species",
        "consistency",
        "cf_species",
        ("consistency_on_human", "consistency_on_mouse", "consistency"),
    ),
    Headline(
        "Memory of an index, 128 bits",
        "bytes a cell",
        "cf_table3",
        ("bytes_per_cell_2p20_128bits", "bytes_per_cell[128bits,n={largest}]"),
    ),
    Headline(
        "Query, 128 bits", "ms", "cf_table3", ("query_ms_2p20_128bits", "query_ms[128bits,n={largest}]")
    ),
)

FOLLOWED_EXPERIMENTS = tuple(dict.fromkeys(headline.experiment for headline in HEADLINES))

_SIZE = r"n=(\d+)\]"


def headline_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rows of `metrics` that are headlines: scores of folds."""
    ran = scores(metrics)
    ran = ran[ran["fold"] != POOLED]
    parts = [ran.iloc[:0]]
    for headline in HEADLINES:
        here = ran[ran["experiment"] == headline.experiment]
        if metric := chosen(headline, list(here["metric"].unique())):
            parts.append(here[here["metric"] == metric])
    return pd.concat(parts, ignore_index=True)


def chosen(headline: Headline, metrics: list[str]) -> str | None:
    """The first metric id of a headline that there is."""
    sizes = [int(found[1]) for name in metrics if (found := re.search(_SIZE, name))]
    names = [name.format(largest=max(sizes, default=0)) for name in headline.metrics]
    return next((name for name in names if name in metrics), None)
