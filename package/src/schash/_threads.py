"""How many threads the compiled loops take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba

from schash.errors import ConfigError
from schash.parallel import check_threads, in_blocks

BLOCK = 512
"""Cells that a thread takes at a time."""


@contextmanager
def numba_threads(n_threads: int | None) -> Iterator[None]:
    """Let compiled loops take `n_threads` inside the block; then as before.

    None leaves the number as it is: all cores, unless the process was given fewer (`schash.timing.pin_threads`). More
    threads than numba has are as many as it has.
    """
    if n_threads is not None and n_threads < 1:
        message = f"n_threads must be at least 1, or None for all, got {n_threads}"
        raise ConfigError(message)
    before = numba.get_num_threads()
    if n_threads is not None:
        most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(min(n_threads, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def share_out(run: Callable[[int, int], None], n: int, *, block: int = BLOCK) -> None:
    """Call run(start, end) over 0 to n on as many threads as numba is set to; few rows stay on this one."""
    in_blocks(run, n, block=block, n_threads=check_threads(None))
