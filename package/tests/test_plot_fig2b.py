"""fig2b: every held-out group has its number in its place, and who saw the queries, or did not run, is told."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from schash.folds import NOT_APPLICABLE
from schash.marks import marks_of
from schash.plotting.fig2b import ALIGNED, MEAN, RAW, draw_fig2b, fig2b
from schash.plotting.heat_map import HATCH, number
from schash.plotting.style import save_figure
from schash.splits import base_scheme
from schash.tables import EXPERIMENT_COLUMNS, POOLED

METHODS = ("svm", "deephash_compact", "actinn", "true_labels", "majority")
CONTROLS = ("true_labels", "majority")
TITLES = {
    "svm": "SVM",
    "deephash_compact": "DeepHash (compact)",
    "actinn": "ACTINN",
    "true_labels": "True labels",
}
TITLES |= {"majority": "Majority"}
GROUPS = {"pair": ("Baron human", "Xin"), "mouse": ("mouse1", "mouse2", "mouse3")}
BASE = {"pair": "loso", "mouse": "batch"}
FACTS = [
    {"dataset": "pair", "values": "counts", "stand_in_for": "four studies", "simulated": False},
    {"dataset": "mouse", "values": "counts", "stand_in_for": "", "simulated": False},
]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def splits():
    return [
        {
            "dataset": name,
            "scheme": BASE[name],
            "folds": [
                {
                    "name": group,
                    "n_train": 900,
                    "n_query": 1000 + place,
                    "n_types": 5 + place,
                    "n_unseen": 7 * place,
                }
                for place, group in enumerate(groups)
            ],
        }
        for name, groups in GROUPS.items()
    ]


def score(dataset, scheme, method, fold):
    """A number of two decimals for each; the controls are what they must be."""
    if method in CONTROLS:
        return 1.0 if method == "true_labels" else 0.0
    start = 0.5 if method == "svm" else 0.6
    return (
        start
        + 0.01 * fold
        + (0.1 if base_scheme(scheme) != scheme else 0)
        + (0.05 if dataset == "mouse" else 0)
    )


def metrics(statuses=None, skip=()):
    """Scores of every fold. statuses : (dataset, scheme, method, fold) to the status of a fold that did not run."""
    statuses, rows = statuses or {}, []
    for dataset, suffix, method in itertools.product(GROUPS, ("", "_mnn"), METHODS):
        scheme = BASE[dataset] + suffix
        if (dataset, method) in skip:
            continue
        for fold in range(len(GROUPS[dataset])):
            status = statuses.get((dataset, scheme, method, fold), "ok")
            if method == "actinn" and suffix:
                status = NOT_APPLICABLE
            common = {
                "dataset": dataset,
                "scheme": scheme,
                "method": method,
                "fold": str(fold),
                "status": status,
            }
            if status != "ok":
                rows.append({**common, "metric": "", "value": np.nan, "reason": "so"})
                continue
            value = score(dataset, scheme, method, fold)
            for metric, lower in (
                ("accuracy", 0.2),
                ("median_f1", 0.0),
                ("macro_f1", 0.1),
                ("coverage", -0.1),
            ):
                rows.append({**common, "metric": metric, "value": value - lower, "reason": ""})
        rows.append(
            {**common, "fold": POOLED, "status": "ok", "metric": "median_f1", "value": 0.001, "reason": ""}
        )
    texts = dict.fromkeys(("suite", "stand_in", "preset", "variant", "host"), "")
    numbers = dict.fromkeys(("seed", "n", "fit_s", "predict_s", "peak_mb", "threads"), 1)
    table = pd.DataFrame(rows).assign(**texts, **numbers, experiment="fig2b")
    return table[list(EXPERIMENT_COLUMNS)].astype(EXPERIMENT_COLUMNS)


def table_of(**changes):
    return fig2b(metrics(**changes), FACTS, splits(), TITLES)


def drawn(table, facts=FACTS, **options):
    marks = marks_of(["actinn"], ["svm"])
    return draw_fig2b(table, facts, TITLES, controls=CONTROLS, marks=marks, **options)


def texts(axis):
    return [text.get_text() for text in axis.texts if text.get_text()]


def test_each_row_has_its_group_and_the_group_its_sizes():
    table = table_of().query("held_out != @MEAN")
    assert len(table) == 2 * 5 * len(METHODS)
    row = table.query("scheme == 'batch_mnn' and held_out == 'mouse3' and method == 'svm'").iloc[0]
    assert (row["cells"], row["n_query"], row["n_types"], row["n_left_out"]) == (ALIGNED, 1002, 7, 14)
    assert row[["median_f1", "macro_f1", "accuracy", "coverage"]].tolist() == pytest.approx(
        [0.67, 0.57, 0.47, 0.77]
    )
    assert set(table.query("scheme == 'loso'")["cells"]) == {RAW}


def test_means_are_over_data_sets_not_over_groups():
    means = table_of().query("held_out == @MEAN").set_index(["cells", "method"])["median_f1"]
    pair, mouse = np.mean([0.5, 0.51]), np.mean([0.55, 0.56, 0.57])
    assert means[RAW, "svm"] == pytest.approx((pair + mouse) / 2)
    assert means[ALIGNED, "svm"] == pytest.approx((pair + mouse) / 2 + 0.1)
    assert means[RAW, "true_labels"] == 1
    assert np.isnan(means[ALIGNED, "actinn"])


@pytest.mark.parametrize(
    "changes", [{"statuses": {("mouse", "batch", "svm", 1): "timeout"}}, {"skip": [("mouse", "svm")]}]
)
def test_a_method_that_lacks_a_fold_or_a_data_set_has_no_mean(changes):
    means = table_of(**changes).query("held_out == @MEAN").set_index(["cells", "method"])["median_f1"]
    assert np.isnan(means[RAW, "svm"])
    assert np.isfinite(means[RAW, "deephash_compact"])


def test_cells_that_others_have_corrected_count_as_aligned():
    facts = [{**FACTS[0], "values": "corrected"}, FACTS[1]]
    table = fig2b(metrics(), facts, splits(), TITLES)
    assert set(table.query("dataset == 'pair'")["cells"]) == {ALIGNED}
    upper, lower = drawn(table, facts).axes
    assert "pair (stand-in), held-out study" in texts(lower)
    assert not any("pair" in text for text in texts(upper))


def test_numbers_stand_in_the_column_of_their_method_and_the_row_of_their_group():
    upper, lower = drawn(table_of()).axes
    named = [label.get_text() for label in upper.get_xticklabels()]
    assert named == [
        "DeepHash (compact)",
        "ACTINN ◇",
        "SVM ○",
        "True labels",
        "Majority",
    ]  # equal: as they came
    for axis, shift in ((upper, 0.0), (lower, 0.1)):
        rows = [label.get_text() for label in axis.get_yticklabels()]
        assert rows == ["", "Baron human", "Xin", "", "mouse1", "mouse2", "mouse3", MEAN]
        found = {
            (round(text.get_position()[0], 2), text.get_position()[1]): text.get_text() for text in axis.texts
        }
        assert found[2, 2] == number(0.51 + shift)
        assert found[2, 6] == number(0.57 + shift)
        assert found[3.35, 6] == "1"  # a gap before the controls


def test_the_best_is_bold_and_the_controls_are_not():
    upper, _ = drawn(table_of(skip=[("pair", "actinn"), ("mouse", "actinn")])).axes
    bold = {text.get_text() for text in upper.texts if text.get_fontweight() == "bold"}
    assert {".60", ".61", ".65"} <= bold
    assert not bold & {"1", "0", ".50"}


def test_who_did_not_run_is_hatched_or_says_why():
    table = table_of(
        statuses={("pair", "loso", "svm", 0): "timeout", ("pair", "loso", "svm", 1): "failed"},
        skip=[("mouse", "svm")],
    )
    figure = drawn(table)
    upper, lower = figure.axes
    assert {"slow", "fail", "-"} <= set(texts(upper))
    hatched = [
        patch for patch in lower.patches if isinstance(patch, Rectangle) and patch.get_hatch() == HATCH
    ]
    assert len(hatched) == 5 + 1  # every group, and the mean
    assert not any(patch.get_hatch() for patch in upper.patches)
    (legend,) = figure.legends
    assert "takes no corrected values" in legend.get_texts()[0].get_text()
    note = legend.get_title().get_text()
    assert all(
        word in note for word in ("slow: too slow", "fail: failed", "-: not run", "left out: cells of types")
    )


def test_the_blocks_say_who_saw_the_queries():
    upper, lower = drawn(table_of()).axes
    assert "raw" in upper.get_title("left")
    assert "has seen the unlabelled query cells" in lower.get_title("left").replace("\n", " ")


def test_sizes_stand_beside_the_groups():
    upper, _ = drawn(table_of()).axes
    beside = texts(upper)
    assert {"cells", "types", "left out", "1,002", "14", "7"} <= set(beside)


def test_no_text_covers_another_or_leaves_the_figure():
    figure = drawn(table_of())
    figure.canvas.draw()
    for axis in figure.axes:
        named = [*axis.texts, *axis.get_xticklabels(), *axis.get_yticklabels()]
        boxes = [text.get_window_extent() for text in named if text.get_text()]
        for box in boxes:
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1 + 1
        cells = [patch.get_window_extent().shrunk(0.98, 0.8) for patch in axis.patches]
        beside = [text.get_window_extent() for text in axis.texts if text.get_ha() == "right"]
        assert not any(text.overlaps(cell) for text in beside for cell in cells)
        title = axis.title.get_window_extent() if axis.get_title() else axis._left_title.get_window_extent()
        assert title.x1 <= figure.bbox.x1 + 1
        level = [text.get_window_extent().shrunk(0.98, 0.8) for text in axis.texts if text.get_text()]
        assert not any(one.overlaps(two) for one, two in itertools.combinations(level, 2))


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.9999, "1.0"), (0.994, ".99"), (0.0, ".00"), (0.5, ".50")]
)
def test_only_one_is_printed_as_one(value, text):
    assert number(value) == text


def test_equal_tables_are_equal_files(tmp_path):
    for name in ("a", "b"):
        files = {kind: str(tmp_path / f"{name}.{kind}") for kind in ("png", "svg", "tsv")}
        table = table_of()
        save_figure(drawn(table), table, **files)
    for kind in ("png", "svg", "tsv"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
