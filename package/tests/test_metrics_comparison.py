"""Comparisons of two methods: obvious twin, known answers, outside oracles."""

import numpy as np
import pytest
from scipy import stats

from schash import metrics
from schash.errors import DataError
from schash.metrics.comparison import METRICS


def naive_bootstrap(truth, a, b, metric, n, seed):
    """The same resampling, scored by the public metrics from scratch each time."""
    function = {"median_f1": metrics.median_f1, "macro_f1": metrics.macro_f1, "accuracy": metrics.accuracy}[
        metric
    ]
    rng = np.random.default_rng(seed)
    differences = []
    for _ in range(n):
        draw = np.concatenate(
            [
                members[rng.integers(len(members), size=len(members))]
                for members in (np.flatnonzero(truth == name) for name in np.unique(truth))
            ]
        )
        differences.append(function(truth[draw], a[draw]) - function(truth[draw], b[draw]))
    return np.array(differences)


@pytest.fixture
def two_methods(rng):
    truth = rng.choice(list("abcd"), size=150)
    noisy = [
        np.where(rng.random(150) < share, rng.choice(list("abcdx"), size=150), truth) for share in (0.1, 0.3)
    ]
    return truth, noisy[0], noisy[1]


@pytest.mark.parametrize("metric", METRICS)
def test_bootstrap_equals_its_naive_twin(two_methods, metric):
    result = metrics.paired_bootstrap(*two_methods, metric=metric, n_replicates=60, seed=3)
    naive = naive_bootstrap(*two_methods, metric, 60, 3)
    assert (result.low, result.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])))


def test_bootstrap_finds_a_real_difference_and_its_sign(two_methods):
    truth, better, worse = two_methods
    result = metrics.paired_bootstrap(truth, better, worse, metric="accuracy", n_replicates=500)
    assert result.difference == pytest.approx(
        metrics.accuracy(truth, better) - metrics.accuracy(truth, worse)
    )
    assert result.low > 0
    assert result.p < 0.01
    mirrored = metrics.paired_bootstrap(truth, worse, better, metric="accuracy", n_replicates=500)
    assert mirrored.difference == -result.difference
    assert mirrored.p == result.p


def test_a_method_against_itself_is_no_difference(two_methods):
    truth, method, _ = two_methods
    result = metrics.paired_bootstrap(truth, method, method, n_replicates=100)
    assert (result.difference, result.low, result.high, result.p) == (0, 0, 0, 1)


def test_unknown_metric_is_refused():
    with pytest.raises(DataError, match="median_f1, macro_f1, accuracy"):
        metrics.paired_bootstrap(["a"], ["a"], ["a"], metric="auc")


def test_p_values_are_uniform_under_the_null(rng):
    p = []
    for seed in range(120):
        truth = rng.choice(list("ab"), size=80)
        a, b = (np.where(rng.random(80) < 0.3, "a", truth) for _ in range(2))
        p.append(metrics.paired_bootstrap(truth, a, b, metric="accuracy", n_replicates=199, seed=seed).p)
    assert np.mean(np.array(p) < 0.05) < 0.12


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made monotone
    np.testing.assert_allclose(metrics.holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    assert metrics.holm([0.9, 0.8]).max() == 1.0


def test_corrected_t_test_is_wider_than_the_plain_one():
    d = [0.02, 0.01, 0.03, 0.02, 0.01]
    plain = stats.ttest_1samp(d, 0).pvalue
    t = np.mean(d) / np.sqrt((0.2 + 0.25) * np.var(d, ddof=1))
    assert metrics.corrected_t_test(d) == pytest.approx(2 * stats.t.sf(t, 4))
    assert metrics.corrected_t_test(d) > plain
    assert metrics.corrected_t_test([0.0, 0.0]) == 1.0
    with pytest.raises(DataError, match="at least 2"):
        metrics.corrected_t_test([0.1])
