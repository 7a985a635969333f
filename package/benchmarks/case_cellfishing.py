"""`cellfishing`: counts in, neighbours out, on real cells made into a million."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.cells import BaseCells, counted_cells
from benchmarks.contestants import EXACT, build
from benchmarks.cosine import cosine_facts
from benchmarks.race import race
from benchmarks.report import Facts, Report
from benchmarks.results import Problem
from benchmarks.settings import MAIN_BITS, MAIN_K, Settings
from schash.cellfishing import CellFishing
from schash.upsampling import Upsampled

CASE = "cellfishing"
N_HASHES = 4
N_RECALL = 200
"""Queries whose exact cosine neighbours are found."""
SMALLEST = 13
LAYOUT = "fast"
RATE = "cells/s"
SUBJECT = f"{N_HASHES} x {MAIN_BITS} bits, {LAYOUT}"


def run(settings: Settings, report: Report) -> None:
    """Index, search end to end, and hold the answers against exact cosine neighbours in the reduced space."""
    report.step("cells")
    base = counted_cells()
    data = f"{base.name}, thinned copies"
    queries = Upsampled(base, settings.n_query_cells, seed=1).matrix()
    cells = Upsampled(base, settings.n, seed=0)
    model, facts = _indexed(cells, settings, report)
    facts += [
        ("genes", float(base.X.shape[1]), ""),
        ("genes selected", float(len(model.genes_)), ""),
        ("non-zeros a query cell", queries.nnz / queries.shape[0], ""),
    ]
    report.step("searching")
    facts += _query_facts(model, queries, base, settings)
    report.step("exact cosine neighbours")
    some = queries[:N_RECALL]
    found = model.search(some, MAIN_K, genes=base.genes)
    points = model.reduce(some, genes=base.genes)
    facts += cosine_facts(model.reduce(cells.chunks()), points, found.ids)
    report.facts(CASE, data, settings.n, SUBJECT, facts)
    _race_one_hash(model, queries[: settings.n_queries], base, data, settings, report)
    if settings.log2n > SMALLEST:
        _small_database(base, queries, data, facts, settings, report)


def _small_database(
    base: BaseCells,
    queries: sparse.csr_matrix,
    data: str,
    large: Facts,
    settings: Settings,
    report: Report,
) -> None:
    """The same queries, and how much longer they take in the large one."""
    cells = Upsampled(base, 1 << SMALLEST, seed=0)
    model, facts = _indexed(cells, settings, report)
    facts += _query_facts(model, queries, base, settings)
    report.facts(CASE, data, cells.n, SUBJECT, facts)
    rate, rate_of_large = (next(value for _, value, unit in some if unit == RATE) for some in (facts, large))
    growth = (f"end to end, 2^{SMALLEST} to 2^{settings.log2n}", rate / rate_of_large, "times")
    report.facts(CASE, data, settings.n, "growth", [growth])


def _indexed(cells: Upsampled, settings: Settings, report: Report) -> tuple[CellFishing, Facts]:
    """An index and its seconds by stage, without those of making the cells, which stands for reading a file."""
    report.step(f"indexing {cells.n:,} cells")
    model = CellFishing(n_bits=MAIN_BITS, n_hashes=N_HASHES, layout=LAYOUT, n_threads=settings.threads)
    start = time.perf_counter()
    model.fit(cells.chunks())
    whole = time.perf_counter() - start
    first, both = (end - made - start for end, made in (cells.passes[0], cells.passes[-1]))
    return model, [
        ("index", whole - cells.seconds, "s"),
        ("  ranges of genes (pass 1)", first, "s"),
        ("  selecting, scaling (pass 2)", both - first, "s"),
        ("  SVD, codes, tables", whole - cells.seconds - both, "s"),
        ("making the cells, not counted", cells.seconds, "s"),
        ("memory", model.nbytes / model.n_cells_, "bytes a cell"),
    ]


def _query_facts(
    model: CellFishing, queries: sparse.csr_matrix, base: BaseCells, settings: Settings
) -> Facts:
    """Throughput from counts to neighbours, and of its stages; medians of the repeats."""
    n, genes, rounds = queries.shape[0], base.genes, settings.limits.rounds
    codes = model.encode(queries, genes=genes)
    facts: Facts = []
    for n_threads in sorted({settings.threads, 1}, reverse=True):
        model.set_params(n_threads=n_threads)
        whole = median_s(lambda: model.search(queries, MAIN_K, genes=genes), rounds)
        facts.append((f"end to end, threads: {n_threads}", n / whole, RATE))
    model.set_params(n_threads=settings.threads)
    reducing = median_s(lambda: model.reduce(queries, genes=genes), rounds)
    encoding = median_s(lambda: model.encode(queries, genes=genes), rounds)
    searching = median_s(lambda: model.search_codes(codes, MAIN_K), rounds)
    return [
        *facts,
        ("  counts to points", 1e3 * reducing / n, "ms a cell"),
        ("  points to codes", 1e3 * (encoding - reducing) / n, "ms a cell"),
        ("  codes to neighbours", 1e3 * searching / n, "ms a cell"),
    ]


def median_s(what: Callable[[], Any], rounds: int) -> float:
    """Seconds of a call, the median of several after one that warms up."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def _race_one_hash(
    model: CellFishing,
    queries: sparse.csr_matrix,
    base: BaseCells,
    data: str,
    settings: Settings,
    report: Report,
) -> None:
    """The codes of the first hash, for all exact contestants."""
    report.step("codes of one hash: building")
    first = model.prefix(1)
    codes = first._indexes[
        0
    ].codes  # what it holds already; encoding a million cells again would take as long
    problem = Problem(CASE, data, "", codes, first.encode(queries, genes=base.genes)[0])
    built = build(EXACT, codes, n_threads=settings.threads)
    report.step("codes of one hash: searching")
    runs = race(built, problem.queries, MAIN_K, n_threads=settings.threads, limits=settings.limits)
    report.race(problem, runs, MAIN_K, settings.threads)
