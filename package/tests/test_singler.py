"""SingleR: labels of R's package, a slow twin, markers, and genes that a query lacks.

R's package 2.0 and `singler` share a core in C++. What R tells is that markers, settings and normalisation are as
there; whether the core does what the paper says is for the twin to tell.
"""

import importlib.util
import os
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.errors import ConfigError, DataError
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.singler import SingleR
from schash.preprocess import scaled_log1p
from schash.splits import make_split

FIXTURES = Path(__file__).parent / "data" / "singler_r"
REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
MIRROR = os.environ.get("SCHASH_MIRROR")
REAL = ("segerstolpe_neuca", "zheng_sorted")
N_REAL = 200
"""Query cells of each. Of all 775 of zheng_sorted and all 371 of baron_mouse, every label was that of R as well."""
SIZES = {"a": 11, "b": 25, "c": 60, "d": 30, "e": 40, "f": 24}


def simulated_fold():
    """Counts of 6 types, the latter halves of each pair alike: training and query cells, rows and types of these."""
    rng = np.random.default_rng(
        11
    )  # uniform numbers alone: other draws may change from one numpy to the next
    n_genes, query_sizes = 180, dict.fromkeys(SIZES, 30)
    profile = np.tile(0.3 + 2 * rng.random(n_genes) ** 3, (len(SIZES), 1))
    for i in range(len(SIZES)):
        profile[i, 20 * (i // 2) : 20 * (i // 2) + 20] += 1.5
        profile[i, 60 + 20 * i : 80 + 20 * i] += 1.2
    cells = []
    for sizes in (SIZES, query_sizes):
        type_of = np.repeat(np.arange(len(sizes)), list(sizes.values()))
        depth = 0.5 + rng.random((len(type_of), 1))
        X = np.floor(-np.log(1 - rng.random((len(type_of), n_genes))) * profile[type_of] * depth)
        cells.append((sparse.csr_matrix(X), np.array(list(sizes))[type_of]))
    genes = np.array([f"GENE{i:03d}" for i in range(n_genes)])
    (X, y), (Q, truth) = cells
    return TrainingCells(X, y, genes, "counts"), QueryCells(Q, genes, "counts"), np.arange(len(truth)), truth


def real_fold(name):
    """The first fold of the benchmark: training cells, N_REAL query cells, rows and types of these."""
    dataset = REGISTRY.dataset(name)
    files = {file.name: Path(MIRROR) / dataset.source / file.name for file in REGISTRY.source_of(name).files}
    loaded = load_dataset(dataset, files)
    cells = loaded.cells
    split = make_split(loaded.labels, cells.obs, dataset=name, scheme="cv5", seed=0)
    train, query = (split.part(part).query("fold == 0") for part in ("train", "query"))
    query = query.head(N_REAL)
    X, genes, values = sparse.csr_matrix(cells.X), cells.var_names.to_numpy(str), cells.uns["values"]
    rows, truth = query["row"].to_numpy(), query["label"].to_numpy(str)
    training = TrainingCells(X[train["row"].to_numpy()], train["label"].to_numpy(str), genes, values)
    return training, QueryCells(X[rows], genes, values), rows, truth


@pytest.fixture(scope="module")
def fold():
    return simulated_fold()


@pytest.fixture(scope="module")
def fitted(fold):
    return SingleR().fit(fold[0])


# ---- R ----


def labels_of_r(name):
    return pd.read_csv(FIXTURES / f"{name}.tsv", sep="\t", comment="#", dtype={"label": str})


@pytest.mark.parametrize(
    "name",
    [
        "simulated",
        *(
            pytest.param(name, marks=pytest.mark.skipif(not MIRROR, reason="SCHASH_MIRROR is not set"))
            for name in REAL
        ),
    ],
)
def test_every_label_and_margin_is_that_of_r(name):
    train, query, rows, truth = simulated_fold() if name == "simulated" else real_fold(name)
    found, expected = SingleR().fit(train).predict(query), labels_of_r(name)
    np.testing.assert_array_equal(rows, expected["row"])
    np.testing.assert_array_equal(found.labels, expected["label"])
    np.testing.assert_allclose(found.margin, expected["margin"], rtol=0, atol=1e-6)
    assert 0.75 < np.mean(found.labels == truth) < 1, "the comparison is of cells that are not all easy"


# ---- a slow twin ----


def classic_markers(X, y, n_markers):
    """X : (n_cells, n_genes) dense."""
    types = np.unique(y)
    medians = {one: np.median(X[y == one], axis=0) for one in types}
    n_markers = n_markers or round(500 * (2 / 3) ** np.log2(len(types)))
    markers = {}
    for a, b in permutations(types, 2):
        difference = medians[a] - medians[b]
        order = np.argsort(-difference, kind="stable")[:n_markers]
        markers[a, b] = order[difference[order] > 0]
    return markers


def scaled_ranks(X):
    """Ranks of each row around 0, of length 1/2; a constant row is 0."""
    ranks = stats.rankdata(X, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, 2 * length, out=np.zeros_like(ranks), where=length > 0)


def scores_of(cell, X, y, types, genes, quantile):
    """Quantiles of 1 - 2 d^2, d the distance of scaled ranks: Spearman's correlation, and 1/2 with a constant row."""
    own, others = scaled_ranks(cell[None, genes]), scaled_ranks(X[:, genes])
    correlations = 1 - 2 * np.sum((others - own) ** 2, axis=1)
    return np.array([np.quantile(correlations[y == one], quantile) for one in types])


def test_the_twin_goes_by_spearmans_correlation(rng):
    cell, others = rng.poisson(2.0, 30), rng.poisson(2.0, (5, 30))
    types = np.arange(5)
    expected = [stats.spearmanr(cell, other).statistic for other in others]
    np.testing.assert_allclose(scores_of(cell, others, types, types, np.arange(30), 0.8), expected)


def slow_singler(train, cell, quantile, fine_tune, n_markers):
    """Type and margin of one cell."""
    X, y = scaled_log1p(train.X).toarray(), train.y
    markers, types = classic_markers(X, y, n_markers), np.unique(y)
    while True:
        genes = np.unique(np.concatenate([markers[pair] for pair in permutations(types, 2)]))
        scores = scores_of(cell, X, y, types, genes, quantile)
        top_two = np.sort(scores)[-2:]
        near = scores >= top_two[1] - fine_tune
        if near.all() or near.sum() == 1:
            return types[scores.argmax()], top_two[1] - top_two[0]
        types = types[near]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fine_tune": 0},
        {"fine_tune": 0.2},
        {"fine_tune": 0.01},
        {"quantile": 1},
        {"quantile": 0.5},
        {"n_markers": 3},
    ],
)
def test_equals_the_slow_twin(fold, options):
    train, query, _, _ = fold
    query = replace(query, X=query.X[::12])
    found = SingleR(**options).fit(train).predict(query)
    settings = {"quantile": 0.8, "fine_tune": 0.05, "n_markers": None, **options}
    expected = [slow_singler(train, cell, **settings) for cell in query.X.toarray()]
    np.testing.assert_array_equal(found.labels, [label for label, _ in expected])
    np.testing.assert_allclose(found.margin, [margin for _, margin in expected], atol=1e-5)


