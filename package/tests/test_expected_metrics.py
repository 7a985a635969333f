"""Published numbers are found under the ids that the experiments give them, in the most faithful form there is."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_expected import expect, failed, judge, run, sizes

from schash.expected import read_expected
from schash.methods.catalogue import load_catalogue
from schash.published_metrics import OF_METHODS, PAPER_TYPE_SIZE, forms
from schash.retrieval_ids import cells_per_type_metric, k_metric, map_metric, precision_metric

CONFIG = Path(__file__).parents[2] / "config"
AMB, TM = "zenodo_amb92", "zenodo_tm"


def retrieval(metric: str, **changes: Any) -> pd.DataFrame:
    row = {"target": "table2", "dataset": AMB, "data_name": "AMB92", "metric": metric, "method": "scmap_cell"}
    return expect(**(row | changes))


def found(
    k: str, value: float, ties: str = "averaged", database: str = "db80", **changes: Any
) -> pd.DataFrame:
    where: dict[str, Any] = {"experiment": "table2", "dataset": AMB, "method": "scmap_cell"}
    metric = map_metric(k, "hits", ties, "queries", database)
    return run([value], **(where | {"metric": metric} | changes))


def number(metric: str, value: float, **changes: Any) -> pd.DataFrame:
    return found("", value, **({"metric": metric} | changes))


ON_STAND_IN = {"dataset": "mini", "stand_in": "AMB92"}


def test_the_papers_own_k_is_taken_on_its_own_data_and_the_60_percent_stand_beside_it() -> None:
    row = judge(
        retrieval("map_hits_at_50"),
        found("50", 0.9),
        found("50", 0.8, ties="by_row"),
        found("50", 0.95, database="db60"),
        found("0.5x", 0.1),
        found("100", 0.2),
    )
    assert (row["ours"], row["verdict"], row["same"]) == (0.9, "agrees", "same")
    assert row["measured"] == map_metric("50", "hits", "averaged", "queries", "db80")
    assert "80% of the cells searched (0.950 with 60%" in row["reason"]
    assert " x " not in row["reason"]


def test_other_denominators_means_and_databases_are_not_taken() -> None:
    others = [
        number(map_metric("50", "min_k_r", "averaged", "queries", "db80"), 0.9),
        number(map_metric("50", "hits", "averaged", "types", "db80"), 0.9),
        found("50", 0.9, database="db60"),
    ]
    assert judge(retrieval("map_hits_at_50"), *others)["reason"] == "metric not measured: map_hits_at_50"


def test_ties_by_row_where_no_average_is_known_and_the_reason_says_so() -> None:
    unknown = found("50", np.nan, reason="rank 50 is among ties")
    row = judge(retrieval("map_hits_at_50"), unknown, found("50", 0.8, ties="by_row"))
    assert (row["ours"], row["ran"]) == (0.8, "scmap_cell")
    assert "ties by row" in row["reason"]
    assert judge(retrieval("map_hits_at_50"), unknown)["reason"] == "rank 50 is among ties"


@pytest.mark.parametrize(
    ("dataset", "name", "k", "multiple", "times"),
    [
        (AMB, "AMB92", 50, "0.5x", "0.6"),
        (AMB, "AMB92", 100, "1x", "1.2"),
        (AMB, "AMB92", 200, "2x", "2.4"),
        (TM, "TM", 100, "0.5x", "0.17"),
        (TM, "TM", 500, "1x", "0.83"),
        (TM, "TM", 1000, "2x", "1.7"),
    ],
)
def test_a_stand_in_is_compared_at_the_nearest_multiple(
    dataset: str, name: str, k: int, multiple: str, times: str
) -> None:
    where = {"dataset": "mini", "stand_in": name}
    values = {"0.5x": 0.7, "1x": 0.8, "2x": 0.9}
    runs = [found(key, value, **where) for key, value in values.items()]
    numbers = [number(k_metric(key, "db80"), n, **where) for key, n in (("0.5x", 10), ("1x", 20), ("2x", 40))]
    row = judge(retrieval(f"map_hits_at_{k}", dataset=dataset, data_name=name), *runs, *numbers)
    factor = float(multiple.removesuffix("x"))
    assert (row["ours"], row["same"], row["ran_on"]) == (values[multiple], "stand-in", "mini")
    told = f"k = {20 * factor:g}, {factor:g} x the mean cells of a type (paper: {times} x)"
    assert told in row["reason"]


def test_a_gap_is_taken_in_one_form_for_both_methods() -> None:
    gap = retrieval("map_hits_at_100_gap_to_scmap_cell", method="deephash", relation="at_least", value=0.1)
    deephash = {**ON_STAND_IN, "method": "deephash_compact"}
    other = [
        found("1x", np.nan, reason="among ties", **ON_STAND_IN),
        found("1x", 0.5, ties="by_row", **ON_STAND_IN),
    ]
    mine = [found("1x", 0.9, **deephash), found("1x", 0.8, ties="by_row", **deephash)]
    row = judge(gap, *mine, *other)
    assert (row["ours"], row["verdict"]) == (pytest.approx(0.3), "agrees")
    assert row["reason"].startswith("stand-in: mini for AMB92; deephash_compact ran; k = ")


def test_cells_of_a_type_are_those_of_the_database_that_fits_the_paper() -> None:
    sized = [number(cells_per_type_metric(name), value) for name, value in (("db80", 112), ("db60", 84))]
    expected = retrieval("cells_per_type", method="", value=90, tolerance=9)
    row = judge(expected, *sized)
    assert (row["ours"], row["verdict"]) == (84, "agrees")
    assert "of a database of 60% of the cells; 80% has 112" in row["reason"]
    assert set(PAPER_TYPE_SIZE) == {AMB, TM}


@pytest.mark.parametrize(
    ("name", "target", "metric"),
    [
        ("within_type_neighbour_recall", "table2", "recall_within_type[10]"),
        ("precision_at_100_over_types", "fig3a", precision_metric(100, "averaged", "types", "db80")),
        ("precision_at_100_over_types", "fig3a", precision_metric(100, "by_row", "types", "db80")),
        ("recall_of_best_cd4_type", "fig2a", "recall_of_best_cd4_type"),
        ("median_f1_on_baron_human", "fig2b", "median_f1_on_baron_human"),
        ("median_f1_on_baron_human", "fig2b", "median_f1_on_baron"),
        ("network_time_fraction", "fig2d", "network_time_fraction"),
        ("recall_of_linear_scan", "fig3b", "recall_of_linear_scan"),
    ],
)
def test_other_ids(name: str, target: str, metric: str) -> None:
    row = judge(expect(metric=name, target=target), run([0.9], metric=metric, experiment=target))
    assert (row["verdict"], row["measured"]) == ("agrees", metric)


def test_seconds_at_the_papers_size_are_compared_on_a_stand_in_too() -> None:
    timing: dict[str, Any] = {"experiment": "fig2d", "metric": "annotate_s", "scheme": "cv5"}
    on_stand_in = run([2.0], dataset="mini", stand_in="TM", **timing)
    expected = expect(target="fig2d", metric="annotate_s", scheme="", relation="at_most", value=3)
    row = judge(expected, on_stand_in)
    assert (row["verdict"], row["same"]) == ("agrees", "stand-in")
    assert "54,865 copies of query cells" in row["reason"]


def test_a_size_that_was_too_slow_says_so_and_leaves_the_other_numbers() -> None:
    timing: dict[str, Any] = {"experiment": "fig2d", "scheme": "cv5"}
    slow = run([np.nan], metric="annotate_s[n=54865]", status="too slow", reason="predicted 9 h", **timing)
    expected = expect(target="fig2d", metric="annotate_s", scheme="")
    assert judge(expected, slow)["reason"] == "too slow in fold 0: predicted 9 h"
    assert judge(expected, slow, run([0.9], metric="annotate_s", **timing))["verdict"] == "agrees"
    missed = run([np.nan], metric="annotate_s", status="too slow", reason="predicted 9 h", **timing)
    assert judge(expected, missed)["reason"] == "too slow in fold 0: predicted 9 h"
    part = run([np.nan], metric="annotate_s", status="too slow", reason="9 h", fold="1", **timing)
    assert (
        judge(expected, run([0.9], metric="annotate_s", **timing), part)["reason"]
        == "too slow in fold 1: 9 h"
    )


def test_cells_that_the_paper_aligned_are_stood_in_for_by_cells_that_we_aligned() -> None:
    expected = expect(
        target="fig2b",
        dataset="zenodo_pancreas_aligned",
        data_name="four pancreas studies, aligned",
        scheme="loso",
    )
    here: dict[str, Any] = {"experiment": "fig2b", "dataset": "pair", "stand_in": "the four pancreas studies"}
    raw, aligned = run([0.1], scheme="loso", **here), run([0.9], scheme="loso_mnn", **here)
    assert judge(expected, raw)["reason"] == "scheme loso not run on aligned cells"
    row = judge(expected, raw, aligned)
    assert (row["ran_on"], row["ours"], row["same"]) == ("pair", 0.9, "stand-in")
    same_cells = run([0.8], scheme="loso_mnn", experiment="fig2b", dataset="zenodo_pancreas")
    assert judge(expected, aligned, same_cells)["ran_on"] == "zenodo_pancreas"
    own = run([0.7], scheme="loso", experiment="fig2b", dataset="zenodo_pancreas_aligned")
    row = judge(expected, aligned, same_cells, own)
    assert (row["ours"], row["same"]) == (0.7, "same")


def fig4(metric: str, values: dict[str, list[float]]) -> Any:
    expected = expect(target="fig4", metric=metric, method="deephash", relation="at_most", value=0.02)
    return judge(expected, *(run(v, experiment="fig4", method=m) for m, v in values.items()))


def test_the_range_over_bits_is_that_of_the_means_over_folds() -> None:
    methods = OF_METHODS["median_f1_range_over_bits"].methods
    values = dict(zip(methods, ([0.9, 0.8], [0.84, 0.84], [0.8, 0.9], [0.86, 0.86]), strict=True))
    row = fig4("median_f1_range_over_bits", values | {"fig4_learned": [0.1, 0.1]})
    assert (row["ours"], row["verdict"], row["n"]) == (pytest.approx(0.02), "agrees", 1)
    assert row["ran"] == ", ".join(methods)
    missing = {name: value for name, value in values.items() if name != methods[2]}
    assert fig4("median_f1_range_over_bits", missing)["reason"] == f"method not run: {methods[2]}"


def test_predefined_minus_learned_is_paired_by_fold() -> None:
    name = "median_f1_predefined_minus_learned"
    row = fig4(name, {"variant_as_written": [0.9, 0.8], "fig4_learned": [0.7, 0.8]})
    assert (row["ours"], row["ours_sd"], row["n"]) == (pytest.approx(0.1), pytest.approx(np.sqrt(0.02)), 2)
    assert fig4(name, {"variant_as_written": [0.9, 0.8], "fig4_learned": [0.7]})["verdict"] == "not run"
    broken = judge(
        expect(target="fig4", metric=name, method="deephash"),
        run([0.9], experiment="fig4", method="variant_as_written"),
        failed(experiment="fig4", method="fig4_learned"),
    )
    assert broken["reason"] == "timeout in fold 3: more than 9 s"


def test_methods_of_a_number_are_rows_of_the_catalogue() -> None:
    known = load_catalogue(CONFIG / "methods.yaml").methods
    for number_of in OF_METHODS.values():
        assert set(number_of.methods) <= set(known)
    bits = [known[name].parameters["n_bits"] for name in OF_METHODS["median_f1_range_over_bits"].methods]
    assert bits == [32, 64, 128, 256]
    predefined, learned = (known[name] for name in OF_METHODS["median_f1_predefined_minus_learned"].methods)
    assert learned.parameters == predefined.parameters | {"anchors": "learned"}


def test_every_published_k_has_its_forms() -> None:
    committed = read_expected(CONFIG / "expected.tsv")
    ks = committed[committed["metric"].str.fullmatch(r"map_hits_at_\d+")]
    assert len(ks) == 18
    for row in ks.itertuples():
        assert len(list(forms(row.metric, row.dataset))) == 5
    assert sizes(tm=1)["cells"].tolist() == [1]
