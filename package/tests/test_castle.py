"""CaSTLe: fast paths equal their slow twins, and the boosted trees are those of the published settings."""

import numpy as np
import pandas as pd
import pytest
import xgboost
from scipy import sparse
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

from schash.errors import ConfigError, DataError
from schash.methods.castle import Castle, gene_information, one_hot_bins
from schash.methods.contract import QueryCells, TrainingCells

EDGES = (0, 1, 6)


def cut(values: np.ndarray, edges=EDGES) -> np.ndarray:
    """Bins right-closed, by pandas."""
    return pd.cut(values, [-np.inf, *edges, np.inf], labels=False)


@pytest.fixture
def counts(rng):
    """Counts of four types, one of them rare, that overlap: X (240, 60) float32, y."""
    y = np.repeat(["a", "b", "c", "rare"], [90, 80, 55, 15])
    rate = rng.gamma(0.6, 2, size=60)
    profile = {name: rate * rng.lognormal(0, 0.5, size=60) for name in np.unique(y)}
    profile["rare"][:6] += 4
    X = rng.poisson(np.array([profile[name] for name in y])).astype(np.float32)
    return X, y


def training(X: np.ndarray, y: np.ndarray, values="counts") -> TrainingCells:
    return TrainingCells(sparse.csr_matrix(X), y, np.array([f"G{j}" for j in range(X.shape[1])]), values)


def queries(X: np.ndarray, values="counts") -> QueryCells:
    return QueryCells(sparse.csr_matrix(X), np.array([f"G{j}" for j in range(X.shape[1])]), values)


# Bins


@pytest.mark.parametrize("edges", [EDGES, (0,), (0, 0.5, 2, 3, 9)])
def test_bins_are_pandas_cuts(rng, edges):
    X = rng.choice([-2, 0, 0, 0, 0.25, 0.5, 1, 1.5, 2, 3, 6, 6.5, 100], size=(30, 20)).astype(np.float32)
    binned = one_hot_bins(sparse.csr_matrix(X), edges)
    assert binned.shape == (30, 20 * len(edges))
    expected = [cut(X[:, j], edges) == b for j in range(20) for b in range(1, len(edges) + 1)]
    assert np.array_equal(binned.toarray(), np.column_stack(expected))


def test_stored_zeros_are_in_the_lowest_bin():
    X = sparse.csr_matrix(
        (np.array([0, 3, -1], np.float32), np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2)
    )
    before = X.copy()
    assert np.array_equal(one_hot_bins(X, EDGES).toarray(), [[0, 0, 0, 0, 1, 0], [0] * 6])
    assert np.array_equal(X.data, before.data)
    assert np.array_equal(X.indptr, before.indptr)


# Information


@pytest.mark.parametrize("which", ["mi", "nmi"])
def test_information_is_scikit_learns(rng, counts, which):
    X, y = counts
    X[:, 7] = 0  # a gene of one bin
    X[:, 8] = rng.integers(1, 9, len(y))  # a gene without the lowest bin
    types, kind = np.unique(y, return_inverse=True)
    ours = gene_information(one_hot_bins(sparse.csr_matrix(X), EDGES), kind, len(EDGES), which)
    measure = mutual_info_score if which == "mi" else normalized_mutual_info_score
    expected = [[measure(y == name, cut(X[:, j])) for j in range(X.shape[1])] for name in types]
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_information_by_hand():
    X = np.array([[2.0, 1, 1], [2, 1, 1], [0, 1, 0], [0, 1, 7]], dtype=np.float32)
    bins = one_hot_bins(sparse.csr_matrix(X), EDGES)
    kind = np.array([0, 0, 1, 1])
    both = gene_information(bins, kind, 3, "mi")
    np.testing.assert_allclose(both, [[np.log(2), 0, np.log(2)]] * 2, atol=1e-12)
    # the third gene has entropy 1.5 ln 2: 2 * ln 2 / 2.5 ln 2
    np.testing.assert_allclose(gene_information(bins, kind, 3, "nmi"), [[1, 0, 0.8]] * 2, atol=1e-12)


# The method


def castle_dense(X, y, Q, *, n_genes, target_sum, information, max_correlation=None, min_cells=10, **tree):
    """The whole method type after type on dense tables, zeros present, every cut of every column tried."""

    def expression(values):
        if target_sum is None:
            return values.astype(float)
        return np.log2(1 + values / np.maximum(values.sum(axis=1, keepdims=True), 1e-9) * target_sum)

    E, EQ = expression(X), expression(Q)
    genes = [j for j in range(X.shape[1]) if (E[:, j] > 0).sum() > min_cells]
    by_mean = sorted(genes, key=lambda j: -E[:, j].mean())[:n_genes]
    measure = mutual_info_score if information == "mi" else normalized_mutual_info_score
    probabilities = []
    for name in np.unique(y):
        # rounded, so that genes whose information is the same are equals here too
        scores = {j: round(measure(y == name, cut(E[:, j])), 10) for j in genes}
        chosen = list(dict.fromkeys(by_mean + sorted(genes, key=lambda j: -scores[j])[:n_genes]))
        if max_correlation is not None:
            r = np.corrcoef(E[:, chosen].T)
            chosen = [j for i, j in enumerate(chosen) if not (r[i, i + 1 :] >= max_correlation).any()]
        design, design_query = (
            np.column_stack([cut(M[:, j]) == b for j in chosen for b in (1, 2, 3)]).astype(float)
            for M in (E, EQ)
        )
        model = xgboost.XGBClassifier(tree_method="exact", base_score=0.5, n_jobs=1, **tree)
        model.fit(design, (y == name).astype(int))
        probabilities.append(model.predict_proba(design_query)[:, 1])
    return np.column_stack(probabilities)


