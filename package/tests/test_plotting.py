"""Figures: they hold what the tables say, nothing is cut off, and equal input gives equal files."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib import pyplot as plt

from schash.folds import NOT_APPLICABLE
from schash.plotting.fig2a import METRIC, draw_fig2a, fig2a
from schash.plotting.style import METHOD_COLOURS, save_figure
from schash.plotting.table1 import draw_table1, table1
from schash.plotting.training import draw_training
from schash.plotting.variants import draw_variants, variants
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


def texts_inside(figure):
    """Texts and tick labels that stick out of the figure by more than a pixel."""
    figure.canvas.draw()
    box = figure.get_tightbbox().padded(0.2)
    shown = [text for axis in figure.axes for text in (*axis.texts, *axis.get_yticklabels(), axis.title)]
    extents = [(text.get_text(), text.get_window_extent()) for text in shown if text.get_text()]
    width, height = (box.width * figure.dpi, box.height * figure.dpi)
    return [name for name, e in extents if e.width > width or e.height > height]


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
    assert not texts_inside(figure)


def test_fig2a_table_has_means_and_reasons():
    table = fig2a(metrics({"svm": 0.9, "slow": NOT_APPLICABLE}), NO_COMPARISONS, TITLES)
    row = table[(table["dataset"] == "d1") & (table["method"] == "svm") & (table["metric"] == METRIC)].iloc[0]
    assert row["mean"] == pytest.approx(0.92)
    assert row["title"] == "SVM"
    assert set(table.loc[table["method"] == "slow", "status"]) == {NOT_APPLICABLE}


def test_a_stand_in_is_called_one():
    facts = [
        {**FACT, "dataset": "d1", "stand_in_for": "TM"},
        {**FACT, "dataset": "d2", "stand_in_for": "x", "simulated": True},
    ]
    figure = draw_fig2a(metrics({"svm": 0.9}), facts, TITLES)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["d1 (stand-in)", "d2 (simulated)"]


def test_variants_leave_controls_out_and_take_the_first_as_reference():
    table = metrics({"svm": 0.9, "knn9": 0.7, "true_labels": 0.96})
    figure = draw_variants(table, TITLES, controls=["true_labels"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["SVM", "kNN (9)"]
    numbers = variants(table, NO_COMPARISONS, TITLES).set_index(["dataset", "method", "metric"])
    assert numbers.loc[("d1", "knn9", METRIC), "difference_to_first"] == pytest.approx(-0.2)


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


def test_every_compared_method_has_a_colour_of_its_own():
    assert len(set(METHOD_COLOURS.values())) == len(METHOD_COLOURS)
    rows = yaml.safe_load((CONFIG / "methods.yaml").read_text())["methods"]
    assert {name for name in rows if not name.startswith("variant_")} <= set(METHOD_COLOURS)
