"""Figures of retrieval: they hold what the tables say, in the order of the scores, and no text covers another."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Annotation

from schash.plotting.fig3a import draw_fig3a, fig3a
from schash.plotting.retrieval import tie_note, tie_rule
from schash.plotting.table2 import LINES, draw_table2
from schash.retrieval_ids import (
    CURVE_COLUMNS,
    RECALL_WITHIN_TYPE,
    RECALL_WITHIN_TYPE_CHANCE,
    SHARE_AT_CEILING,
    k_metric,
    map_metric,
    precision_metric,
)
from schash.retrieval_table import RETRIEVAL_TABLE_COLUMNS, retrieval_table
from schash.tables import EXPERIMENT_COLUMNS

FACT = {"cells_over_10": 1234, "types_over_10": 9, "stand_in_for": "", "simulated": False}
TITLES = {"cellfishing": "CellFishing", "scmap_cell": "scmap-cell", "deephash_compact": "DeepHash"}
COMMON = {
    "suite": "s", "experiment": "table2", "scheme": "cv5", "stand_in": "", "preset": "", "variant": "", "seed": 0,
    "fit_s": 1.0, "predict_s": 1.0, "peak_mb": 1.0, "threads": 1, "host": "h", "n": 20,
}  # fmt: skip
KS = {"0.5x": 10, "1x": 20, "2x": 40}
OFFSETS = {"min_k_r": 0.0, "hits": 0.05, "k": -0.2}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def metrics(methods, datasets=("d1", "d2"), ks=KS, n_folds=5):
    """Scores of searches: `methods` has a score at the middle k, 0.02 better at the smaller and worse at the larger.

    Folds differ by 0.01, other denominators by OFFSETS, ties by row by 0.001, means over types by 0.0001. A method
    given as a string has that status in fold 0.
    """
    rows = []
    for dataset, (method, score), fold in itertools.product(datasets, methods.items(), range(n_folds)):
        row = {
            "dataset": dataset,
            "method": method,
            "fold": str(fold),
            "status": "ok",
            "reason": "",
            **COMMON,
        }
        if isinstance(score, str) and fold == 0:
            rows.append(
                {**row, "metric": "", "value": np.nan, "status": score, "reason": "it was so", "n": 0}
            )
            continue
        score = 0.5 if isinstance(score, str) else score
        for database in ("db80", "db60"):
            rows += [
                {**row, "metric": k_metric(name, database), "value": k}
                for name, k in ks.items()
                if name.endswith("x")
            ]
            for (i, k), name, ties, average in itertools.product(
                enumerate(ks), OFFSETS, ("by_row", "averaged"), ("queries", "types")
            ):
                value = score + (1 - i) / 50 + fold / 100 + OFFSETS[name]
                value += (ties == "by_row") / 1000 + (average == "types") / 10000
                rows.append({**row, "metric": map_metric(k, name, ties, average, database), "value": value})
        rows.append({**row, "metric": RECALL_WITHIN_TYPE, "value": 0.3 + fold / 100})
        rows.append({**row, "metric": RECALL_WITHIN_TYPE_CHANCE, "value": 0.1})
        rows.append({**row, "metric": SHARE_AT_CEILING, "value": 0.0})
        rows.append({**row, "metric": precision_metric(10, "averaged", "types", "db80"), "value": 0.7})
    return pd.DataFrame(rows)[list(EXPERIMENT_COLUMNS)].astype(EXPERIMENT_COLUMNS)


def curves(methods, datasets=("d1", "d2"), ns=(1, 10, 100, 200), n_folds=5):
    """P@N that fall by 0.1 a step, by 0.01 a fold; by row 0.001 higher, over queries 0.05."""
    rows = []
    axes = (datasets, methods.items(), range(n_folds), ("db80", "db60"), ("queries", "types"))
    for dataset, (method, score), fold, database, average in itertools.product(*axes):
        for (i, n), ties in itertools.product(enumerate(ns), ("by_row", "averaged")):
            value = score - i / 10 + fold / 100 + (ties == "by_row") / 1000 + (average == "queries") / 20
            rows.append(
                (dataset, "cv5", method, str(fold), database, average, ties, n, value, 1 - i / 20, 0.05)
            )
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS)).astype(CURVE_COLUMNS)


def expected(*rows):
    return pd.DataFrame(rows, columns=["target", "dataset", "method", "metric", "relation", "value"])


def facts(*names, **more):
    return [{**FACT, "dataset": name, **more} for name in names]


def visible(figure):
    return [axis for axis in figure.axes if axis.get_visible()]


def numbers(axis):
    """Texts beside a panel, as (row, line, text), in the order of their columns."""
    figure = axis.get_figure(root=True)
    figure.canvas.draw()
    texts = [text for text in axis.texts if isinstance(text, Annotation)]
    texts = [text for text in texts if text.xycoords == axis.get_yaxis_transform()]
    texts.sort(key=lambda text: text.get_window_extent().x1)
    return [(round(text.xy[1]), round(text.xy[1] % 1, 2), text) for text in texts]


def row_of(axis, row, denominator):
    """What is printed in a method's line, left to right."""
    line = round(LINES[denominator] % 1, 2)
    return [text.get_text() for r, where, text in numbers(axis) if (r, where) == (row, line)]


