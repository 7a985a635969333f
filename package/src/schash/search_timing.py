"""How long a query takes in a larger and larger database (scDeepHash, Fig. 3b), and whether the index finds what a
linear scan finds.

Codes are learned from the training cells of fold 0. The database are copies of these cells, the queries copies of the
fold's query cells (`schash.upsampling`): no cell is on both sides. All indexes of a method search the same queries one
after the other, round after round, so that whatever else the machine does meets all of them. The time of a query is
that of hashing it, from its counts, plus that of the search among codes, which is given alone as well.

Section 4.2 of the paper says that multi-index hashing gives up accuracy for speed. It is exact: an index that is, and
answers otherwise than the linear scan, fails the job.

A method without codes (scmap-cell) is fitted to the database and searches from counts; the sizes that would take it
longer than the limit are left out.
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.cell_chunks import CellChunks
from schash.code_databases import (
    ANCHOR,
    FAISS,
    INSTALL_FAISS,
    Hasher,
    cellfishing_hasher,
    deephash_hasher,
    first_rows,
)
from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, FoldInput, RunFiles, read_fold
from schash.methods.catalogue import build_method
from schash.methods.contract import QueryCells, TrainingCells
from schash.search_race import BUILD, D10, ENCODE, IDENTICAL, QUERY, SEARCH, K, add_number, race
from schash.timing import measured, pin_threads
from schash.timing_runs import TimingSettings, copies, in_child
from schash.timing_table import TOO_SLOW, Scores, predicted, sized, slope
from schash.upsampling import Originals

N_QUERIES = 10_000
N_SLOW_QUERIES = 1000
"""Queries of a method without codes."""
ENCODE_DATABASE, SLOPE, BITS, DISTINCT = "encode_database_s", "search_slope", "code_bits", "distinct_codes"
OWN = "own"
"""Index of a method without codes."""


def time_search(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS of one method: for each index and size seconds to build, bytes a cell, milliseconds of a query, the
    mean distance of the tenth neighbour, and the recall of the linear scan. Without a size: of the method's own index.

    Raises
    ------
    DataError
        if an exact index answers otherwise than the linear scan
    """
    table = in_child(time_databases, files, settings, QUERY, say=say)
    check_exact(table, f"{settings.method} on {settings.dataset}")
    return table


def check_exact(table: pd.DataFrame, what: str) -> None:
    """Raise `DataError` where an index that is exact is not."""
    same = table[table["metric"].str.startswith(f"{IDENTICAL}[")]
    wrong = same.loc[same["value"] != 1, "metric"]
    if len(wrong):
        message = (
            f"{what}: answers differ from the linear scan's, though the search is exact: {', '.join(wrong)}"
        )
        raise DataError(message)


def time_databases(given: FoldInput, settings: TimingSettings, path: Path) -> None:
    """Called in a child."""
    threads = pin_threads(settings.threads)
    train, query = read_fold(given)
    scores = Scores({"threads": threads, "host": platform.node()}, path)
    method = build_method(settings.row, seed=settings.method_seed)
    if hasattr(method, "warm_up"):
        method.warm_up()
    if settings.row.module not in HASHERS:
        _time_own_index(method, train, query, settings, scores)
        return
    with measured() as fit:
        method.fit(train)
    scores.common |= {"fit_s": fit.seconds, "peak_mb": fit.peak_mb}
    _time_codes(HASHERS[settings.row.module](method), train, query, settings, scores)


