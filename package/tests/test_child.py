"""Children with limits: whatever they do, the caller gets a status and a reason."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
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


def write_pid_and_sleep(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


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


def test_a_child_ends_when_its_caller_is_killed(tmp_path):
    """The caller is killed with SIGKILL, so that none of its own clean-up runs."""
    script = f"""
import os, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from schash.child import run_limited
from test_child import write_pid_and_sleep
run_limited(write_pid_and_sleep, {str(tmp_path / "pid")!r})
"""
    caller = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    child = psutil.Process(int((tmp_path / "pid").read_text()))
    caller.kill()
    caller.wait()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone
    assert not alive