def overlaps(figure):
    """Texts that stick out of the saved figure, and pairs that cover each other."""
    figure.canvas.draw()
    axes = visible(figure)
    texts = [text for axis in axes for text in axis.texts]
    texts += [part for axis in axes for part in (axis._left_title, axis.xaxis.label, axis.yaxis.label)]
    for axis in axes:
        for kind, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, sorted(axis.get_ylim()))):
            place = 0 if kind is axis.xaxis else 1
            labels = [label for label in kind.get_ticklabels() if label.get_visible()]
            texts += [label for label in labels if limits[0] <= label.get_position()[place] <= limits[1]]
    texts += [part._suptitle for part in figure.subfigs]
    for legend in figure.legends:
        texts += [legend.get_title(), *legend.get_texts()]
    texts = [text for text in texts if text.get_text()]
    assert len(texts) > 10
    names = [text.get_text() for text in texts]
    low, high = np.stack([text.get_window_extent().get_points() for text in texts], axis=1)
    whole = figure.bbox.padded(2)
    out = (low < whole.min).any(axis=1) | (high > whole.max).any(axis=1)
    middle, half = (low + high) / 2, (high - low) / 2 * [0.9, 0.75]
    apart = np.abs(middle[:, None] - middle) >= half[:, None] + half
    pairs = zip(*np.nonzero(np.triu(~apart.any(axis=2), 1)), strict=True)
    return [names[i] for i in np.flatnonzero(out)], [(names[i], names[j]) for i, j in pairs]


# ---- the table behind table2 ----


def test_the_table_has_every_score_by_its_parts():
    table = retrieval_table(metrics({"cellfishing": 0.8, "mine": 0.6}), TITLES)
    assert list(table.columns) == list(RETRIEVAL_TABLE_COLUMNS)
    assert len(table) == 2 * 2 * (2 * 3 * 3 * 2 * 2 + 1)
    keys = ["dataset", "method", "database", "k", "denominator", "average", "ties"]
    rows = table.set_index(keys).sort_index()
    row = rows.loc[("d2", "cellfishing", "db60", "2x", "hits", "types", "by_row")]
    assert row["mean"] == pytest.approx(0.8 - 0.02 + 0.02 + 0.05 + 0.001 + 0.0001)
    assert row["sd"] == pytest.approx(np.std([0, 1, 2, 3, 4], ddof=1) / 100)
    assert (row["k_cells"], row["n_folds"], row["status"], row["title"]) == (40, 5, "ok", "CellFishing")
    within = table[table["metric"] == RECALL_WITHIN_TYPE].set_index(["dataset", "method"])
    assert within.loc[("d1", "mine"), "mean"] == pytest.approx(0.32)
    assert within.loc[("d1", "mine"), "chance"] == pytest.approx(0.1)
    assert within.loc[("d1", "mine"), "title"] == "mine"
    assert set(table["metric"]) == {"map_at_k", RECALL_WITHIN_TYPE}
    assert table.loc[table["metric"] == "map_at_k", "chance"].isna().all()