def _time_codes(
    hasher: Hasher, train: TrainingCells, query: QueryCells, settings: TimingSettings, scores: Scores
) -> None:
    n_queries = min(N_QUERIES, max(settings.sizes))
    cells = CellChunks.from_matrix(
        copies(_originals(query, settings), n_queries, query.values).matrix(), genes=query.genes
    )
    queries = hasher.encode(cells)
    encode_ms = 1e3 * float(np.median([_seconds(lambda: hasher.encode(cells)) for _ in range(3)])) / n_queries
    scores.add(ENCODE, encode_ms, n_queries)
    scores.add(BITS, sum(one.n_bits for one in queries), n_queries)
    sizes = _affordable(settings, encode_ms, scores)
    if not sizes:
        return
    made = copies(_originals(train, settings), max(sizes), train.values, seed=0)
    start = time.perf_counter()
    codes = hasher.encode(made.chunks())
    scores.add(ENCODE_DATABASE, time.perf_counter() - start - made.seconds, max(sizes))
    if FAISS not in hasher.indexes and ANCHOR in hasher.indexes:
        scores.miss(sized(SEARCH, 0, FAISS), 0, NOT_APPLICABLE, INSTALL_FAISS)
    measurements: dict[str, dict[int, float]] = {index: {} for index in hasher.indexes}
    for n in sizes:
        here = first_rows(codes, n)
        n_distinct = len(np.unique(np.hstack([one.words for one in here]), axis=0))
        scores.add(sized(DISTINCT, n), n_distinct, n)
        for index, seconds in race(hasher, here, queries, n, encode_ms, scores).items():
            measurements[index][n] = seconds
    for index, of_index in measurements.items():
        if len(of_index) > 1:
            name = f"{SLOPE}[{index},n={min(of_index)}..{max(of_index)}]"
            scores.add(name, slope(list(of_index), list(of_index.values())), max(of_index))


def _affordable(settings: TimingSettings, encode_ms: float, scores: Scores) -> list[int]:
    """Sizes whose cells are hashed within the limit; the others are too slow."""
    sizes = []
    for n in sorted(settings.sizes):
        expected_s = encode_ms * n / 1e3
        if expected_s <= settings.size_seconds:
            sizes.append(n)
        else:
            reason = f"hashing {n:,} cells is predicted to take {expected_s:,.0f} s, limit {settings.size_seconds:g} s"
            scores.miss(sized(QUERY, n), n, TOO_SLOW, reason)
    return sizes


def _time_own_index(
    method: Any, train: TrainingCells, query: QueryCells, settings: TimingSettings, scores: Scores
) -> None:
    base = _originals(train, settings)
    n_queries = min(N_SLOW_QUERIES, max(settings.sizes))
    made = copies(_originals(query, settings), n_queries, query.values).matrix()
    queries = QueryCells(made, query.genes, query.values)
    took: dict[int, float] = {}
    searches: dict[int, float] = {}
    for n in sorted(settings.sizes):
        expected_s = predicted(list(took), list(took.values()), n)
        if expected_s > settings.size_seconds:
            reason = f"predicted to take {expected_s:,.0f} s, limit {settings.size_seconds:g} s"
            scores.miss(sized(QUERY, n, OWN), n, TOO_SLOW, reason)
            continue
        cells = copies(base, n, train.values, seed=0)
        database = TrainingCells(cells.matrix(), train.y[cells.originals()], train.genes, train.values)
        with measured() as build:
            method.fit(database)
        with measured() as search:
            found = method.search(queries, K)
        took[n], searches[n] = build.seconds + search.seconds, search.seconds
        scores.common |= {"fit_s": build.seconds, "peak_mb": max(build.peak_mb, search.peak_mb)}
        scores.add(sized(BUILD, n, OWN), build.seconds, n)
        add_number(scores, QUERY, n, 1e3 * search.seconds / n_queries, OWN, own=True)
        add_number(scores, D10, n, float(found.distances[:, -1].mean()), OWN, own=True)
    if len(searches) > 1:
        name = f"{SLOPE}[{OWN},n={min(searches)}..{max(searches)}]"
        scores.add(name, slope(list(searches), list(searches.values())), max(searches))


def _originals(cells: TrainingCells | QueryCells, settings: TimingSettings) -> Originals:
    return Originals(settings.dataset, cells.X, cells.genes)


def _seconds(what: Callable[[], Any]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


HASHERS: dict[str, Callable[[Any], Hasher]] = {
    "schash.methods.deephash": lambda method: deephash_hasher(method._model),
    "schash.methods.cellfishing": lambda method: cellfishing_hasher(method._index),
}
"""Methods with codes, by their module."""
