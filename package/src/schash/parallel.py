"""Blocks of queries on several threads; the compiled loops release the interpreter."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

from schash.errors import ConfigError


def check_threads(n_threads: int | None) -> int:
    """How many threads to take: `n_threads`, or as many as numba was given.

    Raises
    ------
    ConfigError
        if n_threads is below 1
    """
    if n_threads is None:
        return int(numba.get_num_threads())
    if n_threads < 1:
        message = f"n_threads must be at least 1, or None for all, got {n_threads}"
        raise ConfigError(message)
    return int(n_threads)


def block_for(n: int, n_threads: int, *, most: int) -> int:
    """Size of a block, at most `most`, such that n give every thread one."""
    return max(1, min(most, -(-n // n_threads)))


def in_blocks(run: Callable[[int, int], None], n: int, *, block: int, n_threads: int) -> None:
    """Call run(start, end) over 0 to n in steps of `block`; blocks are handed out as threads become free."""
    starts = range(0, n, block)
    if n_threads == 1 or len(starts) <= 1:
        for start in starts:
            run(start, min(n, start + block))
        return
    with ThreadPoolExecutor(min(n_threads, len(starts))) as pool:
        for _ in pool.map(lambda start: run(start, min(n, start + block)), starts):
            pass
