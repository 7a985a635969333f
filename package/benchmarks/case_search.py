"""`search`: exact k-NN by difficulty, width, k and threads; approximate peers beside it once."""

from itertools import groupby

from benchmarks.contestants import EXACT, PEERS, build
from benchmarks.race import race
from benchmarks.report import Report
from benchmarks.results import Problem
from benchmarks.settings import Race, Settings, search_races
from benchmarks.simulator import LEVELS, simulated_codes

CASE = "search"
DATA = "simulator"


def run(settings: Settings, report: Report) -> None:
    """Codes are drawn once for each difficulty, indexes built once for each width of them."""
    for level, of_level in groupby(search_races(settings), key=lambda one: one.level):
        races = list(of_level)
        widths = tuple(dict.fromkeys(one.bits for one in races))
        report.step(f"difficulty {level}: codes")
        codes = simulated_codes(LEVELS[level], settings.n, widths)
        queries = simulated_codes(LEVELS[level], settings.n_queries, widths, queries=True)
        for bits in widths:
            problem = Problem(CASE, DATA, level, codes.pop(bits), queries[bits])
            _run_all(problem, [one for one in races if one.bits == bits], settings, report)


def _run_all(problem: Problem, races: list[Race], settings: Settings, report: Report) -> None:
    names = EXACT + (PEERS if any(one.with_peers for one in races) else ())
    report.step(f"difficulty {problem.level}, {problem.codes.n_bits} bits: building")
    built = build(names, problem.codes, n_threads=settings.threads)
    for one in races:
        report.step(f"difficulty {one.level}, {one.bits} bits, k={one.k}, threads: {one.threads}")
        taking_part = [c for c in built if c.is_exact or one.with_peers]
        runs = race(taking_part, problem.queries, one.k, n_threads=one.threads, limits=settings.limits)
        report.race(problem, runs, one.k, one.threads)
