"""A fixed piece of work whose seconds say how fast the machine is today: the unit that times are compared in.

Three kernels on one thread, in the proportions of what the benchmark does: a scan of packed codes (compiled loops), a
sparse product (memory), and plain Python (dictionaries). They take turns, and the shortest time of each counts, since
whatever else the machine does only adds to it. The work must never change: an edit makes every older time incomparable.
"""

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from schash._calibration_kernels import nearest_of_all
from schash.tables import EXPERIMENT_COLUMNS, conform
from schash.timing import measured

CALIBRATION = "calibration"
"""What its rows have for an experiment; the kernels are its methods."""
METRIC = "calibration_s"
REPEATS = 8


def hamming_scan(n_codes: int = 1 << 14, n_queries: int = 1 << 10) -> Callable[[], int]:
    """Distances of 128-bit codes, each query to all of them."""
    rng = np.random.default_rng(1)
    codes, queries = (rng.integers(0, 2**64, (n, 2), dtype=np.uint64) for n in (n_codes, n_queries))
    return lambda: nearest_of_all(codes, queries)


def sparse_product(n_rows: int = 3000, n_columns: int = 5000) -> Callable[[], np.ndarray]:
    """A tenth-full matrix by a dense one of 50 columns."""
    rng = np.random.default_rng(2)
    X: Any = sparse.random_array((n_rows, n_columns), density=0.1, format="csr", dtype=np.float32, rng=rng)
    dense = rng.random((n_columns, 50), dtype=np.float32)
    return lambda: X @ dense


def plain_python(n: int = 250_000) -> Callable[[], int]:
    """A dictionary of counts, word by word."""

    def count() -> int:
        counts: dict[int, int] = {}
        state = 1
        for _ in range(n):
            state = state * 48271 % 2147483647
            key = state % 1009
            counts[key] = counts.get(key, 0) + 1
        return max(counts.values())

    return count


KERNELS: dict[str, Callable[[], Callable[[], Any]]] = {
    "hamming_scan": hamming_scan,
    "sparse_product": sparse_product,
    "plain_python": plain_python,
}


def calibrate(suite: str, seed: int, *, repeats: int = REPEATS) -> pd.DataFrame:
    """EXPERIMENT_COLUMNS: one row a kernel, the shortest seconds of `repeats`. Threads must have been pinned to 1."""
    works = {name: make() for name, make in KERNELS.items()}
    rounds = [{name: _seconds(work) for name, work in works.items()} for _ in range(repeats + 1)]
    best = pd.DataFrame(rounds[1:]).min()  # the first one compiles, and fills the caches
    rows = [{"method": name, "value": best[name], "n": repeats} for name in works]
    common: dict[str, Any] = {
        **dict.fromkeys(("dataset", "stand_in", "scheme", "preset", "variant", "reason"), ""),
        **dict.fromkeys(("fit_s", "predict_s", "peak_mb"), np.nan),
        "suite": suite,
        "experiment": CALIBRATION,
        "seed": seed,
        "fold": "0",
        "metric": METRIC,
        "status": "ok",
        "threads": 1,
        "host": platform.node(),
    }
    return conform(pd.DataFrame(rows).assign(**common), EXPERIMENT_COLUMNS, name=CALIBRATION)


def _seconds(work: Callable[[], Any]) -> float:
    with measured() as clock:
        work()
    return clock.seconds
