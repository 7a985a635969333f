"""Children with limits: whatever they do, the caller gets a status and a reason."""

import os
import signal
import sys
import time

import numpy as np
import pytest

from schash.child import run_limited


def add(a, b):
    return a + b


def fail():
    message = "two words\nand a second line"
    raise KeyError(message)


def sleep():
    time.sleep(60)


def eat():
    held = []
    while True:
        held.append(np.ones(4_000_000))
        time.sleep(0.01)


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


def say_out_of_memory():
    raise MemoryError


def main_file():
    return getattr(sys.modules["__main__"], "__file__", None)


def test_a_value_comes_back():
    outcome = run_limited(add, 2, 3)
    assert (outcome.status, outcome.value, outcome.reason) == ("ok", 5, "")


@pytest.mark.parametrize(
    ("function", "limits", "status", "words"),
    [
        (fail, {}, "failed", "KeyError: 'two words"),
        (sleep, {"seconds": 0.4}, "timeout", "longer than its limit of 0.4 s"),
        (eat, {"memory_mb": 600, "seconds": 30}, "out of memory", "more than its limit of 600 MB"),
        (kill_itself, {}, "killed", "killed by SIGKILL"),
        (leave, {}, "killed", "exit status 3"),
        (say_out_of_memory, {}, "out of memory", "MemoryError"),
    ],
)
def test_every_bad_end_has_a_status_and_a_reason(function, limits, status, words):
    start = time.monotonic()
    outcome = run_limited(function, **limits)
    assert outcome.status == status
    assert words in outcome.reason
    assert "\n" not in outcome.reason
    assert time.monotonic() - start < 20


def test_the_traceback_is_kept():
    assert "in fail" in run_limited(fail).detail


def test_the_callers_main_module_is_not_imported():
    assert main_file() is not None
    assert run_limited(main_file).value is None
