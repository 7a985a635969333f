"""Confusion of types, recalls and the best recall of a group, worked by hand; and their figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from schash.confusion import CONFUSION_COLUMNS, count_confusion, order_of_types, recall_of_types, shares
from schash.data.registry import load_registry
from schash.errors import ConfigError, DataError
from schash.expected import read_expected
from schash.plotting.confusion import Names, chosen, confusion, draw_confusion, published_bound
from schash.scoring import score_annotation
from schash.tables import EXPERIMENT_COLUMNS

CONFIG = Path(__file__).parents[2] / "config"
TRUTH = ["CD4+ a", "CD4+ a", "CD4+ b", "CD4+ b", "CD4+ b", "CD4+ b", "B", "B", "CD8", "CD8"]
PREDICTED = ["CD4+ a", "CD4+ b", "CD4+ b", "CD8", "CD8", "unassigned", "B", "B", "CD8", "CD4+ a"]
SOLUTION = pd.DataFrame({"fold": np.arange(10) % 2, "row": np.arange(10)[::-1], "label": TRUTH})
FACT = {
    "dataset": "d",
    "cells_over_10": 10,
    "types_over_10": 4,
    "values": "counts",
    "stand_in_for": "Zheng 68K",
    "simulated": False,
}
TITLES = {
    "deephash_compact": "DeepHash",
    "deephash_as_coded": "As coded",
    "svm": "SVM",
    "knn9": "kNN",
    "slow": "Slow",
}
NAMES = Names(TITLES, ["true_labels"], {"svm": "○"}, {"d": {"cd4": "CD4+"}})


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def predictions(labels=PREDICTED):
    return SOLUTION[["fold", "row"]].assign(label=list(labels), margin=np.float32(0))


def counts(methods=("deephash_compact", "svm", "knn9", "true_labels")):
    labels = {"svm": [*TRUTH[:-1], "B"], "true_labels": TRUTH}
    parts = [
        count_confusion(predictions(labels.get(name, PREDICTED)), SOLUTION).assign(method=name)
        for name in methods
    ]
    table = pd.concat(parts, ignore_index=True).assign(dataset="d", scheme="cv5")
    return table[list(CONFUSION_COLUMNS)].astype(CONFUSION_COLUMNS)


def metrics(scores):
    """Median F1 of two folds; a method with a word instead has that status."""
    rows = []
    for method, score in scores.items():
        for fold in range(2):
            ok = not isinstance(score, str)
            row = {"value": score + fold / 100 if ok else np.nan, "metric": "median_f1" if ok else ""}
            rows.append({"method": method, "fold": str(fold), "status": "ok" if ok else score, **row})
    texts = dict.fromkeys(("suite", "stand_in", "preset", "variant", "host", "reason"), "")
    numbers = dict.fromkeys(("seed", "n", "fit_s", "predict_s", "peak_mb", "threads"), 1)
    table = pd.DataFrame(rows).assign(**texts, **numbers, experiment="fig2a", scheme="cv5", dataset="d")
    return table[list(EXPERIMENT_COLUMNS)].astype(EXPERIMENT_COLUMNS)


SCORES = metrics({"knn9": 0.5, "svm": 0.8, "deephash_compact": 0.7, "slow": "timeout", "true_labels": 1.0})


def test_counts_by_hand():
    found = count_confusion(predictions().sample(frac=1, random_state=3), SOLUTION)
    assert found.set_index(["type", "predicted"])["cells"].to_dict() == {
        ("B", "B"): 2,
        ("CD4+ a", "CD4+ a"): 1,
        ("CD4+ a", "CD4+ b"): 1,
        ("CD4+ b", "CD4+ b"): 1,
        ("CD4+ b", "CD8"): 2,
        ("CD4+ b", "unassigned"): 1,
        ("CD8", "CD4+ a"): 1,
        ("CD8", "CD8"): 1,
    }


def test_a_row_may_be_a_query_in_two_folds():
    solution = pd.DataFrame({"fold": [0, 1], "row": [5, 5], "label": ["x", "x"]})
    found = count_confusion(solution.assign(label=["x", "y"]), solution)
    assert found["cells"].tolist() == [1, 1]


def test_a_method_that_lacks_a_fold_has_no_counts():
    whole = predictions()
    assert count_confusion(whole[whole["fold"] == 0], SOLUTION).empty


def test_predictions_that_cannot_be_are_refused():
    twice = pd.concat([predictions(), predictions().head(1)])
    with pytest.raises(DataError, match="predicted twice"):
        count_confusion(twice, SOLUTION)
    with pytest.raises(DataError, match="1 predictions are of cells that are no query cells"):
        count_confusion(predictions(), SOLUTION.iloc[1:])


def test_recalls_are_those_of_the_scores():
    found = recall_of_types(counts())
    assert list(found.index) == ["deephash_compact", "svm", "knn9", "true_labels"]
    assert found.loc["knn9"].to_dict() == {"B": 1, "CD4+ a": 0.5, "CD4+ b": 0.25, "CD8": 0.5}
    assert (found.loc["true_labels"] == 1).all()


def test_a_type_that_nobody_got_right_has_recall_0():
    table = count_confusion(predictions(["B"] * 10), SOLUTION).assign(method="m")
    assert recall_of_types(table).loc["m"].to_dict() == {"B": 1, "CD4+ a": 0, "CD4+ b": 0, "CD8": 0}


def test_the_group_comes_first_and_what_it_is_taken_for_next():
    one = counts(["knn9"])
    assert order_of_types(one, "CD4+") == ["CD4+ a", "CD4+ b", "CD8", "B"]
    assert order_of_types(one, None) == ["B", "CD4+ a", "CD4+ b", "CD8"]
    assert order_of_types(one, "CD8") == ["CD8", "CD4+ a", "CD4+ b", "B"]  # half of one each, so by name


def test_best_recall_of_a_group_in_folds_and_pool():
    status = pd.DataFrame({"fold": [0, 1], "status": "ok", "reason": "", "threads": 1, "host": "h"})
    status = status.assign(fit_s=1.0, predict_s=1.0, peak_mb=1.0)
    groups = {"cd4": "CD4+", "nobody": "X"}
    scores, _ = score_annotation(predictions(), SOLUTION, status, type_groups=groups)
    values = scores[scores["metric"].str.startswith("recall_of_best")].set_index(["metric", "fold"])["value"]
    name = "recall_of_best_cd4_type"
    # fold 0: one a right, b: right and taken for CD8; fold 1: a taken for b, b: CD8 and rejected
    assert values.to_dict() == {(name, "0"): 1.0, (name, "1"): 0.0, (name, "pooled"): 0.5}
    perfect, _ = score_annotation(predictions(TRUTH), SOLUTION, status, type_groups=groups)
    assert (perfect["value"] == 1).all()
    without, _ = score_annotation(predictions(), SOLUTION, status)
    pd.testing.assert_frame_equal(
        without, scores[~scores["metric"].str.startswith("recall_of_best")].reset_index(drop=True)
    )


def test_groups_of_the_registry():
    registry = load_registry(CONFIG / "datasets.yaml")
    for name in ("zenodo_zheng68k", "zheng_sorted", "pbmc68k_reduced"):
        assert registry.dataset(name).type_groups == {"cd4": "CD4+"}
    row = {"path": "x.h5ad", "values": "counts", "labels": "y", "expect": {"labels": {"T": 3}}}
    for groups, said in (
        ({"cd4": "CD4"}, "no type of expect.labels begins with 'CD4'"),
        ({"a b": "T"}, "type_groups"),
    ):
        with pytest.raises(ConfigError, match=said):
            load_registry(
                CONFIG / "datasets.yaml", overlay={"datasets": {"mine": {**row, "type_groups": groups}}}
            )


def test_who_is_compared():
    order = ["svm", "deephash_as_coded", "deephash_compact", "knn9", "true_labels"]
    scores = metrics(
        {"svm": 0.6, "deephash_as_coded": 0.9, "deephash_compact": 0.7, "knn9": 0.8, "true_labels": 1.0}
    )
    assert chosen(scores, order, ["true_labels"]) == ("deephash_compact", "knn9")
    assert chosen(SCORES, ["slow", "true_labels"], ["true_labels"]) == ("", "")
    alone = metrics({"deephash_as_coded": 0.9})
    assert chosen(alone, ["deephash_as_coded"], []) == ("deephash_as_coded", "")


def test_table_holds_shares_of_the_true_type():
    table = confusion(counts(), TITLES)
    assert list(table) == ["dataset", "scheme", "method", "title", "type", "predicted", "cells", "share"]
    one = table[(table["method"] == "knn9") & (table["type"] == "CD4+ b")].set_index("predicted")["share"]
    assert one.to_dict() == {"CD4+ b": 0.25, "CD8": 0.5, "unassigned": 0.25}
    totals = table.groupby(["method", "type"])["share"].sum()
    np.testing.assert_allclose(totals, 1)
    assert shares(counts(["svm"]))["share"].max() == 1


def test_bound_is_the_papers():
    assert published_bound(read_expected(CONFIG / "expected.tsv")) == 0.4
    assert published_bound(read_expected(CONFIG / "expected.tsv").iloc[:0]) is None


def drawn():
    figure = draw_confusion(counts(), SCORES, [FACT], NAMES, 0.4)
    figure.canvas.draw()
    return figure, figure.subfigs[0].axes


def test_figure_shows_recalls_and_names_what_did_not_run():
    _, (heat, ours, other) = drawn()
    rows = [label.get_text() for label in heat.get_yticklabels()]
    assert rows == ["SVM ○", "DeepHash", "kNN", "Slow", "true_labels"]
    assert [label.get_text() for label in heat.get_xticklabels()] == ["CD4+ a", "CD4+ b", "CD8", "B"]
    written = {text.get_position(): text for text in heat.texts}
    assert written[(1, 1)].get_text() == ".25"
    assert written[(1, 1)].get_fontweight() == "bold"  # of the group, below the paper's bound
    assert written[(2, 1)].get_fontweight() == "normal"
    assert written[(1.5, 3)].get_text() == "too slow"
    assert len([text for text in heat.texts if text.get_position()[1] == 3]) == 1
    assert ours.get_title(loc="left").startswith("DeepHash")
    assert other.get_title(loc="left").startswith("SVM ○")
    assert "median F1 0.705" in ours.texts[-1].get_text()
    assert "may leave cells unassigned" in heat.get_xlabel()


def test_matrices_have_a_column_for_rejected_cells_and_frame_the_group():
    _, (_, ours, other) = drawn()
    assert [label.get_text() for label in ours.get_xticklabels()] == [
        "CD4+ a",
        "CD4+ b",
        "CD8",
        "B",
        "unassigned",
    ]
    assert len(other.get_xticklabels()) == 4
    written = {text.get_position(): text.get_text() for text in ours.texts}
    assert written[(2, 1)] == ".50"  # CD4+ b taken for CD8
    assert written[(4, 1)] == ".25"
    assert (3, 1) not in written
    assert [label.get_text() for label in ours.get_yticklabels()] == [
        "CD4+ a (2)",
        "CD4+ b (4)",
        "CD8 (2)",
        "B (2)",
    ]
    frame = next(patch for patch in ours.patches if isinstance(patch, Rectangle))
    assert (frame.get_width(), frame.get_height()) == (2, 2)


def test_nothing_is_cut_off_or_covered():
    figure, axes = drawn()
    whole = figure.bbox
    for axis in axes:
        for label in (*axis.get_xticklabels(), *axis.get_yticklabels()):
            box = label.get_window_extent()
            assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1 and box.y0 >= whole.y0 - 1  # noqa: PT018
    heat, ours, _ = axes
    lowest = heat.xaxis.label.get_window_extent()
    title = ours._left_title.get_window_extent()
    assert title.y1 < lowest.y0
    assert ours.texts[-1].get_window_extent().y1 < title.y0 + 1


def test_a_data_set_without_groups_is_drawn_without_a_frame():
    figure = draw_confusion(counts(), SCORES, [{**FACT, "stand_in_for": ""}], Names(TITLES), 0.4)
    heat = figure.subfigs[0].axes[0]
    assert not heat.patches
    assert figure.subfigs[0].texts[0].get_text() == "d"
    assert all(text.get_fontweight() == "normal" for text in heat.texts)
