"""CellFishing in a database of one size, in a process of its own: what `schash.scale_timing` has done for each size.

It indexes once for all widths, times all searches of a width in turns, and writes which cell is nearest to each query.
"""

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schash.cellfishing import CellFishing
from schash.code_databases import recall
from schash.folds import FoldInput
from schash.neighbors import Neighbors
from schash.scale_cells import Queries, Stream, cells_at, enough_cells
from schash.scale_index import Hashed, Learned, build, cellfishing_of, hashed, learn, warm_up
from schash.scale_numbers import (
    BYTES,
    COPIED,
    COUNTS,
    ENCODE,
    HASH,
    IDENTICAL,
    INDEX,
    NAMED,
    PEAK,
    QUERY,
    RECALL,
    SEARCH,
    SHARED,
    TABLES,
    TOOK,
    WIDTHS,
    what_of,
)
from schash.search_race import BUDGET_S, N_WARM_UP, ROUNDS, K
from schash.timing import MEGABYTE, measured, pin_threads
from schash.timing_runs import TimingSettings
from schash.timing_table import Scores, sized

LAYOUTS = ("compact", "linear", "fast")


class Contestant(NamedTuple):
    """A built index and the threads that search it."""

    model: CellFishing
    threads: int


class Took(NamedTuple):
    """Seconds of hashing all queries, and of the search among codes."""

    encode: float
    search: float


@dataclass(frozen=True)
class OneSize:
    """What a child does: one size. It writes to `answers` which cell it found nearest to each query."""

    n: int
    largest: int
    n_queries: int
    answers: Path

    def __call__(self, given: FoldInput, settings: TimingSettings, path: Path) -> None:
        time_size(given, settings, path, self)


def time_size(given: FoldInput, settings: TimingSettings, path: Path, job: OneSize) -> None:
    """Called in a child."""
    threads = pin_threads(settings.threads)
    scores = Scores({"threads": threads, "host": platform.node()}, path)
    warm_up(WIDTHS, LAYOUTS)
    start = time.perf_counter()
    stream, queries = cells_at(
        given,
        settings.dataset,
        job.n,
        largest=job.largest,
        n_queries=job.n_queries,
        seed=settings.seed,
    )
    copied = not enough_cells(given, job.largest, job.n_queries)
    scores.add(sized(COPIED, job.n), float(copied), job.n)
    shared = np.isin(queries.rows, stream.rows).sum()
    scores.add(sized(SHARED, job.n), float(shared), len(queries.rows))
    answers: dict[str, np.ndarray] = {"queries": queries.rows}
    learned = None
    for bits in WIDTHS:
        model = cellfishing_of(settings, threads, n_bits=bits, n_hashes=WIDTHS[bits])
        if learned is None:
            learned, codes = _index(model, stream, bits, scores)
            _say_counts(learned, stream, queries, scores)
        else:
            codes = hashed(model, learned)
            _add_index(model, learned, codes, bits, scores)
        found = _compare(model, learned, codes, queries, bits, scores)
        answers |= {what: stream.rows[one.ids[:, 0]] for what, one in found.items()}
    np.savez(job.answers, allow_pickle=False, **answers)
    scores.add(sized(TOOK, job.n), time.perf_counter() - start, job.n)


def _index(model: CellFishing, stream: Stream, bits: int, scores: Scores) -> tuple[Learned, Hashed]:
    """From counts to the index of the first width, with the peak of memory meanwhile."""
    n = stream.n
    with measured() as idle:
        pass
    with measured() as whole:
        learned = learn(model, stream)
        codes = hashed(model, learned)
        seconds = build(model, learned, codes)
    scores.common |= {"fit_s": learned.seconds + codes.seconds + seconds, "peak_mb": whole.peak_mb}
    index_mb = model.nbytes / MEGABYTE
    parts = (
        (NAMED["select"], learned.select_s),
        (NAMED["preprocess"], learned.preprocess_s),
        (NAMED["svd"], learned.svd_s),
        (NAMED["reading"], stream.seconds),
        (PEAK, whole.peak_mb),
        (NAMED["before"], idle.peak_mb),
        (NAMED["beyond"], whole.peak_mb - idle.peak_mb - index_mb),
        (NAMED["file"], learned.cells.nnz * _ENTRY_BYTES / MEGABYTE if learned.cells.is_spilled else 0.0),
    )
    for name, value in parts:
        scores.add(sized(name, n), value, n)
    _say_index(model, learned, codes, seconds, what_of(bits), scores)
    return learned, codes


