"""Variants: differences are paired by fold, retrieval is checked, and the figure says what the table has."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from schash.errors import DataError
from schash.metrics.comparison import corrected_interval, corrected_t_test
from schash.plotting.style import save_figure
from schash.plotting.variants import draw_variants, readings
from schash.retrieval_ids import SHARE_AT_CEILING
from schash.tables import EXPERIMENT_COLUMNS
from schash.variants_table import BLOCKS, HITS, MAPS, STANDARD, VARIANT_COLUMNS, retrieval_metric, variants

TITLES = {"a": "as written", "b": "tanh floats", "c": "raw counts"}
CONTROLS = ["true_labels"]
FACT = {"cells_over_10": 1234, "types_over_10": 9, "stand_in_for": "", "simulated": False}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def scores(values, metrics=("median_f1", "macro_f1"), datasets=("d1", "d2"), **changes):
    """Values by method, one a fold (or the word for its status); the same for every metric and data set."""
    rows = []
    for dataset, (method, folds), metric in itertools.product(datasets, values.items(), metrics):
        for fold, value in enumerate(folds):
            row = {name: "" if kind == "str" else 0 for name, kind in EXPERIMENT_COLUMNS.items()}
            row |= {
                "dataset": dataset,
                "scheme": "cv5",
                "method": method,
                "fold": str(fold),
                "metric": metric,
            }
            row |= {"value": value, "status": "ok"}
            if isinstance(value, str):
                row |= {"value": np.nan, "status": value, "reason": "so", "metric": ""}
            rows.append(row | changes)
    return pd.DataFrame(rows).astype(EXPERIMENT_COLUMNS)


ANNOTATION = {"a": [0.9, 0.8, 0.7], "b": [0.9, 0.9, 0.9], "c": [0.8, 0.7, 0.6], "true_labels": [1, 1, 1]}


def retrieval(hits=0.1, by_row=0.0, **values):
    given = {"a": [0.5, 0.6], "b": [0.7, 0.8], "c": [0.4, 0.5], **values}
    added = {STANDARD: 0.0, HITS: hits}
    parts = [
        scores({name: [v + plus + row if isinstance(v, float) else v for v in folds] for name, folds in given.items()},
               metrics=[retrieval_metric(denominator, ties)])
        for denominator, plus in added.items() for ties, row in (("averaged", 0.0), ("by_row", by_row))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_differences_are_paired_and_have_an_interval():
    pooled = scores({"a": [0.1], "b": [0.9]}, fold="pooled")
    table = variants(pd.concat([scores(ANNOTATION), pooled]), None, TITLES, CONTROLS)
    assert list(table.columns) == list(VARIANT_COLUMNS)
    assert table["method"].unique().tolist() == ["a", "b", "c"]
    row = table.set_index(["dataset", "method", "metric"]).loc[("d1", "b", "median_f1")]
    assert (row["mean"], row["difference"], row["n_folds"]) == (0.9, pytest.approx(0.1), 3)
    assert (row["low"], row["high"]) == pytest.approx(corrected_interval([0.0, 0.1, 0.2]))
    shifted = table[(table["method"] == "c") & (table["metric"] == "median_f1")]
    assert shifted[["difference", "low", "high"]].to_numpy() == pytest.approx(-0.1)
    first = table[table["method"] == "a"]
    assert (first["difference"] == 0).all()
    assert set(table["block"]) == {"annotation"}


def test_the_interval_is_the_corrected_tests():
    differences = [0.01, 0.03, 0.02, 0.05, -0.01]
    low, high = corrected_interval(differences)
    assert low + high == pytest.approx(2 * np.mean(differences))
    half = 2.7764451 * np.sqrt((1 / 5 + 1 / 4) * np.var(differences, ddof=1))
    assert high - low == pytest.approx(2 * half)
    level = 1 - corrected_t_test(differences)
    assert corrected_interval(differences, level=level)[0] == pytest.approx(0)
    with pytest.raises(DataError, match="at least 2"):
        corrected_interval([0.1])


def test_both_blocks_and_what_a_metric_lacks():
    table = variants(scores(ANNOTATION), retrieval(), TITLES, CONTROLS)
    assert table.groupby("block", sort=False)["metric"].unique().map(list).to_dict() == BLOCKS
    of = table.set_index(["dataset", "method", "metric"])
    assert of.loc[("d2", "b", MAPS[0]), ["mean", "difference"]].tolist() == pytest.approx([0.75, 0.2])
    gap = retrieval()
    gap.loc[(gap["method"] == "b") & (gap["fold"] == "1"), ["value", "reason"]] = [np.nan, "beyond the list"]
    row = variants(scores(ANNOTATION), gap, TITLES, CONTROLS).set_index(["dataset", "method", "metric"])
    row = row.loc[("d1", "b", MAPS[0])]
    assert np.isnan(row["mean"])
    assert np.isnan(row["difference"])
    assert (row["status"], row["reason"]) == ("ok", "beyond the list")


def test_a_failed_variant_is_one_row_with_its_status():
    values = ANNOTATION | {"b": [0.9, "timeout", 0.9]}
    table = variants(scores(values), None, TITLES, CONTROLS)
    row = table[(table["method"] == "b") & (table["dataset"] == "d1")]
    assert row[["metric", "status", "reason"]].to_numpy().tolist() == [["", "too slow in 1 of 3 folds", "so"]]
    first = scores(ANNOTATION | {"a": ["timeout"] * 3})
    table = variants(first, None, TITLES, CONTROLS)
    kept = table[table["method"] == "b"]
    assert kept["mean"].notna().all()
    assert kept["difference"].isna().all()


@pytest.mark.parametrize("share", [0.999, np.nan])
def test_a_positive_control_below_the_ceiling_of_retrieval_fails_the_job(share):
    control = scores({"true_labels": [1.0, share]}, metrics=[SHARE_AT_CEILING])
    with pytest.raises(DataError, match=r"positive control on d1, fold 1"):
        variants(scores(ANNOTATION), pd.concat([retrieval(), control]), TITLES, CONTROLS, CONTROLS)
    good = scores({"true_labels": [1.0, 1.0], "a": [0.5, 0.5]}, metrics=[SHARE_AT_CEILING])
    variants(scores(ANNOTATION), pd.concat([retrieval(), good]), TITLES, CONTROLS, CONTROLS)


def draw(table, datasets=("d1", "d2")):
    return draw_variants(table, [{**FACT, "dataset": name} for name in datasets])


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_the_figure_has_a_panel_for_each_block_and_data_set_and_its_numbers():
    figure = draw(variants(scores(ANNOTATION), retrieval(), TITLES, CONTROLS))
    assert len(figure.axes) == 4
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(TITLES.values())
    written = texts(figure)
    for number in ("0.800", "+0.100", "\N{MINUS SIGN}0.100", "0.550", "0.650", "0.750"):
        assert number in written
    assert len(draw(variants(scores(ANNOTATION), None, TITLES, CONTROLS)).axes) == 2


def test_the_axis_of_retrieval_does_not_make_much_of_little():
    near = retrieval(a=[0.99, 0.99], b=[0.992, 0.99], c=[0.991, 0.99], hits=0.001)
    table = variants(scores(ANNOTATION), near, TITLES, CONTROLS)
    low, high = draw(table).axes[2].get_xlim()
    assert high - low == pytest.approx(0.1)
    assert low < 0.99 < 0.993 < high < 1.02


def test_the_figure_says_what_did_not_run_or_is_not_known():
    far = retrieval()
    far.loc[far["method"] == "c", "value"] = np.nan
    by_row = far["metric"].str.contains("by_row")
    far.loc[(far["method"] == "b") & ~by_row, "value"] = np.nan
    values = ANNOTATION | {"b": [0.9, "timeout", 0.9]}
    written = texts(draw(variants(scores(values), far, TITLES, CONTROLS)))
    assert written.count("too slow in 1 of 3 folds") == 2
    assert written.count("lists end before k") == 2
    assert "0.750*" in written
    missing = scores({name: ANNOTATION[name] for name in ("a", "b")}, datasets=("d2",))
    table = variants(pd.concat([scores(ANNOTATION, datasets=("d1",)), missing]), None, TITLES, CONTROLS)
    assert "not run" in texts(draw(table))


def test_readings_name_the_largest_changes_and_what_scoring_alone_adds():
    table = variants(scores(ANNOTATION), retrieval(hits=0.1, by_row=-0.004), TITLES, CONTROLS)
    said = readings(table)
    minus = "\N{MINUS SIGN}"
    assert "Annotation, median F1: largest changes against as written" in said[1]
    assert f"raw counts {minus}0.100" in said[1]
    assert "2 of 4 intervals exclude 0" in said[1]
    assert "as written: tanh floats +0.200; raw counts" in said[2]
    assert "divided by hits instead of min(k, R): +0.100 as written (mean over data sets)" in said[3]
    assert f"ties by row instead of averaged: {minus}0.004 as written" in said[4]
    assert len(readings(variants(scores(ANNOTATION), None, TITLES, CONTROLS))) == 2


def test_nothing_is_cut_off_and_no_number_covers_another(tmp_path):
    methods = {f"m{i}": [0.9 + i / 100, 0.8, 0.7] for i in range(10)}
    titles = {name: "64 bits, first rows as anchors" for name in methods}
    found = pd.concat([scores(methods, metrics=MAPS, datasets=("d1", "d2", "d3"))])
    table = variants(scores(methods, datasets=("d1", "d2", "d3")), found, titles)
    figure = draw(table, ("d1", "d2", "d3"))
    paths = {kind: str(tmp_path / f"variants.{kind}") for kind in ("png", "svg", "tsv")}
    save_figure(figure, table, **paths)
    renderer = figure.canvas.get_renderer()
    for axis in figure.axes:
        boxes = [text.get_window_extent(renderer) for text in axis.texts if text.get_text()]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
    lefts = [axis.get_tightbbox(renderer) for axis in figure.axes[:3]]
    assert all(one.x1 <= other.x0 + 1 for one, other in itertools.pairwise(lefts))
