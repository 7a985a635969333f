"""How much is measured: by default a thinned grid, about 20 minutes on two quiet cores; `full` leaves nothing out."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.race import Limits
from benchmarks.simulator import LEVELS

ALL_BITS = (64, 128, 256, 512)
MAIN_BITS = 128
MAIN_K = 10
MAIN_LEVEL = "13"
"""The setting that every other varies in one respect."""


_LIMITS = Limits(rounds=5, budget_s=20.0)


@dataclass(frozen=True)
class Settings:
    """Sizes of a run.

    log2n : of the largest database
    threads : of the main setting, and the most that anything takes
    n_encoded : cells that a trained network encodes (their codes are then drawn with replacement)
    """

    log2n: int = 20
    n_queries: int = 2000
    n_query_cells: int = 10_000
    n_encoded: int = 1 << 17
    threads: int = 2
    limits: Limits = _LIMITS
    full: bool = False
    quick: bool = False

    @property
    def n(self) -> int:
        return 1 << self.log2n


QUICK = Settings(
    log2n=14,
    n_queries=500,
    n_query_cells=1000,
    n_encoded=1 << 12,
    limits=Limits(rounds=3, budget_s=1.0),
    quick=True,
)


@dataclass(frozen=True)
class Race:
    """One combination of the search case."""

    level: str
    bits: int
    k: int
    threads: int
    with_peers: bool = False


def search_races(settings: Settings) -> Iterator[Race]:
    """Combinations of the search case, those in the same codes one after the other, k = 10 first."""
    for level in LEVELS:
        for bits in ALL_BITS:
            for threads in sorted({settings.threads, 1}, reverse=True):
                for k in (MAIN_K, 1, 100):
                    if settings.full or _is_kept(settings, level, bits, k, threads):
                        is_main = (bits, k, threads) == (MAIN_BITS, MAIN_K, settings.threads)
                        yield Race(level, bits, k, threads, is_main and level == MAIN_LEVEL)


def _is_kept(settings: Settings, level: str, bits: int, k: int, threads: int) -> bool:
    """Every difficulty at 128 bits; other widths, k and single threads at a few."""
    many = threads == settings.threads
    if settings.quick:
        kept = {
            (MAIN_BITS, MAIN_K, True): (MAIN_LEVEL, "25", "uniform"),
            (MAIN_BITS, MAIN_K, False): (MAIN_LEVEL,),
            (MAIN_BITS, 1, True): (MAIN_LEVEL,),
            (256, MAIN_K, True): (MAIN_LEVEL,),
        }
    else:
        kept = {
            (MAIN_BITS, MAIN_K, True): tuple(LEVELS),
            (MAIN_BITS, MAIN_K, False): (MAIN_LEVEL, "25"),
            (MAIN_BITS, 1, True): (MAIN_LEVEL, "25"),
            (MAIN_BITS, 100, True): (MAIN_LEVEL, "25"),
            (64, MAIN_K, True): (MAIN_LEVEL, "25"),
            (256, MAIN_K, True): (MAIN_LEVEL, "21", "25"),
            (256, MAIN_K, False): (MAIN_LEVEL,),
            (512, MAIN_K, True): (MAIN_LEVEL, "25"),
        }
    return level in kept.get((bits, k, many), ())