@pytest.mark.parametrize("markers", ["auc", "cohens_d"])
def test_markers_for_single_cells(fold, markers):
    """The ten genes that tell a type from another best, by chance of being larger or by standardised difference."""
    pytest.importorskip("scranpy")
    train, query, _, truth = fold
    model = SingleR(markers=markers, n_markers=10).fit(train)
    X = scaled_log1p(train.X).toarray()
    a, b = X[train.y == "a"], X[train.y == "c"]
    if markers == "auc":
        effect = (a[:, None] > b).mean((0, 1)) + (a[:, None] == b).mean((0, 1)) / 2
    else:
        spread = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / 2)
        effect = np.divide(a.mean(0) - b.mean(0), spread, out=np.zeros(180), where=spread > 0)
    best = train.genes[np.argsort(-effect, kind="stable")[:10]]
    assert set(model._reference.built.markers["a"]["c"]) == set(best)
    by_default = SingleR(markers=markers).fit(train).predict(query)
    np.testing.assert_array_equal(model.predict(query).labels, by_default.labels)
    assert np.mean(by_default.labels == truth) > 0.75


# ---- what is special to it ----


def test_markers_are_chosen_again_among_the_genes_that_a_query_has(fold, fitted):
    """Without the best markers of each type, the answer is that of training cells that never had them."""
    train, query, _, _ = fold
    kept = np.setdiff1d(np.arange(180), np.arange(60, 180, 4))
    fewer = QueryCells(query.X[:, kept[::-1]], query.genes[kept[::-1]], "counts")
    logged = scaled_log1p(train.X)[:, kept]
    without = SingleR().fit(TrainingCells(logged, train.y, train.genes[kept], "lognorm"))
    found, expected = fitted.predict(fewer), without.predict(fewer)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.margin, expected.margin)
    # nothing of that query stays behind
    np.testing.assert_array_equal(fitted.predict(query).margin, SingleR().fit(train).predict(query).margin)


