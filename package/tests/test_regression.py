"""A run against its reference: what is named, and what is not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from metrics_tables import calibration, rows, table, write

from schash.errors import DataError
from schash.regression.comparison import compare
from schash.regression.directions import rule_of
from schash.regression.reading import KEY, read_metrics
from schash.regression.spread import SPREAD_COLUMNS, measure_spread, read_spread, write_spread
from schash.regression.timings import TIME_FACTOR
from schash.regression.wording import what, where
from schash.regression.writing import summary_json, summary_markdown, write_comparison

REFERENCES = Path(__file__).parents[2] / "results/reference"


@pytest.fixture
def against(tmp_path):
    """Compare two tables by way of their files."""

    def call(old, new, spread=None, **options):
        read = [read_metrics(write(frame, tmp_path / f"{i}.tsv")) for i, frame in enumerate((old, new))]
        return compare(*read, spread, **options)

    return call


def told(comparison):
    return {(row.verdict, where(row)) for row in comparison.groups().itertuples()}


def verdict_of(comparison, metric, over="folds"):
    found = comparison.table
    return found[(found["metric"] == metric) & (found["over"] == over)].iloc[0]


OLD = table(rows("svm"), rows("knn"), calibration())


def test_the_same_numbers_are_no_drift(against):
    comparison = against(OLD, OLD)
    assert not comparison.drifted
    assert comparison.counts == {"within": 6, "same": 8}  # six costs; two scores of two methods, and pooled
    assert comparison.remarks == ()


def test_fewer_decimals_and_another_order_of_summation_are_no_drift(against):
    rounded = OLD.assign(value=OLD["value"].round(4))
    noisy = OLD.assign(value=OLD["value"] * (1 + 1e-9))
    assert not against(OLD.assign(value=OLD["value"] + 1e-5 / 3), rounded).drifted
    assert against(OLD, noisy).counts["same"] == 8


def test_a_loss_is_named_and_a_gain_is_told_and_fails_nothing(against):
    new = OLD.copy()
    new.loc[(new["method"] == "knn") & (new["metric"] == "accuracy"), "value"] -= 0.1
    comparison = against(OLD, new)
    assert comparison.drifted
    assert told(comparison) == {("worse", "fig2a / d1 / cv5 / knn")}
    assert comparison.counts["worse"] == 2  # over folds, and pooled
    row = next(comparison.groups().itertuples())
    assert "accuracy" in what(row)
    assert "0.95 → 0.85 (-0.1;" in what(row)
    better = against(new, OLD)
    assert told(better) == {("better", "fig2a / d1 / cv5 / knn")}
    assert not better.drifted


@pytest.mark.parametrize(
    ("metric", "old", "new", "verdict"),
    [
        ("median_f1", 0.9, 0.8, "worse"),
        ("median_f1", 0.8, 0.9, "better"),
        ("bytes_per_cell[anchor,n=512]", 100, 110, "worse"),
        ("bytes_per_cell[anchor,n=512]", 110, 100, "better"),
        ("zstd_size_reduction", 0.2, 0.1, "worse"),
        ("angle_bias_128bits", -0.1, 0.2, "worse"),
        ("angle_bias_128bits", 0.2, -0.1, "better"),
        ("angle_bias_128bits", 0.1, -0.1, "within"),
        ("genes_selected[n=512]", 100, 90, "changed"),
        ("genes_selected[n=512]", 90, 100, "changed"),
        ("coverage", 1.0, 0.9, "changed"),
        ("same_as_linear_scan[multi,n=512]", 1.0, 0.9999, "worse"),
        ("truncated_svd_relative_error[rank=1]", 1e-16, 9e-16, "within"),
        ("a_metric_of_tomorrow", 1.0, 1.001, "changed"),
        ("query_time_indexed_over_linear_2p20_128bits", 1.0, 9.0, None),
    ],
)
def test_every_metric_has_its_direction(against, metric, old, new, verdict):
    one = {"folds": ("2",)}
    comparison = against(table(rows("m", {metric: old}, **one)), table(rows("m", {metric: new}, **one)))
    found = comparison.table[comparison.table["metric"] == metric]
    assert list(found["verdict"]) == ([] if verdict is None else [verdict])
    assert any("a_metric_of_tomorrow" in line for line in comparison.remarks) == (
        metric == "a_metric_of_tomorrow"
    )


@pytest.mark.parametrize("suite", ["demo", "small"])
def test_every_metric_of_the_committed_references_is_known(suite):
    metrics = pd.read_csv(
        REFERENCES / suite / "metrics.tsv", sep="\t", usecols=["metric"], keep_default_na=False
    )
    names = set(metrics["metric"]) - {""}
    assert len(names) > 300
    assert [name for name in names if not rule_of(name).known] == []


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("map_at_k[k=1x,hits,averaged,queries,db80]", "higher"),
        ("query_ms[128bits,n=2048]", "milliseconds"),
        ("query_ms_2p20_128bits", "milliseconds"),
        ("index_s", "seconds"),
        ("gzip_load_over_query_time", "of times"),
        ("network_time_fraction[n=8192]", "of times"),
        ("randomized_svd_speedup_over_full", "of times"),
        ("top10_recall_sd_64bits", "equal"),
        ("index_peak_mb[n=512]", "memory"),
        ("temporary_file_mb[n=512]", "lower"),
        ("bytes_slope_128bits", "lower"),
        ("consistency_of_type01", "higher"),
        ("recall_within_type_chance[10]", "equal"),
        ("k[1x,db80]", "equal"),
    ],
)
def test_names_that_resemble_each_other_are_told_apart(metric, direction):
    assert rule_of(metric).direction == direction


def spread_of(sd, suite="demo", **columns):
    row = {
        "experiment": "fig2a", "dataset": "d1", "scheme": "cv5", "method": "svm", "metric": "median_f1",
        "over": "folds", **columns,
    }  # fmt: skip
    return pd.DataFrame([{"suite": suite, **row, "mean": 0.9, "sd": sd, "seeds": 5}])[list(SPREAD_COLUMNS)]


FOLD_ERROR = (
    3 * 0.01 * np.sqrt(2.5) / np.sqrt(5)
)  # sd of -2, -1, 0, 1, 2 hundredths over the root of 5, three times


@pytest.mark.parametrize(
    ("spread", "tolerance", "source"),
    [
        (spread_of(0.004), 0.012, "seeds"),
        (spread_of(0.001), 0.005, "floor"),
        (None, 0.005, "floor"),
        (spread_of(0.02, suite="small"), 0.005, "floor"),
    ],
)
def test_a_tolerance_is_three_deviations_and_says_which(against, spread, tolerance, source):
    for loss, verdict in ((0.98, "within"), (1.02, "worse")):
        new = OLD.copy()
        new.loc[new["method"] == "svm", "value"] -= tolerance * loss
        row = verdict_of(against(OLD, new, spread), "median_f1")
        assert row["tolerance"] == pytest.approx(tolerance, rel=1e-6)
        assert (row["tolerance_from"], row["verdict"]) == (source, verdict)


@pytest.mark.parametrize("spread", [None, spread_of(0.004, suite="small")])
@pytest.mark.parametrize(
    ("moves", "seed", "tolerance"),
    [
        ((-0.2, -0.2, -0.2, -0.2, -0.2), 0, 0.005),
        ((0.01, -0.01, 0.0, 0.005, -0.005), 0, 3 * np.std([2, -2, 0, 1, -1], ddof=1) / 200 / np.sqrt(5)),
        ((0.5, -0.5, 0.0, 0.0, 0.0), 0, FOLD_ERROR),
        ((0.0, 0.0, 0.0, 0.0, 0.0), 1, FOLD_ERROR * np.sqrt(2)),
    ],
)
def test_without_seeds_the_same_folds_go_by_what_each_of_them_moved_by(
    against, spread, moves, seed, tolerance
):
    """Not by how much folds differ, which says nothing of how far all of them may fall."""
    new = OLD.assign(seed=seed)
    new.loc[
        (new["method"] == "svm") & (new["metric"] == "median_f1") & (new["fold"] != "pooled"), "value"
    ] += moves
    row = verdict_of(against(OLD, new, spread), "median_f1")
    assert row["tolerance"] == pytest.approx(tolerance, rel=1e-6)
    assert (row["verdict"] == "worse") == (moves[0] == moves[1] != 0)


@pytest.mark.parametrize("metric", ["genes_selected[n=512]", "brand_new", "same_as_linear_scan[multi,n=512]"])
def test_facts_about_the_same_cells_have_no_tolerance_from_a_spread(against, metric):
    old = table(rows("svm", {metric: 1.0}))
    new = old.assign(value=0.99)
    wide = spread_of(0.5, metric=metric)
    assert against(old, new, wide).drifted
    assert not against(old, new.assign(seed=1), wide).drifted


def test_one_fold_goes_by_the_kin_in_another_suite(against):
    old = table(rows("svm", {"purity[k=10]": 0.8}, folds=("2",)), suite="small")
    of_another_method = spread_of(0.05, metric="purity[k=5]", method="other")
    of_the_method = spread_of(0.02, metric="purity[k=5]", dataset="d9")
    for spread, tolerance in (
        (of_another_method, 0.15),
        (of_the_method, 0.06),
        (pd.concat([of_another_method, of_the_method]), 0.06),
    ):
        row = verdict_of(against(old, old, spread), "purity[k=10]")
        assert (row["tolerance"], row["tolerance_from"]) == (pytest.approx(tolerance), "kin")


def test_other_folds_widen_the_tolerance(against):
    comparison = against(OLD, OLD.assign(seed=1), spread_of(0.004))
    row = verdict_of(comparison, "median_f1")
    assert row["tolerance"] == pytest.approx(0.012 * np.sqrt(2))
    assert row["note"] == "other folds"
    assert len(comparison.remarks) == 1
    assert not comparison.drifted


@pytest.mark.parametrize("gain", [0.0, 0.001, 0.5])
def test_other_cells_of_the_same_seed_are_a_change_whatever_the_score(against, gain):
    comparison = against(OLD, OLD.assign(n=99, value=OLD["value"] + gain), spread_of(0.004))
    assert verdict_of(comparison, "median_f1")["verdict"] == "changed"
    assert "other folds: of the same seed" in verdict_of(comparison, "median_f1")["note"]


def test_a_score_that_is_undefined_on_one_side_counts(against):
    new = OLD.copy()
    new.loc[(new["method"] == "svm") & (new["metric"] == "accuracy") & (new["fold"] == "3"), "value"] = np.nan
    comparison = against(OLD, new)
    assert told(comparison) == {("changed", "fig2a / d1 / cv5 / svm")}
    assert "undefined on one side in 1 fold(s)" in verdict_of(comparison, "accuracy")["note"]
    assert not against(new, new).drifted


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


def failed(frame, fold, status="failed", reason="ran out of luck"):
    here = (frame["method"] == "svm") & (frame["fold"] == fold)
    one = frame[here].iloc[[0]].assign(metric="", value=np.nan, status=status, reason=reason, fit_s=np.nan)
    return pd.concat([frame[~here], one], ignore_index=True)


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


def slowed(factor, method="svm", column="fit_s"):
    return OLD.assign(**{column: OLD[column].where(OLD["method"] != method, OLD[column] * factor)})


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
    assert not against(short, short.assign(fit_s=0.3 * TIME_FACTOR * 0.99)).drifted
    assert against(short, short.assign(fit_s=0.3 * TIME_FACTOR * 1.01)).drifted


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


def test_the_worst_comes_first(against):
    new = pd.concat([failed(slowed(4, "knn"), "1"), table(rows("tree"))])
    new.loc[(new["method"] == "knn") & (new["metric"] == "accuracy"), "value"] -= 0.1
    new.loc[(new["method"] == "knn") & (new["metric"] == "median_f1"), "value"] -= 0.3
    comparison = against(OLD, new)
    assert list(comparison.groups()["verdict"]) == ["failed", "worse", "slower", "new"]
    assert "median_f1" in comparison.groups()["metric"].iloc[1]


def test_only_some_experiments(against):
    old = table(rows("svm"), rows("svm", experiment="fig4"), calibration())
    new = old.copy()
    new.loc[new["experiment"] == "fig4", "value"] -= 0.3
    assert not against(old, new, only=["fig2a"]).drifted
    assert against(old, new, only=["fig4"]).drifted
    with pytest.raises(DataError, match="experiments fig5: in neither table"):
        against(old, new, only=["fig5"])


def test_tables_without_a_score_compare_too(against):
    nothing = table(rows("svm", {"": np.nan}, status="failed", reason="no luck", fit_s=np.nan))
    assert not against(nothing, nothing).drifted
    assert told(against(OLD, nothing)) == {
        ("failed", "fig2a / d1 / cv5 / svm"),
        ("missing", "fig2a / d1 / cv5 / knn"),
    }


def test_another_suite_is_refused(against):
    with pytest.raises(DataError, match="reference is of 'demo', the run of 'small'"):
        against(OLD, OLD.assign(suite="small"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.replace("\t0.9\t", "\tnine\t", 1), "line 4, column 'value': expected a finite number"),
        (lambda t: t.replace("\t0.9\t", "\tinf\t", 1), "line 4, column 'value': expected a finite number, found 'inf"),
        (lambda t: t.replace("\t100\t", "\t1.5\t", 1), "line 2, column 'n': expected a whole number from 0 on, found"),
        (lambda t: t.replace("\t100\t", "\t-1\t", 1), "column 'n': expected a whole number from 0 on, found '-1"),
        (lambda t: t.replace("\n", "\n\n", 1).replace("\t0.9\t", "\tnine\t", 1), "line 5, column 'value'"),
        (lambda t: t + t.splitlines()[1] + "\n", "a second row of fig2a / d1 / cv5 / svm / median_f1 / 0"),
        (lambda t: t.replace("metric", "metrics", 1), "missing columns ['metric'], unknown columns ['metrics']"),
        (lambda t: t.splitlines()[0] + "\n", "holds no rows"),
        (lambda t: t.replace("demo", "small", 1), "column 'suite' must have one value, found demo, small"),
        (lambda t: "", "cannot be read as a table"),
    ],
)  # fmt: skip
def test_bad_tables_are_named_with_line_column_and_value(tmp_path, spoil, words):
    path = write(OLD, tmp_path / "m.tsv")
    path.write_text(spoil(path.read_text()))
    with pytest.raises(DataError) as caught:
        read_metrics(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def test_parquet_reads_as_tsv_does(tmp_path):
    frames = [read_metrics(write(OLD, tmp_path / f"m.{kind}")) for kind in ("tsv", "parquet")]
    pd.testing.assert_frame_equal(*frames, check_exact=False, rtol=1e-5)


def test_spread_by_hand(tmp_path):
    old = OLD.assign(over=np.where(OLD["fold"] == "pooled", "pooled", "folds"))
    runs = [old.assign(seed=seed, value=old["value"] + 0.01 * seed) for seed in range(3)]
    spread = measure_spread(runs)
    assert set(spread["metric"]) == {"median_f1", "accuracy"}  # the calibration is a time
    assert np.allclose(spread["sd"], 0.01)
    assert set(spread["seeds"]) == {3}
    write_spread(spread, tmp_path / "spread.tsv")
    assert len(read_spread(tmp_path / "spread.tsv")) == len(spread) == 8
    write_spread(pd.concat([spread, spread.iloc[[0]]]), tmp_path / "spread.tsv")
    with pytest.raises(DataError, match="line 10: a second row: fig2a / d1 / cv5 / svm / median_f1"):
        read_spread(tmp_path / "spread.tsv")
    for bad in (runs[:2], [*runs, runs[0]], [*runs[:2], runs[2].assign(git_sha="other")]):
        with pytest.raises(DataError, match="at least 3 runs of one suite and commit"):
            measure_spread(bad)


def test_the_files_say_what_the_comparison_says(against, tmp_path):
    new = slowed(4, "knn")
    new.loc[(new["method"] == "svm") & (new["metric"] == "accuracy"), "value"] -= 0.1
    comparison = against(OLD, pd.concat([new, table(rows("a|b"))]))
    write_comparison(comparison, tmp_path / "out")
    diff = pd.read_csv(tmp_path / "out/diff.tsv", sep="\t")
    assert list(diff["verdict"].iloc[:3]) == ["worse", "worse", "slower"]
    assert set(KEY) <= set(diff)
    summary = json.loads(summary_json(comparison))
    assert summary["drift"] is True
    assert summary["counts"]["worse"] == 2
    assert summary["told"][0]["method"] == "svm"
    markdown = summary_markdown(comparison)
    assert markdown.startswith("## ❌ Regression, suite demo")
    assert "| worse | fig2a / d1 / cv5 / svm | accuracy" in markdown
    assert "Better or new" in markdown
    assert summary_markdown(against(OLD, OLD)).startswith("## ✅")
    assert (tmp_path / "out/summary.md").read_text() == markdown


def test_many_rows_are_counted_not_listed(against):
    old = table(*(rows(f"m{i}") for i in range(40)))
    new = old.assign(value=old["value"] - 0.3)
    markdown = summary_markdown(against(old, new))
    assert markdown.count("| worse |") == 25
    assert "15 more rows in diff.tsv" in markdown


FAILED = {"status": "failed", "value": np.nan, "reason": "ValueError: another host, other folds"}


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


def test_a_spread_must_be_finite(tmp_path):
    for sd in (np.inf, np.nan, -1.0):
        write_spread(spread_of(sd), tmp_path / "spread.tsv")
        with pytest.raises(DataError, match=r"spread\.tsv: line 2: sd is negative or no finite number"):
            read_spread(tmp_path / "spread.tsv")


def test_markdown_holds_no_markup_of_others(against):
    name = "a|b `c` <b> @someone"
    failed = table(rows(name, **FAILED), rows("svm"))
    markdown = summary_markdown(against(table(rows(name), rows("svm")), failed))
    (line,) = [line for line in markdown.splitlines() if line.startswith("| failed |")]
    assert line.replace("\\|", "").count("|") == 5
    assert not {"<b>", "@someone"} & set(line.split())
    assert "a\\|b \\`c\\` &lt;b&gt; &#64;someone" in line


def test_many_small_losses_are_told_together(against):
    old = table(*(rows(f"m{i}") for i in range(20)))
    moved = old.assign(value=old["value"] - 0.004)
    comparison = against(old, moved)
    assert not comparison.drifted
    assert "80 scores lost something within their tolerances and 0 gained" in " ".join(comparison.remarks)
    assert against(moved, old).remarks == against(old, old).remarks
    of_half = old.assign(value=old["value"] + np.where(old["method"] < "m15", 0.004, -0.004))
    assert "lost something" not in " ".join(against(old, of_half).remarks)
