"""Figures: they hold what the tables say, nothing is cut off, and equal input gives equal files."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from schash.folds import NOT_APPLICABLE
from schash.marks import marks_of
from schash.plotting.costs import costs, draw_costs
from schash.plotting.fig2a import METRIC, draw_fig2a, fig2a, published
from schash.plotting.style import save_figure
from schash.plotting.table1 import draw_table1, table1
from schash.plotting.training import draw_training
from schash.summary import COMPARISON_COLUMNS
from schash.tables import EXPERIMENT_COLUMNS

CONFIG = Path(__file__).parents[2] / "config"
FACT = {
    "cells_over_10": 100, "types_over_10": 4, "values": "counts", "stand_in_for": "", "simulated": False,
    "title": "T", "cells": 110, "genes": 50, "types": 5, "species": "human", "tissue": "", "protocol": "10x",
    "total": 5.0, "nonzeros_per_cell": 20.5, "unlabelled": 0, "batches": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def metrics(methods, datasets=("d1", "d2")):
    """Median and macro F1 of 5 folds; a method given as a string instead of a score has that status."""
    rows = []
    for dataset in datasets:
        for method, score in methods.items():
            for fold in range(5):
                status = score if isinstance(score, str) else "ok"
                for metric in (METRIC, "macro_f1") if status == "ok" else ("",):
                    value = score + fold / 100 if status == "ok" else np.nan
                    rows.append({"dataset": dataset, "method": method, "fold": str(fold), "metric": metric,
                                 "value": value, "status": status, "n": 20})  # fmt: skip
    common = {
        "suite": "s",
        "experiment": "fig2a",
        "scheme": "cv5",
        "stand_in": "",
        "preset": "",
        "variant": "",
    }
    common |= {
        "seed": 0,
        "reason": "",
        "fit_s": 1.0,
        "predict_s": 1.0,
        "peak_mb": 1.0,
        "threads": 1,
        "host": "h",
    }
    return pd.DataFrame(rows).assign(**common)[list(EXPERIMENT_COLUMNS)].astype(EXPERIMENT_COLUMNS)


NO_COMPARISONS = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COMPARISON_COLUMNS.items()})
TITLES = {"svm": "SVM", "knn9": "kNN (9)", "slow": "Slow"}


def texts_of(axis):
    """What is written into a panel, by the row it stands in; the column of numbers apart from the rest."""
    shown = {True: {}, False: {}}
    for text in axis.texts:
        x, y = text.get_position()
        if text.get_transform() == axis.get_yaxis_transform():
            shown[x > 1][y] = text
    return shown[True], shown[False]


def overlaps(figure):
    """Pairs of texts that cover each other, and texts that stick out of the saved figure, all in pixels."""
    figure.canvas.draw()
    texts = [text for axis in figure.axes if axis.get_visible() for text in axis.texts]
    texts += [axis.title for axis in figure.axes] + [axis._left_title for axis in figure.axes]
    first_column = [axis for axis in figure.axes if axis.get_subplotspec().is_first_col()]
    texts += [label for axis in first_column for label in axis.get_yticklabels()]
    bottom = [axis for axis in figure.axes if axis.xaxis.get_tick_params()["labelbottom"]]
    for axis in bottom:
        low, high = axis.get_xlim()
        texts += [label for label in axis.get_xticklabels() if low <= label.get_position()[0] <= high]
    for legend in figure.legends:
        texts += [legend.get_title(), *legend.get_texts()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    assert len(boxes) > 5
    whole = figure.bbox.padded(1)
    out = [name for name, box in boxes if not (whole.x0 <= box.x0 and box.x1 <= whole.x1)]
    out += [name for name, box in boxes if not (whole.y0 <= box.y0 and box.y1 <= whole.y1)]
    pairs = itertools.combinations(boxes, 2)
    return out, [(a[0], b[0]) for a, b in pairs if a[1].shrunk(0.9, 0.9).overlaps(b[1].shrunk(0.9, 0.9))]


def test_fig2a_shows_every_fold_of_every_method():
    table = metrics({"svm": 0.9, "knn9": 0.5, "slow": NOT_APPLICABLE})
    figure = draw_fig2a(table, [{**FACT, "dataset": "d1"}, {**FACT, "dataset": "d2"}], TITLES)
    axis = figure.axes[0]
    points = np.concatenate([c.get_offsets()[:, 0] for c in axis.collections])
    np.testing.assert_allclose(
        np.sort(points), np.sort(table.query(f"dataset == 'd1' and metric == '{METRIC}'").value)
    )
    assert [label.get_text() for label in axis.get_yticklabels()] == ["SVM", "kNN (9)", "Slow"]
    assert NOT_APPLICABLE in [text.get_text() for text in axis.texts]
    assert axis.get_xlim()[0] <= 0  # no cut axis
    assert overlaps(figure) == ([], [])


def test_fig2a_table_has_means_and_reasons():
    table = fig2a(metrics({"svm": 0.9, "slow": NOT_APPLICABLE}), NO_COMPARISONS, TITLES)
    row = table[(table["dataset"] == "d1") & (table["method"] == "svm") & (table["metric"] == METRIC)].iloc[0]
    assert row["mean"] == pytest.approx(0.92)
    assert row["title"] == "SVM"
    assert set(table.loc[table["method"] == "slow", "status"]) == {NOT_APPLICABLE}
    assert set(table.loc[table["method"] == "slow", "title"]) == {"Slow"}


def test_a_stand_in_is_called_one():
    facts = [
        {**FACT, "dataset": "d1", "stand_in_for": "TM"},
        {**FACT, "dataset": "d2", "stand_in_for": "x", "simulated": True},
    ]
    figure = draw_fig2a(metrics({"svm": 0.9}), facts, TITLES)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["d1 (stand-in)", "d2 (simulated)"]


MANY = {f"method_{i}": 0.9 - i / 30 for i in range(16)} | {
    "scanvi": "timeout", "true_labels": 0.95, "majority": 0.0, "random": 0.1,
}  # fmt: skip
EIGHT = [f"a_long_data_set_{i}" for i in range(8)]


def test_fig2a_of_twenty_methods_on_eight_data_sets_covers_no_text():
    facts = [{**FACT, "dataset": name, "stand_in_for": "x", "cells_over_10": 99999} for name in EIGHT]
    figure = draw_fig2a(
        metrics(MANY, EIGHT),
        facts,
        {name: f"A method called {name}" for name in MANY},
        controls=["true_labels", "majority", "random"],
        marks=marks_of(["scanvi", "method_3"], ["method_3"]),
    )
    assert overlaps(figure) == ([], [])


def test_fig2a_of_one_data_set_wraps_its_notes():
    marks = marks_of(["svm"], ["knn9"])
    figure = draw_fig2a(
        metrics({"svm": 0.9, "knn9": 0.5}, ["d1"]), [{**FACT, "dataset": "d1"}], {}, marks=marks
    )
    assert overlaps(figure) == ([], [])


def test_fig2a_of_five_data_sets_has_numbers_under_every_column():
    facts = [{**FACT, "dataset": name} for name in EIGHT[:5]]
    figure = draw_fig2a(metrics({"svm": 0.9, "knn9": 0.5, "a": 0.1}, EIGHT[:5]), facts, TITLES)
    assert [axis.get_visible() for axis in figure.axes] == [True] * 5 + [False]
    labelled = [axis.xaxis.get_tick_params()["labelbottom"] for axis in figure.axes[:5]]
    assert labelled == [False, False, True, True, True]
    assert overlaps(figure) == ([], [])


def test_fig2a_orders_rows_prints_means_and_says_what_failed():
    table = metrics({"true_labels": 0.96, "knn9": 0.4, "svm": 0.9, "slow": "timeout", "svm_norm": 0.9})
    partly = table[(table["method"] == "knn9") & (table["dataset"] == "d2") & (table["fold"] == "3")].index
    table.loc[partly[0], ["metric", "status", "value"]] = ["", "out of memory", np.nan]
    table = table.drop(index=partly[1:])
    table = table[(table["method"] != "svm_norm") | (table["dataset"] != "d2")]
    marks = marks_of(["slow"], ["knn9"])
    facts = [{**FACT, "dataset": "d1"}, {**FACT, "dataset": "d2"}]
    figure = draw_fig2a(table, facts, TITLES, controls=["true_labels"], marks=marks)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["SVM", "svm_norm", "kNN (9) ○", "Slow ◇", "true_labels"]
    numbers, words = texts_of(figure.axes[0])
    assert [numbers[row].get_text() for row in range(5)] == ["0.920", "0.920", "0.420", "-", "0.980"]
    assert [numbers[row].get_fontweight() for row in range(5)] == ["bold", "bold", *["normal"] * 3]
    assert {row: text.get_text() for row, text in words.items() if text.get_text()} == {3: "too slow"}
    numbers, words = texts_of(figure.axes[1])
    assert [numbers[row].get_text() for row in range(5)] == ["0.920", "-", "-", "-", "0.980"]
    said = {row: text.get_text() for row, text in words.items() if text.get_text()}
    assert said == {1: "not run", 2: "out of memory in 1 of 5 folds", 3: "too slow"}
    assert all(
        (words[row].get_position()[0] < 0.1) == (row != 2) for row in said
    )  # opposite to the low scores
    assert [line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 2][-1] == 3.5
    title = figure.legends[0].get_title().get_text()
    assert "◇ sees the unlabelled query cells while it trains" in title
    assert "○ may leave cells unassigned" in title
    assert "◇" not in draw_fig2a(table, facts, TITLES).legends[0].get_title().get_text()


def test_rows_are_banded_from_edge_to_edge():
    figure = draw_fig2a(metrics({"svm": 0.9, "knn9": 0.5, "a": 0.4}), [{**FACT, "dataset": "d1"}], TITLES)
    figure.canvas.draw()
    (band,) = [patch for patch in figure.artists if isinstance(patch, Rectangle)]
    box = band.get_window_extent()
    assert (box.x0, box.x1) == (figure.bbox.x0, figure.bbox.x1)
    middle = figure.axes[0].transData.transform((0, 1))[1]
    assert box.y0 < middle < box.y1
    assert not figure.axes[0].patch.get_visible()  # it would hide the band


def expected(*rows):
    names = ["target", "dataset", "scheme", "method", "metric", "relation", "value", "source"]
    return pd.DataFrame(rows, columns=names)


def test_only_plain_values_of_the_very_data_set_are_drawn_as_published():
    papers = expected(
        ("fig2a", "d1", "cv5", "deephash", METRIC, "about", 0.97, "section 4.1"),
        ("fig2a", "d1", "cv5", "deephash", METRIC, "about", 0.96, "authors' code, checkpoint names"),
        ("fig2a", "d1", "cv5", "svm", METRIC, "at_most", 0.5, "section 4.1"),
        ("fig2a", "d1", "cv5", "svm", f"{METRIC}_gap_to_knn9", "about", 0.1, "section 4.1"),
        ("fig2a", "d1", "loso", "svm", METRIC, "about", 0.3, "section 4.1"),
        ("fig2b", "d1", "cv5", "svm", METRIC, "about", 0.2, "section 4.1"),
        ("fig2a", "other", "cv5", "svm", METRIC, "about", 0.4, "section 4.1"),
        ("fig2a", "d2", "cv5", "castle", METRIC, "about", 0.4, "section 4.1"),
    )
    table = metrics({"deephash_compact": 0.9, "svm": 0.8})
    facts = [{**FACT, "dataset": "d1"}, {**FACT, "dataset": "d2", "stand_in_for": "other"}]
    figure = draw_fig2a(table, facts, TITLES, expected=papers)
    drawn = [line for line in figure.axes[0].lines if line.get_marker() in ("v", "^")]
    assert [line.get_marker() for line in drawn] == ["v", "^"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in drawn], [0.97, 0.96])
    np.testing.assert_allclose([line.get_ydata()[0] for line in drawn], [0, 0], atol=0.5)
    assert not [line for line in figure.axes[1].lines if line.get_marker() in ("v", "^")]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[-2:] == ["the paper's own value", "its authors' checkpoint, validation cells"]
    behind = fig2a(table, NO_COMPARISONS, TITLES, papers).set_index(["dataset", "method", "metric"])
    assert behind.loc[("d1", "deephash_compact", METRIC), ["paper", "authors_code"]].tolist() == [0.97, 0.96]
    assert behind[["paper", "authors_code"]].count().sum() == 2
    assert published(table, None).empty
    assert set(published(table, papers)["dataset"]) == {"d1"}
    both = metrics({"deephash_compact": 0.9, "deephash_paper": 0.8})
    assert set(published(both, papers)["method"]) == {"deephash_paper"}  # the papers' own preset first


def test_without_published_values_the_legend_has_none():
    figure = draw_fig2a(metrics({"svm": 0.9, "mine": 0.2}), [{**FACT, "dataset": "d1"}], TITLES)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["linear", "other"]


COSTLY = {
    "fast": (1.0, 2.0, 100.0),
    "svm": (10.0, 0.5, 300.0),
    "exact_cosine": (10.0, 1.0, 50.0),
    "majority": (0.001, 0.001, 50.0),
}
CONTROLS = ["exact_cosine", "majority"]


def cost_metrics():
    """Two methods and two controls; fold f costs (1 + f) times as much, on d2 twice that. `fast` fails on d2."""
    table = metrics({"fast": 0.5, "svm": 0.9, "exact_cosine": 0.95, "majority": 0.1})
    times = (1 + table["fold"].astype(int)) * (1 + (table["dataset"] == "d2"))
    for i, name in enumerate(("fit_s", "predict_s", "peak_mb")):
        table[name] = table["method"].map(lambda method, i=i: COSTLY[method][i]) * times
    failed = (table["method"] == "fast") & (table["dataset"] == "d2") & (table["fold"] == "4")
    bad = table[failed].head(1).assign(metric="", value=np.nan, status="timeout", n=0)
    bad[["fit_s", "predict_s", "peak_mb"]] = np.nan
    pooled = table[table["fold"] == "0"].assign(fold="pooled", fit_s=1e9, predict_s=1e9, peak_mb=1e9)
    return pd.concat([table[~failed], bad, pooled], ignore_index=True)


def test_costs_by_hand():
    table = costs(cost_metrics(), TITLES, CONTROLS)
    assert table[["method", "dataset"]].to_numpy().tolist() == [
        ["svm", "d1"], ["svm", "d2"], ["fast", "d1"], ["fast", "d2"], ["exact_cosine", "d1"],
        ["exact_cosine", "d2"], ["majority", "d1"], ["majority", "d2"],
    ]  # fmt: skip
    svm = table.iloc[1]
    assert (svm["fit_s_mean"], svm["predict_s_mean"], svm["peak_mb_mean"]) == (60, 3, 1800)
    assert svm["fit_s_sd"] == pytest.approx(20 * np.std([1, 2, 3, 4, 5], ddof=1))
    assert svm["predict_ms_mean"] == pytest.approx(1000 * 3 / 20)  # 20 cells a fold
    assert (svm["n_folds"], svm["query_cells"], svm["threads"], svm["host"]) == (5, 20, 1, "h")
    assert (svm["title"], svm["status"]) == ("SVM", "ok")
    failed = table.iloc[3]
    assert failed["status"] == "too slow in 1 of 5 folds"
    assert failed[["fit_s_mean", "fit_s_sd", "peak_mb_mean", "query_cells"]].isna().all()


def test_costs_are_those_of_the_data_sets_that_were_timed():
    everywhere = costs(cost_metrics(), TITLES, CONTROLS)
    one = everywhere["dataset"].iloc[0]
    assert everywhere["dataset"].nunique() > 1
    table = costs(cost_metrics(), TITLES, CONTROLS, [one])
    expected = everywhere[everywhere["dataset"] == one].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)


def test_draw_costs_has_a_row_a_method_and_a_point_a_data_set():
    table = costs(cost_metrics(), TITLES, CONTROLS)
    figure = draw_costs(table, TITLES, controls=CONTROLS, marks=marks_of(["svm"], []))
    fit, predict, memory = figure.axes
    assert [label.get_text() for label in fit.get_yticklabels()] == ["SVM ◇", "fast", "exact_cosine"]
    assert [axis.get_xscale() for axis in figure.axes] == ["log"] * 3
    points = [collection.get_offsets()[:, 0].tolist() for collection in fit.collections]
    assert points == [[30, 60], [3], [30, 60]]
    bars = [line.get_xdata()[0] for line in fit.lines if line.get_linewidth() > 2]
    assert bars == [45, 3, 45]
    numbers, _ = texts_of(fit)
    # the lowest of those that ran everywhere is bold, controls aside; of fewer data sets in brackets
    assert [numbers[row].get_text() for row in range(3)] == ["45", "(3.0)", "45"]
    assert [numbers[row].get_fontweight() for row in range(3)] == ["bold", "normal", "normal"]
    assert texts_of(predict)[0][0].get_text() == "112"
    assert [line.get_xdata()[0] for line in memory.lines if line.get_linestyle() == ":"] == [225]
    assert "1 thread on h" in [text.get_text() for text in fit.texts]
    assert "of fewer than the 2 data sets" in figure.legends[0].get_title().get_text()
    assert overlaps(figure) == ([], [])


def test_draw_costs_of_a_method_that_never_ran_and_of_several_machines():
    table = metrics({"svm": 0.9, "slow": "timeout", "other": NOT_APPLICABLE})
    table.loc[table["dataset"] == "d2", ["threads", "host"]] = [4, "h2"]
    figure = draw_costs(costs(table, TITLES), TITLES)
    numbers, words = texts_of(figure.axes[2])
    assert [numbers[row].get_text() for row in range(3)] == ["1.0", "-", "-"]
    assert {row: text.get_text() for row, text in words.items()} == {1: "too slow", 2: "not applicable"}
    assert "1 or 4 threads on several machines" in [text.get_text() for text in figure.axes[0].texts]
    assert "brackets" not in figure.legends[0].get_title().get_text()
    assert not [line for line in figure.axes[2].lines if line.get_linestyle() == ":"]  # no controls, no floor


def test_draw_costs_where_nothing_ran():
    figure = draw_costs(costs(metrics({"slow": "timeout"}), TITLES), TITLES)
    assert [texts_of(axis)[1][0].get_text() for axis in figure.axes] == ["too slow"] * 3
    assert overlaps(figure) == ([], [])


def test_costs_of_twenty_methods_cover_no_text():
    table = metrics(MANY, EIGHT)
    numbers = np.random.default_rng(0).lognormal(0, 3, (len(table), 3))
    table[["fit_s", "predict_s", "peak_mb"]] = numbers
    marks = marks_of(["scanvi"], ["method_3"])
    figure = draw_costs(
        costs(table, {}, ["majority"]), {}, controls=["true_labels", "majority", "random"], marks=marks
    )
    assert overlaps(figure) == ([], [])


def test_table1_columns_do_not_overlap():
    facts = [
        {**FACT, "dataset": "a_rather_long_data_set_name", "title": "x"},
        {**FACT, "dataset": "d2", "title": "y"},
    ]
    expected = pd.DataFrame({"target": ["table1"], "dataset": ["d2"], "metric": ["cells"], "value": [111.0]})
    table = table1(facts, expected)
    assert table["paper_cells"].tolist()[1] == 111
    figure = draw_table1(table.assign(paper_genes=5, paper_types=4, paper_types_over_10=3))
    rows = {}
    for text in figure.texts:
        extent = text.get_window_extent()
        rows.setdefault(round(extent.y0 + extent.height / 2, 1), []).append((extent.x0, extent.x1))
    assert len(rows) == 3
    for spans in rows.values():
        spans.sort()
        assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))


def test_training_draws_a_line_a_fold_and_part():
    rows = [
        {"dataset": "d1", "method": "m", "fold": fold, "step": step, "metric": metric, "value": 1.0 / step}
        for fold in range(3)
        for step in (1, 10)
        for metric in ("loss", "cell_anchor", "quantisation", "validation_median_f1")
    ]
    figure = draw_training(pd.DataFrame(rows))
    assert len(figure.axes[0].lines) == 6


def test_equal_figures_are_equal_files(tmp_path):
    def files(name):
        paths = {kind: str(tmp_path / f"{name}.{kind}") for kind in ("png", "svg", "tsv")}
        figure = draw_fig2a(metrics({"svm": 0.9}), [{**FACT, "dataset": "d1"}], TITLES)
        save_figure(figure, pd.DataFrame({"x": [1 / 3]}), **paths)
        return {kind: Path(path).read_bytes() for kind, path in paths.items()}

    first = files("a")
    assert first == files("b")
    assert first["tsv"] == b"x\n0.333333\n"
