"""Order of the rows, mean ranks, and the words and symbols beside them."""

import itertools

import numpy as np
import pandas as pd
import pytest

from schash.marks import marked_title, marks_of, notes_line, notes_on, status_in_words
from schash.standings import best_scores, complete, mean_ranks, order_methods, score_table, scores_of

NAN = float("nan")
SCORES = pd.DataFrame(
    {"easy": [1.0, 0.9, 0.8, NAN, 0.97, 1.0], "hard": [0.7, 0.5, 0.3, 0.45, NAN, 1.0]},
    index=["a", "b", "c", "no_easy", "no_hard", "control"],
)


def test_a_method_that_lacks_a_data_set_stands_by_its_lead_over_the_complete_ones():
    # complete: a, b, c with data set means .9 and .5; leads a +.15, b 0, c -.15, no_easy -.05, no_hard +.07.
    # By its plain mean over what it ran on, no_easy (.45) would be last and no_hard (.97) first.
    assert order_methods(SCORES, ["control"]) == ["a", "no_hard", "b", "no_easy", "c", "control"]


def test_order_of_complete_methods_is_that_of_their_means(rng):
    for _ in range(20):
        scores = pd.DataFrame(rng.random((7, 4)), index=list("abcdefg"))
        assert order_methods(scores, []) == list(scores.mean(axis=1).sort_values(ascending=False).index)


def test_order_without_a_complete_method_and_of_one_that_ran_nowhere():
    scores = pd.DataFrame({"x": [NAN, 0.5, 0.9, NAN], "y": [0.4, NAN, 0.6, NAN], "z": [0.5, 0.4, NAN, NAN]})
    scores.index = ["a", "b", "c", "nowhere"]
    # means of those that ran: .7, .5, .45; leads a -.025, b -.125, c +.15
    assert order_methods(scores, []) == ["c", "a", "b", "nowhere"]
    assert complete(scores).empty
    assert mean_ranks(scores).isna().all()


def test_equal_methods_keep_their_order_and_controls_the_one_given():
    scores = pd.DataFrame({"x": [0.5] * 4, "y": [0.1 + 0.2, 0.3, 0.3, 0.3]}, index=["d", "b", "c", "a"])
    for names in itertools.permutations(["d", "b", "c", "a"]):
        assert order_methods(scores.loc[list(names)], []) == list(names)
    assert order_methods(scores, ["a", "missing", "d"]) == ["b", "c", "a", "d"]


def test_mean_ranks_by_hand():
    scores = pd.DataFrame(
        {"x": [0.9, 0.9004, 0.8, 1.0], "y": [0.2, 0.5, 0.4, NAN]}, index=["a", "b", "c", "partly"]
    )
    # x: a and b are equal to three decimals and share 1.5; y: b, c, a; `partly` is not ranked and moves nobody
    ranks = mean_ranks(scores)
    assert ranks[["a", "b", "c"]].tolist() == [(1.5 + 3) / 2, (1.5 + 1) / 2, (3 + 2) / 2]
    assert np.isnan(ranks["partly"])


def test_best_scores_are_equal_to_three_decimals_and_no_controls():
    best = best_scores(SCORES.assign(easy=[0.9996, 1.0, 0.9994, NAN, 0.5, 1.0]), ["control"])
    assert best["easy"].tolist() == [True, True, False, False, False, False]
    assert best["hard"].tolist() == [True, False, False, False, False, False]


def test_score_table_keeps_methods_and_data_sets_without_a_score():
    summary = pd.DataFrame(
        [("b", "y", "f1", 0.5), ("b", "x", "f1", 0.4), ("b", "x", "kappa", 0.1), ("a", "z", NAN, NAN)],
        columns=["method", "dataset", "metric", "mean"],
    )
    table = score_table(summary, "f1")
    assert list(table.index) == ["b", "a"]
    assert list(table.columns) == ["y", "x", "z"]
    assert table.loc["b"].tolist()[:2] == [0.5, 0.4]
    assert table.loc["a"].isna().all()


def test_scores_of_metrics_have_no_mean_where_a_fold_failed():
    common = {"experiment": "e", "scheme": "cv5", "metric": "f1", "status": "ok"}
    rows = [{"method": m, "dataset": "x", "fold": f, "value": 0.5, **common} for m in "ab" for f in "01"]
    rows[3] |= {"metric": "", "value": NAN, "status": "timeout"}
    rows += [
        {
            "method": "never",
            "dataset": "x",
            "fold": "0",
            "value": NAN,
            **common,
            "metric": "",
            "status": "bad",
        }
    ]
    table = scores_of(pd.DataFrame(rows), "f1")
    assert table["x"].isna().tolist() == [False, True, True]


def test_marks_and_notes():
    marks = marks_of(["t", "both"], ["r", "both"])
    assert marks == {"t": "◇", "both": "◇○", "r": "○"}
    assert marked_title("both", {"both": "B"}, marks) == "B ◇○"
    assert marked_title("plain", {}, marks) == "plain"
    assert notes_on(["plain", "r"], marks) == ["○ may leave cells unassigned, which count as wrong"]
    assert notes_on(["plain"], marks) == []
    assert notes_line(["both"], marks).startswith("◇ sees the unlabelled")


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([], "not run"),
        (["ok", "ok"], ""),
        (["timeout", "timeout"], "too slow"),
        (["ok", "timeout", "ok"], "too slow in 1 of 3 folds"),
        (["not applicable"] * 5, "not applicable"),
        (["out of memory", "ok"], "out of memory in 1 of 2 folds"),
        (["failed"], "failed"),
    ],
)
def test_status_in_words(statuses, words):
    assert status_in_words(pd.Series(statuses, dtype=str)) == words