PUBLISHED = {"n_estimators": 20, "learning_rate": 0.7, "gamma": 0.001, "max_depth": 5, "min_child_weight": 10}


@pytest.mark.parametrize(
    ("parameters", "twin"),
    [
        ({}, {"target_sum": 1e6, "information": "nmi"}),
        ({"target_sum": None}, {"target_sum": None, "information": "nmi"}),
        ({"target_sum": 300, "information": "mi"}, {"target_sum": 300, "information": "mi"}),
        (
            {"target_sum": None, "max_correlation": 0.4},
            {"target_sum": None, "information": "nmi", "max_correlation": 0.4},
        ),
        (
            {"min_cells": 140, "target_sum": None},
            {"min_cells": 140, "target_sum": None, "information": "nmi"},
        ),
    ],
)
def test_whole_method_against_a_dense_exact_twin(rng, counts, parameters, twin):
    X, y = counts
    Q = rng.poisson(X[rng.permutation(len(y))[:100]]).astype(np.float32)
    predictions = Castle(n_genes=12, **parameters).fit(training(X, y)).predict(queries(Q))
    p = castle_dense(X, y, Q, n_genes=12, **twin, **PUBLISHED)
    best = np.sort(p, axis=1)
    assert np.array_equal(predictions.labels, np.unique(y)[p.argmax(axis=1)])
    np.testing.assert_allclose(predictions.margin, best[:, -1] - best[:, -2], atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "twin"),
    [
        ({"rounds": 3}, {"n_estimators": 3}),
        ({"eta": 0.1}, {"learning_rate": 0.1}),
        ({"gamma": 2}, {"gamma": 2}),
        ({"max_depth": 1}, {"max_depth": 1}),
        ({"min_child_weight": 1}, {"min_child_weight": 1}),
    ],
)
def test_every_setting_of_the_trees_reaches_them(counts, parameters, twin):
    X, y = counts
    predictions = Castle(n_genes=12, target_sum=None, **parameters).fit(training(X, y)).predict(queries(X))
    p = castle_dense(X, y, X, n_genes=12, target_sum=None, information="nmi", **{**PUBLISHED, **twin})
    best = np.sort(p, axis=1)
    np.testing.assert_allclose(predictions.margin, best[:, -1] - best[:, -2], atol=1e-5)
    published = Castle(n_genes=12, target_sum=None).fit(training(X, y)).predict(queries(X))
    assert not np.allclose(published.margin, predictions.margin, atol=1e-4)


def test_published_settings():
    settings = Castle().settings
    assert (settings.n_genes, settings.information, settings.edges) == (100, "nmi", (0, 1, 6))
    assert (settings.min_cells, settings.target_sum, settings.max_correlation) == (10, 1e6, None)
    trees = settings.rounds, settings.eta, settings.gamma, settings.max_depth, settings.min_child_weight
    assert trees == (20, 0.7, 0.001, 5, 10)


def test_one_round_by_hand():
    # One gene says it all. From p = 1/2 a cell has gradient p - y = -+1/2 and hessian 1/4; a leaf of n cells of one
    # label takes eta * (n / 2) / (n / 4 + 1), with xgboost's lambda of 1
    y = np.repeat(["x", "z"], [60, 100])
    X = np.where(y == "x", 2.0, 0.0)[:, None].astype(np.float32)
    predictions = Castle(rounds=1, target_sum=None).fit(training(X, y)).predict(queries(X[[0, -1]]))
    leaf = {n: 1 / (1 + np.exp(-0.7 * (n / 2) / (n / 4 + 1))) for n in (60, 100)}
    assert predictions.labels.tolist() == ["x", "z"]
    # each classifier gives the cell's own type p and the other 1 - p
    np.testing.assert_allclose(predictions.margin, [2 * leaf[60] - 1, 2 * leaf[100] - 1], rtol=1e-5)


def test_min_child_weight_counts_forty_cells_at_first():
    # 40 cells at p (1 - p) = 1/4 weigh 10; one fewer is never split off
    margins = {}
    for n in (39, 40):
        y = np.repeat(["big", "small"], [200, n])
        X = np.column_stack([y == "small", np.ones(len(y))]).astype(np.float32)
        predictions = Castle(target_sum=None).fit(training(X, y)).predict(queries(X[[0, -1]]))
        margins[n] = predictions.labels[1]
    assert margins == {39: "big", 40: "small"}


