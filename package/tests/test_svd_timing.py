"""Time and error of decompositions: on the matrix that CellFishing has, against numpy, and no wrong number passes."""

import json

import numpy as np
import pandas as pd
import pytest

from schash import _selected_cells, svd_timing
from schash._selected_cells import select_all
from schash._standardized import StandardizedMatrix, gene_statistics
from schash.cell_chunks import CellChunks
from schash.data.cells import make_cells, write_cells
from schash.decompositions import as_operator, reconstruction_error, relative_errors, truncated_svd
from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, RunFiles
from schash.methods.catalogue import MethodRow
from schash.svd_timing import (
    BOUNDS,
    CAPTURED,
    DENSE,
    DENSITY,
    DIFFERENCE,
    EXCESS,
    EXPLAINED,
    FULL,
    GENE_FRACTION,
    GENES,
    N_SEEDS,
    RANDOMIZED,
    RECONSTRUCTION,
    SPARSE,
    TRUNCATED,
    WAYS,
    check_errors,
    error_of,
    named,
    seconds_of,
    time_decompositions,
    time_svd,
    worst_error,
)
from schash.timing_runs import TimingSettings, is_failed
from schash.timing_table import Scores

N_DIMS = 12


@pytest.fixture
def cells(tmp_path, planted):
    """Nothing but prepared cells: no split and no labels."""
    X, y, genes = planted
    made = make_cells(
        X, [f"cell{i}" for i in range(160)], genes, labels=y, dataset="planted", values="counts"
    )
    write_cells(tmp_path / "cells.h5ad", made.cells)
    return tmp_path / "cells.h5ad"


def only(cells):
    """Files of a job that reads nothing but the cells: the others do not exist."""
    return RunFiles(cells, cells.with_name("no rows"), cells.with_name("no labels"))


def settings(accepts="counts", **parameters):
    class_ = "schash.methods.cellfishing:CellFishingAnnotator"
    given = {"n_dims": N_DIMS, "min_features": 40} | parameters
    row = MethodRow.model_validate(
        {
            "title": "cellfishing",
            "class": class_,
            "accepts": [accepts],
            "searcher": True,
            "parameters": given,
        }
    )
    return TimingSettings("planted", "cellfishing", row, 0, 1, (), 60.0, 100.0, 4000.0)


@pytest.fixture
def rows(cells, tmp_path):
    """What the child writes, made here."""
    path = tmp_path / "rows"
    path.touch()
    time_decompositions(cells, settings(), path)
    return {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}


def by_definition(X):
    """Genes of high maximum, 10^4 a cell, log, standardised, one after the other."""
    counts = X.toarray().astype(float)
    highest = counts.max(axis=0)
    chosen = counts[:, highest >= np.sort(highest)[-40]]
    logs = np.log(1e4 * chosen / chosen.sum(axis=1, keepdims=True) + 1)
    return chosen, (logs - logs.mean(axis=0)) / logs.std(axis=0)


def test_what_is_decomposed_is_cellfishings_matrix_of_all_cells(rows, planted):
    chosen, A = by_definition(planted[0])
    assert rows[GENES]["value"] == A.shape[1] >= 40
    assert rows[GENE_FRACTION]["value"] == A.shape[1] / 60
    assert rows[DENSITY]["value"] == pytest.approx(np.mean(chosen > 0))
    exact = np.linalg.svd(A, compute_uv=False)
    explained = (exact[:N_DIMS] ** 2).sum() / (exact**2).sum()
    assert rows[EXPLAINED]["value"] == pytest.approx(explained, rel=1e-5)
    assert {row["n"] for row in rows.values()} == {160}
    assert {row["threads"] for row in rows.values()} == {1}


def test_every_decomposition_has_its_seconds_and_speedups_are_their_ratios(rows):
    for way in WAYS:
        assert rows[seconds_of(*way)]["value"] > 0
        assert rows[seconds_of(*way)]["peak_mb"] > 0
    for form in (DENSE, SPARSE):
        mine = rows[seconds_of(RANDOMIZED, form)]["value"]
        over = {name: rows[f"{named(RANDOMIZED, form)}_speedup_over_{name}"] for name in (FULL, TRUNCATED)}
        assert over[FULL]["value"] == pytest.approx(rows[seconds_of(FULL)]["value"] / mine)
        assert over[TRUNCATED]["value"] == pytest.approx(rows[seconds_of(TRUNCATED, form)]["value"] / mine)


def test_errors_have_every_rank_and_their_spread_over_seeds(rows):
    for algorithm in (TRUNCATED, RANDOMIZED):
        low, middle, high = (
            np.array([rows[error_of(algorithm, rank, part)]["value"] for rank in range(1, N_DIMS + 1)])
            for part in ("_smallest", "", "_largest")
        )
        assert (low <= middle * (1 + 1e-12)).all()
        assert (middle <= high * (1 + 1e-12)).all()
        assert rows[worst_error(algorithm, 10)]["value"] == high[:10].max()
        assert rows[worst_error(algorithm, N_DIMS)]["value"] == high.max()
        assert error_of(algorithm, N_DIMS + 1) not in rows
    assert rows[worst_error(TRUNCATED, N_DIMS)]["value"] < 1e-12
    assert 1e-6 < rows[worst_error(RANDOMIZED, N_DIMS)]["value"] < 0.2  # noise beyond the 4 types
    assert rows[error_of(RANDOMIZED, N_DIMS, "_largest")] != rows[error_of(RANDOMIZED, N_DIMS, "_smallest")]


