"""`growth`: how the time of a search grows with the database, in parts of one set of codes."""

import numpy as np

from benchmarks.contestants import FLAT, build
from benchmarks.race import Limits, race
from benchmarks.report import Report
from benchmarks.results import Problem
from benchmarks.settings import MAIN_BITS, MAIN_K, MAIN_LEVEL, Settings
from benchmarks.simulator import LEVELS, simulated_codes

CASE = "growth"
DATA = "simulator"
SMALLEST = 13
CONTESTANTS = ("multi_fast", "linear", FLAT)
_REPEATS = 4
"""Times as many rounds as elsewhere: searches of small databases are short."""


def run(settings: Settings, report: Report) -> None:
    """The same queries at every size."""
    level = LEVELS[MAIN_LEVEL]
    report.step("codes")
    codes = simulated_codes(level, settings.n, (MAIN_BITS,))[MAIN_BITS]
    queries = simulated_codes(level, settings.n_queries, (MAIN_BITS,), queries=True)[MAIN_BITS]
    limits = Limits(settings.limits.rounds * _REPEATS, settings.limits.budget_s / _REPEATS)
    sizes = [1 << power for power in range(min(SMALLEST, settings.log2n), settings.log2n + 1)]
    milliseconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for n in sizes:
        report.step(f"{n:,} codes")
        problem = Problem(CASE, DATA, MAIN_LEVEL, codes[:n], queries)
        built = build(CONTESTANTS, problem.codes, n_threads=settings.threads)
        runs = race(built, queries, MAIN_K, n_threads=settings.threads, limits=limits)
        report.race(problem, runs, MAIN_K, settings.threads)
        for one in runs:
            milliseconds[one.contestant.name].append(1e3 * one.median_s / len(queries))
    for name, values in milliseconds.items():
        report.facts(CASE, DATA, settings.n, name, growth_facts(sizes, values))


def growth_facts(sizes: list[int], values: list[float]) -> list[tuple[str, float, str]]:
    """Slope of a straight line through log time over log size, and the largest over the smallest database's time."""
    slope = np.polyfit(np.log2(sizes), np.log2(values), 1)[0] if len(sizes) > 1 else np.nan
    return [
        ("log-log slope", float(slope), ""),
        (f"2^{int(np.log2(sizes[0]))} to 2^{int(np.log2(sizes[-1]))}", values[-1] / values[0], "times"),
    ]
