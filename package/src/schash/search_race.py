"""Indexes of the same codes search the same queries in turns, and are held against the linear scan among them."""

import time

import numpy as np

from schash.code_databases import EXACT, FAISS, LINEAR, Codes, Hasher, first_rows, recall
from schash.neighbors import Neighbors
from schash.timing_table import MILLION, TM_CELLS, Scores, sized

K = 10
QUERY, SEARCH, ENCODE, BUILD = "query_ms", "search_ms", "encode_ms", "build_s"
BYTES, D10, RECALL, IDENTICAL = "bytes_per_cell", "d10", "recall_of_linear_scan", "same_as_linear_scan"
ROUNDS = 5
BUDGET_S = 3.0
"""An index sits the later rounds out once it took this long."""
N_WARM_UP = 128


def race(
    hasher: Hasher, codes: Codes, queries: Codes, n: int, encode_ms: float, scores: Scores
) -> dict[str, float]:
    """Build all indexes, let them search in turns, and say what came out. Returns the seconds of a search of each."""
    threads, n_queries = scores.common["threads"], len(queries[0])
    built, found = {}, {}
    for index in hasher.indexes:
        start = time.perf_counter()
        built[index] = hasher.build(index, codes)
        scores.add(sized(BUILD, n, index), time.perf_counter() - start, n)
        built[index].search(first_rows(queries, N_WARM_UP), K, threads)
    seconds: dict[str, list[float]] = {index: [] for index in built}
    for number in range(ROUNDS):
        for index in np.roll(list(built), -number):
            if seconds[index] and sum(seconds[index]) + seconds[index][-1] > BUDGET_S:
                continue
            start = time.perf_counter()
            found[index] = built[index].search(queries, K, threads)
            seconds[index].append(time.perf_counter() - start)
    medians = {index: float(np.median(of_index)) for index, of_index in seconds.items()}
    for index, database in built.items():
        own = index == hasher.indexes[0]
        search_ms = 1e3 * medians[index] / n_queries
        add_number(scores, SEARCH, n, search_ms, index, own)
        add_number(scores, QUERY, n, encode_ms + search_ms, index, own)
        add_number(scores, BYTES, n, database.nbytes / n, index, own)
        add_number(scores, D10, n, float(found[index].distances[:, -1].mean()), index, own)
        add_number(scores, RECALL, n, recall(found[index], found[LINEAR]), index, own)
        if index in EXACT:
            scores.add(sized(IDENTICAL, n, index), float(_same(found[index], found[LINEAR], index)), n)
    return medians


def add_number(scores: Scores, name: str, n: int, value: float, index: str, own: bool) -> None:
    """A number of one index at one size, and under the names that the paper's numbers have where it is the method's own
    index at one of their sizes."""
    scores.add(sized(name, n, index), value, n)
    if own and n == TM_CELLS:
        scores.add(name, value, n)
    if own and n == MILLION:
        scores.add(f"{name}_at_1m", value, n)


def _same(found: Neighbors, exact: Neighbors, index: str) -> bool:
    """Equal to the last id; faiss orders equal distances in a way of its own."""
    ids = index == FAISS or np.array_equal(found.ids, exact.ids)
    return bool(ids and np.array_equal(found.distances, exact.distances))
