"""Inputs are judged in a child process; what kills the child is a failure of one input, and a next child goes on.

The child is forked from this process, which has imported everything and run nothing, so that no thread is lost. Its
memory may grow by `MEMORY_MB` over what it takes with the libraries loaded and the valid files read once.
"""

import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fuzz.cases import MAKING, Format, Outcome, run_case

SECONDS = 10.0
MEMORY_MB = 1024
RESERVED = 4
"""Times as much may be asked for and not touched: threads and buffers that grow."""
START_SECONDS = 300.0
"""For the libraries and the valid files; compiled loops may have to be compiled first."""


def outcomes(form: Format, seed: int, numbers: range, folder: Path) -> Iterator[Outcome]:
    """Judge the inputs of these numbers one after the other, in as few children as survive."""
    todo, first_try = list(numbers), 0
    folder.mkdir(parents=True, exist_ok=True)
    while todo:
        ended = None
        child = _Child(form, seed, todo, folder, first_try)
        first_try = 0
        for message in child.messages():
            ended = message if isinstance(message, str) else None
            if isinstance(message, Outcome):
                todo = todo[1:]
                yield message
        if ended is None:
            continue
        how = (folder / "current.txt").read_text()
        if how.startswith(MAKING):  # the library that writes odd files died of it: the next try
            first_try = int(how.removeprefix(MAKING)) + 1
            continue
        kind = "crash" if ended.startswith("died") else "hang"
        outcome = Outcome(todo[0], how, f"failed: {kind}", ended)
        keep(folder, outcome)
        todo = todo[1:]
        yield outcome


class _Child:
    """A process that judges inputs until it is through or dies."""

    def __init__(self, form: Format, seed: int, numbers: list[int], folder: Path, first_try: int) -> None:
        self._name, self._n = form.name, len(numbers)
        reader, writer = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            _child(form, seed, numbers, folder, writer, first_try)
        os.close(writer)
        self._pipe = os.fdopen(reader, "rb")

    def messages(self) -> Iterator[Outcome | str]:
        """Outcomes, and at last how the child ended where it was not through."""
        limit, begun = START_SECONDS, False
        while (line := _line(self._pipe, limit)) and self._n:
            message = json.loads(line)
            if message == "begun":
                begun, limit = True, SECONDS
                continue
            self._n -= 1
            yield Outcome(**message)
        if line is None:
            os.kill(self._pid, signal.SIGKILL)
        self._pipe.close()
        _, status = os.waitpid(self._pid, 0)
        if not begun:
            message = f"{self._name}: the valid files themselves are not read"
            raise RuntimeError(message)
        if line is None:
            yield f"took more than {limit:g} s"
        elif self._n:
            yield "died: " + (
                signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status}"
            )


def _line(pipe: Any, seconds: float) -> bytes | None:
    """The next line, b"" at the end of the pipe, None where nothing came in time."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    return pipe.readline() if ready else None


def _child(form: Format, seed: int, numbers: list[int], folder: Path, writer: int, first_try: int) -> None:
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
        gc.freeze()  # so that a collection after each input looks at that input alone
        _limit_memory()
        start_mb = _memory_mb("VmRSS")
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            pipe.write(b'"begun"\n')
            for number in numbers:
                Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here
                outcome = run_case(form, seed, number, folder / "input", first_try=first_try)
                first_try = 0
                if (peak := _memory_mb("VmHWM") - start_mb) > MEMORY_MB:
                    outcome = replace(
                        outcome, status="failed: memory", detail=f"{peak:.0f} MB; {outcome.status}"
                    )
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


def _limit_memory() -> None:
    """What is only reserved and not touched costs nothing, but must end somewhere."""
    limit = int((_memory_mb("VmData") + RESERVED * MEMORY_MB) * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _memory_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
