"""What the timings of annotation and of search share: one method, fold 0, a limited child, rows that outlive it."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from schash.child import Outcome, run_limited
from schash.folds import NOT_APPLICABLE, FoldInput, RunFiles, fold_input, values_of
from schash.methods.catalogue import MethodRow
from schash.seeds import derive_seed
from schash.timing_table import TOO_SLOW, Scores, sized
from schash.upsampling import Originals, Upsampled, can_thin
from schash.values import ValuesKind

FOLD = 0


@dataclass(frozen=True)
class TimingSettings:
    """What is timed, and within which limits: `size_seconds` for one size, `fold_seconds` for all together.

    largest : of all sizes that the experiment takes, where `sizes` are but some of them
    """

    dataset: str
    method: str
    row: MethodRow
    seed: int
    threads: int
    sizes: tuple[int, ...]
    size_seconds: float
    fold_seconds: float
    fold_memory_mb: float
    largest: int = 0

    @property
    def method_seed(self) -> int:
        """The seed that a run of the method on this fold has."""
        return derive_seed(self.dataset, FOLD, self.row.seed_as or self.method, self.seed)


def copies(base: Originals, n: int, values: ValuesKind, *, seed: int = 1) -> Upsampled:
    """n cells made of these; plain copies where the values cannot be thinned."""
    return Upsampled(base, n, seed, thin=can_thin(values))


def in_child(
    what: Callable[[FoldInput, TimingSettings, Path], None],
    files: RunFiles,
    settings: TimingSettings,
    metric: str,
    *,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """SCORE_COLUMNS of `what`, which writes its rows to the path that it is given. Where it fails, sizes without a row
    have one of `metric` that says why."""
    return _limited(what, partial(fold_input, files, FOLD), files.cells, settings, metric, say)


def on_all_cells(
    what: Callable[[Path, TimingSettings, Path], None],
    files: RunFiles,
    settings: TimingSettings,
    metric: str,
    *,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """`in_child` for what is given the prepared cells, without folds and without labels."""
    return _limited(what, lambda: files.cells, files.cells, settings, metric, say)


def _limited(
    what: Callable[[Any, TimingSettings, Path], None],
    given: Callable[[], Any],
    cells: Path,
    settings: TimingSettings,
    metric: str,
    say: Callable[[str], None],
) -> pd.DataFrame:
    scores = Scores({"threads": settings.threads, "host": platform.node()})
    values = values_of(cells)
    if values not in settings.row.accepts:
        reason = f"takes {' or '.join(settings.row.accepts)}; these cells are {values}"
        scores.miss(metric, 0, NOT_APPLICABLE, reason)
        return scores.table()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.touch()
        outcome = run_limited(
            what,
            given(),
            settings,
            path,
            seconds=settings.fold_seconds,
            memory_mb=settings.fold_memory_mb,
            modules=[settings.row.module, "schash.data.cells", what.__module__],
        )
        scores.read(path)
    if outcome.status != "ok":
        say(f"{settings.method} on {settings.dataset} {outcome.status}: {outcome.reason}\n{outcome.detail}")
        _say_what_is_missing(scores, settings, metric, outcome)
    return scores.table()


def _say_what_is_missing(scores: Scores, settings: TimingSettings, metric: str, outcome: Outcome) -> None:
    """A size that the time limit cut off was too slow; anything else, a fit without end included, is a failure."""
    status = TOO_SLOW if outcome.status == "timeout" and scores.rows else outcome.status
    metrics = [row["metric"] for row in scores.rows if row["metric"].startswith(f"{metric}[")]
    done = {name.rstrip("]").rpartition("n=")[2] for name in metrics}
    missing = [n for n in settings.sizes if str(n) not in done]
    for n in missing:
        scores.miss(sized(metric, n), n, status, outcome.reason)
    if not missing:  # what comes after the last size
        scores.miss(metric, 0, outcome.status, outcome.reason)


def is_failed(table: pd.DataFrame) -> bool:
    """Whether something ought to have run and did not."""
    return bool((~table["status"].isin(["ok", TOO_SLOW, NOT_APPLICABLE])).any())
