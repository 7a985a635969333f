"""Scores, tables, means and the verdict, from predictions worked by hand."""

import numpy as np
import pandas as pd
import pytest

from schash.errors import DataError, SchashError
from schash.folds import NOT_APPLICABLE
from schash.scoring import score_annotation
from schash.summary import compare_dataset, summarise
from schash.tables import (
    EXPERIMENT_COLUMNS,
    METRIC_COLUMNS,
    POOLED,
    SCORE_COLUMNS,
    conform,
    read_table,
    write_table,
)
from schash.timing_table import TOO_SLOW
from schash.verdict import check_run

SOLUTION = pd.DataFrame({"fold": [0, 0, 0, 1, 1, 1], "row": [4, 1, 7, 0, 2, 3], "label": list("aabbba")})


def predictions(labels):
    return SOLUTION[["fold", "row"]].assign(label=list(labels), margin=np.float32(1))


def status(*kinds, reason=""):
    folds = range(len(kinds))
    run = {"reason": reason, "fit_s": 1.0, "predict_s": 0.5, "peak_mb": 10.0, "threads": 2, "host": "h"}
    return pd.DataFrame({"fold": folds, "status": kinds}).assign(**run)


def scored(labels="aabbba", kinds=("ok", "ok"), **facts):
    kept = [fold for fold, kind in enumerate(kinds) if kind == "ok"]
    table = predictions(labels)
    scores, _ = score_annotation(table[table["fold"].isin(kept)], SOLUTION, status(*kinds, reason="why"))
    common = {
        "suite": "s",
        "experiment": "fig2a",
        "dataset": "d",
        "stand_in": "",
        "scheme": "cv5",
        "method": "m",
    }
    return scores.assign(**{**common, "preset": "", "variant": "", "seed": 0, **facts})


