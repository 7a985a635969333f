"""Angles estimated from codes: every number against its definition, and no biased estimate passes."""

import json
import math

import numpy as np
import pytest

from schash import angle_estimates
from schash.angle_estimates import (
    ANGLE,
    BIAS,
    BITS,
    CHANCE,
    MOST_ERRORS,
    N_BINS,
    N_CELLS,
    N_SEEDS,
    ORTHOGONAL,
    PLAIN,
    RECALL,
    VARIANCE,
    Estimates,
    add_angles,
    binned,
    check_controls,
    encode,
    estimate_all,
    measure_angles,
    named,
    nearest_by_cosine,
    pair_angles,
    pair_estimates,
    prefixes,
    random_cells,
    top_recall,
)
from schash.data.cells import make_cells, write_cells
from schash.errors import DataError
from schash.folds import RunFiles
from schash.hamming import hamming_distances, pack_bits
from schash.lsh import SignHash, random_hyperplanes
from schash.methods.catalogue import MethodRow
from schash.timing_runs import TimingSettings, is_failed
from schash.timing_table import Scores


def only(cells):
    """Files of a job that reads nothing but the cells: the others do not exist."""
    return RunFiles(cells, cells.with_name("no rows"), cells.with_name("no labels"))


def settings(**parameters):
    class_ = "schash.methods.cellfishing:CellFishingAnnotator"
    given = {"n_dims": 10, "min_features": 40} | parameters
    row = MethodRow.model_validate(
        {
            "title": "cellfishing",
            "class": class_,
            "accepts": ["counts"],
            "searcher": True,
            "parameters": given,
        }
    )
    return TimingSettings("planted", "cellfishing", row, 0, 1, (), 60.0, 100.0, 4000.0)


@pytest.fixture
def cells(tmp_path, planted):
    """Nothing but prepared cells: no split and no labels."""
    X, y, genes = planted
    made = make_cells(
        X, [f"cell{i}" for i in range(160)], genes, labels=y, dataset="planted", values="counts"
    )
    write_cells(tmp_path / "cells.h5ad", made.cells)
    return tmp_path / "cells.h5ad"


def test_angles_of_pairs():
    points = np.array([[1, 0], [0, 2], [-3, 0], [5, 5]], np.float32)
    quarter = math.pi / 4
    np.testing.assert_allclose(
        pair_angles(points), [2 * quarter, 4 * quarter, quarter, 2 * quarter, quarter, 3 * quarter], atol=1e-7
    )


def test_estimates_of_pairs_are_pi_d_over_t():
    codes = pack_bits(np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]]))
    np.testing.assert_allclose(pair_estimates(codes), [math.pi / 4, math.pi, 3 * math.pi / 4])


def test_the_nearest_other_cell_by_cosine():
    points = np.array([[1, 0], [9, 1], [0, 1], [0, 5], [0, 7]], np.float32)
    assert nearest_by_cosine(points, np.array([0, 2, 4])).tolist() == [1, 3, 2]  # the first of equal ones
    assert nearest_by_cosine(points, np.array([1])).tolist() == [0]


@pytest.mark.parametrize("kind", [ORTHOGONAL, PLAIN])
def test_the_first_bits_are_codes_of_fewer_bits(rng, kind):
    points = rng.normal(size=(40, 50)).astype(np.float32)
    for bits, codes in zip(BITS, prefixes(encode(points, kind, 7)), strict=True):
        alone = SignHash(random_hyperplanes(bits, 50, seed=7, orthogonalize=kind == ORTHOGONAL)).encode(
            points
        )
        assert codes.n_bits == bits
        np.testing.assert_array_equal(hamming_distances(codes, codes), hamming_distances(alone, alone))


def test_both_kinds_come_from_the_same_draw(rng):
    normals = {
        kind: random_hyperplanes(5, 50, seed=3, orthogonalize=kind == ORTHOGONAL)
        for kind in (ORTHOGONAL, PLAIN)
    }
    first = normals[PLAIN][0] / np.linalg.norm(normals[PLAIN][0])
    assert abs(first @ normals[ORTHOGONAL][0]) == pytest.approx(1, abs=1e-6)


