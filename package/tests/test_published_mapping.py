"""Numbers of the mapping experiments beside the paper's: seconds, single types, directions, distances, differences."""

import itertools

import numpy as np
import pandas as pd
import pytest

from schash.assignments import ASSIGNMENT_COLUMNS, cluster_sizes, count_assignments
from schash.expected import EXPECTED_COLUMNS
from schash.measured import measure
from schash.published_mapping import distances_from_self_mapping, with_mapping_metrics
from schash.scoring import score_annotation
from schash.tables import METRIC_COLUMNS, POOLED, STATUS_COLUMNS

SIZES = pd.DataFrame({"dataset": ["d", "s"], "cells": [100, 90]}).set_index("dataset")


def scores(values, *, dataset="d", scheme="random5", experiment="cf_fig4", stand_in="", metric="consistency"):
    """Rows of `metric` by method: a list of folds, and pooled the mean."""
    rows = []
    for method, folds in values.items():
        for fold, value in [*enumerate(folds), (POOLED, np.mean(folds))]:
            row = dict.fromkeys(METRIC_COLUMNS, "")
            row |= {"experiment": experiment, "dataset": dataset, "stand_in": stand_in, "scheme": scheme}
            row |= {"method": method, "seed": 0, "fold": str(fold), "metric": metric, "value": value}
            row |= {"n": 20, "status": "ok", "fit_s": 3.0, "predict_s": 0.5, "peak_mb": 1.0, "threads": 1}
            rows.append(row)
    return pd.DataFrame(rows).astype(METRIC_COLUMNS)


def expected(metric, method="cellfishing", *, target="cf_fig4", dataset="d", name="Data", scheme="random5"):
    row = dict.fromkeys(EXPECTED_COLUMNS, "")
    row |= {"target": target, "dataset": dataset, "data_name": name, "scheme": scheme, "method": method}
    row |= {"metric": metric, "value": 1.0, "tolerance": 0.0}
    return next(pd.DataFrame([row]).itertuples(index=False))


FIG4 = scores(
    {
        "cellfishing": [0.9, 0.8],
        "cf_t128_l1": [0.7, 0.7],
        "cf_freeman_tukey": [0.85, 0.8],
        "cf_dropout_genes": [0.95, 0.9],
        "cf_scmap_cell": [0.8, 0.6],
        "cf_scmap_high_genes": [0.7, 0.6],
    }
)


@pytest.mark.parametrize(
    ("metric", "method", "value"),
    [
        ("consistency", "cellfishing", 0.85),
        ("consistency", "scmap_cell", 0.7),
        ("consistency_gap_to_scmap_cell", "cellfishing", 0.15),
        ("consistency_4_hashes_minus_1", "cellfishing", 0.15),
        ("consistency_freeman_tukey_minus_log", "cellfishing", -0.025),
        ("consistency_gain_by_scmap_genes", "cellfishing", 0.075),
        ("consistency_gain_by_cellfishing_genes", "scmap_cell", -0.05),
        ("index_s", "cellfishing", 3.0),
        ("query_s", "scmap_cell", 0.5),
        ("index_s_ratio_to_cellfishing", "scmap_cell", 1.0),
    ],
)
def test_self_mapping_by_hand(metric, method, value):
    found = measure(expected(metric, method), FIG4, SIZES)
    assert found.values.mean() == pytest.approx(value)
    assert len(found.values) == 2


def test_scmap_cell_is_the_nearest_cells_label_where_that_ran_else_the_method_itself():
    both = pd.concat([FIG4, scores({"scmap_cell": [0.1, 0.1]})])
    assert measure(expected("consistency", "scmap_cell"), both, SIZES).method == "cf_scmap_cell"
    alone = scores({"scmap_cell": [0.1, 0.1], "cellfishing": [0.9, 0.9]})
    assert measure(expected("consistency", "scmap_cell"), alone, SIZES).method == "scmap_cell"


def test_seconds_of_a_stand_in_say_nothing_but_ratios_do():
    table = FIG4.assign(dataset="s", stand_in="Data")
    assert "stand-in says nothing" in measure(expected("index_s"), table, SIZES)
    ratio = measure(expected("query_s_ratio_to_cellfishing", "scmap_cell"), table, SIZES)
    assert ratio.values.mean() == 1


