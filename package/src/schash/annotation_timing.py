"""How long a method takes to annotate more and more cells (scDeepHash, Fig. 2d): prediction alone, fitted once.

The training cells are those of fold 0, the cells to annotate copies of that fold's query cells
(`schash.upsampling`). A method is fitted, predicts the query cells themselves, which warms it up, and then each size in
turn, the smallest first: the median of up to REPEATS predictions, one where that takes long. A size that is predicted
to take longer than the limit is left out.

That the timed path is the real one is checked: plain copies must get the label that their original got when the query
cells were predicted alone.
"""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.folds import FoldInput, RunFiles, read_fold
from schash.methods.catalogue import build_method
from schash.methods.contract import QueryCells, TrainingCells
from schash.timing import measured, pin_threads
from schash.timing_runs import TimingSettings, copies, in_child
from schash.timing_table import TM_CELLS, TOO_SLOW, Scores, predicted, sized, slope
from schash.upsampling import Originals, Upsampled

ANNOTATE, SLOPE = "annotate_s", "annotate_slope"
PREDICTED = "predicted_annotate_s"
COPIES_EQUAL = "copies_equal"
NETWORK = "network_time_fraction"
DEEPHASH = "schash.methods.deephash"
REPEATS = 5
LONG_S = 1.0
"""No further repeat once they took this long together."""
N_CHECKED = 2000
"""Plain copies that are predicted before the clock starts."""


def time_annotation(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS of one method: seconds of every size, and at the size of Tabula Muris without one; the log-log
    slope over the sizes that ran; the share of copies with their original's label; of DeepHash, its network's share of
    the time.

    Raises
    ------
    DataError
        if a copy of a cell gets another label than the cell
    """
    table = in_child(time_sizes, files, settings, ANNOTATE, say=say)
    check_copies(table, f"{settings.method} on {settings.dataset}")
    return table


def check_copies(table: pd.DataFrame, what: str) -> None:
    """Raise `DataError` where a copy got another label than its original."""
    shares = table.loc[table["metric"] == COPIES_EQUAL, "value"]
    if not (shares == 1).all():
        message = (
            f"{what}: {1 - shares.min():.2%} of the plain copies of cells got another label than the cell itself: "
            "what was timed is not what annotates"
        )
        raise DataError(message)


def time_sizes(given: FoldInput, settings: TimingSettings, path: Path) -> None:
    """Fit, check and time. Called in a child."""
    threads = pin_threads(settings.threads)
    train, query = read_fold(given)
    method = build_method(settings.row, seed=settings.method_seed)
    costs = _fitted(method, train, query, settings)
    scores = Scores({"threads": threads, "host": platform.node(), **costs}, path)
    base = Originals(settings.dataset, query.X, query.genes)
    scores.add(COPIES_EQUAL, _share_of_equal_copies(method, query, base), N_CHECKED)
    seconds: dict[int, float] = {}
    for n in sorted(settings.sizes):
        expected_s = predicted(list(seconds), list(seconds.values()), n)
        if expected_s > settings.size_seconds:
            reason = f"predicted to take {expected_s:,.0f} s, limit {settings.size_seconds:g} s"
            scores.miss(sized(ANNOTATE, n), n, TOO_SLOW, reason)
            scores.add(sized(PREDICTED, n), expected_s, n)
            continue
        cells = QueryCells(copies(base, n, query.values).matrix(), query.genes, query.values)
        seconds[n], peak_mb = _median_seconds(method, cells)
        peak_mb = max(costs["peak_mb"], peak_mb)
        for metric in (sized(ANNOTATE, n), *([ANNOTATE] if n == TM_CELLS else [])):
            scores.add(metric, seconds[n], n, predict_s=seconds[n], peak_mb=peak_mb)
        if settings.row.module == DEEPHASH:
            share = _network_share(method, cells)
            for metric in (sized(NETWORK, n), *([NETWORK] if n == TM_CELLS else [])):
                scores.add(metric, share, n)
    if len(seconds) > 1:
        scores.add(SLOPE, slope(list(seconds), list(seconds.values())), max(seconds))


def _fitted(
    method: Any, train: TrainingCells, query: QueryCells, settings: TimingSettings
) -> dict[str, float]:
    """What fitting cost; a transductive method is shown the query cells themselves, not their copies."""
    if hasattr(method, "warm_up"):
        method.warm_up()
    shown = {"unlabelled": query} if settings.row.transductive else {}
    with measured() as fit:
        method.fit(train, **shown)
    return {"fit_s": fit.seconds, "peak_mb": fit.peak_mb}


def _median_seconds(method: Any, cells: QueryCells) -> tuple[float, float]:
    """Seconds of a prediction and the highest memory of all of them."""
    seconds: list[float] = []
    peaks: list[float] = []
    while not seconds or (len(seconds) < REPEATS and sum(seconds) < LONG_S):
        with measured() as clock:
            method.predict(cells)
        seconds.append(clock.seconds)
        peaks.append(clock.peak_mb)
    return float(np.median(seconds)), max(peaks)


def _share_of_equal_copies(method: Any, query: QueryCells, base: Originals) -> float:
    alone = method.predict(query).labels
    plain = Upsampled(base, N_CHECKED, 1, thin=False)
    labels = method.predict(QueryCells(plain.matrix(), query.genes, query.values)).labels
    return float(np.mean(labels == alone[plain.originals()]))


def _network_share(method: Any, cells: QueryCells) -> float:
    from schash.deephash_stages import stage_seconds  # torch: only where DeepHash has loaded it

    stages = stage_seconds(method._model, cells.X, genes=cells.genes)
    return stages["network"] / sum(stages.values())