def test_recall_counts_equal_distances_by_row_and_on_average(monkeypatch):
    monkeypatch.setattr(angle_estimates, "DEPTH", 2)
    bits = np.zeros((6, 8), int)
    bits[1, 0] = bits[3, 1] = bits[4, 2] = 1  # at distance 1 of cell 0; cell 2 at 0, cell 5 at 3
    bits[5, 3:6] = 1
    codes = pack_bits(bits)
    rows = np.array([0])
    assert top_recall(codes, rows, np.array([2])) == (1, 1)
    assert top_recall(codes, rows, np.array([1])) == (1, pytest.approx(1 / 3))  # after 2, the first of three
    assert top_recall(codes, rows, np.array([3])) == (0, pytest.approx(1 / 3))
    assert top_recall(codes, rows, np.array([5])) == (0, 0)
    twice = np.array([0, 0])
    assert top_recall(codes, twice, np.array([2, 5])) == (0.5, 0.5)


def test_recall_by_its_definition(rng):
    codes = pack_bits(rng.random((200, 16)) < 0.3)
    rows, nearest = rng.choice(200, 30, replace=False), rng.choice(200, 30)
    nearest = np.where(nearest == rows, (rows + 1) % 200, nearest)
    distances = hamming_distances(codes, codes)
    hits = 0
    for row, target in zip(rows, nearest, strict=True):
        others = sorted((distances[row, i], i) for i in range(200) if i != row)
        hits += target in [i for _, i in others[:10]]
    by_row, averaged = top_recall(codes, rows, nearest)
    assert by_row == pytest.approx(hits / 30)
    assert abs(averaged - by_row) < 0.2


def test_random_cells_are_other_ones_with_another_seed_and_all_of_few():
    assert len(set(random_cells(1000, 1))) == N_CELLS
    assert random_cells(1000, 1).tolist() == random_cells(1000, 1).tolist() != random_cells(1000, 2).tolist()
    assert random_cells(7, 0).tolist() == list(range(7))


def numbers(scores):
    return {row["metric"]: row["value"] for row in scores.rows}


def test_bias_and_variance_by_their_definition(rng):
    angles = np.array([0.0, 0.05, 1.0, math.pi])
    noise = rng.normal(size=(20, len(BITS), 4))
    found = {
        kind: Estimates(angles, angles + 0.1 * (kind == PLAIN) + size * noise)
        for kind, size in ((ORTHOGONAL, 0.5), (PLAIN, 1.0))
    }
    scores = Scores({})
    add_angles(found, scores)
    rows = numbers(scores)
    for i, bits in enumerate(BITS):
        here = noise[:, i]
        assert rows[named(BIAS, ORTHOGONAL, bits)] == pytest.approx(0.5 * here.mean())
        assert rows[named(BIAS, PLAIN, bits)] == pytest.approx(0.1 + here.mean())
        error = here.mean(axis=1).std(ddof=1) / math.sqrt(20)
        assert rows[f"{named(BIAS, PLAIN, bits)}_se"] == pytest.approx(error)
        variance = here.var(axis=0, ddof=1).mean()
        assert rows[named(VARIANCE, PLAIN, bits)] == pytest.approx(variance)
        assert rows[f"angle_variance_orthogonal_over_plain_{bits}bits"] == pytest.approx(0.25)
        assert rows[f"angle_variance_orthogonal_over_plain_{bits}bits_se"] == pytest.approx(0, abs=1e-12)
        binomial = 1.0 * (math.pi - 1.0) + 0.05 * (math.pi - 0.05)
        expected = variance / (binomial / 4 / bits)
        assert rows[f"angle_variance_plain_over_binomial_{bits}bits"] == pytest.approx(expected)
        last = N_BINS - 1
        assert rows[binned(BIAS, PLAIN, bits, last)] == pytest.approx(0.1 + here[:, 3].mean())
        assert rows[binned(VARIANCE, PLAIN, bits, 0)] == pytest.approx(here[:, :2].var(axis=0, ddof=1).mean())
        low = here[:, :2].mean(axis=1).std(ddof=1) / math.sqrt(20)
        assert rows[binned(f"{BIAS}_se", PLAIN, bits, 0)] == pytest.approx(low)
    assert rows[f"{ANGLE}[bin=0]"] == pytest.approx(0.025)
    assert binned(BIAS, PLAIN, 64, 1) not in rows
    n = {row["metric"]: row["n"] for row in scores.rows}
    assert n[binned(BIAS, PLAIN, 64, 0)] == n[f"{ANGLE}[bin=0]"] == 2


