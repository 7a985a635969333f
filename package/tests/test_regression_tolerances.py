"""How far a score may move: by seeds, by what each fold moved by, by kin, by the floor."""

import numpy as np
import pandas as pd
import pytest
from metrics_tables import OLD, rows, table, verdict_of

from schash.errors import DataError
from schash.regression.spread import SPREAD_COLUMNS, measure_spread, read_spread, write_spread


def spread_of(sd, suite="demo", **columns):
    row = {
        "experiment": "fig2a", "dataset": "d1", "scheme": "cv5", "method": "svm", "metric": "median_f1",
        "over": "folds", **columns,
    }  # fmt: skip
    return pd.DataFrame([{"suite": suite, **row, "mean": 0.9, "sd": sd, "seeds": 5}])[list(SPREAD_COLUMNS)]


FOLD_ERROR = (
    3 * 0.01 * np.sqrt(2.5) / np.sqrt(5)
)  # sd of -2, -1, 0, 1, 2 hundredths over the root of 5, three times


@pytest.mark.parametrize(
    ("spread", "tolerance", "source"),
    [
        (spread_of(0.004), 0.012, "seeds"),
        (spread_of(0.001), 0.005, "floor"),
        (None, 0.005, "floor"),
        (spread_of(0.02, suite="small"), 0.005, "floor"),
    ],
)
def test_a_tolerance_is_three_deviations_and_says_which(against, spread, tolerance, source):
    for loss, verdict in ((0.98, "within"), (1.02, "worse")):
        new = OLD.copy()
        new.loc[new["method"] == "svm", "value"] -= tolerance * loss
        row = verdict_of(against(OLD, new, spread), "median_f1")
        assert row["tolerance"] == pytest.approx(tolerance, rel=1e-6)
        assert (row["tolerance_from"], row["verdict"]) == (source, verdict)


@pytest.mark.parametrize("spread", [None, spread_of(0.004, suite="small")])
@pytest.mark.parametrize(
    ("moves", "seed", "tolerance"),
    [
        ((-0.2, -0.2, -0.2, -0.2, -0.2), 0, 0.005),
        ((0.01, -0.01, 0.0, 0.005, -0.005), 0, 3 * np.std([2, -2, 0, 1, -1], ddof=1) / 200 / np.sqrt(5)),
        ((0.5, -0.5, 0.0, 0.0, 0.0), 0, FOLD_ERROR),
        ((0.0, 0.0, 0.0, 0.0, 0.0), 1, FOLD_ERROR * np.sqrt(2)),
    ],
)
def test_without_seeds_the_same_folds_go_by_what_each_of_them_moved_by(
    against, spread, moves, seed, tolerance
):
    """Not by how much folds differ, which says nothing of how far all of them may fall."""
    new = OLD.assign(seed=seed)
    new.loc[
        (new["method"] == "svm") & (new["metric"] == "median_f1") & (new["fold"] != "pooled"), "value"
    ] += moves
    row = verdict_of(against(OLD, new, spread), "median_f1")
    assert row["tolerance"] == pytest.approx(tolerance, rel=1e-6)
    assert (row["verdict"] == "worse") == (moves[0] == moves[1] != 0)


@pytest.mark.parametrize("metric", ["genes_selected[n=512]", "brand_new", "same_as_linear_scan[multi,n=512]"])
def test_facts_about_the_same_cells_have_no_tolerance_from_a_spread(against, metric):
    old = table(rows("svm", {metric: 1.0}))
    new = old.assign(value=0.99)
    wide = spread_of(0.5, metric=metric)
    assert against(old, new, wide).drifted
    assert not against(old, new.assign(seed=1), wide).drifted


def test_one_fold_goes_by_the_kin_in_another_suite(against):
    old = table(rows("svm", {"purity[k=10]": 0.8}, folds=("2",)), suite="small")
    of_another_method = spread_of(0.05, metric="purity[k=5]", method="other")
    of_the_method = spread_of(0.02, metric="purity[k=5]", dataset="d9")
    for spread, tolerance in (
        (of_another_method, 0.15),
        (of_the_method, 0.06),
        (pd.concat([of_another_method, of_the_method]), 0.06),
    ):
        row = verdict_of(against(old, old, spread), "purity[k=10]")
        assert (row["tolerance"], row["tolerance_from"]) == (pytest.approx(tolerance), "kin")


def test_other_folds_widen_the_tolerance(against):
    comparison = against(OLD, OLD.assign(seed=1), spread_of(0.004))
    row = verdict_of(comparison, "median_f1")
    assert row["tolerance"] == pytest.approx(0.012 * np.sqrt(2))
    assert row["note"] == "other folds"
    assert len(comparison.remarks) == 1
    assert not comparison.drifted


@pytest.mark.parametrize("gain", [0.0, 0.001, 0.5])
def test_other_cells_of_the_same_seed_are_a_change_whatever_the_score(against, gain):
    comparison = against(OLD, OLD.assign(n=99, value=OLD["value"] + gain), spread_of(0.004))
    assert verdict_of(comparison, "median_f1")["verdict"] == "changed"
    assert "other folds: of the same seed" in verdict_of(comparison, "median_f1")["note"]


def test_many_small_losses_are_told_together(against):
    old = table(*(rows(f"m{i}") for i in range(20)))
    moved = old.assign(value=old["value"] - 0.004)
    comparison = against(old, moved)
    assert not comparison.drifted
    assert "80 scores lost something within their tolerances and 0 gained" in " ".join(comparison.remarks)
    assert against(moved, old).remarks == against(old, old).remarks
    of_half = old.assign(value=old["value"] + np.where(old["method"] < "m15", 0.004, -0.004))
    assert "lost something" not in " ".join(against(old, of_half).remarks)


def test_spread_by_hand(tmp_path):
    old = OLD.assign(over=np.where(OLD["fold"] == "pooled", "pooled", "folds"))
    runs = [old.assign(seed=seed, value=old["value"] + 0.01 * seed) for seed in range(3)]
    spread = measure_spread(runs)
    assert set(spread["metric"]) == {"median_f1", "accuracy"}  # the calibration is a time
    assert np.allclose(spread["sd"], 0.01)
    assert set(spread["seeds"]) == {3}
    write_spread(spread, tmp_path / "spread.tsv")
    assert len(read_spread(tmp_path / "spread.tsv")) == len(spread) == 8
    write_spread(pd.concat([spread, spread.iloc[[0]]]), tmp_path / "spread.tsv")
    with pytest.raises(DataError, match="line 10: a second row: fig2a / d1 / cv5 / svm / median_f1"):
        read_spread(tmp_path / "spread.tsv")
    for bad in (runs[:2], [*runs, runs[0]], [*runs[:2], runs[2].assign(git_sha="other")]):
        with pytest.raises(DataError, match="at least 3 runs of one suite and commit"):
            measure_spread(bad)


def test_a_spread_must_be_finite(tmp_path):
    for sd in (np.inf, np.nan, -1.0):
        write_spread(spread_of(sd), tmp_path / "spread.tsv")
        with pytest.raises(DataError, match=r"spread\.tsv: line 2: sd is negative or no finite number"):
            read_spread(tmp_path / "spread.tsv")
