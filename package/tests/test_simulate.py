"""The simulator: sizes that are promised, structure that can be learned, and nothing left to chance."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from schash.data.simulate import simulate, type_sizes
from schash.errors import DataError

STUDIES = {"n_cells": 900, "n_genes": 1000, "n_types": 6, "n_studies": 3, "seed": 5}


@pytest.fixture(scope="module")
def studies():
    return simulate(**STUDIES)


def scaled(cells):
    X = cells.X.toarray().astype(float)
    return np.log1p(X / X.sum(axis=1, keepdims=True) * 1e4)


def held_out_guess(X, y):
    """The nearest centroid (cosine) of the other half of the cells."""
    guess = np.empty_like(y)
    names = np.unique(y)
    for half in (0, 1):
        train = np.arange(len(y)) % 2 != half
        centre = np.array([X[train & (y == name)].mean(axis=0) for name in names]) - X[train].mean(axis=0)
        centre /= np.linalg.norm(centre, axis=1, keepdims=True)
        guess[~train] = names[((X[~train] - X[train].mean(axis=0)) @ centre.T).argmax(axis=1)]
    return guess


def test_same_arguments_same_cells(studies):
    again = simulate(**STUDIES)
    assert (again.cells.X != studies.cells.X).nnz == 0
    assert list(again.labels) == list(studies.labels)
    other = simulate(**{**STUDIES, "seed": 6})
    assert (other.cells.X != studies.cells.X).nnz > 0


def test_shape_names_and_kind(studies):
    cells = studies.cells
    assert cells.shape == (900, 1000)
    assert list(cells.var_names[[0, -1]]) == ["GENE0001", "GENE1000"]
    assert cells.uns["values"] == "counts"
    assert set(cells.obs["study"]) == {"study1", "study2", "study3"}
    assert list(cells.obs["batch"]) == list(cells.obs["study"])


@pytest.mark.parametrize(
    ("n_cells", "n_types", "rare"), [(900, 6, 0), (1200, 24, 6), (22, 2, 0), (33, 3, 10), (50, 1, 0)]
)
def test_sizes(n_cells, n_types, rare):
    sizes = type_sizes(n_cells, n_types, rare)
    assert len(sizes) == n_types
    assert sizes.sum() == n_cells
    assert list(sizes) == sorted(sizes, reverse=True)
    common = sizes[:-1] if rare else sizes
    if len(common) > 1:
        assert common[-1] == 11
    if rare:
        assert sizes[-1] == rare


@pytest.mark.parametrize(
    ("n_cells", "n_types", "rare"), [(21, 2, 0), (100, 2, 11), (100, 1, 5), (100, 0, 0), (100, 3, -1)]
)
def test_sizes_that_cannot_be(n_cells, n_types, rare):
    with pytest.raises(DataError, match="need at least"):
        type_sizes(n_cells, n_types, rare)


def test_counts_of_labels_are_the_sizes():
    labelled = simulate(1200, 200, 24, seed=1, rare_cells=6)
    counts = labelled.labels.value_counts()
    assert dict(counts) == {f"type{i + 1:02d}": size for i, size in enumerate(type_sizes(1200, 24, 6))}


def test_sparsity_and_depth_are_those_of_umis(studies):
    X = studies.cells.X
    density = X.nnz / np.prod(X.shape)
    assert 0.1 < density < 0.4
    depth = np.asarray(X.sum(axis=1)).ravel()
    assert 0.25 < np.log(depth).std() < 0.9


def test_counts_are_overdispersed():
    X = simulate(600, 500, 1, seed=3).cells.X.toarray()
    mean, variance = X.mean(axis=0), X.var(axis=0)
    high = (mean > 0.5) & (mean < 20)
    dispersion = (variance - mean)[high] / mean[high] ** 2
    assert 0.4 < np.median(dispersion) < 0.8, (
        "0.4 of the genes plus what library sizes add; Poisson would give 0.13"
    )


def test_types_can_be_learned_and_pairs_are_close(studies):
    X, y = scaled(studies.cells), studies.labels.to_numpy(dtype=str)
    guess = held_out_guess(X, y)
    assert 0.75 < f1_score(y, guess, average="macro") < 0.999
    centre = np.array([X[y == name].mean(axis=0) for name in sorted(set(y))])
    distance = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    assert distance[0, 1] < min(distance[0, 2:].min(), distance[1, 2:].min())


def test_studies_differ_and_share_most_genes(studies):
    cells, study = studies.cells, studies.cells.obs["study"].to_numpy()
    seen = np.array(
        [np.asarray((cells.X[study == name] > 0).sum(axis=0)).ravel() > 0 for name in sorted(set(study))]
    )
    assert seen.all(axis=0).mean() > 0.8
    means = np.array([np.asarray(cells.X[study == name].mean(axis=0)).ravel() for name in sorted(set(study))])
    lacking = (means == 0) & (np.sort(means, axis=0)[1] > 0.5)
    assert 0.01 < lacking.any(axis=0).sum() / (np.sort(means, axis=0)[1] > 0.5).sum() < 0.2
    guess = held_out_guess(scaled(cells), study)
    assert (guess == study).mean() > 0.8
    for name in set(studies.labels):
        assert len(set(study[studies.labels == name])) == 3


def test_one_study_has_no_study_effect():
    assert set(simulate(100, 50, 3, seed=0).cells.obs["batch"]) == {"study1"}
