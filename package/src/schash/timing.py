"""Wall time and peak memory of one operation. The clock sits outside whatever is timed."""

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass
class Measurement:
    """Seconds of wall time, and the highest resident memory of the process meanwhile in MiB."""

    seconds: float = float("nan")
    peak_mb: float = float("nan")


@contextmanager
def measured() -> Iterator[Measurement]:
    """Measure the block.

    Peak memory is the resident set of the whole process, data included. Linux lets a process reset its high-water
    mark, so that the peak belongs to the block; elsewhere it is the highest since the process started, which for the
    first operation of a fresh child is the same.
    """
    _reset_peak()
    result = Measurement()
    start = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - start
        result.peak_mb = peak_mb()


def _reset_peak() -> None:
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return


def peak_mb() -> float:
    """High-water mark of the resident memory of this process, in MiB."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_threads() -> int:
    """Threads that a library with an argument of its own should be told to use: what was pinned, or all cores."""
    pinned = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(pinned), available_cores()) if pinned.isdigit() and int(pinned) else available_cores()


def pin_threads(n_threads: int) -> int:
    """Let every numeric library of this process use `n_threads`, or as many cores as there are; return the number.

    Call it before the first of them does any work.
    """
    n_threads = min(n_threads, available_cores())
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    # numba refuses another number in its variable once its threads run. It comes first: starting them in a forked
    # process sets the OpenMP library that torch may share with it to numba's own number
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(n_threads)
    if "threadpoolctl" in sys.modules:
        sys.modules["threadpoolctl"].threadpool_limits(n_threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n_threads)
    return n_threads
