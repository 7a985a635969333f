"""`shards`: a million cells hashed and searched in parts, and merged to what one index of them all gives."""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.case_cellfishing import N_HASHES, median_s
from benchmarks.cells import counted_cells
from benchmarks.report import Facts, Report
from benchmarks.settings import MAIN_BITS, MAIN_K, Settings
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.hamming import BitCodes
from schash.neighbors import Neighbors
from schash.shards import Nominations, merge_nominations
from schash.upsampling import BLOCK_ROWS, Upsampled

CASE = "shards"
LOG2_LEARNED = 16
"""Cells that genes, statistics and singular vectors are learned from."""
N_SHARDS = 8
MANY = 100
"""Shards of the merge that is timed apart: a hundred million cells, a million a shard."""
LAYOUT = "compact"


@dataclass(frozen=True, eq=False)
class Shard:
    """A database of some of the cells. hashed_s : from counts to codes and tables, without making the cells"""

    model: CellFishing
    hashed_s: float


def run(settings: Settings, report: Report) -> None:
    """One index of all cells and several of parts of them, of the same hashes: their costs, and that they agree."""
    report.step("cells")
    base = counted_cells()
    data = f"{base.name}, thinned copies"
    cells = Upsampled(base, settings.n, seed=0)
    queries = Upsampled(base, settings.n_query_cells, seed=1).matrix()
    report.step("learning")
    first = CellFishing(n_bits=MAIN_BITS, n_hashes=N_HASHES, layout=LAYOUT, n_threads=settings.threads)
    start = time.perf_counter()
    first.fit(Upsampled(base, min(settings.n, 1 << LOG2_LEARNED), seed=0).chunks())
    learned_s = time.perf_counter() - start
    codes = first.encode(queries, genes=base.genes)
    report.step("one index of all")
    whole = hash_part(first, cells, 0, settings.n)
    found = whole.model.search_codes(codes, MAIN_K)
    one = _costs([whole], codes, settings)
    report.facts(CASE, data, settings.n, "1 shard", [("learning", learned_s, "s"), *one])
    del whole
    n_shards = min(N_SHARDS, settings.n // BLOCK_ROWS)
    size = settings.n // n_shards
    shards = []
    for number in range(n_shards):
        report.step(f"shard {number + 1} of {n_shards}")
        shards.append(hash_part(first, cells, number * size, size))
    several = _costs(shards, codes, settings)
    if not _same(_merged([shard.model.nominate(codes, MAIN_K) for shard in shards], size), found):
        message = f"{n_shards} shards of {settings.n:,} cells, merged, answer otherwise than one index"
        raise DataError(message)
    facts = [*several, *_merge_costs(shards, codes, size, settings)]
    report.facts(CASE, data, settings.n, f"{n_shards} shards", facts)


def hash_part(first: CellFishing, cells: Upsampled, begin: int, n: int) -> Shard:
    """A database of n cells from `begin` on, hashed as those of `first`."""

    def read(start: int, stop: int) -> object:
        return cells.read(begin + start, begin + stop)

    chunks = CellChunks(read, (n, cells.base.X.shape[1]), genes=cells.base.genes, chunk_rows=BLOCK_ROWS)
    start, made = time.perf_counter(), cells.seconds
    model = first.same_hashes_over(chunks)
    return Shard(model, time.perf_counter() - start - (cells.seconds - made))


def _costs(shards: list[Shard], codes: list[BitCodes], settings: Settings) -> Facts:
    """Sums over the shards; a search is of codes, as workers are sent them."""
    n_queries, rounds = len(codes[0]), settings.limits.rounds
    facts: Facts = [
        ("hashing", sum(shard.hashed_s for shard in shards), "s"),
        ("memory", sum(shard.model.nbytes for shard in shards) / settings.n, "bytes a cell"),
    ]
    for n_threads in sorted({settings.threads, 1}, reverse=True):
        spent = 0.0
        for shard in shards:
            shard.model.set_params(n_threads=n_threads)
            spent += median_s(partial(shard.model.nominate, codes, MAIN_K), rounds)
        facts.append((f"search, threads: {n_threads}", 1e3 * spent / n_queries, "ms a query"))
    return facts


def _merge_costs(shards: list[Shard], codes: list[BitCodes], size: int, settings: Settings) -> Facts:
    answers = [shard.model.nominate(codes, MAIN_K) for shard in shards]
    rounds, n_queries = settings.limits.rounds, len(codes[0])
    many = [answers[i % len(answers)] for i in range(MANY)]
    few_s = median_s(lambda: _merged(answers, size), rounds)
    many_s = median_s(lambda: _merged(many, size), rounds)
    sent = sum(array.nbytes for array in (answers[0].ids, answers[0].distances, answers[0].totals))
    return [
        ("merging", 1e3 * few_s / n_queries, "ms a query"),
        (f"merging {MANY} shards", 1e3 * many_s / n_queries, "ms a query"),
        ("answer of a shard", sent / n_queries, "bytes a query"),
    ]


def _merged(answers: list[Nominations], size: int) -> Neighbors:
    return merge_nominations(answers, [number * size for number in range(len(answers))]).nearest()


def _same(one: Neighbors, other: Neighbors) -> bool:
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.distances, other.distances)
