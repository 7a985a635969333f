"""Is one method better than another on the same cells?

Five folds alone cannot answer: the smallest two-sided p of a Wilcoxon signed-rank test on five pairs is 0.0625.
So two methods are compared on the pooled query cells by a paired bootstrap, and p-values of several comparisons are
corrected by Holm. Nadeau and Bengio's corrected t-test over folds is there for whoever wants the folds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from schash.errors import DataError
from schash.metrics.annotation import _paired, counts_per_type

METRICS = ("median_f1", "macro_f1", "accuracy")


@dataclass(frozen=True)
class Comparison:
    """Difference a - b of one metric: the estimate, its 95% interval and a two-sided p."""

    metric: str
    difference: float
    low: float
    high: float
    p: float
    n_cells: int
    n_replicates: int


def paired_bootstrap(
    y_true: ArrayLike,
    y_pred_a: ArrayLike,
    y_pred_b: ArrayLike,
    *,
    metric: str = "median_f1",
    n_replicates: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two sets of predictions of the same cells by resampling the cells.

    Cells are drawn with replacement within each true type, so that no replicate loses a rare type and with it an F1.
    Both methods are scored on the same draws. p = 2 min(P(d <= 0), P(d >= 0)), with one added to both counts so that
    it is never 0 (Davison and Hinkley 1997, section 4.2).

    Raises
    ------
    DataError
        for an unknown metric or vectors of different length
    """
    if metric not in METRICS:
        message = f"metric {metric!r} cannot be compared; allowed: {', '.join(METRICS)}"
        raise DataError(message)
    truth, a = _paired(y_true, y_pred_a)
    _, b = _paired(y_true, y_pred_b)
    types = np.unique(truth)
    rng = np.random.default_rng(seed)
    replicates = np.empty(n_replicates)
    blocks = [np.flatnonzero(truth == name) for name in types]
    # one code per (true, predicted) pair turns a replicate's score into two counts of drawn codes
    scorer_a, scorer_b = _Scorer(truth, a, types), _Scorer(truth, b, types)
    for i in range(n_replicates):
        draw = np.concatenate([block[rng.integers(len(block), size=len(block))] for block in blocks])
        replicates[i] = scorer_a.score(draw, metric) - scorer_b.score(draw, metric)
    everything = np.arange(len(truth))
    difference = scorer_a.score(everything, metric) - scorer_b.score(everything, metric)
    low, high = np.quantile(replicates, [0.025, 0.975])
    tail = min(np.sum(replicates <= 0), np.sum(replicates >= 0))
    p = min(1.0, 2 * (tail + 1) / (n_replicates + 1))
    return Comparison(metric, difference, float(low), float(high), float(p), len(truth), n_replicates)


class _Scorer:
    """Scores draws of cells for one method without looking at strings again."""

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, types: np.ndarray) -> None:
        self.n_types = len(types)
        self.true_codes = np.searchsorted(types, truth)
        slots = np.minimum(np.searchsorted(types, predicted), self.n_types - 1)
        # a prediction that is no true type falls into one extra slot
        self.predicted_codes = np.where(types[slots] == predicted, slots, self.n_types)
        _, self.n_true, _ = counts_per_type(truth, predicted, types)

    def score(self, draw: np.ndarray, metric: str) -> float:
        predicted = self.predicted_codes[draw]
        hits = predicted[predicted == self.true_codes[draw]]
        if metric == "accuracy":
            return len(hits) / len(draw)
        tp = np.bincount(hits, minlength=self.n_types)
        n_predicted = np.bincount(predicted, minlength=self.n_types + 1)[: self.n_types]
        f1 = 2 * tp / (self.n_true + n_predicted)  # draws keep the number of cells of each type
        return float(np.median(f1) if metric == "median_f1" else np.mean(f1))


def corrected_t_test(differences: ArrayLike, *, test_share: float = 0.2) -> float:
    """Two-sided p of the mean of per-fold differences, Nadeau and Bengio 2003.

    Folds share training cells, so the plain t-test is too sure: the variance is inflated by
    n_test / n_train = test_share / (1 - test_share) on top of 1 / n_folds.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < 2:
        message = f"a test over folds needs at least 2 of them, got {len(d)}"
        raise DataError(message)
    variance = float(np.var(d, ddof=1))
    if variance == 0.0:
        return 1.0 if d.mean() == 0 else 0.0
    from scipy import stats  # most of a second to import

    t = d.mean() / np.sqrt((1 / len(d) + test_share / (1 - test_share)) * variance)
    return float(2 * stats.t.sf(abs(t), len(d) - 1))


def corrected_interval(
    differences: ArrayLike, *, level: float = 0.95, test_share: float = 0.2
) -> tuple[float, float]:
    """Interval of the mean of per-fold differences, with the variance of `corrected_t_test`.

    Folds that all differ by the same have an interval of no width.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < 2:
        message = f"an interval over folds needs at least 2 of them, got {len(d)}"
        raise DataError(message)
    from scipy import stats  # most of a second to import

    variance = (1 / len(d) + test_share / (1 - test_share)) * np.var(d, ddof=1)
    half = stats.t.ppf((1 + level) / 2, len(d) - 1) * np.sqrt(variance)
    return float(d.mean() - half), float(d.mean() + half)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's step-down correction: adjusted p-values in the given order, each at most 1."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