def test_only_the_ranks_within_a_query_cell_count(fold, fitted):
    _, query, _, _ = fold
    expected = fitted.predict(query)
    shifted = sparse.csr_matrix(np.sqrt(query.X.toarray()) - 3)
    for X, values in ((scaled_log1p(query.X), "lognorm"), (query.X * 7, "counts"), (shifted, "corrected")):
        found = fitted.predict(QueryCells(X, query.genes, values))
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_allclose(found.margin, expected.margin, atol=1e-6)


def test_the_number_of_threads_changes_nothing(fold, monkeypatch):
    train, query, _, _ = fold
    found = []
    for n_threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
        found.append(SingleR().fit(train).predict(query))
    np.testing.assert_array_equal(found[0].labels, found[1].labels)
    np.testing.assert_array_equal(found[0].margin, found[1].margin)


def backwards(X):
    """The same matrix, the columns of each row from last to first."""
    last_first = np.concatenate(
        [np.arange(start, end)[::-1] for start, end in zip(X.indptr, X.indptr[1:], strict=False)]
    )
    return sparse.csr_matrix((X.data[last_first], X.indices[last_first], X.indptr), shape=X.shape)


def halved(X):
    """The same matrix, each value as the sum of two entries."""
    return sparse.csr_matrix((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)


def test_entries_in_any_order_and_in_parts(fold, fitted):
    train, query, _, _ = fold
    expected = fitted.predict(query).labels
    for make in (backwards, halved):
        X = make(query.X)
        before = X.indices.copy()
        np.testing.assert_array_equal(fitted.predict(replace(query, X=X)).labels, expected)
        np.testing.assert_array_equal(X.indices, before)
        trained = SingleR().fit(replace(train, X=make(train.X)))
        np.testing.assert_array_equal(trained.predict(query).labels, expected)


def test_an_empty_cell_is_as_near_to_all_types(fold, fitted):
    _, query, _, _ = fold
    found = fitted.predict(replace(query, X=query.X[:2] * 0))
    assert set(found.labels) <= set(SIZES)
    np.testing.assert_allclose(found.margin, [0, 0], atol=1e-6)


def test_types_whose_medians_are_equal_everywhere_are_refused():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix(
        (rng.random((60, 40)) < 0.1).astype(np.float32)
    )  # a median is 0 below half the cells
    train = TrainingCells(X, np.repeat(["a", "b"], 30), np.array([f"G{i}" for i in range(40)]), "counts")
    with pytest.raises(DataError, match="none of 40 genes is a classic marker of any type; markers: auc"):
        SingleR().fit(train)


def test_a_query_without_markers_is_refused(fold, fitted):
    train, query, _, _ = fold
    flat = int(np.flatnonzero(~np.isin(train.genes, fitted._reference.genes))[0])
    with pytest.raises(DataError, match="none of 1 genes is a classic marker"):
        fitted.predict(QueryCells(query.X[:, [flat]], query.genes[[flat]], "counts"))
    with pytest.raises(DataError, match=r"shares no gene.*against GENE000"):
        fitted.predict(QueryCells(query.X, np.char.add("X", query.genes), "counts"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantile": 1.2}, "quantile must be from 0 to 1, got 1.2"),
        ({"quantile": -0.1}, "quantile must be from 0 to 1"),
        ({"quantile": "0.8"}, "quantile must be from 0 to 1, got '0.8'"),
        ({"fine_tune": -1}, "fine_tune must be a difference of scores of at least 0, got -1"),
        ({"fine_tune": None}, "fine_tune must be a difference of scores"),
        ({"markers": "wilcox"}, "'wilcox' is not known; allowed: classic, auc, cohens_d"),
        ({"n_markers": 0}, "n_markers must be a whole number of at least 1, or none, got 0"),
        ({"n_markers": 2.5}, "n_markers must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SingleR(**options)


def test_what_the_other_markers_need_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    SingleR()
    with pytest.raises(ConfigError, match="markers: auc needs the package scranpy; pip install scranpy"):
        SingleR(markers="auc")
