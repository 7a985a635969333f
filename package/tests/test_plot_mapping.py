"""Figures of the mapping experiments: every method, type and batch has its number, and who did not run is told."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from schash.plotting.assignments import assignment_table, draw_assignments, order_of
from schash.plotting.cf_fig4 import cf_fig4, draw_cf_fig4, lower_end
from schash.plotting.cf_fig5 import cf_fig5, draw_cf_fig5, stacked, wilson
from schash.plotting.cf_fig7 import cf_fig7, draw_cf_fig7
from schash.plotting.confusion import Names, draw_confusion
from schash.plotting.mapping import data_set, size_of
from schash.plotting.table1 import draw_table1, table1
from schash.tables import EXPERIMENT_COLUMNS, POOLED, TYPE_COLUMNS

TITLES = {
    "cellfishing": "CellFishing",
    "cf_scmap_cell": "scmap-cell",
    "true_labels": "True labels",
    "majority": "Majority",
}
CONTROLS = ("true_labels", "majority")
FACT = {
    "dataset": "d", "title": "D", "cells": 105, "unlabelled": 5, "genes": 9, "types": 3, "types_over_10": 2,
    "cells_over_10": 97, "values": "counts", "stand_in_for": "Baron human", "simulated": False, "species": "mouse",
    "tissue": "t", "protocol": "p", "total": 1.0, "nonzeros_per_cell": 2.0, "batches": 2,
}  # fmt: skip
OTHER = FACT | {"dataset": "e", "stand_in_for": "", "types": 2}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def scores(values, *, dataset="d", scheme="random5", experiment="cf_fig4"):
    """Consistency of each fold by method, kappa 0.1 below it; a word instead of folds is the status of both."""
    rows = []
    for method, folds in values.items():
        ran = not isinstance(folds, str)
        for fold, value in enumerate(folds if ran else [np.nan] * 2):
            for metric, less in (("consistency", 0), ("kappa", 0.1)) if ran else (("", 0),):
                row = dict.fromkeys(EXPERIMENT_COLUMNS, "")
                row |= {
                    "experiment": experiment,
                    "dataset": dataset,
                    "scheme": scheme,
                    "method": method,
                    "seed": 0,
                }
                row |= {"fold": str(fold), "metric": metric, "value": value - less, "n": 20, "threads": 1}
                row |= {"status": "ok" if ran else folds, "reason": "" if ran else "120 s", "peak_mb": 1.0}
                row |= (
                    {"fit_s": 3.0 + fold, "predict_s": 0.5} if ran else {"fit_s": np.nan, "predict_s": np.nan}
                )
                rows += [row, row | {"fold": POOLED}] if fold == 0 and ran else [row]
    return pd.DataFrame(rows).astype(EXPERIMENT_COLUMNS)


def texts(axis):
    return [text.get_text() for text in axis.texts]


SELF = pd.concat(
    [
        scores(
            {
                "cellfishing": [0.9, 0.8],
                "cf_scmap_cell": "timeout",
                "true_labels": [1, 1],
                "majority": [0.3, 0.3],
            }
        ),
        scores(
            {"cellfishing": [0.96, 0.98], "cf_scmap_cell": [0.7, 0.9], "true_labels": [1, 1]}, dataset="e"
        ),
    ]
)


# ---- cf_fig4 ----


def test_the_table_of_self_mapping_by_hand():
    table = cf_fig4(SELF, TITLES).set_index(["dataset", "method"])
    row = table.loc[("d", "cellfishing")]
    assert row["consistency_mean"] == pytest.approx(0.85)
    assert row["consistency_sd"] == pytest.approx(np.std([0.9, 0.8], ddof=1))
    assert row["kappa_mean"] == pytest.approx(0.75)
    assert (row["index_s_mean"], row["index_s_min"], row["index_s_max"]) == (3.5, 3.0, 4.0)
    assert (row["query_s_mean"], row["consistency_n_folds"], row["status"]) == (0.5, 2, "ok")
    slow = table.loc[("d", "cf_scmap_cell")]
    assert (slow["status"], slow["reason"], slow["title"]) == ("timeout", "120 s", "scmap-cell")
    assert slow[["consistency_mean", "index_s_mean", "query_s_mean"]].isna().all()
    assert len(table) == 7  # the pooled rows are no rows


def test_the_table_keeps_no_seconds_of_a_method_that_lacks_a_fold():
    whole = scores({"cellfishing": [0.9, 0.8]})
    lacking = whole[whole["fold"] != "1"]
    bad = whole[whole["fold"] == "1"].head(1).assign(status="timeout", metric="", value=np.nan)
    row = cf_fig4(pd.concat([lacking, bad]), TITLES).iloc[0]
    assert row["status"] == "timeout"
    assert np.isnan(row["index_s_mean"])
    assert np.isnan(row["consistency_mean"])


def test_the_figure_of_self_mapping_has_a_pair_of_panels_a_data_set():
    figure = draw_cf_fig4(SELF, [FACT, OTHER], TITLES, controls=CONTROLS, marks={"cf_scmap_cell": "○"})
    figure.canvas.draw()
    of_d, seconds_of_d, of_e, _ = figure.axes
    named = [label.get_text() for label in of_d.get_yticklabels()]
    assert named == ["CellFishing", "scmap-cell ○", "True labels", "Majority"]
    assert of_d.get_title(loc="left") == "d (stand-in)"
    assert of_e.get_title(loc="left") == "e"
    said = texts(of_d)
    assert "100 cells, 3 types, counts" in said
    assert ".850  .750" in said
    assert "too slow" in said
    assert "← 0.300, 0.200" in said  # the majority lies left of the axis
    assert "not run" in texts(of_e)  # the majority there
    assert (
        of_d.get_xlim()[0] == of_e.get_xlim()[0] == pytest.approx(0.55)
    )  # below the least fold, a kappa of 0.6
    squares = [points for points in seconds_of_d.collections if len(points.get_offsets())]
    assert len(squares) == 2  # index and query of the one that ran; controls have no seconds
    assert seconds_of_d.get_xscale() == "log"


def test_axes_of_scores_begin_below_all_that_is_compared():
    assert lower_end(SELF, CONTROLS) == pytest.approx(0.55)
    assert lower_end(scores({"majority": [0.2, 0.2]}), CONTROLS) == 0


# ---- cf_fig5 ----


def types():
    rows = [
        ("cellfishing", "beta", 0.9, 80),
        ("cellfishing", "schwann", 0.5, 4),
        ("cellfishing", "mast", 0.0, 16),
    ]
    rows += [("true_labels", name, 1.0, n) for _, name, _, n in rows]
    table = pd.DataFrame(rows, columns=["method", "type", "recall", "support"])
    return table.assign(dataset="d", scheme="random5", precision=0.5, f1=0.5)[list(TYPE_COLUMNS)].astype(
        TYPE_COLUMNS
    )


def test_wilson_by_hand():
    low, high = wilson(np.array([0.5, 1.0, 0.0]), np.array([4.0, 10.0, 10.0]))
    np.testing.assert_allclose(low, [0.150, 0.722, 0], atol=1e-3)
    np.testing.assert_allclose(high, [0.850, 1, 0.278], atol=1e-3)


def test_clusters_stand_by_size():
    table = cf_fig5(types(), TITLES)
    ours = table[table["method"] == "cellfishing"]
    assert ours["type"].tolist() == ["beta", "mast", "schwann"]
    assert ours["consistency"].tolist() == [0.9, 0, 0.5]
    assert ours["share_of_cells"].tolist() == [0.8, 0.16, 0.04]


def test_the_figure_of_clusters_shows_sizes_and_rare_types():
    table = cf_fig5(types(), TITLES)
    figure = draw_cf_fig5(table, SELF[SELF["dataset"] == "d"], [FACT], TITLES, controls=CONTROLS)
    figure.canvas.draw()
    sizes, shares = figure.axes
    assert [label.get_text() for label in sizes.get_yticklabels()] == ["beta", "mast", "schwann"]
    assert {"80", "16", "4"} <= set(texts(sizes))
    points = [c.get_offsets() for c in shares.collections if len(c.get_offsets()) == 3]
    np.testing.assert_allclose(points[0][:, 0], [0.9, 0, 0.5])
    assert "scmap-cell on d: too slow" in figure.legends[0].get_title().get_text().replace("\n", " ")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["CellFishing", "scmap-cell"]


def test_small_data_sets_stand_under_one_another():
    assert stacked([13, 9, 43]) == [[0, 1], [2]]
    assert stacked([43, 13, 9]) == [[0], [1, 2]]
    assert stacked([5, 5]) == [[0], [1]]
    assert stacked([7]) == [[0]]


# ---- cf_fig6 ----


def test_matrices_are_those_that_are_named():
    counts = pd.DataFrame(
        [
            ("cellfishing", "beta", "beta", 3),
            ("cellfishing", "mast", "beta", 1),
            ("exact_cosine", "beta", "beta", 3),
            ("exact_cosine", "mast", "mast", 1),
        ],
        columns=["method", "type", "predicted", "cells"],
    ).assign(dataset="d", scheme="random5")
    metrics = scores({"cellfishing": [0.7, 0.8], "exact_cosine": [0.9, 0.9]})
    names = Names(TITLES, matrices=("cellfishing", "cf_scmap_cell"), metric="consistency", all_types=True)
    figure = draw_confusion(counts, metrics, [FACT], names)
    figure.canvas.draw()
    heat, *matrices = figure.subfigs[0].axes
    assert [label.get_text() for label in heat.get_yticklabels()] == [
        "exact_cosine",
        "CellFishing",
    ]  # the best first
    assert [axis.get_title(loc="left") for axis in matrices] == ["CellFishing: true type (rows) as predicted"]
    assert any(text.startswith("consistency 0.750") for text in texts(matrices[0]))
    assert "100 cells, 3 types, counts" in [text.get_text() for text in figure.subfigs[0].texts]


# ---- cf_fig7 ----


def batches():
    return pd.concat(
        [
            scores({"cellfishing": [0.9, 0.8], "cf_scmap_cell": [0.7, 0.7]}, experiment="cf_fig7"),
            scores(
                {"cellfishing": [0.80, 0.95], "cf_scmap_cell": "out of memory"},
                scheme="batch",
                experiment="cf_fig7",
            ),
        ]
    )


SPLITS = [
    {
        "dataset": "d",
        "scheme": "batch",
        "folds": [
            {"name": "m1", "n_train": 60, "n_query": 40, "n_types": 2, "n_unseen": 0},
            {"name": "m2", "n_train": 40, "n_query": 57, "n_types": 2, "n_unseen": 3},
        ],
    },
    {"dataset": "d", "scheme": "random5", "folds": [{"name": str(i)} for i in range(5)]},
]
ASSIGNED = pd.DataFrame(
    [
        ("0", "m1", "beta", "beta", 30), ("0", "m1", "beta", "mast", 4), ("0", "m1", "mast", "rare", 6),
        ("1", "m2", "beta", "beta", 50), ("1", "m2", "mast", "mast", 7),
    ],
    columns=["fold", "group", "type", "predicted", "cells"],
).assign(dataset="d", scheme="batch", method="cellfishing")  # fmt: skip


def test_the_table_of_batches_holds_the_distance_from_self_mapping():
    table = cf_fig7(batches(), SPLITS, TITLES)
    assert set(table["scheme"]) == {"batch"}
    ours = table[table["method"] == "cellfishing"].set_index("held_out")
    assert ours.loc["m1", "self_consistency"] == pytest.approx(0.85)
    assert ours.loc["m1", "consistency_distance"] == pytest.approx(0.05)
    assert ours.loc["m2", "kappa_distance"] == pytest.approx(0.10)
    assert ours["n_query"].tolist() == [40, 57]
    assert set(table.loc[table["method"] == "cf_scmap_cell", "status"]) == {"out of memory"}


def test_the_figure_of_batches_shows_scores_and_cluster_sizes():
    table = cf_fig7(batches(), SPLITS, TITLES)
    figure = draw_cf_fig7(table, ASSIGNED, [FACT], TITLES)
    figure.canvas.draw()
    consistency, kappa, sizes = figure.axes
    assert [label.get_text() for label in consistency.get_yticklabels()] == ["CellFishing", "scmap-cell"]
    assert "out of memory" in texts(consistency)
    drawn = {tuple(np.round(points.get_offsets()[0], 2)) for points in consistency.collections}
    assert drawn == {(0.80, -0.2), (0.95, 0.2)}
    assert {round(float(points.get_offsets()[0][0]), 2) for points in kappa.collections} == {0.70, 0.85}
    assert [label.get_text() for label in sizes.get_yticklabels()] == ["beta", "mast"]
    named = [label.get_text() for label in sizes.get_xticklabels()]
    assert named == ["m1\n40 cells", "m2\n57 cells, 3 left out"]
    written = {text.get_position(): text.get_text() for text in sizes.texts}
    assert written == {(0, 0): "34", (1, 0): "50", (0, 1): "6", (1, 1): "7"}


def test_batches_and_self_mappings_that_lack_are_told():
    table = batches()
    whole = table[(table["method"] == "cellfishing") & (table["fold"] != POOLED)]
    lost = {"status": "timeout", "value": np.nan, "metric": ""}
    for scheme, said in (("batch", "too slow in 1 of 2 folds"), ("random5", "not mapped onto itself")):
        bad = (whole["scheme"] == scheme) & (whole["fold"] == "1")
        lacking = pd.concat([whole[~bad], whole[bad].head(1).assign(**lost)])
        figure = draw_cf_fig7(cf_fig7(lacking, SPLITS, TITLES), ASSIGNED, [FACT], TITLES)
        note = figure.legends[0].get_title().get_text().replace("\n", " ")
        assert f"CellFishing on d: {said}" in note
        figure.canvas.draw()


# ---- cf_fig8, cf_species ----


def test_assignments_of_each_direction():
    metrics = batches()[lambda table: table["scheme"] == "batch"]
    table = assignment_table(ASSIGNED, metrics, TITLES)
    assert order_of(table, "d", "batch", "0") == (["beta", "mast"], ["beta", "mast", "rare"])
    one = table[(table["fold"] == "0") & (table["type"] == "beta")].set_index("predicted")
    assert one["share"].to_dict() == {"beta": 30 / 34, "mast": 4 / 34}
    assert one["consistency"].tolist() == [0.8, 0.8]
    assert table["status"].value_counts()["out of memory"] == 2

    figure = draw_assignments(table, [FACT], SPLITS, TITLES)
    figure.canvas.draw()
    (ours, theirs), (second, _) = np.array(figure.axes).reshape(2, 2)
    assert [label.get_text() for label in ours.get_yticklabels()] == ["beta (34)", "mast (6)"]
    assert [label.get_text() for label in ours.get_xticklabels()] == ["beta", "mast", "rare"]
    written = {text.get_position(): text.get_text() for text in ours.texts}
    assert written[(0, 0)] == ".88"
    assert written[(1, 0)] == ".12"
    assert written[(2, 1)] == "1"
    assert "consistency 0.800, kappa 0.700" in texts(ours)
    assert "d (stand-in), batch m1: 40 cells onto 60 others" in texts(ours)
    assert "d (stand-in), batch m2: 57 cells onto 40 others, 3 left out" in texts(second)
    assert "out of memory" in texts(theirs)


# ---- cf_table1, captions ----


def test_a_table_of_the_other_paper_has_its_own_numbers():
    expected = pd.DataFrame(
        {
            "target": ["cf_table1", "table1"],
            "dataset": ["d", "e"],
            "metric": ["cells"] * 2,
            "value": [8569.0, 1.0],
        }
    )
    table = table1([FACT, OTHER], expected, target="cf_table1").astype({"paper_genes": float})
    assert table["paper_cells"].tolist()[0] == 8569
    assert pd.isna(table["paper_cells"].tolist()[1])
    figure = draw_table1(table)
    assert "8,569 cells" in [text.get_text() for text in figure.texts]


def test_what_a_data_set_is_called():
    assert (data_set(FACT), data_set(OTHER)) == ("d (stand-in)", "e")
    assert data_set(FACT | {"simulated": True}) == "d (simulated)"
    assert size_of(FACT, all_types=True) == "100 cells, 3 types, counts"
    assert size_of(FACT, all_types=False) == "97 cells, 2 types, counts"
