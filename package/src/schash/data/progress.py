"""How far a transfer is: a bar on a terminal, a line now and then in a log."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from schash.data.sizes import in_words

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15.0

Report = Callable[[str], None]


@contextmanager
def meter(
    name: str, *, start: int, total: int | None, show: bool, report: Report | None = None
) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of bytes that are there.

    show : draw a bar where standard error is a terminal and nobody else takes the lines
    report : takes a line every 15 seconds where there is no bar; the log by default
    """
    console = Console(stderr=True)
    if show and report is None and console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(name, total=total, completed=start)
            yield lambda size: bar.update(task, completed=size)
    else:
        yield _Lines(name, start, total, report or logger.info)


class _Lines:
    def __init__(self, name: str, start: int, total: int | None, report: Report) -> None:
        self._name, self._start, self._total, self._report = name, start, total, report
        self._began = self._last = time.monotonic()

    def __call__(self, size: int) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = (size - self._start) / (now - self._began)
        line = f"{self._name}: {in_words(size)}"
        if self._total:
            line += f" of {in_words(self._total)} ({size / self._total:.0%})"
        line += f", {in_words(rate)}/s"
        if self._total and rate > 0:
            line += f", {(self._total - size) / rate / 60:.0f} min left"
        self._report(line)
