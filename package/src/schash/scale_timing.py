"""CellFishing in a larger and larger database, up to a million cells (CellFishing.jl, Table 3): seconds to index and to
query, memory, the index against a linear scan, and how often the nearest cell has the query's label.

Each size runs in a process of its own, so that its peak of memory is its own. Its cells come in blocks
(`schash.scale_cells`) and are never all in memory as counts; reading or making them is not counted, as in the paper.
Queries are timed from their counts to ten neighbours. All searches of a width take turns, round after round, so that
whatever else the machine does meets all of them.

Two things fail the job: an index that answers otherwise than the linear scan, and a query whose original cell is in the
database. The labels of the queries stay with the parent, which scores what the child found.
"""

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, RunFiles
from schash.scale_cells import N_QUERIES
from schash.scale_index import CELLFISHING
from schash.scale_numbers import CONSISTENCY, QUERY, SHARED
from schash.scale_size import OneSize
from schash.search_timing import check_exact
from schash.splits import UNLABELLED
from schash.timing_runs import FOLD, TimingSettings, in_child
from schash.timing_table import TOO_SLOW, Scores, sized, together


def time_scale(
    files: RunFiles, settings: TimingSettings, *, solution: Path, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS of the sizes in `settings`, each a child's; `schash.scale_numbers` has the metrics.

    A size may take `settings.size_seconds`. The workflow has a job for each, so that they may run on several machines.

    solution : labels of the query cells, which only the scores of the answers see

    Raises
    ------
    DataError
        if an index answers otherwise than the linear scan, or a query cell's original is in the database
    """
    common = {"threads": settings.threads, "host": platform.node()}
    if settings.row.module != CELLFISHING:
        scores = Scores(common)
        scores.miss(QUERY, 0, NOT_APPLICABLE, "is not CellFishing, whose growth this is about")
        return scores.table()
    labels = _labels(files.train_labels, solution)
    tables: list[pd.DataFrame] = []
    with TemporaryDirectory() as folder:
        for n in settings.sizes:
            began = time.perf_counter()
            job = OneSize(n, settings.largest, min(N_QUERIES, settings.largest), Path(folder) / f"{n}.npz")
            own = replace(settings, sizes=(n,), fold_seconds=settings.size_seconds)
            timed = in_child(job, files, own, QUERY, say=say).replace({"status": {"timeout": TOO_SLOW}})
            tables += [timed, _scored(job, labels, common)]
            say(f"{settings.dataset}: {n:,} cells, {time.perf_counter() - began:.0f} s")
    table = together(tables)
    check_exact(table, f"{settings.method} on {settings.dataset}")
    _check_disjoint(table, settings.dataset)
    return table


def _check_disjoint(table: pd.DataFrame, what: str) -> None:
    shared = table[table["metric"].str.startswith(f"{SHARED}[") & (table["value"] != 0)]
    if len(shared):
        message = f"{what}: queries whose original is in the database: {', '.join(shared['metric'])}"
        raise DataError(message)


def _labels(train_labels: Path, solution: Path) -> pd.Series:
    """Label of every row of fold 0."""
    parts = [pd.read_parquet(path, columns=["fold", "row", "label"]) for path in (train_labels, solution)]
    both = pd.concat(parts)
    return both[both["fold"] == FOLD].set_index("row")["label"]


def _scored(job: OneSize, labels: pd.Series, common: dict[str, Any]) -> pd.DataFrame:
    """Share of queries whose nearest cell has their label, among those that have one."""
    scores = Scores(common)
    if job.answers.exists():
        with np.load(job.answers) as answers:
            truth = labels.loc[answers["queries"]].to_numpy(str)
            known = truth != UNLABELLED
            if not known.any():
                return scores.table()
            for what in sorted(set(answers) - {"queries"}):
                found = labels.loc[answers[what]].to_numpy(str)
                scores.add(
                    sized(CONSISTENCY, job.n, what), float((found == truth)[known].mean()), int(known.sum())
                )
    return scores.table()
