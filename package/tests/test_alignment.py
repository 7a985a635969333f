"""Aligned folds: batches meet, labels have no way in, and every cell stays at its place."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from schash.alignment import FOLD_COLUMNS, align_fold, variable_genes
from schash.data.cells import make_cells, read_cells, write_cells
from schash.errors import ConfigError, DataError
from schash.folds import RunFiles, RunSettings, fold_input, run_folds
from schash.methods.catalogue import MethodRow
from schash.mutual_neighbors import Batch, MnnAligner
from schash.preprocess import scaled_log1p
from schash.splits import make_split, write_split

BATCHES = ("lab1", "lab2", "lab3")
SIZES = (60, 50, 40)


@pytest.fixture
def studies(rng):
    """Counts of 4 types in 3 batches whose genes are scaled at random, and their labels; one in 15 has none."""
    batch = np.repeat(BATCHES, SIZES)
    types = rng.integers(0, 4, len(batch))
    profile = rng.gamma(8, 0.25, (4, 50))
    effect = np.exp(rng.normal(0, 1.5, (3, 50)))
    X = rng.poisson(profile[types] * effect[np.searchsorted(BATCHES, batch)] * 5)
    labels = [None if place % 15 == 0 else f"type {kind}" for place, kind in enumerate(types)]
    return make_cells(
        X,
        [f"cell{place}" for place in range(len(batch))],
        [f"gene{place}" for place in range(50)],
        labels=labels,
        obs={"batch": batch},
        dataset="studies",
        values="counts",
        stand_in_for="x",
    )


def fold_of(studies, fold=1, labels=None, scheme="batch"):
    labels = (studies.labels if labels is None else labels).reset_index(drop=True)
    split = make_split(labels, studies.cells.obs.reset_index(drop=True), dataset="studies", scheme=scheme)
    rows = split.rows[split.rows["fold"] == fold]
    return {part: rows.loc[rows["part"] == part, "row"].to_numpy() for part in ("train", "query")}


def aligned(studies, fold=1, **options):
    return align_fold(studies.cells, **{**fold_of(studies, fold), "scheme": "batch_mnn", **options})


def test_it_is_the_correction_of_the_held_out_batch_towards_the_others_largest_first(studies):
    rows = fold_of(studies, fold=1)
    result = aligned(studies, fold=1)
    batch = studies.cells.obs["batch"].to_numpy()
    logged = scaled_log1p(studies.cells.X)
    genes = np.array(studies.cells.var_names)
    first, third = (rows["train"][batch[rows["train"]] == name] for name in ("lab1", "lab3"))
    second = np.flatnonzero(batch == "lab2")
    by_hand = MnnAligner().align(
        [Batch("lab1", logged[first], genes), Batch("lab3", logged[third], genes)],
        Batch("lab2", logged[second], genes),
    )
    lengths = np.linalg.norm(logged[np.concatenate([first, third])].toarray(), axis=1)
    assert result.facts["scale"] == pytest.approx(lengths.mean(), rel=1e-6)
    X = result.cells.X.toarray() / result.facts["scale"]
    for rows_of_part, corrected in zip((first, third, second), by_hand.batches, strict=True):
        np.testing.assert_allclose(X[rows_of_part], corrected, rtol=1e-5, atol=1e-7)


def test_it_brings_the_batches_together(studies):
    """The nearest training cell is of the query's type more often than before."""
    rows, y = fold_of(studies), studies.labels.to_numpy()

    def agreement(X):
        train, query = (X[rows[part]].toarray() for part in ("train", "query"))
        lengths = [np.linalg.norm(part, axis=1, keepdims=True) for part in (train, query)]
        nearest = np.argmax((query / lengths[1]) @ (train / lengths[0]).T, axis=1)
        return (y[rows["train"]][nearest] == y[rows["query"]]).mean()

    before, after = agreement(scaled_log1p(studies.cells.X)), agreement(aligned(studies).cells.X)
    assert before < 0.5 < 0.9 < after


def test_labels_of_the_held_out_batch_have_no_way_in(studies, rng):
    """Neither which type a query cell has, nor whether it has one, nor which are left out as unseen."""
    batch = studies.cells.obs["batch"].to_numpy()
    labels = studies.labels.copy()
    labels[batch == "lab2"] = rng.choice(["type 0", "type 3", "nowhere else"], (batch == "lab2").sum())
    one, other = fold_of(studies), fold_of(studies, labels=labels)
    assert len(one["query"]) != len(other["query"])
    options = {"scheme": "batch_mnn"}
    results = [align_fold(studies.cells, **rows, **options).cells.X for rows in (one, other)]
    assert (results[0] != results[1]).nnz == 0


def test_genes_are_chosen_on_the_training_cells(studies, rng):
    cells = studies.cells.copy()
    X, held_out = cells.X.toarray(), (cells.obs["batch"] == "lab2").to_numpy()
    X[held_out] = rng.permuted(X[held_out], axis=1)
    cells.X = sparse.csr_matrix(X)
    options = {**fold_of(studies), "scheme": "batch", "n_genes": 10}
    genes = [align_fold(one, **options).cells.var_names.tolist() for one in (studies.cells, cells)]
    assert genes[0] == genes[1]