@pytest.fixture
def rows(cells, tmp_path, monkeypatch):
    monkeypatch.setattr(angle_estimates, "N_SEEDS", 30)
    path = tmp_path / "rows"
    path.touch()
    estimate_all(cells, settings(), path)
    return {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}


def test_what_a_job_measures(rows):
    values = {name: row["value"] for name, row in rows.items()}
    for kind in (ORTHOGONAL, PLAIN):
        recalls = [values[named(RECALL, kind, bits)] for bits in BITS]
        assert recalls == sorted(recalls)
        assert values[CHANCE] < recalls[0] < recalls[-1] <= 1
        variances = [values[named(VARIANCE, kind, bits)] for bits in BITS]
        np.testing.assert_allclose(np.divide(variances[:-1], variances[1:]), 2, rtol=0.2)
    for bits in BITS:
        assert values[f"angle_variance_orthogonal_over_plain_{bits}bits"] < 0.8
        assert abs(values[named(BIAS, ORTHOGONAL, bits)]) < 0.02
        assert values[f"angle_variance_plain_over_binomial_{bits}bits"] == pytest.approx(1, abs=0.15)
    assert values[CHANCE] == 10 / 159
    assert rows[named(RECALL, PLAIN, 64)]["n"] == 100 * 30
    assert rows[named(BIAS, PLAIN, 64)]["n"] == 4950
    bins = [row["n"] for name, row in rows.items() if name.startswith(f"{ANGLE}[")]
    assert sum(bins) == 4950


def test_the_same_seed_gives_the_same_numbers(rows, cells, tmp_path, monkeypatch):
    monkeypatch.setattr(angle_estimates, "N_SEEDS", 30)
    path = tmp_path / "again"
    path.touch()
    estimate_all(cells, settings(), path)
    again = {row["metric"]: row["value"] for row in map(json.loads, path.read_text().splitlines())}
    assert again == {name: row["value"] for name, row in rows.items()}


def controls(**changes):
    scores = Scores({"threads": 1, "host": ""})
    for bits in BITS:
        for kind in (ORTHOGONAL, PLAIN):
            scores.add(named(BIAS, kind, bits), 0.001, 100)
            scores.add(f"{named(BIAS, kind, bits)}_se", 0.001, 100)
        scores.add(f"angle_variance_plain_over_binomial_{bits}bits", 1.03, 100)
        scores.add(f"angle_variance_plain_over_binomial_{bits}bits_se", 0.01, 100)
    for row in scores.rows:
        row["value"] = changes.get(row["metric"], row["value"])
    return scores.table()


def test_a_control_that_is_off_fails_the_job():
    check_controls(controls(), "cells")
    off = 0.001 * MOST_ERRORS * 1.01
    wrong = [{named(BIAS, kind, 256): value} for kind in (ORTHOGONAL, PLAIN) for value in (off, -off, np.nan)]
    wrong += [{"angle_variance_plain_over_binomial_64bits": value} for value in (0.94, 1.06, np.nan)]
    for changes in wrong:
        with pytest.raises(DataError, match=f"cells: .*{next(iter(changes))} is"):
            check_controls(controls(**changes), "cells")


def test_codes_of_wrong_hyperplanes_fail_the_job(cells, tmp_path, monkeypatch):
    """Normals that come sixteen times each are no independent bits."""
    monkeypatch.setattr(angle_estimates, "N_SEEDS", 10)
    monkeypatch.setattr(
        angle_estimates,
        "random_hyperplanes",
        lambda *given, **more: np.repeat(random_hyperplanes(*given, **more)[::16], 16, axis=0),
    )
    path = tmp_path / "rows"
    path.touch()
    estimate_all(cells, settings(), path)
    scores = Scores({"threads": 1, "host": ""})
    scores.read(path)
    with pytest.raises(DataError, match="planted: estimates of angles"):
        check_controls(scores.table(), "planted")


def test_in_a_job_of_its_own_from_cells_alone(cells):
    table = measure_angles(only(cells), settings()).set_index("metric")
    assert table["status"].eq("ok").all()
    assert table.loc[named(RECALL, ORTHOGONAL, 128), "n"] == N_CELLS * N_SEEDS
    failed = measure_angles(only(cells), settings(n_dims=1000), say=lambda line: None)
    assert is_failed(failed)
    assert failed["metric"].tolist() == [named(BIAS, ORTHOGONAL, 64)]