_ENTRY_BYTES = 6
"""Of a selected count in the temporary file, where fewer than 2^16 genes are selected."""


def _add_index(model: CellFishing, learned: Learned, codes: Hashed, bits: int, scores: Scores) -> None:
    _say_index(model, learned, codes, build(model, learned, codes), what_of(bits), scores)


def _say_index(
    model: CellFishing, learned: Learned, codes: Hashed, seconds: float, what: str, scores: Scores
) -> None:
    n = model.n_cells_
    scores.add(sized(HASH, n, what), codes.seconds, n)
    scores.add(sized(TABLES, n, what), seconds, n)
    scores.add(sized(INDEX, n, what), learned.seconds + codes.seconds + seconds, n)
    scores.add(sized(BYTES, n, what), model.nbytes / n, n)


def _say_counts(learned: Learned, stream: Stream, queries: Queries, scores: Scores) -> None:
    """What a throughput means nothing without."""
    n, n_queries = stream.n, queries.X.shape[0]
    selected = np.isin(queries.genes, learned.reduction.genes)
    facts = {
        "genes": (len(queries.genes), n),
        "selected genes": (int(selected.sum()), n),
        "a cell": (stream.n_counts / n, n),
        "selected a cell": (learned.cells.nnz / n, n),
        "a query": (queries.X.nnz / n_queries, n_queries),
        "selected a query": (queries.X[:, selected].nnz / n_queries, n_queries),
    }
    for name, (value, of) in facts.items():
        scores.add(sized(COUNTS[name], n), float(value), of)


def _compare(
    model: CellFishing, learned: Learned, codes: Hashed, queries: Queries, bits: int, scores: Scores
) -> dict[str, Neighbors]:
    """Time all searches of one width; return what the index and the scan found."""
    n, n_queries, threads = model.n_cells_, queries.X.shape[0], scores.common["threads"]
    own, linear = what_of(bits), what_of(bits, "linear")
    contestants = {own: Contestant(model, threads), what_of(bits, "1thread"): Contestant(model, 1)}
    for layout in LAYOUTS[1:]:
        if layout == "fast" and bits != next(iter(WIDTHS)):
            continue
        other = CellFishing(**{**model.get_params(), "layout": layout})
        _say_index(other, learned, codes, build(other, learned, codes), what_of(bits, layout), scores)
        contestants[what_of(bits, layout)] = Contestant(other, threads)
    found = {}
    for what, neighbors, took in _race(contestants, queries):
        found[what] = neighbors
        on = {"threads": contestants[what].threads}
        scores.add(sized(ENCODE, n, what), 1e3 * took.encode / n_queries, n_queries, **on)
        scores.add(sized(SEARCH, n, what), 1e3 * took.search / n_queries, n_queries, **on)
        scores.add(sized(QUERY, n, what), 1e3 * (took.encode + took.search) / n_queries, n_queries, **on)
    for what, neighbors in found.items():
        if what != linear:
            same = _same(neighbors, found[linear])
            scores.add(sized(IDENTICAL, n, what), float(same), n_queries)
            scores.add(sized(RECALL, n, what), recall(neighbors, found[linear]), n_queries)
    return {own: found[own], linear: found[linear]}


def _same(one: Neighbors, other: Neighbors) -> bool:
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.distances, other.distances)


def _race(contestants: dict[str, Contestant], queries: Queries) -> Iterator[tuple[str, Neighbors, Took]]:
    """Neighbours and median seconds of each; one sits the later rounds out once it took long."""
    times: dict[str, list[Took]] = {what: [] for what in contestants}
    found: dict[str, Neighbors] = {}
    for one in contestants.values():
        _search(one, queries.X[:N_WARM_UP], queries.genes)
    for number in range(ROUNDS):
        for what in np.roll(list(contestants), -number):
            spent = [sum(took) for took in times[what]]
            if spent and sum(spent) + spent[-1] > BUDGET_S:
                continue
            found[what], took = _search(contestants[what], queries.X, queries.genes)
            times[what].append(took)
    for what, of_one in times.items():
        yield what, found[what], Took(*np.median(np.array(of_one), axis=0).tolist())


def _search(one: Contestant, X: Any, genes: np.ndarray) -> tuple[Neighbors, Took]:
    """As `CellFishing.search` does it."""
    one.model.set_params(n_threads=one.threads)
    start = time.perf_counter()
    codes = one.model.encode(X, genes=genes)
    between = time.perf_counter()
    found = one.model.search_codes(codes, K)
    return found, Took(between - start, time.perf_counter() - between)
