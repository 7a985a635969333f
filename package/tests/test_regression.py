"""A run against its reference: what is named, and what is not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from metrics_tables import FAILED, OLD, calibration, failed, rows, slowed, table, told, verdict_of, write

from schash.errors import DataError
from schash.regression.directions import rule_of
from schash.regression.reading import KEY, read_metrics
from schash.regression.wording import what
from schash.regression.writing import summary_json, summary_markdown, write_comparison

REFERENCES = Path(__file__).parents[2] / "results/reference"


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


def test_a_score_that_is_undefined_on_one_side_counts(against):
    new = OLD.copy()
    new.loc[(new["method"] == "svm") & (new["metric"] == "accuracy") & (new["fold"] == "3"), "value"] = np.nan
    comparison = against(OLD, new)
    assert told(comparison) == {("changed", "fig2a / d1 / cv5 / svm")}
    assert "undefined on one side in 1 fold(s)" in verdict_of(comparison, "accuracy")["note"]
    assert not against(new, new).drifted


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


def test_markdown_holds_no_markup_of_others(against):
    name = "a|b `c` <b> @someone"
    failed = table(rows(name, **FAILED), rows("svm"))
    markdown = summary_markdown(against(table(rows(name), rows("svm")), failed))
    (line,) = [line for line in markdown.splitlines() if line.startswith("| failed |")]
    assert line.replace("\\|", "").count("|") == 5
    assert not {"<b>", "@someone"} & set(line.split())
    assert "a\\|b \\`c\\` &lt;b&gt; &#64;someone" in line
