"""Run a function in a child process with a time and a memory limit.

Whatever the function does - raise, hang, eat the memory, die of a signal - the caller gets an `Outcome` and lives on.
The child is forked from a fork server that has imported the named modules and nothing else: no thread and no lock of
the caller is inherited, and a child starts in milliseconds although torch is loaded.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import psutil

from schash.timing import MEGABYTE

Status = Literal["ok", "failed", "killed", "timeout", "out of memory"]

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """How a child ended: `value` if status is "ok", a one-line `reason` otherwise, `detail` with the traceback."""

    status: Status
    value: Any = None
    reason: str = ""
    detail: str = ""


def run_limited(
    function: Callable[..., Any],
    *args: Any,
    seconds: float | None = None,
    memory_mb: float | None = None,
    modules: Sequence[str] = (),
) -> Outcome:
    """Call `function(*args)` in a child; `function`, `args` and the result must be picklable.

    The fork server imports `modules` before it forks the first child, so that the children need not.

    The memory limit holds for the resident memory of the child and its own children; it is looked at every 50 ms, so
    that a burst may overshoot it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))  # the default would be the caller's main module
    receiver, sender = context.Pipe(duplex=False)
    caller = os.getpid(), psutil.Process().create_time()
    process = context.Process(target=_call, args=(sender, caller, function, args), daemon=False)
    with _main_hidden():
        process.start()
    sender.close()
    try:
        return _watch(process, receiver, seconds, memory_mb)
    finally:
        if process.is_alive():
            _kill_tree(process.pid)
        process.join()
        receiver.close()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep the child from importing the caller's main module.

    A child needs nothing of it, and the main module of a Snakemake job starts by importing Snakemake: a second each.
    """
    main = sys.modules["__main__"]
    path, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    main.__file__, main.__spec__ = None, None
    try:
        yield
    finally:
        main.__file__, main.__spec__ = path, spec


def _end_with(parent: int, started: float) -> None:
    """End this process when its caller is gone: one that was killed cannot do it, and a fold may run for hours."""
    while True:
        time.sleep(1)
        try:
            if psutil.Process(parent).create_time() == started:
                continue
        except psutil.NoSuchProcess:
            pass
        os._exit(1)


def _call(
    sender: Connection, caller: tuple[int, float], function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    threading.Thread(target=_end_with, args=caller, daemon=True).start()
    try:
        outcome = Outcome("ok", value=function(*args))
    except MemoryError as error:
        outcome = Outcome("out of memory", reason=f"MemoryError: {error}", detail=traceback.format_exc())
    except BaseException as error:  # the parent turns whatever it was into a row
        first_line = (str(error).splitlines() or [""])[0]
        outcome = Outcome(
            "failed", reason=f"{type(error).__name__}: {first_line}", detail=traceback.format_exc()
        )
    sender.send(outcome)
    sender.close()


def _watch(process: Any, receiver: Connection, seconds: float | None, memory_mb: float | None) -> Outcome:
    start = time.monotonic()
    while not receiver.poll(POLL_SECONDS):
        if seconds is not None and time.monotonic() - start > seconds:
            return Outcome("timeout", reason=f"took longer than its limit of {seconds:g} s")
        used = _tree_mb(process.pid)
        if memory_mb is not None and used > memory_mb:
            return Outcome(
                "out of memory", reason=f"used {used:.0f} MB, more than its limit of {memory_mb:g} MB"
            )
    try:
        outcome: Outcome = receiver.recv()
    except EOFError:  # the child is gone without a word
        process.join()
        return _died(process.exitcode)
    process.join()
    return outcome


def _died(exitcode: int) -> Outcome:
    if exitcode >= 0:
        return Outcome("killed", reason=f"ended with exit status {exitcode} before it returned a result")
    name = signal.Signals(-exitcode).name
    hint = " (the system may have been out of memory)" if name == "SIGKILL" else ""
    return Outcome("killed", reason=f"was killed by {name}{hint}")


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def _tree_mb(pid: int | None) -> float:
    total = 0
    for process in _family(pid):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def _kill_tree(pid: int | None) -> None:
    for process in _family(pid):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