def test_tabula_muris_of_one_paper_stands_in_for_that_of_the_other():
    sizes = pd.DataFrame({"dataset": ["tm_1k", "zenodo_tm"], "cells": [10, 90]}).set_index("dataset")
    droplet = {"dataset": "tabula_muris_droplet", "name": "TabulaMuris"}
    small = FIG4.assign(dataset="tm_1k", stand_in="TM")
    assert measure(expected("consistency", **droplet), small, sizes).dataset == "tm_1k"
    assert "stand-in says nothing" in measure(expected("index_s", **droplet), small, sizes)
    many_types = FIG4.assign(dataset="other", stand_in="TM and AMB92 (many types)")
    both = pd.concat([many_types, small])
    assert measure(expected("consistency", **droplet), both, sizes).dataset == "tm_1k"
    whole = pd.concat([small, FIG4.assign(dataset="zenodo_tm")])
    assert measure(expected("consistency", **droplet), whole, sizes).dataset == "zenodo_tm"
    assert measure(expected("index_s", **droplet), whole, sizes).values.mean() == 3
    assert "not in this suite" in measure(expected("consistency", name="TMX"), small, sizes)


def test_rare_types_of_man_are_stood_in_for_by_those_of_the_mouse():
    human = {"target": "cf_fig5", "dataset": "baron_human_geo", "name": "Baron human"}
    of_schwann = {"metric": "consistency_of_schwann", "experiment": "cf_fig5"}
    mouse = scores({"cellfishing": [0.9]}, dataset="baron_mouse", **of_schwann)
    found = scores({"cellfishing": [0.5]}, dataset="s", stand_in="Baron human", experiment="cf_fig5")
    both = pd.concat([found, mouse])
    assert measure(expected("consistency_of_schwann", **human), both, SIZES).dataset == "baron_mouse"
    assert measure(expected("consistency", **human), both, SIZES).dataset == "s"
    assert "stand-in says nothing" in measure(expected("cells_of_schwann", **human), both, SIZES)


def test_the_same_files_from_another_host_are_the_papers_own():
    sizes = pd.DataFrame({"cells": [1886], "stand_in_for": [""]}, index=["baron_mouse"])
    row = expected("cells", "", target="cf_table1", dataset="baron_mouse_geo", scheme="")
    found = measure(row, FIG4, sizes)
    assert (found.dataset, found.values.tolist()) == ("baron_mouse_geo", [1886])
    assert "baron_mouse" in found.notes[0]


def test_orthologs_are_the_genes_of_the_papers_own_pair():
    sizes = pd.DataFrame({"genes": [12000, 767], "stand_in_for": ["", "Pair"]}, index=["pair", "other"])
    row = expected("orthologs", "", target="cf_species", dataset="pair", name="Pair")
    assert measure(row, FIG4, sizes).values.tolist() == [12000]
    assert "stand-in says nothing" in measure(row, FIG4, sizes.drop("pair"))


def test_distance_from_self_mapping_is_of_the_methods_own_mean():
    batch = {"scheme": "batch", "experiment": "cf_fig7"}
    table = pd.concat(
        [
            scores({"cellfishing": [0.9, 0.8], "cf_scmap_cell": [0.7, 0.7]}, experiment="cf_fig7"),
            scores({"cellfishing": [0.80, 0.95], "cf_scmap_cell": [0.6, 0.9]}, **batch),
        ]
    )
    folds = distances_from_self_mapping(table, "consistency").set_index(["method", "fold"])["value"]
    assert folds["cellfishing", "0"] == pytest.approx(0.05)
    assert folds["cellfishing", "1"] == pytest.approx(0.10)
    assert folds["cf_scmap_cell", "1"] == pytest.approx(0.2)
    assert not folds.index.get_level_values("fold").str.contains(POOLED).any()
    row = expected(
        "consistency_distance_from_self_mapping_gap_to_scmap_cell", target="cf_fig7", scheme="batch"
    )
    assert measure(row, table, SIZES).values.tolist() == pytest.approx([-0.05, -0.10])
    without = table[table["scheme"] == "batch"]
    assert "not measured" in measure(row, without, SIZES)
    lost = (table["scheme"] == "random5") & (table["fold"] == "1")
    lacking = table.assign(status=table["status"].where(~lost, "timeout"))
    assert distances_from_self_mapping(lacking, "consistency").empty