def test_a_method_with_a_failed_fold_has_one_row_and_its_reason():
    table = retrieval_table(metrics({"cellfishing": 0.8, "mine": "timeout"}), TITLES)
    (row,) = table[(table["method"] == "mine") & (table["dataset"] == "d1")].to_dict("records")
    assert (row["status"], row["reason"], row["metric"]) == ("too slow in 1 of 5 folds", "it was so", "")
    assert np.isnan(row["mean"])


def test_a_score_that_one_fold_lacks_has_no_mean():
    scores = metrics({"cellfishing": 0.8})
    name = map_metric("2x", "hits", "averaged", "queries", "db80")
    lacking = scores.index[(scores["metric"] == name) & (scores["fold"] == "3") & (scores["dataset"] == "d1")]
    scores.loc[lacking, ["value", "reason"]] = [np.nan, "ties"]
    rows = retrieval_table(scores, TITLES).query("dataset == 'd1' and denominator == 'hits'")
    rows = rows.query("average == 'queries' and database == 'db80' and ties == 'averaged'").set_index("k")
    assert rows["mean"].isna().to_dict() == {"0.5x": False, "1x": False, "2x": True}
    assert np.isnan(rows.loc["2x", "sd"])
    assert (rows.loc["2x", "reason"], rows.loc["1x", "reason"]) == ("ties", "")


def test_only_plain_values_of_the_very_data_set_are_the_papers():
    papers = expected(
        ("table2", "d1", "deephash", "map_hits_at_50", "about", 0.95),
        ("table2", "d1", "cellfishing", "map_at_k[k=100,hits,averaged,queries,db60]", "about", 0.7),
        ("table2", "d1", "deephash", "map_hits_at_50_gap_to_scmap_cell", "at_least", 0.2),
        ("table2", "d1", "deephash", "map_hits_at_100_gap_to_scmap_cell", "about", 0.2),
        ("table2", "d1", "deephash", "map_hits_at_200", "at_least", 0.3),
        ("table2", "d3", "deephash", "map_hits_at_50", "about", 0.1),
        ("fig3a", "d1", "deephash", "map_hits_at_100", "about", 0.2),
        ("table2", "d1", "cells_per_type", "cells_per_type", "about", 90.0),
    )
    table = retrieval_table(
        metrics({"deephash_compact": 0.9, "cellfishing": 0.8}, ks=dict.fromkeys(("50", "100", "200"), 0)),
        TITLES,
        papers,
    )
    found = table[table["paper"].notna()]
    assert set(found["denominator"]) == {"hits"}
    assert set(found["average"]) == {"queries"}
    assert set(zip(found["dataset"], found["method"], found["k"], found["paper"], strict=True)) == {
        ("d1", "deephash_compact", "50", 0.95),
        ("d1", "cellfishing", "100", 0.7),
    }
    assert len(found) == 2 * 4  # both ways of ties, both databases
    assert set(table.loc[table["k"] == "50", "k_cells"]) == {50}


# ---- table2 ----


def test_table2_prints_the_scores_that_it_draws():
    table = retrieval_table(metrics({"scmap_cell": 0.6, "cellfishing": 0.8, "true_labels": 0.9}), TITLES)
    figure = draw_table2(table, facts("d1", "d2"), TITLES, controls=["true_labels"])
    first = visible(figure)[0]
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == ["CellFishing", "scmap-cell", "true_labels"]  # the best first, controls last
    assert row_of(first, 0, "min_k_r") == [".840", ".820", ".800", ".32"]
    assert row_of(first, 0, "hits") == [".890", ".870", ".850", "(.10)"]
    assert row_of(first, 1, "min_k_r") == [".640", ".620", ".600", ".32"]
    bold = [text.get_text() for _, _, text in numbers(first) if text.get_fontweight() == "bold"]
    assert bold == [".840", ".820", ".800"]
    heads = [text.get_text() for text in first.texts if text.get_text().startswith("@")]
    assert heads == ["@10", "@20", "@40"]
    # a line a denominator, dots as large as k: filled for the standard one, hollow for hits
    dots = [line for line in first.lines if line.get_marker() != "None"]
    standard, hits, k = (
        [line for line in dots if line.get_ydata()[0] == pytest.approx(LINES[name])]
        for name in ("min_k_r", "hits", "k")
    )
    assert [float(line.get_xdata()[0]) for line in standard] == pytest.approx([0.84, 0.82, 0.8])
    assert [line.get_markersize() for line in standard] == sorted(line.get_markersize() for line in standard)
    assert {line.get_markerfacecolor() for line in hits} == {"white"}
    assert [float(line.get_xdata()[0]) for line in k] == pytest.approx([0.64, 0.62, 0.6])
    assert {line.get_marker() for line in k} == {"|"}