def test_every_cell_stays_at_its_place_and_the_files_are_prepared_cells(studies, tmp_path):
    result = aligned(studies, n_genes=20)
    write_cells(tmp_path / "1.h5ad", result.cells)
    cells = read_cells(tmp_path / "1.h5ad")
    assert list(cells.obs_names) == list(studies.cells.obs_names)
    assert cells.obs["batch"].tolist() == studies.cells.obs["batch"].tolist()
    assert cells.uns == {"values": "corrected", "dataset": "studies", "stand_in_for": "x"}
    assert cells.n_vars == 20
    took_part = np.zeros(cells.n_obs, bool)
    took_part[fold_of(studies)["train"]] = True
    took_part |= (cells.obs["batch"] == "lab2").to_numpy()
    assert (np.diff(cells.X.indptr) > 0).tolist() == took_part.tolist()
    assert studies.cells.uns["values"] == "counts"


def test_facts(studies):
    facts = aligned(studies).facts
    assert {"fold", *facts} == set(FOLD_COLUMNS)
    assert facts["held_out"] == "lab2"
    assert facts["n_held_out"] == 50
    assert facts["n_train"] == len(fold_of(studies)["train"])
    assert facts["n_batches"] == 2
    assert facts["n_genes"] == 50
    assert facts["n_pairs"] > 0


def test_a_small_batch_lowers_k_and_says_so(studies):
    rows = fold_of(studies)
    batch = studies.cells.obs["batch"].to_numpy()
    few = rows["train"][batch[rows["train"]] == "lab3"][:7]
    rows["train"] = np.concatenate([rows["train"][batch[rows["train"]] == "lab1"], few])
    assert "lowered from 20" in align_fold(studies.cells, **rows, scheme="batch").facts["note"]


def test_variable_genes_vary_within_batches():
    within = np.array([[0, 5, 1, 0], [4, 5, 2, 0], [0, 5, 1, 0], [4, 5, 2, 0]])
    across = within + np.array([0, 100, 0, 0])  # gene 1 tells the batches apart, and nothing else
    batches = [sparse.csr_matrix(X.astype(np.float32)) for X in (within, across)]
    assert variable_genes(batches, 2).tolist() == [0, 2]
    assert variable_genes(batches, 3).tolist() == [0, 1, 2]  # of equal genes the first
    assert variable_genes(batches, 9).tolist() == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        variable_genes(batches, 0)


def test_each_batch_has_the_same_say_in_the_genes():
    quiet = np.repeat([[0.0, 0.0], [0.0, 3.0]], 50, axis=0)
    loud = np.array([[0.0, 0.0], [4.0, 0.0]])
    batches = [sparse.csr_matrix(X, dtype=np.float32) for X in (quiet, loud)]
    assert variable_genes(batches, 1).tolist() == [0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scheme": "cv5"}, "no groups to align; allowed: loso"),
        ({"query": np.array([0, 149])}, r"of one group.*came \['lab1', 'lab3'\]"),
        ({"query": np.array([0, 1])}, r"which no training cell is of; came \['lab1'\]"),
    ],
)
def test_what_is_no_fold_of_groups_is_refused(studies, change, words):
    with pytest.raises(DataError, match=words):
        aligned(studies, **change)


def test_corrected_cells_are_not_corrected_again(studies):
    cells = studies.cells.copy()
    cells.uns["values"] = "corrected"
    with pytest.raises(DataError, match="take the scheme batch, not batch_mnn"):
        align_fold(cells, **fold_of(studies), scheme="batch_mnn")


def test_a_run_takes_each_fold_from_its_own_file(studies, tmp_path):
    obs = studies.cells.obs.reset_index(drop=True)
    split = make_split(studies.labels.reset_index(drop=True), obs, dataset="studies", scheme="batch")
    write_split(split, tmp_path)
    for fold in range(3):
        write_cells(tmp_path / "cells" / f"{fold}.h5ad", aligned(studies, fold).cells)
    files = RunFiles(tmp_path / "cells", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")
    assert fold_input(files, 2).cells == tmp_path / "cells" / "2.h5ad"

    def run(accepts):
        row = {
            "title": "t",
            "class": "schash.methods.cosine:ExactCosine",
            "accepts": accepts,
            "searcher": True,
        }
        limits = {"fold_seconds": 60, "fold_memory_mb": 4000}
        settings = RunSettings("studies", "m", MethodRow.model_validate(row), seed=0, threads=1, **limits)
        return run_folds(files, settings, say=lambda _: None)

    result = run(["corrected"])
    assert result.status["reason"].tolist() == [""] * 3
    truth = pd.read_parquet(tmp_path / "solution.parquet").sort_values(["fold", "row"])["label"].to_numpy()
    predicted = result.predictions.sort_values(["fold", "row"])["label"].to_numpy()
    assert (truth == predicted).mean() > 0.8
    assert run(["counts"]).status["reason"].tolist() == ["takes counts; these cells are corrected"] * 3
