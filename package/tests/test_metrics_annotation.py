"""Annotation metrics: golden values by hand, properties, scikit-learn as oracle."""

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from schash import metrics
from schash.errors import DataError

# three types; 'c' is never found, one cell is rejected
TRUTH = np.array(list("aaaabbbcc"))
PREDICTED = np.array(["a", "a", "a", "b", "b", "b", "unassigned", "a", "b"])


def test_per_type_scores_by_hand():
    table = metrics.per_type_scores(TRUTH, PREDICTED)
    # a: tp 3, fn 1, fp 1 -> f1 6/8; b: tp 2, fn 1, fp 2 -> 4/7; c: tp 0 -> 0
    np.testing.assert_allclose(table["f1"], [0.75, 4 / 7, 0.0])
    np.testing.assert_allclose(table["precision"], [3 / 4, 2 / 4, 0.0])
    np.testing.assert_allclose(table["recall"], [3 / 4, 2 / 3, 0.0])
    assert table["support"].tolist() == [4, 3, 2]


def test_scores_by_hand():
    scores = metrics.annotation_scores(TRUTH, PREDICTED)
    assert scores["median_f1"] == pytest.approx(4 / 7)
    assert scores["macro_f1"] == pytest.approx((0.75 + 4 / 7) / 3)
    assert scores["accuracy"] == scores["consistency"] == pytest.approx(5 / 9)
    assert scores["coverage"] == pytest.approx(8 / 9)
    # without the rejected cell b has tp 2, fn 0, fp 2: f1 4/6
    assert scores["accuracy_lenient"] == pytest.approx(5 / 8)
    assert scores["macro_f1_lenient"] == pytest.approx((0.75 + 4 / 6) / 3)


def test_union_counts_types_that_only_the_predictions_have():
    truth, predicted = np.array(list("aab")), np.array(list("aac"))
    assert metrics.median_f1(truth, predicted) == pytest.approx(0.5)  # a 1, b 0
    assert metrics.median_f1(truth, predicted, labels="union") == 0.0  # a 1, b 0, c 0


def test_rejecting_everything_scores_nothing_and_says_so():
    scores = metrics.annotation_scores(["a", "b"], ["unassigned", "unassigned"])
    assert scores["accuracy"] == scores["coverage"] == scores["median_f1"] == 0
    assert np.isnan(scores["accuracy_lenient"])


def test_kappa_of_one_single_type_is_undefined():
    assert np.isnan(metrics.cohen_kappa(["a", "a"], ["a", "a"]))
    assert metrics.cohen_kappa(["a", "a"], ["b", "b"]) == 0.0


@pytest.mark.parametrize(
    ("truth", "predicted", "words"),
    [
        (["a"], ["a", "b"], "one length"),
        ([], [], "no cells"),
        (["unassigned"], ["a"], "cannot be a true type"),
    ],
)
def test_bad_input_is_refused(truth, predicted, words):
    with pytest.raises(DataError, match=words):
        metrics.annotation_scores(truth, predicted)


pairs = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcdef")), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_equal_to_scikit_learn(pairs):
    truth, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    types = np.unique(truth)
    f1 = oracle.f1_score(truth, predicted, labels=types, average=None, zero_division=0)
    recall = oracle.recall_score(truth, predicted, labels=types, average=None, zero_division=0)
    precision = oracle.precision_score(truth, predicted, labels=types, average=None, zero_division=0)
    table = metrics.per_type_scores(truth, predicted)
    np.testing.assert_allclose(table["f1"], f1)
    np.testing.assert_allclose(table["recall"], recall)
    np.testing.assert_allclose(table["precision"], precision)
    assert metrics.accuracy(truth, predicted) == pytest.approx(oracle.accuracy_score(truth, predicted))
    if len(set(truth) | set(predicted)) > 1:
        assert metrics.cohen_kappa(truth, predicted) == pytest.approx(
            oracle.cohen_kappa_score(truth, predicted)
        )


@settings(max_examples=60, deadline=None)
@given(pairs, st.randoms(use_true_random=False))
def test_order_of_cells_and_names_of_types_do_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    renamed = [(t.upper() + "_", p.upper() + "_") for t, p in shuffled]
    before = metrics.annotation_scores(*zip(*pairs, strict=True))
    after = metrics.annotation_scores(*zip(*renamed, strict=True))
    assert before == pytest.approx(after, nan_ok=True)
    assert all(-1 <= value <= 1 for value in before.values() if not np.isnan(value))


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=30).filter(lambda y: len(set(y)) > 1))
def test_perfect_predictions_reach_one(y):
    assert set(metrics.annotation_scores(y, y).values()) == {1.0}