def test_table2_orders_methods_by_the_middle_k_of_the_larger_database():
    scores = metrics({"scmap_cell": 0.6, "cellfishing": 0.8})
    other = scores["metric"].str.contains(r"=2x|=0\.5x|db60|hits|,k,", regex=True)
    scores.loc[other & (scores["method"] == "scmap_cell"), "value"] += 0.3
    figure = draw_table2(retrieval_table(scores, TITLES), facts("d1", "d2"), TITLES)
    assert [label.get_text() for label in visible(figure)[0].get_yticklabels()] == [
        "CellFishing",
        "scmap-cell",
    ]


def test_table2_has_a_block_for_each_database_and_the_recall_in_the_first():
    figure = draw_table2(retrieval_table(metrics({"cellfishing": 0.8}), TITLES), facts("d1", "d2"), TITLES)
    titles = [part._suptitle.get_text() for part in figure.subfigs]
    assert titles[0].startswith("80% of the cells are searched")
    assert titles[1].startswith("60% of the cells are searched")
    assert "models fitted on the 80%" in titles[1].replace("\n", " ")
    said = [[text.get_text() for text in axis.texts] for axis in visible(figure)]
    assert ["in type" in texts for texts in said] == [True, True, False, False]
    assert row_of(visible(figure)[2], 0, "min_k_r") == [".840", ".820", ".800"]
    note = figure.legends[0].get_title().get_text()
    assert "averaged over ties;" in note
    assert "half, once and twice the mean number of cells a type" in note.replace("\n", " ")
    assert "exact-cosine neighbours" in note


def test_table2_falls_back_to_ties_by_row_and_names_who_did():
    scores = metrics({"cellfishing": 0.8, "scmap_cell": 0.6})
    unknown = scores["metric"] == map_metric("2x", "hits", "averaged", "queries", "db60")
    scores.loc[unknown & (scores["method"] == "cellfishing") & (scores["dataset"] == "d1"), "value"] = np.nan
    unknown = (scores["metric"] == RECALL_WITHIN_TYPE) & (scores["method"] == "scmap_cell")
    scores.loc[unknown & (scores["dataset"] == "d1"), "value"] = np.nan
    figure = draw_table2(retrieval_table(scores, TITLES), facts("d1", "d2"), TITLES)
    first, second = visible(figure)[:2]
    assert row_of(first, 0, "min_k_r") == [".841", ".821", ".801", ".32"]
    assert row_of(first, 1, "min_k_r") == [".640", ".620", ".600", "-"]
    assert row_of(second, 0, "min_k_r") == [".840", ".820", ".800", ".32"]
    note = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert "(by row where lists end too early: CellFishing)" in note


