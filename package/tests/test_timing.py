"""Clock, memory and threads of one operation."""

import os
import time

import numpy as np
import pytest

from schash.child import run_limited
from schash.timing import available_cores, available_threads, measured, pin_threads


def test_seconds_and_peak_memory_of_a_block():
    with measured() as small:
        time.sleep(0.05)
    with measured() as large:
        held = np.ones(30_000_000)  # 229 MiB
    assert held.sum() == 30_000_000
    assert 0.04 < small.seconds < 2
    assert large.peak_mb > small.peak_mb + 200


def test_a_measurement_stands_even_if_the_block_fails():
    with pytest.raises(KeyError), measured() as result:  # noqa: PT012
        time.sleep(0.01)
        raise KeyError
    assert result.seconds > 0


def test_more_threads_than_cores_are_not_asked_for(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    assert pin_threads(available_cores() + 7) == available_cores()
    assert pin_threads(1) == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert available_threads() == 1
    pin_threads(available_cores())
    assert available_threads() == available_cores()


@pytest.mark.parametrize("unset", ["", "0", "many"])
def test_without_pinned_threads_all_cores_are_available(monkeypatch, unset):
    monkeypatch.setenv("OMP_NUM_THREADS", unset)
    assert available_threads() == available_cores()


def pinned_threads():
    """Threads of every library in a process that pins one, after numba and torch have worked."""
    import numba
    import threadpoolctl
    import torch

    pin_threads(1)
    torch.ones(300, 300) @ torch.ones(300, 300)
    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return {"torch": {torch.get_num_threads()}, "numba": {numba.get_num_threads()}, "pools": set(pools)}


def test_a_forked_child_uses_no_more_threads_than_it_was_told():
    modules = ["torch", "numba", "sklearn", "threadpoolctl"]
    outcome = run_limited(pinned_threads, modules=modules)
    assert outcome.value == {"torch": {1}, "numba": {1}, "pools": {1}}, outcome
