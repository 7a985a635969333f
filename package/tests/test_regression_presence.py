"""Rows that one side lacks, and runs that ended otherwise."""

import numpy as np
from metrics_tables import FAILED, OLD, calibration, failed, rows, table, told

from schash.regression.wording import what


def test_missing_and_new_runs_are_named_with_the_number_of_their_rows(against):
    new = table(rows("svm"), rows("tree"), calibration())
    comparison = against(OLD, new)
    assert told(comparison) == {("missing", "fig2a / d1 / cv5 / knn"), ("new", "fig2a / d1 / cv5 / tree")}
    assert [what(row) for row in comparison.groups().itertuples()] == [
        "12 rows missing: all of the run", "12 rows new: all of the run",
    ]  # fmt: skip
    assert comparison.drifted
    assert not against(table(rows("svm"), calibration()), OLD).drifted  # new ones alone


def test_a_missing_experiment_is_one_line_and_a_missing_metric_is_named(against):
    old = table(rows("svm"), rows("svm", experiment="fig4"), rows("knn", experiment="fig4"))
    new = table(rows("svm", {"accuracy": 0.95}))
    comparison = against(old, new)
    assert told(comparison) == {("missing", "fig4"), ("missing", "fig2a / d1 / cv5 / svm")}
    texts = {what(row) for row in comparison.groups().itertuples()}
    assert texts == {"24 rows missing: all of the experiment", "6 rows missing: median_f1"}


def test_a_fold_that_failed_is_drift_and_told_once(against):
    comparison = against(OLD, failed(OLD, "1"))
    assert ("failed", "fig2a / d1 / cv5 / svm") in told(comparison)
    assert not any(verdict == "missing" for verdict, _ in told(comparison))
    row = next(comparison.groups().itertuples())
    assert what(row) == "failed: ran out of luck; fold 1"
    mended = against(failed(OLD, "1"), OLD)
    assert ("mended", "fig2a / d1 / cv5 / svm") in told(mended)
    assert not mended.drifted
    assert not against(failed(OLD, "1"), failed(OLD, "1")).drifted
    other = against(failed(OLD, "1"), failed(OLD, "1", status="timeout"))
    assert told(other) == {("failed", "fig2a / d1 / cv5 / svm")}


def test_rows_that_are_missing_beside_an_old_failure_are_still_missing(against):
    """A timing has all its sizes in one fold: that one of them was always too slow hides nothing."""
    sizes = rows("svm", {"d10[a,n=1]": 5.0, "d10[a,n=2]": 6.0}, experiment="fig3b", folds=("2",))
    slow = rows(
        "svm",
        {"query_ms[a,n=4]": np.nan},
        experiment="fig3b",
        folds=("2",),
        status="too slow",
        reason="limit",
    )
    comparison = against(table(sizes, slow), table(sizes[:1], slow))
    assert told(comparison) == {("missing", "fig3b / d1 / cv5 / svm")}


def test_what_failed_and_is_gone_is_missing_and_not_mended(against):
    broken = OLD.copy()
    broken.loc[broken["method"] == "svm", list(FAILED)] = list(FAILED.values())
    gone = OLD[OLD["method"] != "svm"]
    assert told(against(broken, gone)) == {("missing", "fig2a / d1 / cv5 / svm")}
    assert told(against(broken, OLD)) == {("mended", "fig2a / d1 / cv5 / svm")}


def test_a_new_method_that_fails_is_a_failure_and_one_that_is_not_applicable_is_new(against):
    broken = OLD.copy()
    broken.loc[broken["method"] == "svm", list(FAILED)] = list(FAILED.values())
    comparison = against(OLD[OLD["method"] != "svm"], broken)
    assert told(comparison) == {("failed", "fig2a / d1 / cv5 / svm")}
    assert comparison.remarks == ()  # what a program said when it failed is no remark
    harmless = broken.assign(status=broken["status"].replace({"failed": "not applicable"}))
    comparison = against(OLD[OLD["method"] != "svm"], harmless)
    assert told(comparison) == {("new", "fig2a / d1 / cv5 / svm")}
    assert not comparison.drifted


def test_times_that_are_gone_are_missing(against):
    comparison = against(OLD, OLD.assign(fit_s=np.nan, predict_s=np.nan))
    assert told(comparison) == {
        ("missing", "fig2a / d1 / cv5 / svm"),
        ("missing", "fig2a / d1 / cv5 / knn"),
    }
    assert "fit_s, predict_s missing" in what(next(comparison.groups().itertuples()))