def test_table2_says_who_did_not_run_and_shows_the_papers_values():
    papers = expected(("table2", "d1", "deephash", "map_hits_at_50", "about", 0.947))
    scores = metrics(
        {"deephash_compact": 0.9, "cellfishing": "timeout"}, ks=dict.fromkeys(("50", "100", "200"), 0)
    )
    scores = scores[(scores["method"] != "cellfishing") | (scores["dataset"] != "d2")]
    figure = draw_table2(retrieval_table(scores, TITLES, papers), facts("d1", "d2"), TITLES)
    first, second, *below = visible(figure)
    said = [
        [text.get_text() for text in axis.texts if text.get_style() == "italic"] for axis in (first, second)
    ]
    assert said == [[".947", "too slow in 1 of 5 folds"], ["not run"]]
    triangles = [
        [line for line in axis.lines if line.get_marker() == "v"] for axis in (first, second, *below)
    ]
    assert [len(found) for found in triangles] == [1, 0, 1, 0]
    assert float(triangles[0][0].get_xdata()[0]) == 0.947
    legend = figure.legends[0]
    assert legend.get_texts()[-1].get_text() == "the paper's own value"
    assert "k is the paper's" in legend.get_title().get_text()
    assert overlaps(figure) == ([], [])


MANY = {
    "deephash_compact": 0.97, "cellfishing": 0.8, "scmap_cell": 0.7, "mine": "out of memory", "another": 0.9,
    "exact_cosine": 0.75, "true_labels": 0.978, "random": 0.1,
}  # fmt: skip
CONTROLS = ["exact_cosine", "true_labels", "random"]
EIGHT = [f"a_long_data_set_{i}" for i in range(8)]


@pytest.mark.parametrize("n", [1, 5, 8])
def test_table2_covers_no_text(n):
    scores = metrics(MANY, EIGHT[:n], {"0.5x": 400, "1x": 800, "2x": 1600}, n_folds=2)
    shown = facts(*EIGHT[:n], stand_in_for="x", cells_over_10=99999)
    figure = draw_table2(
        retrieval_table(scores, TITLES), shown, TITLES, controls=CONTROLS, marks={"another": "◇"}
    )
    assert overlaps(figure) == ([], [])
    assert len(visible(figure)) == 2 * n
    assert "◇ sees the unlabelled query cells" in figure.legends[0].get_title().get_text()


def test_table2_where_nothing_ran():
    table = retrieval_table(metrics({"cellfishing": "timeout"}, n_folds=1), TITLES)
    figure = draw_table2(table, facts("d1"), TITLES)
    assert [text.get_text() for text in visible(figure)[0].texts if text.get_style() == "italic"] == [
        "too slow"
    ]


# ---- fig3a ----


def test_fig3a_table_has_means_over_folds():
    scores = {"cellfishing": 0.8, "scmap_cell": 0.7}
    table = fig3a(curves(scores), metrics(scores), TITLES)
    row = table.set_index(["dataset", "method", "database", "average", "ties", "n"]).loc[
        ("d1", "cellfishing", "db60", "queries", "by_row", 10)
    ]
    assert row["precision"] == pytest.approx(0.8 - 0.1 + 0.02 + 0.001 + 0.05)
    assert row["sd"] == pytest.approx(np.std([0, 1, 2, 3, 4], ddof=1) / 100)
    assert (row["ceiling"], row["chance"], row["n_folds"]) == (0.95, 0.05, 5)
    assert len(table) == 2 * 2 * 2 * 2 * 2 * 4


def test_fig3a_leaves_out_what_not_all_folds_have():
    scores = {"cellfishing": 0.8, "scmap_cell": 0.7}
    points = curves(scores)
    one = (points["fold"] == "0") & (points["n"] == 100)
    points.loc[one & (points["dataset"] == "d1"), "n"] = 99  # the multiples differ by fold
    lost = (points["method"] == "cellfishing") & (points["n"] == 200) & (points["ties"] == "averaged")
    points = points[~(lost & (points["fold"] == "4") & (points["dataset"] == "d2"))]
    table = fig3a(points, metrics(scores), TITLES)
    assert set(table.loc[table["dataset"] == "d1", "n"]) == {1, 10, 200}
    second = table[(table["dataset"] == "d2") & (table["n"] == 200)]
    assert set(second.loc[second["precision"].isna(), "method"]) == {"cellfishing"}
    assert set(second.loc[second["precision"].isna(), "ties"]) == {"averaged"}
    figure = draw_fig3a(table, facts("d1", "d2"), TITLES)
    assert "(by row where lists end too early: CellFishing)" in figure.legends[
        0
    ].get_title().get_text().replace("\n", " ")
    line = next(line for line in visible(figure)[1].lines if line.get_marker() == "*")
    np.testing.assert_allclose(line.get_ydata(), np.array([0.8, 0.7, 0.6, 0.5]) + 0.02 + 0.001)