def test_folds_and_pool_are_scored():
    scores = scored("abbbba")  # one a of fold 0 called b
    value = scores.set_index(["fold", "metric"])["value"]
    assert value["0", "accuracy"] == pytest.approx(2 / 3)
    assert value["1", "accuracy"] == 1
    assert value[POOLED, "accuracy"] == pytest.approx(5 / 6)
    assert value["0", "macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert set(scores.loc[scores["fold"] == POOLED, "n"]) == {6}
    assert scores.loc[scores["fold"] == POOLED, "fit_s"].iloc[0] == 2.0  # both folds


def test_predictions_are_matched_by_row_not_by_order():
    shuffled = predictions("aabbba").sample(frac=1, random_state=1)
    scores, types = score_annotation(shuffled, SOLUTION, status("ok", "ok"))
    assert set(scores["value"]) == {1.0}
    assert types["support"].tolist() == [3, 3]


def test_scores_of_a_fold_stand_under_the_name_of_its_group_too():
    solution = SOLUTION.assign(group=["Baron human"] * 3 + ["10X v2 (pbmc)"] * 3)
    scores, _ = score_annotation(predictions("abbbba"), solution, status("ok", "ok"))
    values = scores.set_index(["metric", "fold"])["value"]
    named = values[values.index.get_level_values("metric").str.contains("_on_")]
    groups = (("baron_human", "0"), ("10x_v2_pbmc", "1"))
    scored = ("median_f1", "consistency", "kappa")
    assert set(named.index) == {(f"{metric}_on_{name}", fold) for metric in scored for name, fold in groups}
    assert named["kappa_on_baron_human", "0"] == values["kappa", "0"]
    assert named["median_f1_on_baron_human", "0"] == values["median_f1", "0"] == pytest.approx(2 / 3)
    assert named["median_f1_on_10x_v2_pbmc", "1"] == 1


@pytest.mark.parametrize("solution", [SOLUTION, SOLUTION.assign(group="")])
def test_folds_that_are_no_groups_add_nothing(solution):
    scores, _ = score_annotation(predictions("aabbba"), solution, status("ok", "ok"))
    assert not scores["metric"].str.contains("_on_").any()


def test_predictions_must_be_exactly_the_query_cells():
    with pytest.raises(DataError, match="fold 0: 2 predictions do not stand for exactly the 3 query cells"):
        score_annotation(predictions("aabbba").iloc[1:], SOLUTION, status("ok", "ok"))


def test_a_failed_fold_is_a_row_and_forbids_the_pool():
    scores = scored(kinds=("timeout", "ok"))
    failed = scores[scores["fold"] == "0"]
    assert failed[["status", "reason", "metric", "n"]].to_numpy().tolist() == [["timeout", "why", "", 0]]
    assert POOLED not in set(scores["fold"])
    summary = summarise(scores)
    assert summary["mean"].isna().all()  # the mean over the other fold would flatter it
    assert set(summary["n_folds"]) == {1}


def test_summary_is_mean_and_sample_sd_over_folds():
    row = summarise(scored("abbbba")).set_index("metric").loc["accuracy"]
    assert row["mean"] == pytest.approx(5 / 6)
    assert row["sd"] == pytest.approx(np.std([2 / 3, 1], ddof=1))
    assert (row["n_folds"], row["pooled"]) == (2, pytest.approx(5 / 6))


def test_comparison_takes_the_best_and_leaves_out_controls():
    labels = {"good": "aabbba", "bad": "bbabba", "true": "aabbba"}
    table = pd.concat([scored(text, method=name) for name, text in labels.items()], ignore_index=True)
    tables = {name: predictions(text) for name, text in labels.items()}
    result = compare_dataset(table, tables, SOLUTION, controls=["true"], seed=0, n_replicates=200)
    assert result[["best", "method"]].drop_duplicates().to_numpy().tolist() == [["good", "bad"]]
    assert (result["difference"] < 0).all()
    assert (result["p_holm"] >= result["p"]).all()


def test_one_method_alone_is_compared_with_nobody():
    result = compare_dataset(
        scored(), {"m": predictions("aabbba")}, SOLUTION, controls=[], seed=0, n_replicates=100
    )
    assert len(result) == 0


@pytest.mark.parametrize("suffix", [".parquet", ".tsv"])
def test_tables_survive_a_round_trip(tmp_path, suffix):
    table = scored(kinds=("timeout", "ok"))[list(EXPERIMENT_COLUMNS)]
    path = tmp_path / f"table{suffix}"
    write_table(table, EXPERIMENT_COLUMNS, path)
    pd.testing.assert_frame_equal(
        read_table(path, EXPERIMENT_COLUMNS), table.astype(EXPERIMENT_COLUMNS), rtol=1e-5
    )


def test_a_table_with_other_columns_is_refused(tmp_path):
    with pytest.raises(DataError, match="missing columns \\['value'\\], unknown columns \\['valeu'\\]"):
        conform(scored()[list(SCORE_COLUMNS)].rename(columns={"value": "valeu"}), SCORE_COLUMNS, name="x")
    (tmp_path / "no.parquet").write_text("nothing")
    with pytest.raises(DataError, match=r"no\.parquet: cannot be read as a table"):
        read_table(tmp_path / "no.parquet", SCORE_COLUMNS)


def as_metrics(*tables):
    table = pd.concat(tables, ignore_index=True).assign(run_id="r", git_sha="g")
    return table[list(METRIC_COLUMNS)].astype(METRIC_COLUMNS)


def test_verdict_of_a_clean_run():
    table = as_metrics(scored("abbbba"), scored(method="true_labels"))
    published = {"agrees": 2, "differs": 0, "not run": 5}
    verdict = check_run(table, {"m": "My method"}, ["true_labels"], ["true_labels"], published)
    assert not verdict.failures
    assert not verdict.broken_controls
    verdict.raise_if_bad()
    assert "My method" in verdict.text
    assert "0.833*" in verdict.text  # the control's 1.000 is not ranked
    assert "2 agrees, 0 differs, 5 not run" in verdict.text


def test_verdict_marks_what_a_method_does_besides():
    table = as_metrics(scored("aabbbb", method="m"), scored(method="true_labels"))
    text = check_run(
        table, {"m": "My method"}, ["true_labels"], ["true_labels"], marks={"m": "◇", "other": "○"}
    ).text
    assert "My method ◇" in text
    assert "◇ sees the unlabelled query cells while it trains" in text
    assert "○" not in text


def test_verdict_names_failed_runs():
    verdict = check_run(
        as_metrics(scored(kinds=("timeout", "ok")), scored(method="true_labels")), {}, ["true_labels"], []
    )
    assert verdict.failures == ["fig2a: m on d, fold 0: timeout: why"]
    with pytest.raises(SchashError, match=r"1 run\(s\) failed"):
        verdict.raise_if_bad()


def test_verdict_catches_a_control_below_the_ceiling():
    verdict = check_run(as_metrics(scored("abbbba", method="true_labels")), {}, ["true_labels"], [])
    assert verdict.broken_controls
    with pytest.raises(SchashError, match="below the ceiling"):
        verdict.raise_if_bad()


def test_not_applicable_is_no_failure():
    kinds = (NOT_APPLICABLE, NOT_APPLICABLE)
    table = as_metrics(scored(kinds=kinds), scored(method="k"), scored(method="true_labels"))
    verdict = check_run(table, {}, ["true_labels"], [])
    assert not verdict.failures
    assert not verdict.broken_controls
    assert "n/a" in verdict.text


def test_a_size_that_a_timing_leaves_out_as_too_slow_is_no_failure():
    timed = scored().assign(experiment="fig2d", status=TOO_SLOW, reason="predicted to take 9 h")
    assert check_run(as_metrics(timed), {}, [], []).failures == []


def test_a_partly_failed_method_shows_its_status_whichever_fold_it_was():
    for kinds in (("timeout", "ok"), ("ok", "timeout")):
        text = check_run(as_metrics(scored(kinds=kinds), scored(method="k")), {}, [], []).text
        assert "timeout" in text
        assert "nan" not in text


def test_a_data_set_without_a_positive_control_is_no_good():
    verdict = check_run(
        as_metrics(scored(), scored(method="true_labels", dataset="e")), {}, ["true_labels"], []
    )
    assert verdict.broken_controls == ["fig2a: no positive control ran on d"]


def retrieved(share, *, method="true_labels"):
    """Retrieval's metrics of a control: below 1 by its own nature, and the share that is at the ceiling."""
    table = scored(method=method).assign(experiment="table2")
    mean_precision = table.head(1).assign(metric="map_at_k[k=2x,k,by_row,queries,db80]", value=0.7)
    return pd.concat([mean_precision, mean_precision.assign(metric="share_at_ceiling", value=share)])


def test_retrieval_is_checked_by_the_share_at_the_ceiling_alone():
    good = check_run(as_metrics(retrieved(1.0)), {}, ["true_labels"], [])
    assert good.broken_controls == []
    low = check_run(as_metrics(retrieved(0.99)), {}, ["true_labels"], [])
    assert low.broken_controls == [
        "table2: true_labels on d, fold 0: share_at_ceiling = 0.99",
    ]
    lacking = retrieved(1.0)[lambda table: table["metric"] != "share_at_ceiling"]
    assert check_run(as_metrics(lacking), {}, ["true_labels"], []).broken_controls == [
        "table2: no positive control ran on d"
    ]


def test_timing_needs_no_positive_control():
    table = scored(method="m").assign(experiment="fig2d")
    assert check_run(as_metrics(table), {}, ["true_labels"], []).broken_controls == []
