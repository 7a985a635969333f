"""Run one method over all folds of one split, each fold in a limited child, and say how each of them went."""

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from schash.child import Outcome, run_limited
from schash.errors import DataError
from schash.found import write_neighbors
from schash.methods.catalogue import MethodRow, build_method
from schash.methods.contract import NearestCells, QueryCells, Searcher, TrainingCells, history_of
from schash.seeds import derive_seed
from schash.splits import read_rows
from schash.tables import HISTORY_COLUMNS, PREDICTION_COLUMNS, STATUS_COLUMNS, empty, write_table
from schash.timing import Measurement, measured, pin_threads

NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class RunFiles:
    """What a run reads. `solution` is None for every method but the positive control.

    `cells` is a file, or a folder with one file a fold, {fold}.h5ad, whose rows stand for the same cells.
    """

    cells: Path
    rows: Path
    train_labels: Path
    solution: Path | None = None

    def cells_of(self, fold: int) -> Path:
        """Cells of one fold."""
        return self.cells / f"{fold}.h5ad" if self.cells.is_dir() else self.cells


@dataclass(frozen=True)
class RunSettings:
    """Which method on which data set, with its limits."""

    dataset: str
    method: str
    row: MethodRow
    seed: int
    threads: int
    fold_seconds: float
    fold_memory_mb: float
    search_depth: int = 0
    """Neighbours a query that a searcher keeps, 0 for none; all training cells where there are fewer."""


@dataclass(frozen=True)
class FoldInput:
    """All that a fold's child is given. The labels of its query cells are not in it, nor the way to them: the training
    labels of the other folds stay with the parent.

    train_rows : (n_train,) int64; y : (n_train,) str; query_rows : (n_query,) int64; solution : (n_query,) str or None
    """

    cells: Path
    train_rows: np.ndarray
    y: np.ndarray
    query_rows: np.ndarray
    solution: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """Neighbours of a fold's queries among its training cells, and the seconds of the search."""

    found: NearestCells
    n_train: int
    seconds: float


@dataclass(frozen=True)
class FoldResult:
    """What a fold's child sends back."""

    predictions: pd.DataFrame
    history: pd.DataFrame
    fit: Measurement
    predict: Measurement
    threads: int
    search: Search | None = None


@dataclass(frozen=True)
class RunResult:
    """Tables over all folds: predictions (PREDICTION_COLUMNS), status (STATUS_COLUMNS), history (fold, step, ...)."""

    predictions: pd.DataFrame
    status: pd.DataFrame
    history: pd.DataFrame

    @property
    def n_failed(self) -> int:
        """Folds that ought to have run and did not."""
        return int((~self.status["status"].isin(["ok", NOT_APPLICABLE])).sum())

    def headline(self, settings: "RunSettings") -> str:
        """One line for the terminal."""
        name = f"{settings.method} on {settings.dataset}"
        first_bad = self.status[self.status["status"] != "ok"].head(1)
        if len(first_bad):
            status, reason = first_bad["status"].iloc[0], first_bad["reason"].iloc[0]
            folds = "" if status == NOT_APPLICABLE else f" in {self.n_failed} of {len(self.status)} folds"
            return f"{name}: {status}{folds}: {reason}"
        fit, predict = self.status["fit_s"].mean(), self.status["predict_s"].mean()
        return f"{name}: {len(self.status)} folds, a fold took {fit:.1f} s to fit, {predict:.2f} s to predict"


def write_run(result: RunResult, directory: Path) -> None:
    """Write predictions.parquet, status.parquet and history.parquet under `directory`."""
    write_table(result.predictions, PREDICTION_COLUMNS, directory / "predictions.parquet")
    write_table(result.status, STATUS_COLUMNS, directory / "status.parquet")
    write_table(result.history, HISTORY_COLUMNS, directory / "history.parquet")


def write_search(directory: Path, fold: int, search: Search) -> None:
    """Write what a fold found to `directory`/{fold}.schash, which `schash.found.read_neighbors` reads."""
    write_neighbors(
        directory / f"{fold}.schash", search.found, n_train=search.n_train, seconds=search.seconds
    )


def values_of(cells: Path) -> str:
    """Kind of values of prepared cells, read without their matrix."""
    with h5py.File(cells) as file:
        return str(file["uns/values"].asstr()[()])


def keep_nothing(fold: int, search: Search) -> None:
    """Leave what a fold found."""


def run_folds(
    files: RunFiles,
    settings: RunSettings,
    *,
    say: Any = print,
    keep: Callable[[int, Search], None] = keep_nothing,
) -> RunResult:
    """Fit and predict every fold. A fold that fails becomes a status row with its reason; the others go on.

    keep : is given what a searcher found as soon as a fold ends, since that of all folds may not fit into memory
    """
    folds = sorted(read_rows(files.rows))
    values = values_of(files.cells_of(folds[0]))
    if values not in settings.row.accepts:
        reason = f"takes {' or '.join(settings.row.accepts)}; these cells are {values}"
        say(f"{settings.method} on {settings.dataset}: not applicable, it {reason}")
        return _collect({fold: Outcome("ok", reason=reason) for fold in folds}, settings, applicable=False)
    outcomes = {}
    for fold in folds:
        outcomes[fold] = run_limited(
            run_fold,
            fold_input(files, fold),
            settings,
            fold,
            seconds=settings.fold_seconds,
            memory_mb=settings.fold_memory_mb,
            modules=[settings.row.module, "schash.data.cells", "schash._numba_preload"],
        )
        say(_progress(settings, fold, len(folds), outcomes[fold]))
        result: FoldResult | None = outcomes[fold].value
        if result and result.search:
            keep(fold, result.search)
            outcomes[fold] = replace(outcomes[fold], value=replace(result, search=None))
    return _collect(outcomes, settings)