def test_fig3a_draws_a_line_a_method_with_ceiling_and_chance():
    scores = {"scmap_cell": 0.7, "cellfishing": 0.8, "true_labels": 0.9, "random": 0.1}
    table = fig3a(curves(scores), metrics(scores), TITLES)
    figure = draw_fig3a(table, facts("d1", "d2"), TITLES, controls=["true_labels", "random"])
    types, queries = visible(figure)[0], visible(figure)[2]
    ceiling, chance, worse, better = types.lines
    np.testing.assert_allclose(ceiling.get_ydata(), [1, 0.95, 0.9, 0.85])
    np.testing.assert_allclose(chance.get_ydata(), 0.05)
    assert chance.get_linestyle() == ":"
    np.testing.assert_allclose(better.get_xdata(), [1, 10, 100, 200])
    np.testing.assert_allclose(better.get_ydata(), np.array([0.8, 0.7, 0.6, 0.5]) + 0.02)
    np.testing.assert_allclose(worse.get_ydata(), np.array([0.7, 0.6, 0.5, 0.4]) + 0.02)
    np.testing.assert_allclose(queries.lines[3].get_ydata(), np.array([0.8, 0.7, 0.6, 0.5]) + 0.07)
    assert better.get_marker() != worse.get_marker()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["CellFishing", "scmap-cell", "perfect ranking", "random ranking"]
    assert types.get_ylim()[0] == 0  # no cut axis
    assert types.get_xscale() == "log"
    assert [part._suptitle.get_text().split()[2] for part in figure.subfigs] == ["types,", "queries:"]


def test_fig3a_says_who_did_not_run():
    scores = {"cellfishing": 0.8, "scmap_cell": "out of memory"}
    points = curves({"cellfishing": 0.8, "scmap_cell": 0.7})
    table = fig3a(points, metrics(scores), TITLES)
    assert set(table.loc[table["method"] == "scmap_cell", "status"]) == {"out of memory in 1 of 5 folds"}
    figure = draw_fig3a(table, facts("d1", "d2"), TITLES)
    for axis in visible(figure):
        (said,) = [text.get_text() for text in axis.texts if text.get_style() == "italic"]
        assert said == "scmap-cell: out of memory in 1 of 5 folds"
        assert len(axis.lines) == 3
    assert overlaps(figure) == ([], [])


@pytest.mark.parametrize("n", [1, 5, 8])
def test_fig3a_covers_no_text(n):
    ran = {name: score for name, score in MANY.items() if not isinstance(score, str)}
    table = fig3a(curves(ran, EIGHT[:n], n_folds=2), metrics(MANY, EIGHT[:n], n_folds=2), TITLES)
    shown = facts(*EIGHT[:n], stand_in_for="x", simulated=True, cells_over_10=99999)
    figure = draw_fig3a(table, shown, TITLES, controls=CONTROLS)
    assert overlaps(figure) == ([], [])
    assert visible(figure)[0].get_title(loc="left") == "a_long_data_set_0 (simulated)"


# ---- ties ----


def test_one_way_of_ties_for_a_method_and_data_set():
    rows = [("d1", "m", "averaged", 1.0), ("d1", "m", "by_row", 2.0), ("d2", "m", "averaged", np.nan)]
    rows += [("d2", "m", "by_row", 3.0), ("d2", "other", "averaged", 4.0), ("d2", "other", "by_row", 5.0)]
    table = pd.DataFrame(rows, columns=["dataset", "method", "ties", "mean"]).assign(title="T")
    assert tie_rule(table, "mean")["mean"].tolist() == [1, 3, 4]
    assert tie_note(tie_rule(table, "mean")) == "averaged over ties (by row where lists end too early: T)"
    assert tie_note(tie_rule(table[table["dataset"] == "d1"], "mean")) == "averaged over ties"
