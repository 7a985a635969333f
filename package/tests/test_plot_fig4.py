"""fig4: settings are read from the rows, numbers are those of the folds, and no text covers another."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from schash._presets import Options
from schash.ablation_table import DEFAULTS, fig4, settings_of
from schash.errors import DataError
from schash.plotting.fig4 import draw_fig4
from schash.plotting.fig4_panels import METRIC, PLAIN, SCHEMES, plain, spread
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS

BASE = {"preset": "compact", "variant": "as_written", "input": "log1p", "beta": 0.9999}
CHANGES = {
    "base": {},
    **{f"sampled_{n}": {"n_bits": n} for n in (32, 64, 128, 256)},
    **{f"first_{n}": {"n_bits": n, "anchors": "first_rows"} for n in (32, 64, 128, 256)},
    **{f"learned_{n}": {"n_bits": n, "anchors": "learned"} for n in (32, 64, 128, 256)},
    "learned": {"anchors": "learned"},
    "unguarded": {"anchors": "learned", "anchor_margin": 0},
    "beta_0": {"beta": 0},
    "beta_99": {"beta": 0.99},
    "lambda_0": {"lambda_": 0},
    "lambda_1": {"lambda_": 0.1},
    "gamma_10": {"gamma": 10},
    "two_at_once": {"beta": 0.5, "n_bits": 512},  # belongs into no panel
}
PARAMETERS = {name: {**BASE, **change} for name, change in CHANGES.items()}
SCORES = {name: 0.9 + place / 1000 for place, name in enumerate(PARAMETERS)}
FACT = {
    "cells_over_10": 12345,
    "types_over_10": 9,
    "values": "counts",
    "stand_in_for": "",
    "simulated": False,
}
NOTHING_PUBLISHED = pd.DataFrame(columns=["target", "dataset", "metric", "value"])


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def metrics(scores=SCORES, datasets=("d1", "d2"), n_folds=5):
    """Median F1 as given plus 0.01 a fold, macro F1 0.1 lower; a method with a word instead has that status."""
    rows = []
    for dataset, (method, score), fold in itertools.product(datasets, scores.items(), range(n_folds)):
        common = {"dataset": dataset, "method": method, "fold": str(fold)}
        if isinstance(score, str):
            rows.append({**common, "metric": "", "value": np.nan, "status": score, "reason": "so"})
            continue
        for metric, lower in ((METRIC, 0.0), ("macro_f1", 0.1)):
            value = score + fold / 100 - lower
            rows.append({**common, "metric": metric, "value": value, "status": "ok", "reason": ""})
    texts = dict.fromkeys(("suite", "stand_in", "preset", "variant", "host"), "")
    numbers = dict.fromkeys(("seed", "n", "fit_s", "predict_s", "peak_mb", "threads"), 1)
    table = pd.DataFrame(rows).assign(**texts, **numbers, experiment="fig4", scheme="cv5")
    return table[list(EXPERIMENT_COLUMNS)].astype(EXPERIMENT_COLUMNS)


def history(table):
    """Codes of 16 bits by the rule; f distinct bits and a distance of f in fold f, and a loss that is no concern."""
    rows = []
    ran = table.query("status == 'ok' and fold != 'pooled'")
    for run in ran.drop_duplicates(["dataset", "method", "fold"]).itertuples():
        fold = int(run.fold)
        bits = PARAMETERS.get(run.method, {}).get("n_bits", 16)
        said = {"anchors_n_bits": bits, "anchors_n_distinct_bits": 10 + fold, "anchors_min_distance": fold}
        common = {"dataset": run.dataset, "method": run.method, "fold": fold, "step": 4}
        rows += [
            {**common, "metric": name, "value": float(value)} for name, value in {**said, "loss": 1}.items()
        ]
    return pd.DataFrame(rows)


def made(table, **options):
    return fig4(table, history(table), PARAMETERS, {"base": "Base"}, **options)


def facts(*names):
    return [{**FACT, "dataset": name} for name in names]


def draw(table, names=("d1", "d2"), expected=NOTHING_PUBLISHED):
    return draw_fig4(made(table), table, facts(*names), expected=expected)


def panels(figure):
    """Axes of (a), their strips, and those of (b) and (c)."""
    top, bottom = figure.subfigs
    n = len(top.axes) // 2
    return top.axes[:n], top.axes[n:], bottom.subfigs[0].axes, bottom.subfigs[1].axes


# --- the table --------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_deephash_as_written():
    options = Options()
    assert {name: getattr(options, name) for name in DEFAULTS} == DEFAULTS


def test_settings_are_given_or_default():
    table = settings_of(PARAMETERS, ["base", "first_64", "unguarded"]).set_index("method")
    assert table["anchors"].tolist() == ["sampled", "first_rows", "learned"]
    assert table["n_bits_given"].isna().tolist() == [True, False, True]
    assert table.loc["first_64", "n_bits_given"] == 64
    assert table["anchor_margin"].tolist() == [0.25, 0.25, 0]
    assert table["gamma"].tolist() == [1, 1, 1]


def test_a_row_that_differs_in_anything_else_is_refused():
    with pytest.raises(
        DataError, match=r"odd has .*as_coded.* where base has .*; they may differ in anchors,"
    ):
        settings_of({**PARAMETERS, "odd": {**BASE, "variant": "as_coded"}}, ["base", "odd"])


def test_table_has_scores_differences_and_anchors():
    table = made(metrics()).set_index(["dataset", "method"])
    assert len(table) == 2 * len(PARAMETERS)
    row = table.loc[("d2", "learned")]
    place = list(PARAMETERS).index("learned")
    assert row[METRIC] == pytest.approx(0.92 + place / 1000)
    assert row["macro_f1"] == pytest.approx(0.82 + place / 1000)
    assert row[f"{METRIC}_sd"] == pytest.approx(np.std([0.01, 0.02, 0.03, 0.04, 0.05], ddof=1))
    assert row[f"{METRIC}_difference"] == pytest.approx(place / 1000)
    assert row[f"{METRIC}_difference_sd"] == pytest.approx(0, abs=1e-12)  # paired by fold
    assert (row["code_bits_low"], row["distinct_bits_low"], row["distinct_bits_high"]) == (16, 10, 14)
    assert (row["min_anchor_distance_low"], row["min_anchor_distance_high"]) == (0, 4)
    assert (row["n_folds"], row["status"]) == (5, "ok")
    assert (row["title"], table.loc[("d1", "base"), "title"]) == ("learned", "Base")


def test_table_says_what_failed_and_leaves_pooled_scores_and_controls_out():
    table = metrics({**SCORES, "learned": "timeout", "true_labels": 1.0})
    pooled = table[table["fold"] == "0"].assign(fold="pooled", value=0.0)
    one = (table["method"] == "gamma_10") & (table["fold"] == "3") & (table["dataset"] == "d1")
    table.loc[one, ["status", "reason", "value", "metric"]] = ["error", "why", np.nan, ""]
    result = made(pd.concat([table, pooled]), controls=["true_labels"]).set_index(["dataset", "method"])
    assert result.loc[("d1", "base"), METRIC] == pytest.approx(0.92)
    assert result.loc[("d1", "learned"), "status"] == "too slow"
    assert result.loc[("d1", "learned"), "reason"] == "so"
    assert result.loc[("d1", "gamma_10"), "status"] == "error in 1 of 5 folds"
    assert np.isnan(result.loc[("d1", "gamma_10"), METRIC])  # the other folds would flatter it
    assert result.loc[("d2", "gamma_10"), "status"] == "ok"
    assert "true_labels" not in result.index.get_level_values("method")


# --- the figure -------------------------------------------------------------------------------------------------


def line_of(axis, label):
    (container,) = [one for one in axis.containers if one.get_label() == label]
    return container.lines[0]


def test_bits_are_drawn_by_scheme_with_their_distinct_bits_below():
    axes, strips, _, _ = panels(draw(metrics()))
    for place, (name, scheme) in enumerate(SCHEMES.items()):
        line = line_of(axes[1], scheme.label)
        widths = [32, 64, 128, 256] if name == "first_rows" else [16, 32, 64, 128, 256]
        np.testing.assert_array_equal(2 ** np.round(np.log2(line.get_xdata().astype(float))), widths)
        prefix = "first" if name == "first_rows" else name
        at_rule = {"sampled": ["base"], "learned": ["learned"]}.get(name, [])
        names = at_rule + [f"{prefix}_{n}" for n in (32, 64, 128, 256)]
        np.testing.assert_allclose(line.get_ydata().astype(float), [SCORES[one] + 0.02 for one in names])
        texts = [text for text in strips[1].texts if text.get_position()[1] == place]
        assert [text.get_position()[0] for text in texts] == [16, 32, 64, 128, 256]
        first = "\N{EN DASH}" if name == "first_rows" else "10\N{EN DASH}14"
        assert [text.get_text() for text in texts] == [first, *["10\N{EN DASH}14"] * 4]
    (rule,) = [line for line in axes[1].lines if line.get_linestyle() == ":"]
    assert rule.get_xdata()[0] == 16


def test_bits_have_equal_spans_around_their_own_scores():
    table = metrics()
    low = table["dataset"] == "d2"
    table.loc[low, "value"] -= 0.4
    axes, _, _, _ = panels(draw(table))
    spans = [np.diff(axis.get_ylim())[0] for axis in axes]
    assert spans[0] == pytest.approx(spans[1])
    assert axes[1].get_ylim()[1] < axes[0].get_ylim()[0]


def test_bits_of_perfect_scores_leave_no_room_above_one():
    table = metrics()
    table.loc[table["dataset"] == "d1", "value"] = 1.0
    axes, _, _, _ = panels(draw(table))
    assert 1 < axes[0].get_ylim()[1] < 1.01
    bottom, top = axes[1].get_ylim()
    assert np.diff(axes[0].get_ylim())[0] == pytest.approx(top - bottom)
    shown = line_of(axes[1], SCHEMES["sampled"].label).get_ydata().astype(float)
    assert bottom < shown.min()
    assert shown.max() < top


def test_learned_anchors_are_compared_fold_by_fold_with_and_without_a_guard():
    table = metrics()
    dropped = (table["method"] == "unguarded") & (table["metric"] == "macro_f1") & (table["dataset"] == "d2")
    table.loc[dropped, "value"] -= 0.2
    _, _, (median, macro), _ = panels(draw(table))
    labels = [label.get_text() for label in median.get_yticklabels()]
    assert labels == [
        "d1\nnearest anchors 0\N{EN DASH}4 bits apart", "without a guard: 0\N{EN DASH}4 bits apart",
        "d2\nnearest anchors 0\N{EN DASH}4 bits apart", "without a guard: 0\N{EN DASH}4 bits apart",
    ]  # fmt: skip
    assert median.get_xlim() == macro.get_xlim()
    lead = {name: SCORES[name] - SCORES["base"] for name in ("learned", "unguarded")}
    expected = [lead["learned"], lead["unguarded"]] * 2
    for points, value in zip(median.collections, expected, strict=True):
        np.testing.assert_allclose(points.get_offsets()[:, 0], [value] * 5)
    assert [text.get_text() for text in median.texts if text.get_text()] == [
        f"{value:+.3f}" for value in expected
    ]
    assert macro.texts[-1].get_text() == f"{lead['unguarded'] - 0.2:+.3f}"
    assert tuple(np.round(median.collections[1].get_facecolor()[0][:3], 2)) == (0.34, 0.71, 0.91)


def test_hyperparameters_are_drawn_as_differences_with_the_default_in_bold():
    _, _, _, (beta, lambda_, gamma) = panels(draw(metrics()))
    found = [[label.get_text() for label in axis.get_xticklabels()] for axis in (beta, lambda_, gamma)]
    assert found == [["0", ".99", ".9999"], ["0", "$\\mathbf{10^{-4}}$", ".1"], ["1", "10"]]
    assert [label.get_fontweight() for label in beta.get_xticklabels()] == ["normal", "normal", "bold"]
    line = line_of(lambda_, "d2")
    np.testing.assert_allclose(
        line.get_ydata(), [SCORES["lambda_0"] - 0.9, 0, SCORES["lambda_1"] - 0.9], atol=1e-12
    )


def test_published_differences_stand_at_the_very_data_set():
    papers = pd.DataFrame(
        [
            ("fig4", "d2", "median_f1_predefined_minus_learned", 0.083),
            ("fig4", "other", "median_f1_predefined_minus_learned", 0.5),
            ("fig4", "d2", "median_f1_range_over_bits", 0.02),
            ("fig2a", "d1", "median_f1_predefined_minus_learned", 0.4),
        ],
        columns=["target", "dataset", "metric", "value"],
    )
    figure = draw(metrics(), expected=papers)
    _, _, (median, macro), _ = panels(figure)
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for line in median.lines if line.get_marker() == "v"]
    assert marks == [(-0.083, 2)]  # the guarded row of d2
    assert not [line for line in macro.lines if line.get_marker() == "v"]
    assert "the paper's own value" in [text.get_text() for text in figure.legends[0].get_texts()]
    without = draw(metrics()).legends[0].get_texts()
    assert [text.get_text() for text in without] == [*(one.label for one in SCHEMES.values()), PLAIN.label]


def texts_of(part):
    """Texts of a figure or a part of it, with their boxes in pixels."""
    texts = [part._suptitle] if part._suptitle else []
    for legend in part.legends:
        texts += [legend.get_title(), *legend.get_texts()]
    for axis in part.get_axes() if not part.subfigs else []:
        texts += [*axis.texts, axis._left_title, axis.xaxis.label, axis.yaxis.label]
        for labels, limits, i in (
            (axis.get_xticklabels(), axis.get_xlim(), 0),
            (axis.get_yticklabels(), axis.get_ylim(), 1),
        ):
            texts += [label for label in labels if min(limits) <= label.get_position()[i] <= max(limits)]
    own = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text() and t.get_visible()]
    return own + [text for sub in part.subfigs for text in texts_of(sub)]


@pytest.mark.parametrize("names", [["d1"], ["d1", "a_long_data_set"], [f"a_data_set_{i}" for i in range(4)]])
def test_no_text_covers_another_or_sticks_out(names):
    table = metrics(datasets=names)
    figure = draw_fig4(made(table), table, [{**FACT, "dataset": name, "stand_in_for": "x"} for name in names])
    figure.canvas.draw()
    boxes = texts_of(figure)
    assert len(boxes) > 40
    whole = figure.bbox.padded(1)
    assert not [name for name, box in boxes if box.x0 < whole.x0 or box.x1 > whole.x1]
    assert not [name for name, box in boxes if box.y0 < whole.y0 or box.y1 > whole.y1]
    pairs = itertools.combinations(boxes, 2)
    assert not [(a[0], b[0]) for a, b in pairs if a[1].shrunk(0.9, 0.9).overlaps(b[1].shrunk(0.9, 0.9))]


def test_rows_that_did_not_run_leave_gaps_and_say_so():
    scores = {**SCORES, "learned": "timeout", "sampled_32": "error", "gamma_10": "error"}
    axes, strips, (median, _), (_, _, gamma) = panels(draw(metrics(scores)))
    assert len(line_of(axes[0], SCHEMES["sampled"].label).get_xdata()) == 4
    assert [t.get_text() for t in strips[0].texts if t.get_position() == (32, 0)] == ["\N{EN DASH}"]
    assert "too slow" in [text.get_text() for text in median.texts]
    assert np.isnan(line_of(gamma, "d1").get_ydata()[1])


@pytest.mark.parametrize("kept", [["base"], ["base", "learned"], ["base", "first_64", "gamma_10"]])
def test_few_rows_or_one_fold_are_enough(kept):
    draw(metrics({name: SCORES[name] for name in kept}, n_folds=1)).canvas.draw()


def test_without_scores_of_the_first_method_there_are_no_differences():
    table = metrics({"base": "timeout", "learned": 0.9})
    assert made(table)[f"{METRIC}_difference"].isna().all()
    draw(table).canvas.draw()


def test_numbers_are_written_short():
    assert [plain(value) for value in (0, 0.9999, 1, 1e-4, 0.01, 100, 0.005)] == [
        "0", ".9999", "1", "$10^{-4}$", ".01", "100", ".005",
    ]  # fmt: skip
    assert [spread(16, 16), spread(2, 5), spread(np.nan, np.nan)] == ["16", "2\N{EN DASH}5", "\N{EN DASH}"]


def test_equal_figures_are_equal_files(tmp_path):
    def files(name):
        paths = {kind: str(tmp_path / f"{name}.{kind}") for kind in ("png", "svg", "tsv")}
        table = metrics()
        save_figure(draw(table), made(table), **paths)
        return {kind: (tmp_path / f"{name}.{kind}").read_bytes() for kind in paths}

    assert files("a") == files("b")
