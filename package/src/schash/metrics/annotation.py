"""Scores of predicted cell types.

Conventions, used everywhere:

* F1 of a type is 2 tp / (2 tp + fp + fn), and 0 for a type that nobody predicted.
* `median_f1` and `macro_f1` run over the types that occur in the truth (Abdelaal 2019, evaluate.R). scDeepHash's code
  runs over the types in the truth or the predictions: `labels="union"`.
* A rejected cell ("unassigned") counts as wrong in the honest score. The lenient score drops rejected cells before
  scoring, as Abdelaal's evaluator does; report `coverage` with it, or rejecting is free.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from schash.errors import DataError

UNASSIGNED = "unassigned"
"""What a method predicts for a cell that it rejects; never a true type."""


def _paired(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.asarray(y_true, dtype=str), np.asarray(y_pred, dtype=str)
    if truth.shape != predicted.shape or truth.ndim != 1:
        message = f"truth and predictions must be two vectors of one length, got {truth.shape} and {predicted.shape}"
        raise DataError(message)
    if len(truth) == 0:
        message = "there are no cells to score"
        raise DataError(message)
    if np.any(truth == UNASSIGNED):
        message = f"{UNASSIGNED!r} marks rejected cells and cannot be a true type"
        raise DataError(message)
    return truth, predicted


def per_type_scores(
    y_true: ArrayLike, y_pred: ArrayLike, *, labels: Literal["true", "union"] = "true"
) -> pd.DataFrame:
    """Precision, recall, F1 and number of true cells (support) of each type, sorted by name.

    Raises
    ------
    DataError
        if the vectors differ in length, are empty, or a true type is called "unassigned"
    """
    truth, predicted = _paired(y_true, y_pred)
    types = np.unique(truth)
    if labels == "union":
        types = np.union1d(types, predicted[predicted != UNASSIGNED])
    tp, n_true, n_predicted = counts_per_type(truth, predicted, types)
    with np.errstate(invalid="ignore"):
        precision = np.where(n_predicted > 0, tp / np.maximum(n_predicted, 1), 0.0)
        recall = np.where(n_true > 0, tp / np.maximum(n_true, 1), 0.0)
    f1 = 2 * tp / (n_true + n_predicted)  # a type stands in `types` because one of the two is positive
    return pd.DataFrame(
        {"precision": precision, "recall": recall, "f1": f1, "support": n_true.astype(np.int64)},
        index=pd.Index(types, name="type"),
    )


def counts_per_type(
    truth: np.ndarray, predicted: np.ndarray, types: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, true cells and predicted cells of each of the sorted `types`: three (n_types,) arrays."""
    n_types = len(types)
    true_codes = np.searchsorted(types, truth)
    slots = np.minimum(np.searchsorted(types, predicted), n_types - 1)
    known = types[slots] == predicted
    tp = np.bincount(slots[known & (truth == predicted)], minlength=n_types)
    n_predicted = np.bincount(slots[known], minlength=n_types)
    return tp, np.bincount(true_codes, minlength=n_types), n_predicted


def median_f1(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Literal["true", "union"] = "true") -> float:
    """Median over types of the F1 score: scDeepHash section 4.1, Abdelaal 2019."""
    return float(per_type_scores(y_true, y_pred, labels=labels)["f1"].median())


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean over the true types of the F1 score."""
    return float(per_type_scores(y_true, y_pred)["f1"].mean())


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of cells whose predicted type is the true one; a rejected cell counts as wrong."""
    truth, predicted = _paired(y_true, y_pred)
    return float(np.mean(truth == predicted))


def consistency(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of query cells whose nearest neighbour has their own label: CellFishing.jl, "Self-mapping evaluation".

    The same quantity as `accuracy`, under the name that it has when the prediction is a neighbour's label.
    """
    return accuracy(y_true, y_pred)


def cohen_kappa(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Cohen's kappa: (p_o - p_e) / (1 - p_e), with p_e the agreement expected from the two margins.

    NaN where both sides are one and the same single type: p_e is 1, and agreement cannot be told from chance.
    """
    truth, predicted = _paired(y_true, y_pred)
    types = np.union1d(truth, predicted)
    _, n_true, n_predicted = counts_per_type(truth, predicted, types)
    observed = np.mean(truth == predicted)
    expected = float(n_true @ n_predicted) / len(truth) ** 2
    return float("nan") if expected == 1.0 else float((observed - expected) / (1 - expected))


def coverage(y_pred: ArrayLike) -> float:
    """Share of cells that were given a type, i.e. not rejected."""
    predicted = np.asarray(y_pred, dtype=str)
    return float(np.mean(predicted != UNASSIGNED))


def annotation_scores(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Every annotation metric of one set of query cells, by metric id; NaN where nothing is left to score."""
    truth, predicted = _paired(y_true, y_pred)
    kept = predicted != UNASSIGNED
    scores = {
        "median_f1": median_f1(truth, predicted),
        "median_f1_union": median_f1(truth, predicted, labels="union"),
        "macro_f1": macro_f1(truth, predicted),
        "accuracy": accuracy(truth, predicted),
        "kappa": cohen_kappa(truth, predicted),
        "consistency": consistency(truth, predicted),
        "coverage": coverage(predicted),
    }
    for name, metric in (("median_f1", median_f1), ("macro_f1", macro_f1), ("accuracy", accuracy)):
        lenient = metric(truth[kept], predicted[kept]) if kept.any() else float("nan")
        scores[f"{name}_lenient"] = lenient
    return scores