def fold_input(files: RunFiles, fold: int) -> FoldInput:
    """Rows of a fold and the labels of its training cells; the solution only where the run was given one."""
    rows = read_rows(files.rows)[fold]
    solution = None if files.solution is None else _labels(files.solution, fold, rows["query"])
    y = _labels(files.train_labels, fold, rows["train"])
    return FoldInput(files.cells_of(fold), rows["train"], y, rows["query"], solution)


def _labels(path: Path, fold: int, rows: np.ndarray) -> np.ndarray:
    table = pd.read_parquet(path)
    return table[table["fold"] == fold].set_index("row")["label"].loc[rows].to_numpy(str)


def run_fold(given: FoldInput, settings: RunSettings, fold: int) -> FoldResult:
    """Fit on the training cells of a fold and predict its query cells. Called in a child."""
    threads = pin_threads(settings.threads)
    train, query = read_fold(given)
    seed = derive_seed(settings.dataset, fold, settings.row.seed_as or settings.method, settings.seed)
    method = build_method(settings.row, seed=seed)
    if given.solution is not None:
        _reveal(method, given.solution)
    if hasattr(method, "warm_up"):
        method.warm_up()
    shown = {"unlabelled": query} if settings.row.transductive else {}
    with measured() as fit:
        method.fit(train, **shown)
    with measured() as predict:
        predictions = method.predict(query)
    # a rare type may have all its cells among the queries: only the positive control can name it
    seen = train.y if given.solution is None else np.concatenate([train.y, given.solution])
    predictions.check(len(given.query_rows), np.unique(seen))
    table = pd.DataFrame({"row": given.query_rows, "label": predictions.labels, "margin": predictions.margin})
    return FoldResult(
        table.assign(fold=np.int16(fold)),
        history_of(method).assign(fold=np.int16(fold)),
        fit,
        predict,
        threads,
        _search(method, train, query, settings.search_depth),
    )


def _search(method: Any, train: TrainingCells, query: QueryCells, depth: int) -> Search | None:
    if not depth or not isinstance(method, Searcher):
        return None
    n_train = len(train.y)
    k = min(depth, n_train)
    with measured() as search:
        found = method.search(query, k)
    found.check(query.X.shape[0], k, n_train)
    return Search(found, n_train, search.seconds)


def read_fold(given: FoldInput) -> tuple[TrainingCells, QueryCells]:
    """Training cells with labels, and query cells without."""
    train, query = read_unlabelled(given)
    return TrainingCells(X=train.X, y=given.y, genes=train.genes, values=train.values), query


def read_unlabelled(given: FoldInput) -> tuple[QueryCells, QueryCells]:
    """Training and query cells, both without labels: what an index of cells needs."""
    from schash.data.cells import read_cells  # anndata: only the children need it

    cells = read_cells(given.cells)
    genes, values, X = cells.var_names.to_numpy(str), cells.uns["values"], cells.X
    train, query = (
        QueryCells(X=X[rows], genes=genes, values=values) for rows in (given.train_rows, given.query_rows)
    )
    return train, query


def _reveal(method: Any, solution: np.ndarray) -> None:
    if not hasattr(method, "reveal"):
        message = f"{type(method).__name__} was given the solution but is no positive control"
        raise DataError(message)
    method.reveal(solution)


def _progress(settings: RunSettings, fold: int, n_folds: int, outcome: Outcome) -> str:
    head = f"{settings.method} on {settings.dataset}: fold {fold + 1} of {n_folds}"
    if outcome.status != "ok":
        return f"{head} {outcome.status}: {outcome.reason}\n{outcome.detail}".rstrip()
    result: FoldResult = outcome.value
    return f"{head}, fit {result.fit.seconds:.2f} s, predict {result.predict.seconds:.2f} s"


def _collect(outcomes: dict[int, Outcome], settings: RunSettings, *, applicable: bool = True) -> RunResult:
    status, predictions, histories = [], [], []
    for fold, outcome in outcomes.items():
        result: FoldResult | None = outcome.value
        status.append(
            {
                "fold": fold,
                "status": outcome.status if applicable else NOT_APPLICABLE,
                "reason": outcome.reason,
                "fit_s": result.fit.seconds if result else np.nan,
                "predict_s": result.predict.seconds if result else np.nan,
                "peak_mb": max(result.fit.peak_mb, result.predict.peak_mb) if result else np.nan,
                "threads": result.threads if result else settings.threads,
                "host": platform.node(),
            }
        )
        if result:
            predictions.append(result.predictions)
            histories.append(result.history)
    return RunResult(
        predictions=_together(predictions, PREDICTION_COLUMNS),
        status=pd.DataFrame(status),
        history=_together(histories, HISTORY_COLUMNS),
    )


def _together(tables: list[pd.DataFrame], columns: dict[str, str]) -> pd.DataFrame:
    rows = [table for table in tables if len(table)]
    return pd.concat(rows, ignore_index=True).astype(columns) if rows else empty(columns)
