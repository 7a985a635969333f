"""Seconds and memory, in units of the calibration, on like hosts."""

import json

import numpy as np
import pytest
from metrics_tables import OLD, calibration, rows, slowed, table, told

from schash.regression.timings import FLOOR_S, TIME_FACTOR
from schash.regression.wording import what
from schash.regression.writing import summary_json


def test_three_times_as_slow_is_caught_and_the_noise_of_a_shared_machine_is_not(against):
    assert told(against(OLD, slowed(3))) == {("slower", "fig2a / d1 / cv5 / svm")}
    row = next(against(OLD, slowed(3)).groups().itertuples())
    assert (row.metric, what(row)) == ("fit_s", "fit_s: 1 → 3 s, 3 times; allowed 2.25")
    assert not against(OLD, slowed(1.6)).drifted
    assert told(against(slowed(3), OLD)) == {("faster", "fig2a / d1 / cv5 / svm")}


def test_times_are_in_units_of_the_calibration(against):
    slow_machine = slowed(3)
    slow_machine.loc[slow_machine["metric"] == "calibration_s", "value"] *= 2
    comparison = against(OLD, slow_machine)
    assert comparison.clock.ratio == pytest.approx(2)
    assert not comparison.drifted
    fast_machine = slowed(1.6)
    fast_machine.loc[fast_machine["metric"] == "calibration_s", "value"] /= 2
    assert told(against(OLD, fast_machine)) == {("slower", "fig2a / d1 / cv5 / svm")}


def test_a_single_fold_that_stalled_says_nothing(against):
    new = OLD.copy()
    new.loc[new["fold"].isin(["0", "1", "2"]), "fit_s"] *= 5  # the median moves, the shortest does not
    assert not against(OLD, new).drifted


@pytest.mark.parametrize("columns", [{"host": "there"}, {"threads": 2}])
def test_unlike_hosts_are_not_compared_and_the_summary_says_so(against, columns):
    comparison = against(OLD, slowed(9).assign(**columns))
    assert not comparison.drifted
    assert comparison.counts["not compared"] == 6
    assert "another host or other threads" in " ".join(comparison.remarks)


def test_without_a_calibration_on_both_sides_times_are_not_compared_but_memory_is(against):
    bare = OLD[OLD["experiment"] != "calibration"]
    comparison = against(bare, slowed(9))
    assert not comparison.drifted
    assert comparison.remarks == ("times not compared: the reference has no calibration",)
    larger = slowed(3, column="peak_mb")
    assert told(against(bare, larger)) == {("larger", "fig2a / d1 / cv5 / svm")}
    assert not against(bare, slowed(1.4, column="peak_mb")).drifted


def test_seconds_below_the_floor_say_nothing_unless_they_are_many_now(against):
    short = OLD.assign(fit_s=0.01)
    assert not against(short, short.assign(fit_s=FLOOR_S * TIME_FACTOR * 0.99)).drifted
    assert against(short, short.assign(fit_s=FLOOR_S * TIME_FACTOR * 1.01)).drifted


def test_milliseconds_of_a_query_are_seconds_of_their_batch(against):
    one = {"experiment": "fig3b", "folds": ("2",), "fit_s": np.nan}
    slow = [table(rows("m", {"query_ms[a,n=512]": ms}, n=10_000, **one), calibration()) for ms in (0.1, 0.3)]
    comparison = against(*slow)
    assert told(comparison) == {("slower", "fig3b / d1 / cv5 / m")}
    assert comparison.groups()["run"].iloc[0] == pytest.approx(3.0)
    few = [frame.assign(n=100) for frame in slow]
    assert not against(*few).drifted


def test_a_run_that_experiments_share_is_slow_once(against):
    old = table(rows("svm"), rows("svm", experiment="table2"), calibration())
    new = old.assign(fit_s=old["fit_s"] * 4)
    assert told(against(old, new)) == {("slower", "fig2a / d1 / cv5 / svm")}


def test_a_calibration_of_another_machine_is_no_unit(against):
    elsewhere = OLD.copy()
    of_calibration = elsewhere["experiment"] == "calibration"
    elsewhere.loc[of_calibration, "host"] = "elsewhere"
    elsewhere.loc[of_calibration, "value"] /= 3
    comparison = against(OLD, elsewhere)
    assert not comparison.drifted
    assert comparison.counts["not compared"] == 4  # seconds; memory needs no unit
    assert "another host" in " ".join(comparison.remarks)


def test_folds_of_several_machines_are_not_compared(against):
    mixed = slowed(9)
    mixed.loc[(mixed["method"] == "svm") & (mixed["fold"] != "0"), "host"] = "elsewhere"
    comparison = against(OLD, mixed)
    assert not comparison.drifted
    assert comparison.counts["not compared"] == 3


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_kernel_without_a_time_is_no_calibration(against, value):
    broken = OLD.copy()
    broken.loc[broken["method"] == "hamming_scan", "value"] = value
    for pair in ((broken, OLD), (OLD, broken)):
        comparison = against(*pair)
        assert "took no time" in comparison.clock.reason
        json.loads(summary_json(comparison))
