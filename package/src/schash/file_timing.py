"""Saving and loading a database (CellFishing.jl, Table 2): seconds, memory and size of the file, plain and compressed.

The database is that of the training cells of fold 0; the fold's query cells say what loading is beside querying. A file
is schash's own (`schash.array_file`): codes, tables, hyperplanes and preprocessing, without names of cells, which the
paper's files have. What was just written is still in the system's memory: loading does not wait for a disk. A loaded
database that answers otherwise than the one that was saved fails the job.
"""

import gc
import platform
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, FoldInput, RunFiles, read_unlabelled
from schash.methods.contract import QueryCells
from schash.neighbors import Neighbors
from schash.scale_index import CELLFISHING, cellfishing_of, warm_up
from schash.search_race import K
from schash.stage_timing import scanned
from schash.timing import measured, pin_threads
from schash.timing_runs import TimingSettings, in_child
from schash.timing_table import Scores

PLAIN, GZIP, ZSTD = "plain", "gzip", "zstd"
COMPRESSIONS: dict[str, Any] = {PLAIN: None, GZIP: "gzip", ZSTD: "zstd"}
SIZE, SAVE, LOAD = "file_bytes", "save_s", "load_s"
SAVE_MB, LOAD_MB = "save_beyond_mb", "load_beyond_mb"
"""Peak of resident memory less what was resident before."""
MEMORY, SCANNED, CELLS, INDEX, QUERY = "memory_bytes", "scanned_bytes", "cells", "index_s", "query_s"
ROUNDS = 5


def time_files(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS: of each compression `file_bytes[gzip]`, `save_s[gzip]`, `load_s[gzip]` and the peaks of memory; of
    the database its bytes with and without indexes, and the seconds to build it and to query it."""
    if settings.row.module != CELLFISHING:
        scores = Scores({"threads": settings.threads, "host": platform.node()})
        scores.miss(SIZE, 0, NOT_APPLICABLE, "is not CellFishing, whose files these are")
        return scores.table()
    return in_child(time_database, files, settings, SIZE, say=say)


def time_database(given: FoldInput, settings: TimingSettings, path: Path) -> None:
    """Called in a child."""
    threads = pin_threads(settings.threads)
    scores = Scores({"threads": threads, "host": platform.node()}, path)
    train, query = read_unlabelled(given)
    model = cellfishing_of(settings, threads)
    warm_up({model.n_bits: model.n_hashes}, (model.layout, "linear"))
    with measured() as build:
        model.fit(train.X, genes=train.genes)
    n, n_queries = model.n_cells_, query.X.shape[0]
    scores.common |= {"fit_s": build.seconds, "peak_mb": build.peak_mb}
    scores.add(CELLS, n, n)
    scores.add(INDEX, build.seconds, n)
    scores.add(MEMORY, model.nbytes, n)
    scores.add(SCANNED, scanned(model).nbytes, n)
    query_s, expected = _queried(model, query)
    scores.add(QUERY, query_s, n_queries)
    with TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.schash" for name in COMPRESSIONS}
        measurements = {name: _round_trips(model, files[name], name, scores) for name in COMPRESSIONS}
        for name, file in files.items():
            _check_same(_queried(CellFishing.load(file), query)[1], expected, name)
    _add_published(measurements, query_s, n, scores)


def _round_trips(model: CellFishing, file: Path, name: str, scores: Scores) -> dict[str, float]:
    """Save and load several times; medians of the seconds, and the memory of the first time."""
    CellFishing.load(_saved(model, file, name))  # warms up
    seconds: dict[str, list[float]] = {SAVE: [], LOAD: []}
    memory: dict[str, float] = {}
    for _ in range(ROUNDS):
        for metric, peak, what in (
            (SAVE, SAVE_MB, lambda: _saved(model, file, name)),
            (LOAD, LOAD_MB, lambda: CellFishing.load(file)),
        ):
            gc.collect()
            with measured() as before:
                pass
            with measured() as took:
                kept = what()
            del kept
            seconds[metric].append(took.seconds)
            memory.setdefault(peak, took.peak_mb - before.peak_mb)
    found = {metric: float(np.median(values)) for metric, values in seconds.items()}
    found |= {SIZE: float(file.stat().st_size), **memory}
    for metric, value in found.items():
        scores.add(f"{metric}[{name}]", value, model.n_cells_)
    return found


def _saved(model: CellFishing, file: Path, name: str) -> Path:
    model.save(file, compression=COMPRESSIONS[name])
    return file


def _queried(model: CellFishing, query: QueryCells) -> tuple[float, Neighbors]:
    """Median seconds of querying all cells, and what is found."""
    model.search(query.X[:100], K, genes=query.genes)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        found = model.search(query.X, K, genes=query.genes)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), found


def _check_same(found: Neighbors, expected: Neighbors, name: str) -> None:
    if not (np.array_equal(found.ids, expected.ids) and np.array_equal(found.distances, expected.distances)):
        message = f"a database that was saved ({name}) and loaded answers otherwise than before"
        raise DataError(message)


def _add_published(measurements: dict[str, dict[str, float]], query_s: float, n: int, scores: Scores) -> None:
    """The numbers of Table 2, by the names that they have in config/expected.tsv."""
    size = {name: found[SIZE] for name, found in measurements.items()}
    load = {name: found[LOAD] for name, found in measurements.items()}
    for name in (GZIP, ZSTD):
        scores.add(f"{name}_size_reduction", 1 - size[name] / size[PLAIN], n)
        scores.add(f"{name}_load_over_query_time", load[name] / query_s, n)
    scores.add("zstd_over_gzip_load_time", load[ZSTD] / load[GZIP], n)
