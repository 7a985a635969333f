"""The clock. Contestants search the same queries one after the other, round after round, so that whatever else the
machine does meets all of them; the first of a round is another each time. Every repeat is kept, and every answer is
held against faiss's exact one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.contestants import FLAT, Contestant
from benchmarks.machine import OtherWork
from schash.hamming import BitCodes
from schash.neighbors import Neighbors

_WARM_UP = 128
"""Queries of an untimed search: kernels are compiled, or read from the cache, and tables are in memory."""


@dataclass(frozen=True)
class Limits:
    """How often each contestant runs: `rounds` times, or until it took `budget_s` seconds, but at least once."""

    rounds: int
    budget_s: float


@dataclass(eq=False)
class Run:
    """What one contestant did.

    seconds : of each repeat
    n_unequal : repeats whose distances were not faiss's
    other_cores : that other processes kept busy during the race
    """

    contestant: Contestant
    seconds: list[float] = field(default_factory=list)
    n_unequal: int = 0
    other_cores: float = 0.0
    answer: Neighbors | None = None

    @property
    def median_s(self) -> float:
        return float(np.median(self.seconds))


def race(
    contestants: Sequence[Contestant], queries: BitCodes, k: int, *, n_threads: int, limits: Limits
) -> list[Run]:
    """Let all search; one of them must be faiss's flat index.

    A contestant that has used up its time sits the later rounds out.
    """
    runs = [Run(contestant) for contestant in contestants]
    yardstick = next(run for run in runs if run.contestant.name == FLAT)
    exact = yardstick.contestant.search(queries, k, n_threads).distances
    for run in runs:
        run.contestant.search(queries[: min(_WARM_UP, len(queries))], k, n_threads)
    others = OtherWork()
    for number in range(limits.rounds):
        shift = number % len(runs)
        for run in runs[shift:] + runs[:shift]:
            if run.seconds and sum(run.seconds) + run.seconds[-1] > limits.budget_s:
                continue
            start = time.perf_counter()
            run.answer = run.contestant.search(queries, k, n_threads)
            run.seconds.append(time.perf_counter() - start)
            run.n_unequal += not np.array_equal(run.answer.distances, exact)
    for run in runs:
        run.other_cores = others.cores()
    return runs


def recall(distances: np.ndarray, exact: np.ndarray) -> float:
    """Mean share of the k answers that are as near as the exact k-th: of equal distances, any will do."""
    found = (distances >= 0) & (distances <= exact[:, -1:])
    return float(found.mean()) if found.size else 1.0
