"""`memory`: bytes a cell of four codes of 128 bits, indexed: memory of the very indexes that are timed, and files."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from benchmarks.report import Facts, Report
from benchmarks.settings import MAIN_BITS, MAIN_K, MAIN_LEVEL, Settings
from benchmarks.simulator import LEVELS, simulated_codes
from schash.hamming import BitCodes
from schash.mih import LAYOUTS, Layout, MultiIndex

CASE = "memory"
DATA = "simulator"
N_HASHES = 4
COMPRESSIONS = {"compact": (None, "gzip", "zstd"), "fast": (None, "zstd")}
"""gzip of the fast layout would take as long as all the rest."""


def run(settings: Settings, report: Report) -> None:
    """Both layouts; codes and indexes alike count."""
    report.step("codes")
    level = LEVELS[MAIN_LEVEL]
    seeds = range(N_HASHES)
    codes = [simulated_codes(level, settings.n, (MAIN_BITS,), hash_seed=seed)[MAIN_BITS] for seed in seeds]
    queries = [
        simulated_codes(level, settings.n_queries, (MAIN_BITS,), hash_seed=seed, queries=True)[MAIN_BITS]
        for seed in seeds
    ]
    for layout in LAYOUTS:
        report.step(f"layout {layout}: building")
        start = time.perf_counter()
        indexes = [MultiIndex(of_hash, layout=layout) for of_hash in codes]
        facts: Facts = [
            ("index", time.perf_counter() - start, "s"),
            ("memory", sum(index.nbytes for index in indexes) / settings.n, "bytes a cell"),
            ("search", _search_ms(indexes, queries, settings), "ms a query"),
        ]
        report.step(f"layout {layout}: files")
        facts += _file_facts(indexes, layout, settings.n)
        report.facts(CASE, DATA, settings.n, f"{layout}, {N_HASHES} x {MAIN_BITS} bits", facts)


def _search_ms(indexes: Sequence[MultiIndex], queries: Sequence[BitCodes], settings: Settings) -> float:
    """Median time of a search of all indexes, one after the other."""
    seconds = []
    for _ in range(settings.limits.rounds + 1):  # the first warms up
        start = time.perf_counter()
        for index, of_hash in zip(indexes, queries, strict=True):
            index.search(of_hash, MAIN_K, n_threads=settings.threads)
        seconds.append(time.perf_counter() - start)
    return 1e3 * float(np.median(seconds[1:])) / settings.n_queries


def _file_facts(indexes: Sequence[MultiIndex], layout: Layout, n: int) -> Facts:
    facts: Facts = []
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.schash" for i in range(len(indexes))]
        for compression in COMPRESSIONS[layout]:
            start = time.perf_counter()
            for index, path in zip(indexes, paths, strict=True):
                index.save(path, compression=cast(Any, compression))
            saved = time.perf_counter()
            n_bytes = sum(path.stat().st_size for path in paths)
            for path in paths:
                MultiIndex.load(path)
            name = compression or "plain"
            facts += [
                (f"file, {name}", n_bytes / n, "bytes a cell"),
                (f"save, {name}", saved - start, "s"),
                (f"load, {name}", time.perf_counter() - saved, "s"),
            ]
    return facts