def test_single_types_come_from_the_pooled_cells():
    status = pd.DataFrame(
        [[fold, "ok", "", 1.0, 1.0, 1.0, 1, "vm"] for fold in (0, 1)], columns=list(STATUS_COLUMNS)
    ).astype(STATUS_COLUMNS)
    solution = pd.DataFrame(
        {"fold": [0, 0, 0, 1, 1], "row": range(5), "label": ["T cell"] * 3 + ["mast", "T cell"]}
    )
    predictions = solution.assign(label=["T cell", "mast", "T cell", "mast", "T cell"], margin=0.0)
    scored, _ = score_annotation(predictions, solution, status, by_type=True)
    assert (scored["metric"].str.startswith("consistency_of_") == scored["metric"].str.contains("_of_")).all()
    table = scored.assign(
        **{name: "" for name in METRIC_COLUMNS if name not in scored},
    ).assign(experiment="cf_fig5", dataset="d", scheme="random5", method="cellfishing", seed=0)
    row = {"target": "cf_fig5"}
    for metric, method, value in (
        ("consistency_of_t_cell", "cellfishing", 0.75),
        ("consistency_of_mast", "cellfishing", 1.0),
        ("cells_of_t_cell", "", 4),
        ("share_of_t_cell", "", 0.8),
    ):
        found = measure(expected(metric, method, **row), table, SIZES)
        assert found.values.tolist() == [pytest.approx(value)], metric
    assert "not measured" in measure(expected("consistency_of_schwann", **row), table, SIZES)
    plain, _ = score_annotation(predictions, solution, status)
    assert not plain["metric"].str.contains("_of_").any()


def test_a_direction_is_the_score_on_the_species_that_is_held_out():
    table = pd.concat(
        [
            scores(
                {"cellfishing": [0.6]}, scheme="species", experiment="cf_species", metric=f"{metric}_on_human"
            )
            for metric in ("consistency", "kappa")
        ]
    )
    for metric in ("consistency", "kappa"):
        found = measure(
            expected(f"{metric}_human_to_mouse", target="cf_species", scheme="species"), table, SIZES
        )
        assert (found.values.tolist(), found.metric) == ([0.6], f"{metric}_on_human")
    row = expected("consistency_mouse_to_human", target="cf_species", scheme="species")
    assert "not measured" in measure(row, table, SIZES)


def test_other_metrics_add_no_rows():
    assert with_mapping_metrics(FIG4, "median_f1") is FIG4


def test_assignments_are_counted_fold_by_fold():
    solution = pd.DataFrame(
        {
            "fold": [0, 0, 0, 1, 1],
            "row": [0, 1, 2, 3, 4],
            "label": list("aabab"),
            "group": ["x"] * 3 + ["y"] * 2,
        }
    )
    predictions = solution.assign(label=list("abbbb"))
    found = count_assignments(predictions, solution)
    counts = found.set_index(["group", "type", "predicted"])["cells"].to_dict()
    assert counts == {
        ("x", "a", "a"): 1, ("x", "a", "b"): 1, ("x", "b", "b"): 1, ("y", "a", "b"): 1, ("y", "b", "b"): 1,
    }  # fmt: skip
    assert found["fold"].tolist() == ["0", "0", "0", "1", "1"]
    half = count_assignments(predictions[predictions["fold"] == 1], solution)
    assert set(half["group"]) == {"y"}  # a fold that did not run has no rows
    assert len(count_assignments(predictions.iloc[:0], solution)) == 0

    every = [
        part.assign(dataset="d", scheme="batch", method=method)
        for part, method in itertools.product([found], ["m"])
    ]
    every.append(half.assign(dataset="d", scheme="batch", method="other"))
    table = pd.concat(every)[list(ASSIGNMENT_COLUMNS)]
    sizes = cluster_sizes(table).set_index(["group", "type"])["cells"].to_dict()
    assert sizes == {("x", "a"): 2, ("x", "b"): 1, ("y", "a"): 1, ("y", "b"): 1}


def test_the_distance_is_from_the_mean_of_self_mapping():
    mapped = scores({"cellfishing": [0.3, 0.9, 0.9]}, experiment="cf_fig7")  # mean 0.7, median 0.9
    held_out = scores({"cellfishing": [0.5, 0.8]}, scheme="batch", experiment="cf_fig7")
    found = distances_from_self_mapping(pd.concat([mapped, held_out], ignore_index=True), "consistency")
    assert found["value"].tolist() == pytest.approx([0.2, 0.1])