def test_equals_take_the_first_type():
    y = np.repeat(["p", "q"], [12, 12])
    X = np.ones((24, 3), np.float32)
    predictions = Castle().fit(training(X, y)).predict(queries(np.array([[1, 1, 1], [0, 0, 0]], np.float32)))
    assert predictions.labels.tolist() == ["p", "p"]
    assert predictions.margin.tolist() == [0, 0]


def test_a_gene_needs_more_cells_than_min_cells(rng):
    y = np.repeat(["p", "q"], 30)
    X = np.zeros((60, 3), np.float32)
    X[:10, 0] = X[:11, 1] = X[:, 2] = 5
    cells = training(X, y)
    assert Castle().fit(cells)._used.tolist() == [1, 2]
    zeros_stored = sparse.csr_matrix((X.ravel(), np.tile([0, 1, 2], 60), np.arange(0, 181, 3)), shape=(60, 3))
    assert Castle().fit(TrainingCells(zeros_stored, y, cells.genes, "counts"))._used.tolist() == [1, 2]
    with pytest.raises(DataError, match=r"more than min_cells=60 of the 60 .* allowed: fewer than 60"):
        Castle(min_cells=60).fit(training(X, y))


def test_correlated_genes_stay_unless_asked(rng):
    y = np.repeat(["p", "q"], 60)
    shared = rng.poisson(np.where(y == "p", 2, 9)).astype(np.float32)
    # means fall from left to right, so this is the order of the list; the constant correlates with nothing
    X = np.column_stack(
        [3 * shared + 20, 2 * shared + 10, rng.poisson(4, 120), np.full(120, 3.3), shared * 0.3]
    )
    cells = training(X.astype(np.float32), y)
    assert Castle(target_sum=None).fit(cells)._used.tolist() == [0, 1, 2, 3, 4]
    assert Castle(target_sum=None, max_correlation=0.9).fit(cells)._used.tolist() == [2, 3, 4]


def test_what_is_cut(counts):
    X, y = counts
    scaled = Castle(target_sum=100)._expression(training(X, y))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose((2 ** scaled.toarray() - 1).sum(axis=1), 100, rtol=1e-4)
    assert np.array_equal(Castle(target_sum=None)._expression(training(X, y)).toarray(), X)
    assert np.array_equal(Castle()._expression(training(X, y, "lognorm")).toarray(), X)


def test_depth_matters_only_without_scaling(counts):
    X, y = counts
    for target_sum, same in ((500, True), (None, False)):
        model = Castle(n_genes=12, target_sum=target_sum).fit(training(X, y))
        once, thrice = model.predict(queries(X)), model.predict(queries(3 * X))
        assert np.array_equal(once.margin, thrice.margin) == same


@pytest.mark.parametrize("n_threads", ["1", "3"])
def test_threads_and_seeds_change_nothing(counts, monkeypatch, n_threads):
    X, y = counts
    reference = Castle(n_genes=12).fit(training(X, y)).predict(queries(X))
    monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
    again = Castle(n_genes=12, seed=9).fit(training(X, y)).predict(queries(X))
    assert np.array_equal(reference.margin, again.margin)


def test_xgboosts_settings_stay_as_they_were(counts, capfd):
    before = xgboost.get_config()
    Castle(n_genes=12).fit(training(*counts)).predict(queries(counts[0]))
    assert xgboost.get_config() == before
    assert capfd.readouterr() == ("", "")


def test_query_genes_in_another_order_or_missing(counts):
    X, y = counts
    model = Castle(n_genes=12).fit(training(X, y))
    query = queries(X)
    order = np.arange(60)[::-1]
    turned = QueryCells(query.X[:, order], query.genes[order], "counts")
    assert np.array_equal(model.predict(query).margin, model.predict(turned).margin)
    silenced = X.copy()
    silenced[:, 40:] = 0
    fewer = QueryCells(query.X[:, :40], query.genes[:40], "counts")
    assert np.array_equal(model.predict(queries(silenced)).margin, model.predict(fewer).margin)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_genes": 0}, "n_genes"),
        ({"information": "chi2"}, "information"),
        ({"edges": ()}, "edges"),
        ({"edges": (1, 6)}, "must start at 0, where most values are, and increase"),
        ({"edges": (0, 6, 1)}, "must start at 0"),
        ({"edges": (0, 1, 1)}, "must start at 0"),
        ({"min_cells": -1}, "min_cells"),
        ({"target_sum": 0}, "target_sum"),
        ({"max_correlation": 1.5}, "max_correlation"),
        ({"rounds": 0}, "rounds"),
        ({"eta": 0}, "eta"),
        ({"gamma": -1}, "gamma"),
        ({"max_depth": 0}, "max_depth"),
        ({"min_child_weight": -1}, "min_child_weight"),
        ({"max_dept": 3}, "did you mean 'max_depth'"),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(ConfigError, match=words):
        Castle(**parameters)
