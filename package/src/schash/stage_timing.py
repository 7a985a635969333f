"""Where the time of a query goes, by the size of the database (CellFishing.jl, Fig. 9): `schash.query_stages`, timed.

CellFishing is built anew for each size, from cells in blocks (`schash.scale_cells`). The stages and whole queries, by
the index and by a linear scan, take turns. Stages that find something else than a whole query fail the job.
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from schash._cellfishing_fit import make_indexes
from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, FoldInput, RunFiles
from schash.neighbors import Neighbors
from schash.query_stages import PREPROCESSING, RANK, SEARCH, STAGES, run_stages
from schash.scale_cells import N_QUERIES, Queries, cells_at
from schash.scale_index import CELLFISHING, cellfishing_of, warm_up
from schash.scale_numbers import COUNTS, LARGE, SMALL
from schash.search_race import BUDGET_S, QUERY, ROUNDS, K
from schash.timing import pin_threads
from schash.timing_runs import TimingSettings, in_child
from schash.timing_table import Scores, by_size, sized, together

STAGE = "stage_ms"
MULTI, LINEAR = "multi", "linear"
GROWTH = "preprocessing_growth_2p13_to_2p20_128bits"


def time_stages(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS: milliseconds of each stage of a query, `stage_ms[STAGE,n=8192]`, of search and rank by a linear
    scan, `stage_ms[search-linear,n=8192]`, and of a whole query by either, `query_ms[multi,n=8192]`."""
    common = {"threads": settings.threads, "host": platform.node()}
    if settings.row.module != CELLFISHING:
        scores = Scores(common)
        scores.miss(QUERY, 0, NOT_APPLICABLE, "is not CellFishing, whose stages these are")
        return scores.table()
    table = in_child(time_databases, files, settings, QUERY, say=say)
    scores = Scores(common)
    rows = by_size(table)
    stages = rows[(rows["name"] == STAGE) & rows["what"].isin(PREPROCESSING)]
    whole = stages.groupby("size")["value"].sum()
    if {SMALL, LARGE} <= set(whole.index):
        scores.add(GROWTH, whole[LARGE] / whole[SMALL], LARGE)
    return together([table, scores.table()])


def time_databases(given: FoldInput, settings: TimingSettings, path: Path) -> None:
    """Called in a child."""
    threads = pin_threads(settings.threads)
    scores = Scores({"threads": threads, "host": platform.node()}, path)
    model = cellfishing_of(settings, threads)
    warm_up({model.n_bits: model.n_hashes}, ("compact", "linear"))
    largest = max(settings.sizes)
    n_queries = min(N_QUERIES, largest)
    for n in sorted(settings.sizes):
        stream, queries = cells_at(
            given, settings.dataset, n, largest=largest, n_queries=n_queries, seed=settings.seed
        )
        model.fit(stream.chunks())
        selected = np.isin(queries.genes, model.genes_)
        scores.add(sized(COUNTS["genes"], n), len(queries.genes), n)
        scores.add(sized(COUNTS["selected genes"], n), int(selected.sum()), n)
        scores.add(sized(COUNTS["a query"], n), queries.X.nnz / n_queries, n_queries)
        scores.add(sized(COUNTS["selected a query"], n), queries.X[:, selected].nnz / n_queries, n_queries)
        for (metric, what), seconds in medians(model, queries).items():
            scores.add(sized(metric, n, what), 1e3 * seconds / n_queries, n_queries)


def medians(model: CellFishing, queries: Queries) -> dict[tuple[str, str], float]:
    """Median seconds by metric and what, over rounds in which all take turns; one that takes long sits some out.

    Raises
    ------
    DataError
        if the stages, or the linear scan, find something else than `model.search`
    """
    models = {MULTI: model, LINEAR: scanned(model)}
    times: dict[tuple[str, str], list[float]] = {}
    answers = [_checked(one, queries) for one in models.values()]  # warms up, too
    _check_same(*answers)
    for _ in range(ROUNDS):
        for kind, one in models.items():
            spent = times.get((QUERY, kind), [])
            if spent and sum(spent) + spent[-1] > BUDGET_S:
                continue
            start = time.perf_counter()
            one.search(queries.X, K, genes=queries.genes)
            times.setdefault((QUERY, kind), []).append(time.perf_counter() - start)
            stages = run_stages(one, queries.X, queries.genes, K)[2]
            for name in STAGES if kind == MULTI else (SEARCH, RANK):
                what = name if kind == MULTI else f"{name}-{kind}"
                times.setdefault((STAGE, what), []).append(stages[name])
    return {name: float(np.median(values)) for name, values in times.items()}


def scanned(model: CellFishing) -> CellFishing:
    """The same codes without an index."""
    other = model.prefix(model.n_hashes).set_params(layout="linear")
    other._indexes = make_indexes(other, [index.codes for index in model._indexes])
    other._layout = "linear"
    return other


def _checked(model: CellFishing, queries: Queries) -> Neighbors:
    """What `model.search` finds, held against what its stages find."""
    whole = model.search(queries.X, K, genes=queries.genes)
    found, points, _ = run_stages(model, queries.X, queries.genes, K)
    if not np.array_equal(points, model.reduce(queries.X, genes=queries.genes)):
        message = "the stages of a query give other points in the reduced space than a whole query has"
        raise DataError(message)
    _check_same(whole, found)
    return whole


def _check_same(one: Neighbors, other: Neighbors) -> None:
    if not (np.array_equal(one.ids, other.ids) and np.array_equal(one.distances, other.distances)):
        message = "neighbours of a whole query, of its stages and of the linear scan are not the same"
        raise DataError(message)