def test_the_controls_of_a_real_decomposition_hold(rows):
    assert rows[RECONSTRUCTION]["value"] < 1e-13
    assert rows[EXCESS]["value"] < 1e-10
    assert rows[DIFFERENCE]["value"] < 1e-12
    assert 0.9 < rows[CAPTURED]["value"] <= 1
    assert set(BOUNDS) <= set(rows)


def test_errors_are_shares_of_the_exact_value():
    np.testing.assert_allclose(relative_errors(np.array([3.0, 1.0]), np.array([2.0, 4.0])), [0.5, 0.75])


def test_a_lost_singular_value_is_a_reconstruction_error(rng):
    A = rng.normal(size=(8, 5))
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    assert reconstruction_error(A, U, s, Vt) < 1e-14
    lost = s * [1, 1, 1, 1, 0]
    assert reconstruction_error(A, U, lost, Vt) == pytest.approx(s[4] / np.linalg.norm(A))


def test_arpack_finds_the_same_in_an_array_and_in_blocks_never_formed(rng, monkeypatch):
    monkeypatch.setattr(_selected_cells, "BLOCK_ROWS", 30)
    counts = rng.poisson(rng.gamma(0.5, 4, (5, 40))[rng.integers(0, 5, 100)])
    selected = select_all(CellChunks.from_matrix(counts), np.arange(40, dtype=np.int32), 40, transform=0)
    matrix = StandardizedMatrix(selected, gene_statistics(selected))
    assert len(list(matrix.blocks())) == 4
    exact = np.linalg.svd(matrix.toarray(), full_matrices=False)
    for given in (matrix.toarray(), as_operator(matrix)):
        U, s, Vt = truncated_svd(given, 6, seed=3)
        np.testing.assert_allclose(s, exact[1][:6], rtol=1e-10)
        np.testing.assert_allclose(np.abs(np.sum(Vt * exact[2][:6], axis=1)), 1, rtol=1e-8)
        np.testing.assert_allclose((U * s) @ Vt, (exact[0][:, :6] * exact[1][:6]) @ exact[2][:6], atol=1e-7)


@pytest.mark.parametrize(("long_s", "n_expected"), [(1e9, svd_timing.N_REPEATS), (-1.0, 1)])
def test_only_the_randomised_one_is_repeated_whatever_it_takes(monkeypatch, long_s, n_expected):
    monkeypatch.setattr(svd_timing, "LONG_S", long_s)
    seeds = []

    def decompose(seed):
        seeds.append(seed)
        return np.empty(0), np.array([float(seed)]), np.empty(0)

    timed = svd_timing._timed(decompose, range(N_SEEDS), all_seeds=False)
    assert seeds == list(range(n_expected))
    assert timed.values.ravel().tolist() == seeds
    assert timed.last[1] == seeds[-1]
    assert len(svd_timing._timed(decompose, range(N_SEEDS), all_seeds=True).values) == N_SEEDS


def table_of(**values):
    scores = Scores({"threads": 1, "host": ""})
    for name, value in values.items():
        scores.add(name, value, 100)
    return scores


def test_a_number_beyond_its_bound_fails_the_job():
    check_errors(table_of(**{name: 0.9 * bound for name, bound in BOUNDS.items()}).table(), "cells")
    for name, bound in BOUNDS.items():
        for value in (1.1 * bound, np.nan):
            with pytest.raises(DataError, match=f"cells: singular values .* {name} is"):
                check_errors(table_of(**{name: value}).table(), "cells")


def test_what_did_not_run_is_no_wrong_number():
    scores = table_of()
    scores.miss(seconds_of(FULL), 0, "timeout", "took longer than its limit of 1 s")
    check_errors(scores.table(), "cells")


def test_in_a_job_of_its_own_from_cells_alone(cells):
    table = time_svd(only(cells), settings())
    assert table["status"].eq("ok").all()
    assert not is_failed(table)
    assert table["metric"].is_unique


def test_a_wrong_decomposition_fails_the_job(cells, monkeypatch):
    wrong = pd.DataFrame(table_of(**{RECONSTRUCTION: 0.1}).table())
    monkeypatch.setattr(svd_timing, "on_all_cells", lambda *given, **more: wrong)
    with pytest.raises(DataError, match="planted"):
        time_svd(only(cells), settings())


def test_what_fails_or_does_not_apply_is_a_row(cells):
    table = time_svd(only(cells), settings(n_dims=1000), say=lambda line: None)
    assert is_failed(table)
    assert table["reason"].str.contains("n_dims=1000").all()
    assert table["metric"].tolist() == [seconds_of(FULL)]
    other = time_svd(only(cells), settings(accepts="lognorm"))
    assert other["status"].tolist() == [NOT_APPLICABLE]
    assert not is_failed(other)
