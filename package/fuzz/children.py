"""Inputs are judged in a child process, in batches; what kills the child is a failure of one input, and the next goes on.

The child is forked from this process, which has imported everything and run nothing, so that no thread is lost. Its
memory may grow by `MEMORY_MB` over what it takes with the libraries loaded and the valid files read once.
"""

import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzz.cases import Format, Outcome, run_case

SECONDS = 10.0
MEMORY_MB = 1024
START_SECONDS = 300.0
"""For the libraries and the valid files; compiled loops may have to be compiled first."""


def outcomes(form: Format, seed: int, numbers: range, folder: Path) -> Iterator[Outcome]:
    """Judge the inputs of these numbers one after the other, in as few children as survive."""
    todo = list(numbers)
    folder.mkdir(parents=True, exist_ok=True)
    while todo:
        done = 0
        for outcome in _of_child(form, seed, todo, folder):
            done += 1
            yield outcome
        todo = todo[done:]


def _of_child(form: Format, seed: int, numbers: list[int], folder: Path) -> Iterator[Outcome]:
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(form, seed, numbers, folder, writer)
    os.close(writer)
    ended: str | None = None
    n_done, begun = 0, False
    with os.fdopen(reader, "rb") as pipe:
        limit = START_SECONDS
        while n_done < len(numbers):
            line = _line(pipe, limit)
            if not line:
                ended = f"took more than {limit:g} s" if line is None else "died"
                break
            message = json.loads(line)
            if message == "begun":
                begun, limit = True, SECONDS
                continue
            yield Outcome(**message)
            n_done += 1
    if ended is None or ended != "died":
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not begun:
        message = f"{form.name}: the valid files themselves are not read: {ended}"
        raise RuntimeError(message)
    if ended is not None:
        how = (folder / "current.txt").read_text()
        signalled = os.WIFSIGNALED(status) and ended == "died"
        reason = signal.Signals(os.WTERMSIG(status)).name if signalled else ended
        outcome = Outcome(numbers[n_done], how, f"failed: {'crash' if ended == 'died' else 'hang'}", reason)
        keep(folder, outcome)
        yield outcome


def _line(pipe: Any, seconds: float) -> bytes | None:
    """The next line, b"" at the end of the pipe, None where nothing came in time."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    return pipe.readline() if ready else None


def _child(form: Format, seed: int, numbers: list[int], folder: Path, writer: int) -> None:
    """Never returns."""
    try:
        valid = folder / "valid"
        if not (folder / "prepared").exists():
            shutil.rmtree(valid, ignore_errors=True)
            valid.mkdir()
            form.prepare(valid)
            (folder / "prepared").touch()
        form.load(valid)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory()
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            pipe.write(b'"begun"\n')
            for number in numbers:
                outcome = run_case(form, seed, number, _emptied(folder / "input"))
                if outcome.status.startswith("failed"):
                    keep(folder, outcome)
                pipe.write(json.dumps(asdict(outcome)).encode() + b"\n")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def keep(folder: Path, outcome: Outcome) -> None:
    """Put the failing input aside, with what is wrong."""
    kept = folder / "failures" / str(outcome.number)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder / "input", kept, symlinks=True)
    (kept / "failure.txt").write_text(
        f"{outcome.status}\n{outcome.how}\n{outcome.detail}\n", errors="backslashreplace"
    )


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _limit_memory() -> None:
    """Anything private and writable counts, touched or not."""
    used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    limit = int(used.split()[1]) * 1024 + MEMORY_MB * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
