"""Run one method over all folds of one split, each fold in a limited child, and say how each of them went."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from schash.atomic import atomic_path
from schash.child import Outcome, run_limited
from schash.errors import DataError
from schash.methods.catalogue import MethodRow, build_method
from schash.methods.contract import QueryCells, TrainingCells, history_of
from schash.seeds import derive_seed
from schash.splits import read_rows
from schash.timing import Measurement, measured, pin_threads

NOT_APPLICABLE = "not applicable"

PREDICTION_COLUMNS = {"fold": "int16", "row": "int64", "label": "str", "margin": "float32"}
STATUS_COLUMNS = {
    "fold": "int16",
    "status": "str",
    "reason": "str",
    "fit_s": "float64",
    "predict_s": "float64",
    "peak_mb": "float64",
    "threads": "int64",
    "host": "str",
}


@dataclass(frozen=True)
class RunFiles:
    """What a run reads. `solution` is None for every method but the positive control."""

    cells: Path
    rows: Path
    train_labels: Path
    solution: Path | None = None


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


@dataclass(frozen=True)
class FoldResult:
    """What a fold's child sends back."""

    predictions: pd.DataFrame
    history: pd.DataFrame
    fit: Measurement
    predict: Measurement


@dataclass(frozen=True)
class RunResult:
    """Tables over all folds: predictions (PREDICTION_COLUMNS), status (STATUS_COLUMNS), history (fold, step, ...)."""

    predictions: pd.DataFrame
    status: pd.DataFrame
    history: pd.DataFrame
    details: list[str]

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
    tables = {"predictions": result.predictions, "status": result.status, "history": result.history}
    for name, table in tables.items():
        with atomic_path(directory / f"{name}.parquet") as path:
            table.to_parquet(path, index=False)


def values_of(cells: Path) -> str:
    """Kind of values of prepared cells, read without their matrix."""
    with h5py.File(cells) as file:
        return str(file["uns/values"].asstr()[()])


def run_folds(files: RunFiles, settings: RunSettings, *, say: Any = print) -> RunResult:
    """Fit and predict every fold. A fold that fails becomes a status row with its reason; the others go on."""
    folds = sorted(read_rows(files.rows))
    values = values_of(files.cells)
    if values not in settings.row.accepts:
        reason = f"takes {' or '.join(settings.row.accepts)}; these cells are {values}"
        say(f"{settings.method} on {settings.dataset}: not applicable, it {reason}")
        return _collect({fold: Outcome("ok", reason=reason) for fold in folds}, settings, applicable=False)
    outcomes = {}
    for fold in folds:
        outcomes[fold] = run_limited(
            run_fold,
            files,
            settings,
            fold,
            seconds=settings.fold_seconds,
            memory_mb=settings.fold_memory_mb,
            modules=[settings.row.module, "schash.data.cells"],
        )
        say(_progress(settings, fold, len(folds), outcomes[fold]))
    return _collect(outcomes, settings)


def run_fold(files: RunFiles, settings: RunSettings, fold: int) -> FoldResult:
    """Fit on the training cells of a fold and predict its query cells. Called in a child."""
    pin_threads(settings.threads)
    train, query, query_rows = read_fold(files, fold)
    seed = derive_seed(settings.dataset, fold, settings.method, settings.seed)
    method = build_method(settings.row, seed=seed)
    if files.solution is not None:
        _reveal(method, files.solution, fold, query_rows)
    with measured() as fit:
        method.fit(train)
    with measured() as predict:
        predictions = method.predict(query)
    predictions.check(len(query_rows), np.unique(train.y))
    table = pd.DataFrame(
        {
            "fold": np.int16(fold),
            "row": query_rows,
            "label": predictions.labels,
            "margin": predictions.margin,
        }
    )
    return FoldResult(table, history_of(method).assign(fold=np.int16(fold)), fit, predict)


def read_fold(files: RunFiles, fold: int) -> tuple[TrainingCells, QueryCells, np.ndarray]:
    """Training cells with labels, query cells without, and the rows of the query cells."""
    from schash.data.cells import read_cells  # anndata: only the children need it

    rows = read_rows(files.rows)[fold]
    table = pd.read_parquet(files.train_labels)
    labels = table[table["fold"] == fold].set_index("row")["label"]
    cells = read_cells(files.cells)
    genes = cells.var_names.to_numpy(str)
    values = cells.uns["values"]
    X = cells.X
    train = TrainingCells(
        X=X[rows["train"]], y=labels.loc[rows["train"]].to_numpy(str), genes=genes, values=values
    )
    return train, QueryCells(X=X[rows["query"]], genes=genes, values=values), rows["query"]


def _reveal(method: Any, solution: Path, fold: int, query_rows: np.ndarray) -> None:
    if not hasattr(method, "reveal"):
        message = f"{type(method).__name__} was given the solution but is no positive control"
        raise DataError(message)
    table = pd.read_parquet(solution)
    truth = table[table["fold"] == fold].set_index("row")["label"]
    method.reveal(truth.loc[query_rows].to_numpy(str))


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
                "threads": settings.threads,
                "host": platform.node(),
            }
        )
        if result:
            predictions.append(result.predictions)
            histories.append(result.history)
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in PREDICTION_COLUMNS.items()})
    no_history = history_of(None).assign(fold=np.int16(0))  # type: ignore[arg-type]
    return RunResult(
        predictions=pd.concat(predictions or [empty], ignore_index=True).astype(PREDICTION_COLUMNS),
        status=pd.DataFrame(status).astype(STATUS_COLUMNS),
        history=pd.concat(histories or [no_history], ignore_index=True),
        details=[outcome.detail for outcome in outcomes.values() if outcome.detail],
    )
