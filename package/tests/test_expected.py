"""Each verdict on a paper's number is what a person would write by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schash.errors import DataError
from schash.expected import EXPECTED_COLUMNS, read_expected
from schash.paper_vs_ours import (
    OUTCOMES,
    VERDICT_COLUMNS,
    count_verdicts,
    outcomes,
    read_verdicts,
    verdicts,
    write_verdicts,
)
from schash.tables import METRIC_COLUMNS

CONFIG = Path(__file__).parents[2] / "config"


def expect(**changes: Any) -> pd.DataFrame:
    row = {name: "" for name, kind in EXPECTED_COLUMNS.items() if kind == "str"}
    row |= {"id": "a", "paper": "scdeephash", "target": "fig2a", "dataset": "tm", "data_name": "TM"}
    row |= {"scheme": "cv5", "method": "svm", "metric": "median_f1", "relation": "about"}
    row |= {"value": 0.9, "tolerance": 0.02, "source": "section 4.1"}
    return pd.DataFrame([row | changes])[list(EXPECTED_COLUMNS)].astype(EXPECTED_COLUMNS)


def run(values: list[float], **changes: Any) -> pd.DataFrame:
    """Rows of one run: one fold a value."""
    row: dict[str, Any] = {name: "" if kind == "str" else 0 for name, kind in METRIC_COLUMNS.items()}
    row |= {"experiment": "fig2a", "dataset": "tm", "scheme": "cv5", "method": "svm", "metric": "median_f1"}
    row |= {"status": "ok"}
    rows = [row | {"fold": str(fold), "value": value} | changes for fold, value in enumerate(values)]
    return pd.DataFrame(rows).astype(METRIC_COLUMNS)


def failed(**changes: Any) -> pd.DataFrame:
    facts = {"metric": "", "status": "timeout", "reason": "more than 9 s", "fold": "3"}
    return run([np.nan], **(facts | changes))


def sizes(**cells: int) -> pd.DataFrame:
    """table1 with one row a data set; every second quantity follows from the cells."""
    facts = [
        {"dataset": name, "cells": n, "genes": 10 * n, "types": 4, "types_over_10": 3, "stand_in_for": ""}
        for name, n in cells.items()
    ]
    return pd.DataFrame(facts or [dict.fromkeys(("dataset", "cells", "stand_in_for"), "")])


def judge(expected: pd.DataFrame, *runs: pd.DataFrame, table1: pd.DataFrame | None = None) -> Any:
    metrics = pd.concat(runs or (run([0.1], experiment="other"),), ignore_index=True)
    table = verdicts(expected, metrics, sizes(tm=100) if table1 is None else table1)
    assert list(table.columns) == list(VERDICT_COLUMNS)
    assert len(table) == 1
    return table.iloc[0]


# Values and relations


def test_the_mean_over_folds_is_compared_and_the_pooled_value_is_not() -> None:
    row = judge(expect(), run([0.88, 0.92]), run([0.1], fold="pooled"))
    assert (row["ours"], row["ours_sd"]) == (pytest.approx(0.9), pytest.approx(0.02 * np.sqrt(2)))
    assert (row["paper_value"], row["ran_on"], row["same"], row["verdict"]) == (0.9, "tm", "same", "agrees")
    assert row["reason"] == "+0 from the paper's value, tolerance 0.02"
    assert row["source"] == "section 4.1"


def test_a_single_fold_has_no_standard_deviation() -> None:
    assert np.isnan(judge(expect(), run([0.9]))["ours_sd"])


@pytest.mark.parametrize(
    ("relation", "tolerance", "ours", "verdict"),
    [
        ("about", 0.02, 0.92, "agrees"),
        ("about", 0.02, 0.88, "agrees"),
        ("about", 0.02, 0.921, "differs"),
        ("about", 0.02, 0.879, "differs"),
        ("at_most", 0, 0.9, "agrees"),
        ("at_most", 0, 0.2, "agrees"),
        ("at_most", 0, 0.91, "differs"),
        ("at_most", 0.01, 0.91, "agrees"),
        ("at_least", 0, 0.9, "agrees"),
        ("at_least", 0, 0.99, "agrees"),
        ("at_least", 0, 0.89, "differs"),
        ("at_least", 0.01, 0.89, "agrees"),
    ],
)
def test_relations(relation: str, tolerance: float, ours: float, verdict: str) -> None:
    row = judge(expect(relation=relation, tolerance=tolerance), run([ours]))
    assert row["verdict"] == verdict


def test_the_reason_states_the_difference() -> None:
    row = judge(expect(), run([0.85]))
    assert (row["verdict"], row["reason"]) == ("differs", "-0.05 from the paper's value, tolerance 0.02")


@pytest.mark.parametrize("values", [[0.9, np.nan], [np.inf]])
def test_a_value_that_is_not_finite_is_not_run(values: list[float]) -> None:
    row = judge(expect(), run(values))
    assert (row["verdict"], row["reason"]) == ("not run", "our value on tm is not a finite number")


# Which run


def test_annotation_may_come_from_any_experiment_of_the_same_scheme() -> None:
    assert judge(expect(), run([0.9], experiment="variants"))["verdict"] == "agrees"
    row = judge(expect(), run([0.9], experiment="variants", scheme="random5"))
    assert row["reason"] == "experiment not in this suite"
    row = judge(expect(scheme=""), run([0.9], experiment="variants"))
    assert row["reason"] == "experiment not in this suite"


def test_the_target_comes_before_other_experiments_and_is_not_mixed_with_them() -> None:
    row = judge(expect(), run([0.1], experiment="variants"), run([0.9]))
    assert (row["ours"], np.isnan(row["ours_sd"])) == (0.9, True)


def test_other_metrics_come_from_the_target_alone() -> None:
    expected = expect(target="table2", metric="map_hits_at_50")
    assert judge(expected, run([0.9], metric="map_hits_at_50"))["reason"] == "experiment not in this suite"
    assert judge(expected, run([0.9], metric="map_hits_at_50", experiment="table2"))["verdict"] == "agrees"


def test_an_empty_scheme_takes_any_scheme_of_the_target() -> None:
    assert judge(expect(scheme=""), run([0.9], scheme="random5"))["verdict"] == "agrees"


def test_an_empty_method_takes_the_metric_from_any_method() -> None:
    expected = expect(method="", metric="speedup")
    row = judge(expected, failed(method="other"), run([0.9], method="full", metric="speedup"))
    assert (row["verdict"], row["method"]) == ("agrees", "")
    assert judge(expected, failed(method="other"))["reason"] == "metric not measured: speedup"


def test_a_complete_run_comes_before_a_failed_one() -> None:
    row = judge(expect(), run([0.5]), failed(), run([0.9], experiment="variants"))
    assert (row["ours"], row["verdict"]) == (0.9, "agrees")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"experiment": "table2", "metric": "map"}, "experiment not in this suite"),
        ({"scheme": "loso"}, "scheme cv5 not run"),
        ({"dataset": "xin"}, "data set not in this suite"),
        ({"method": "castle"}, "method not run: svm"),
        ({"metric": "kappa"}, "metric not measured: median_f1"),
        ({"fold": "pooled"}, "median_f1 only pooled"),
    ],
)
def test_reasons_of_what_was_not_run(changes: dict[str, str], reason: str) -> None:
    row = judge(expect(), run([0.9], **changes))
    assert (row["verdict"], row["reason"]) == ("not run", reason)
    assert (row["ran_on"], row["same"]) == ("", "")
    assert np.isnan(row["ours"])
    assert np.isnan(row["ours_sd"])


def test_a_run_that_lacks_a_fold_has_no_number() -> None:
    row = judge(expect(), run([0.9, 0.9]), failed())
    assert (row["verdict"], row["reason"]) == ("not run", "timeout in fold 3: more than 9 s")
    row = judge(expect(), failed(status="not applicable", reason="takes counts"))
    assert row["reason"] == "not applicable in fold 3: takes counts"


# Data sets


def stand_in(dataset: str, text: str, value: float, **changes: Any) -> pd.DataFrame:
    return run([value], dataset=dataset, stand_in=text, **changes)


def test_a_stand_in_is_compared_and_named() -> None:
    row = judge(expect(), stand_in("tm_immune", "TM", 0.7))
    assert (row["ran_on"], row["same"], row["verdict"]) == ("tm_immune", "stand-in", "differs")
    assert row["reason"] == "stand-in: tm_immune for TM; -0.2 from the paper's value, tolerance 0.02"


def test_the_papers_own_data_set_comes_before_any_stand_in_even_where_it_failed() -> None:
    assert judge(expect(), stand_in("mini", "TM", 0.9), run([0.5]))["ran_on"] == "tm"
    assert judge(expect(), stand_in("mini", "TM", 0.9), failed())["verdict"] == "not run"


@pytest.mark.parametrize(
    "text", ["TM", "tm", "Tm", "TM and AMB92 (many types)", "a part of Tabula Muris, see tm."]
)
def test_a_stand_in_names_the_data_set_as_a_whole_word(text: str) -> None:
    assert judge(expect(), stand_in("mini", text, 0.9))["verdict"] == "agrees"


@pytest.mark.parametrize("text", ["", "tm_droplet", "TM-FACS", "ATM", "AMB92"])
def test_other_texts_name_no_stand_in(text: str) -> None:
    assert judge(expect(), stand_in("mini", text, 0.9))["reason"] == "data set not in this suite"


def test_the_largest_stand_in_that_has_the_number_is_taken() -> None:
    table1 = sizes(small=10, large=1000, middle=100)
    small, large = stand_in("small", "TM", 0.1), stand_in("large", "TM", 0.9)
    assert judge(expect(), small, large, table1=table1)["ran_on"] == "large"
    elsewhere = stand_in("large", "TM", 0.9, method="castle")
    assert judge(expect(), small, elsewhere, table1=table1)["ran_on"] == "small"
    assert judge(expect(), elsewhere, table1=table1)["reason"] == "method not run: svm"


@pytest.mark.parametrize("metric", ["query_s", "genes_selected", "cells_per_type", "share_of_neoblast_1"])
def test_sizes_and_seconds_of_a_stand_in_are_not_compared(metric: str) -> None:
    row = judge(expect(metric=metric), stand_in("mini", "TM", 0.9, metric=metric))
    assert row["reason"] == "data set not in this suite; the size or time of a stand-in says nothing"
    assert judge(expect(metric=metric), run([0.9], metric=metric))["verdict"] == "agrees"


def test_a_ratio_of_seconds_is_compared_on_a_stand_in() -> None:
    metric = "query_s_ratio_to_knn9"
    runs = [stand_in("mini", "TM", v, method=m, metric="query_s") for m, v in (("svm", 1.8), ("knn9", 2.0))]
    assert judge(expect(metric=metric), *runs)["ours"] == pytest.approx(0.9)


def quantity(**changes: Any) -> pd.DataFrame:
    facts = {"target": "table1", "scheme": "", "method": "", "metric": "genes", "value": 1000, "tolerance": 0}
    return expect(**(facts | changes))


def test_table1_is_compared_with_the_data_set_itself() -> None:
    row = judge(quantity(), table1=sizes(xin=3, tm=100))
    assert (row["ours"], row["ran_on"], row["same"], row["verdict"]) == (1000, "tm", "same", "agrees")
    assert judge(quantity(), table1=sizes(tm=99))["verdict"] == "differs"
    assert judge(quantity(target="cf_table1", metric="types", value=4))["verdict"] == "agrees"


def test_table1_is_not_compared_with_a_stand_in() -> None:
    assert judge(quantity(), table1=sizes(xin=100))["reason"] == "data set not in this suite"
    table1 = sizes(mini=100).assign(stand_in_for="TM")
    row = judge(quantity(), table1=table1)
    assert row["verdict"] == "not run"
    assert row["reason"] == "data set not in this suite; the size of a stand-in says nothing"


# Methods and derived metrics


def test_deephash_is_the_paper_preset_where_it_ran_and_the_reason_names_the_preset() -> None:
    compact, paper = run([0.9], method="deephash_compact"), run([0.8], method="deephash_paper")
    row = judge(expect(method="deephash"), compact)
    assert (row["verdict"], row["method"]) == ("agrees", "deephash")
    assert row["reason"].startswith("deephash_compact ran; ")
    row = judge(expect(method="deephash"), compact, paper)
    assert (row["ours"], row["reason"][:20]) == (0.8, "deephash_paper ran; ")
    row = judge(expect(method="deephash"), compact, failed(method="deephash_paper"))
    assert row["reason"].startswith("deephash_compact ran; ")


def test_deephash_that_did_not_run_gives_the_most_telling_reason() -> None:
    row = judge(expect(method="deephash"), failed(method="deephash_compact"))
    assert row["reason"] == "timeout in fold 3: more than 9 s"
    assert judge(expect(method="deephash"), run([0.9]))["reason"] == "method not run: deephash"
    gap = expect(method="deephash", metric="median_f1_gap_to_castle")
    assert judge(gap, run([0.9], method="deephash_compact"))["reason"] == "method not run: castle"


def test_spread_is_the_range_over_folds() -> None:
    expected = expect(metric="median_f1_spread", relation="at_most", value=0.05, tolerance=0)
    row = judge(expected, run([0.90, 0.94, 0.92]), run([0.1], fold="pooled"))
    assert (row["ours"], row["verdict"]) == (pytest.approx(0.04), "agrees")
    assert judge(expected, run([0.9]))["reason"] == "one fold has no spread"


def test_gap_and_ratio_are_taken_fold_by_fold() -> None:
    runs = [run([0.8, 0.6]), run([0.4, 0.6], method="castle")]
    row = judge(expect(metric="median_f1_gap_to_castle", value=0.2), *runs)
    assert (row["ours"], row["ours_sd"]) == (pytest.approx(0.2), pytest.approx(np.sqrt(0.08)))
    row = judge(expect(metric="median_f1_ratio_to_castle", value=1.5), *runs)
    assert row["ours"] == pytest.approx(1.5)


def test_the_other_method_of_a_gap_may_be_deephash() -> None:
    runs = [run([0.8]), run([0.9], method="deephash_compact")]
    assert judge(expect(metric="median_f1_gap_to_deephash", value=-0.1), *runs)["verdict"] == "agrees"


def test_a_derived_metric_that_the_experiment_recorded_is_taken_as_it_is() -> None:
    row = judge(expect(metric="median_f1_spread"), run([0.3, 0.8]), run([0.9], metric="median_f1_spread"))
    assert row["ours"] == 0.9


def test_a_derived_metric_may_come_from_another_experiment() -> None:
    row = judge(
        expect(metric="median_f1_spread", value=0.5), failed(), run([0.3, 0.8], experiment="variants")
    )
    assert (row["ours"], row["verdict"]) == (0.5, "agrees")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (run([0.4], method="castle"), "not on the same folds as castle"),
        (run([0.4], method="knn9"), "method not run: castle"),
        (failed(method="castle"), "timeout in fold 3: more than 9 s"),
    ],
)
def test_a_gap_needs_both_methods_on_the_same_folds(other: pd.DataFrame, reason: str) -> None:
    assert judge(expect(metric="median_f1_gap_to_castle"), run([0.8, 0.6]), other)["reason"] == reason


def test_every_row_keeps_its_place_and_the_verdicts_are_counted() -> None:
    ids = {"b": 0.9, "a": 0.5, "d": 0.1, "c": 0.89}
    expected = pd.concat([expect(id=name, value=value) for name, value in ids.items()])
    expected = pd.concat([expected, expect(id="e", method="castle")])
    table = verdicts(expected, run([0.9]), sizes(tm=100))
    assert table["id"].tolist() == ["b", "a", "d", "c", "e"]
    nothing = dict.fromkeys(OUTCOMES, 0)
    assert count_verdicts(table) == nothing | {"agrees": 2, "differs": 2, "not run": 1}
    assert count_verdicts(table.iloc[:0]) == nothing
    stand_in = table.assign(same=["stand-in", "same", "stand-in", "same", ""])
    assert set(count_verdicts(stand_in).values()) == {1}
    assert outcomes(stand_in).tolist() == [
        "agrees on a stand-in", "differs", "differs on a stand-in", "agrees", "not run",
    ]  # fmt: skip


def test_the_table_is_counted_at_its_head_and_read_back(tmp_path: Path) -> None:
    expected = pd.concat([expect(), expect(id="b", method="castle", note="# no comment")])
    table = verdicts(expected, run([0.9, 0.8]), sizes(tm=100))
    table["reason"] = ['two\n# lines "quoted"', table["reason"][1]]
    path = tmp_path / "paper_vs_ours.tsv"
    write_verdicts(table, path)
    lines = path.read_text().splitlines()
    assert lines[:6] == [
        "# published numbers: 2", "# agrees: 0", "# differs: 1", "# agrees on a stand-in: 0",
        "# differs on a stand-in: 0", "# not run: 1",
    ]  # fmt: skip
    assert lines[6].split("\t") == list(VERDICT_COLUMNS)
    pd.testing.assert_frame_equal(read_verdicts(path), table, rtol=1e-5)
    path.write_text("# nothing\n")
    with pytest.raises(DataError, match=r"paper_vs_ours.tsv: cannot be read as a table"):
        read_verdicts(path)


def test_the_committed_file_meets_a_run() -> None:
    committed = read_expected(CONFIG / "expected.tsv")
    metrics = pd.concat(
        [
            run([0.97, 0.98], dataset="zenodo_tm", method="deephash_compact"),
            run([0.99, 0.97], dataset="zenodo_tm"),
            run([0.5], dataset="mini", stand_in="AMB92"),
        ],
        ignore_index=True,
    )
    table = verdicts(committed, metrics, sizes(zenodo_tm=54865, mini=10)).set_index("id")
    assert len(table) == len(committed)
    assert table.loc["table1_tm_cells", "verdict"] == "agrees"
    assert table.loc["fig2a_tm_deephash_median_f1", "ours"] == pytest.approx(0.975)
    assert table.loc["fig2a_tm_deephash_median_f1_gap_to_svm", "ours"] == pytest.approx(-0.005)
    assert table.loc["fig2a_amb92_svm_median_f1", ["ran_on", "verdict"]].tolist() == ["mini", "differs"]
    assert table.loc["cf_table3_neurons_1m_cellfishing_query_slope_128bits", "verdict"] == "not run"
