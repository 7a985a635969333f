"""What a format must bring, and how one input of it is made and judged."""

import gc
import shutil
import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from schash.errors import SchashError

TRIES = 20
MAKING = "making, try"
"""Stands in current.txt before what is made; a child that ends then died of writing, not of reading."""
LONGEST_MESSAGE = 4000
"""Characters: what is longer floods a terminal and explains nothing."""


class WrongAnswerError(Exception):
    """An input was accepted and read as something else than it holds."""


@dataclass(frozen=True)
class Made:
    """An input.

    path : file or folder
    how : what was changed
    same : the change leaves the content alone
    words : of which a refusal must hold one; by default the name of the file
    """

    path: Path
    how: str
    same: bool = False
    words: tuple[str, ...] = ()


class Format(Protocol):
    """A file format under test."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Write the valid files once."""

    def load(self, folder: Path) -> None:
        """Read what `prepare` wrote, in every child process."""

    def make(self, rng: np.random.Generator, folder: Path) -> Made:
        """Draw one input."""

    def judge(self, made: Made) -> str:
        """Read it; a word for how it was accepted. Raises SchashError (refused) or WrongAnswerError."""


@dataclass(frozen=True)
class Outcome:
    """How one input ended: "accepted", "refused", or a failure and its details."""

    number: int
    how: str
    status: str
    detail: str = ""


def run_case(form: Format, seed: int, number: int, folder: Path, *, first_try: int = 0) -> Outcome:
    """Make and judge one input in an empty folder of its own."""
    made = _made(form, seed, number, folder, first_try)
    (folder.parent / "current.txt").write_text(made.how, errors="backslashreplace")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        status, detail = _judged(lambda: form.judge(made), made)
    gc.collect()  # errors hold on to what was read
    if caught and not status.startswith("failed"):
        first = caught[0]
        status = "failed: warning"
        detail = f"{first.category.__name__}: {first.message} ({first.filename}:{first.lineno})"
    return Outcome(number, made.how, status, detail)


def _made(form: Format, seed: int, number: int, folder: Path, first_try: int) -> Made:
    """An input; what the writers of odd files refuse to write is drawn anew."""
    key = [seed, zlib.crc32(form.name.encode()), number]
    for again in range(first_try, TRIES):
        (folder.parent / "current.txt").write_text(f"{MAKING} {again}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return form.make(np.random.default_rng([*key, again]), folder)
            except Exception as error:
                last = error
    message = f"{form.name}: no input could be made of {key}"
    raise RuntimeError(message) from last


def _judged(judge: Callable[[], str], made: Made) -> tuple[str, str]:
    try:
        return "accepted", judge()
    except SchashError as error:
        fault = message_fault(error, *(made.words or (made.path.name,)))
        return ("failed: message", f"{fault}: {error!r:.500}") if fault else ("refused", str(error))
    except WrongAnswerError as error:
        return "failed: wrong answer", str(error)
    except Exception as error:
        return f"failed: {type(error).__name__}", traceback.format_exc()


def message_fault(error: SchashError, *words: str) -> str | None:
    """What is wrong with a message: it must name the file, be of a length to read, and be text to print."""
    text = str(error)
    if not any(word in text for word in words):
        return f"does not name {' or '.join(words)}"
    if len(text) > LONGEST_MESSAGE:
        return f"has {len(text)} characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "cannot be printed"
    return None


def attempt(function: Callable[[], Any], path: Path) -> Any:
    """What a reader returns, or its refusal; a refusal with a bad message is a failure of its own."""
    try:
        return function()
    except SchashError as error:
        fault = message_fault(error, path.name)
        if fault:
            message = f"message {fault}: {error!r:.500}"
            raise WrongAnswerError(message) from error
        return error


def require(right: bool, what: str) -> None:
    """Raise `WrongAnswerError` unless `right`."""
    if not right:
        raise WrongAnswerError(what)
