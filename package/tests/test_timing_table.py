"""Rows of timings: what they are called, what a slope is, and what is predicted."""

import numpy as np
import pandas as pd
import pytest

from schash.tables import EXPERIMENT_COLUMNS, SCORE_COLUMNS
from schash.timing_table import FAISS_METHOD, Scores, by_size, gathered, predicted, sized, slope


def scores(**common):
    return Scores({"threads": 2, "host": "here", **common})


def test_ids_of_metrics_are_read_back_as_they_were_written():
    table = scores()
    table.add(sized("annotate_s", 8192), 1.5, 8192)
    table.add(sized("query_ms", 100, "linear"), 2.5, 100)
    table.add("annotate_s", 3.0, 5)
    table.add("slope[linear,n=1..8]", 4.0, 5)
    found = by_size(table.table())
    assert found[["name", "what", "size", "value"]].to_numpy().tolist() == [
        ["annotate_s", "", 8192, 1.5],
        ["query_ms", "linear", 100, 2.5],
    ]


def test_slope_is_that_of_the_logarithms():
    assert slope([10, 100, 1000], [2, 20, 200]) == pytest.approx(1)
    assert slope([10, 1000], [5, 50]) == pytest.approx(0.5)
    assert slope([1, 2, 4], [7, 7, 7]) == pytest.approx(0)
    assert np.isnan(slope([10], [1]))


def test_predicted_seconds_are_those_of_the_line_but_at_least_in_proportion():
    assert predicted([], [], 100) == 0
    assert predicted([10], [1.0], 100) == pytest.approx(10)
    assert predicted([10, 100], [1.0, 100.0], 1000) == pytest.approx(10_000)
    assert predicted([10, 100], [1.0, 1.0], 1000) == pytest.approx(10)
    assert predicted([1, 10, 100], [1e6, 1.0, 10.0], 1000) == pytest.approx(100)


def test_rows_are_score_columns_and_misses_have_no_value(tmp_path):
    path = tmp_path / "rows.jsonl"
    made = Scores({"threads": 2, "host": "here", "fit_s": 4.0}, path)
    made.add("annotate_s", 1.0, 7, predict_s=1.0)
    made.miss("annotate_s[n=9]", 9, "too slow", "predicted")
    table = made.table()
    assert list(table.columns) == list(SCORE_COLUMNS)
    assert (table["fold"] == "0").all()
    assert (table["fit_s"] == 4).all()
    assert table["predict_s"].tolist()[0] == 1
    assert np.isnan(table["value"][1])
    again = scores()
    again.read(path)
    pd.testing.assert_frame_equal(again.table(), table)


def test_without_a_row_there_is_an_empty_table():
    assert list(scores().table().columns) == list(SCORE_COLUMNS)
    assert len(scores().table()) == 0


def test_faiss_has_rows_of_its_own_without_the_costs_of_the_method():
    run = dict.fromkeys(("suite", "experiment", "dataset", "stand_in", "scheme", "preset", "variant"), "x")
    made = scores(fit_s=4.0, peak_mb=9.0)
    made.add(sized("search_ms", 8, "faiss"), 1.0, 8)
    made.add(sized("search_ms", 8, "linear"), 1.0, 8)
    table = gathered([made.table()], [{**run, "method": "deephash_compact", "seed": 0}])
    assert list(table.columns) == list(EXPERIMENT_COLUMNS)
    assert table["method"].tolist() == [FAISS_METHOD, "deephash_compact"]
    assert table["fit_s"].isna().tolist() == [True, False]
    assert table["preset"].tolist() == ["", "x"]
