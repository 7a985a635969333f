"""Headline metrics over commits: what is drawn, beside which of the papers' numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from metrics_tables import rows, table

from schash.paper_vs_ours import VERDICT_COLUMNS
from schash.plotting.trends import _spread_out, draw_trends
from schash.regression.history import history_of
from schash.regression.trends import MOST_COMMITS, commits, trend_panels, trend_table
from schash.tables import empty


def a_run(number, sha=None, shift=0.0, **columns):
    parts = [
        rows(name, {"median_f1": 0.9 + shift}, dataset=data)
        for name in ("svm", "knn9")
        for data in ("d1", "d2")
    ]
    frame = table(*parts, run_id=f"202601{number:02d}T000000Z-0000", git_sha=sha or f"{number:012d}")
    return history_of(frame.assign(**columns))


def published(**columns):
    row = {name: "" for name in VERDICT_COLUMNS} | {
        "target": "fig2a", "measured": "median_f1", "metric": "median_f1", "ran": "svm", "ran_on": "d2",
        "data_name": "TM", "relation": "about", "paper_value": 0.98,
    }  # fmt: skip
    return row | columns


NONE = empty(VERDICT_COLUMNS)
RUNS = pd.concat(
    [a_run(1), a_run(2, shift=0.01), a_run(3, sha="000000000002", shift=0.02)], ignore_index=True
)


def test_a_panel_is_of_the_data_set_with_a_published_number():
    verdicts = pd.DataFrame(
        [
            published(),
            published(paper_value=0.982),  # the same network's checkpoint: the same line
            published(paper_value=0.9, data_name="AMB92"),
            published(metric="median_f1_gap_to_knn9", paper_value=0.1),
            published(ran="knn9"),  # has no line
            published(target="fig4"),
        ]
    )
    (panel,) = trend_panels(RUNS, verdicts)
    assert panel.dataset == "d2"
    assert panel.papers.to_dict("records") == [
        {"method": "svm", "name": "TM", "relation": "about", "value": 0.98},
        {"method": "svm", "name": "AMB92", "relation": "about", "value": 0.9},
    ]
    assert set(panel.runs["method"]) == {"svm"}
    assert panel.runs["mean"].tolist() == pytest.approx([0.9, 0.91, 0.92])


def test_without_one_it_is_of_the_first_data_set():
    (panel,) = trend_panels(RUNS, NONE)
    assert panel.dataset == "d1"
    assert panel.papers.empty


def test_commits_stand_in_the_order_of_their_first_run_and_old_ones_leave():
    assert commits(trend_panels(RUNS, NONE)) == {"000000000001": "01-01", "000000000002": "01-02"}
    many = pd.concat([a_run(i) for i in range(1, 30)], ignore_index=True)
    kept = commits(trend_panels(many, NONE))
    assert len(kept) == MOST_COMMITS
    assert next(reversed(kept)) == f"{29:012d}"


def test_runs_of_another_seed_are_left_out():
    other = pd.concat([a_run(1, seed=5), a_run(2)], ignore_index=True)
    (panel,) = trend_panels(other, NONE)
    assert panel.runs["commit"].tolist() == ["000000000002"]


def test_the_table_holds_the_runs_and_the_papers():
    told = trend_table(trend_panels(RUNS, pd.DataFrame([published()])))
    assert told["source"].value_counts().to_dict() == {"run": 3, "paper": 1}
    assert trend_table([]).empty


def test_labels_move_apart_and_no_further_than_that():
    assert _spread_out(np.array([0.1, 0.5]), 0.1).tolist() == [0.1, 0.5]
    assert _spread_out(np.array([0.5, 0.5, 0.9]), 0.1).tolist() == pytest.approx([0.45, 0.55, 0.9])
    assert _spread_out(np.array([0.5, 0.52, 0.58]), 0.1).tolist() == pytest.approx(
        [0.4333, 0.5333, 0.6333], abs=1e-4
    )


def test_a_line_goes_through_the_mean_of_a_commit_and_every_run_has_a_marker():
    dirty = pd.concat([RUNS, a_run(4, sha="000000000004-dirty")], ignore_index=True)
    figure = draw_trends(trend_panels(dirty, pd.DataFrame([published(relation="at_least")])), {"svm": "SVM"})
    axis = figure.axes[0]
    line, full, hollow, paper = axis.lines
    assert line.get_ydata() == pytest.approx([0.9, 0.915, 0.9])
    assert (len(full.get_xdata()), len(hollow.get_xdata())) == (3, 1)
    assert hollow.get_markerfacecolor() == "white"
    assert set(paper.get_ydata()) == {0.98}
    assert axis.texts[0].get_text() == "TM ≥\N{NO-BREAK SPACE}0.98"
    labels = [label.get_text() for label in axis.get_xticklabels()]
    assert labels == ["0000000 01-01", "0000000 01-02", "0000000* 01-04"]
    assert [text.get_text() for text in figure.legends[0].texts] == [
        "SVM", "paper's value, on the data set named beside it", "* not committed as it ran",
    ]  # fmt: skip
    plt.close(figure)


@pytest.mark.parametrize("history", [RUNS.iloc[:0], RUNS[RUNS["method"] == "knn9"]])
def test_nothing_to_follow_is_said(history):
    figure = draw_trends(trend_panels(history, NONE), {})
    assert "none of the followed methods ran" in figure.axes[0].get_title(loc="left")
    plt.close(figure)
