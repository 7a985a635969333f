"""SingleCellNet: class genes and top pairs against slow twins and by hand, and what its forest makes of them."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from schash import top_pairs as pairs_module
from schash.errors import ConfigError, DataError
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.singlecellnet import SingleCellNet, _for_class_genes
from schash.metrics.annotation import UNASSIGNED
from schash.preprocess import log1p_counts, scaled_log1p
from schash.top_pairs import (
    _largest,
    class_genes,
    detected_genes,
    pair_features,
    pattern_correlations,
    shuffled_profiles,
    top_pairs,
)

SMALL = {"n_genes": 8, "n_pairs": 12, "n_trees": 60}


@pytest.fixture
def train(planted):
    """All four types, every second cell."""
    X, y, genes = planted
    return TrainingCells(X[::2], y[::2], genes, "counts")


@pytest.fixture
def query(planted):
    """The other cells, and their types."""
    X, y, genes = planted
    return QueryCells(X[1::2], genes, "counts"), y[1::2]


def dense(rng, n_cells=60, n_genes=40, n_types=3):
    """Counts (n_cells, n_genes), some genes of which go with a type, and the types."""
    type_of = np.arange(n_cells) % n_types
    mean = (0.8 + rng.gamma(1.0, 1.0, n_genes)) * np.exp(rng.normal(0, 0.7, (n_types, n_genes)))
    return rng.poisson(mean[type_of]).astype(np.float32), type_of


# ---- class genes ----


def test_correlations_from_sums_are_those_of_numpy(rng):
    X, type_of = dense(rng)
    X = X.astype(float)
    X[:, 3], X[:, 4] = 0, 0.1  # constant, and not exactly so once summed
    for one in range(3):
        of_type = type_of == one
        found = pattern_correlations(X.sum(0), (X**2).sum(0), X[of_type].sum(0), 20, 60)
        varied = np.delete(np.arange(40), [3, 4])
        expected = [np.corrcoef(X[:, gene], of_type)[0, 1] for gene in varied]
        np.testing.assert_allclose(found[varied], expected, atol=1e-6)
        assert np.isnan(found[[3, 4]]).all()


def test_genes_that_enough_cells_have():
    """Of 2,000 cells: more than 100 however weakly, or more than 2 where their mean is above 2."""
    X = np.zeros((2000, 7))
    for gene, (n_cells, value) in enumerate(
        [(101, 0.1), (100, 0.1), (3, 2.1), (2, 9), (3, 2), (0, 0), (2000, -1)]
    ):
        X[:n_cells, gene] = value
    np.testing.assert_array_equal(detected_genes(sparse.csr_matrix(X)), [0, 2])
    X[:3, 4], X[0, 4] = 2, 2.1  # a mean just above
    X[3:, 4] = -5  # what is below 0 is not detected, nor part of the mean
    np.testing.assert_array_equal(detected_genes(sparse.csr_matrix(X)), [0, 2, 4])


def slow_class_genes(X, type_of, n_genes):
    chosen = []
    for one in range(type_of.max() + 1):
        correlation = np.array([np.corrcoef(gene, type_of == one)[0, 1] for gene in X.T.astype(float)])
        order = sorted(range(X.shape[1]), key=lambda gene: -correlation[gene])
        for gene in order[:n_genes] + order[len(order) - n_genes :]:
            if gene not in chosen:
                chosen.append(gene)
    return chosen


@pytest.mark.parametrize("n_genes", [1, 4, 15, 20])
def test_class_genes_equal_the_slow_twin(rng, n_genes):
    X, type_of = dense(rng)
    assert len(detected_genes(sparse.csr_matrix(X))) == 40
    found = class_genes(sparse.csr_matrix(X), type_of, n_genes)
    np.testing.assert_array_equal(found, slow_class_genes(X, type_of, n_genes))


def test_class_genes_by_hand():
    """Gene 2 goes with type 0, gene 1 against it; 0 is constant, 3 is in too few cells. Type 1 is the reverse."""
    X = np.tile([5.0, 1.0, 9.0, 0.0], (40, 1))
    type_of = np.arange(40) % 2
    X[type_of == 1, 1], X[type_of == 1, 2] = 3, 2
    X[0, 3] = 1
    np.testing.assert_array_equal(class_genes(sparse.csr_matrix(X), type_of, 1), [2, 1])
    np.testing.assert_array_equal(class_genes(sparse.csr_matrix(X), type_of, 5), [2, 1])


def test_values_in_which_class_genes_are_sought():
    X = sparse.csr_matrix(np.array([[1, 39_999, 0], [0.1, 4_000, 0], [0, 0, 0]], np.float32))
    found = _for_class_genes(X, "counts").toarray()
    np.testing.assert_allclose(found[0], np.log1p([0.25, 9999.75, 0]), rtol=1e-6)
    np.testing.assert_allclose(found[1], np.log1p([0, 9999.75, 0]), rtol=1e-6)  # 0.1 of 4,000.1 is too little
    np.testing.assert_array_equal(found[2], 0)
    for values in ("lognorm", "corrected", "compressed"):
        np.testing.assert_array_equal(_for_class_genes(X, values).toarray(), X.toarray())


# ---- top pairs ----


def slow_top_pairs(values, type_of, n_pairs):
    """Greedy over all pairs in the order of their exact correlation: signed square, in fractions."""
    n_cells, chosen = len(type_of), []
    for one in range(type_of.max() + 1):
        ranked = []
        for index, (a, b) in enumerate(combinations(range(values.shape[1]), 2)):
            greater = [bool(cell[a] > cell[b]) for cell in values]
            total, in_type = sum(greater), sum(g for g, t in zip(greater, type_of, strict=True) if t == one)
            spread = n_cells * total - total**2
            covariance = n_cells * in_type - total * int((type_of == one).sum())
            if spread:
                ranked.append((-Fraction(covariance * abs(covariance), spread), index, a, b))
        used, of_type = dict.fromkeys(range(values.shape[1]), 0), []
        for _, _, a, b in sorted(ranked):
            if used[a] < 3 and used[b] < 3 and len(of_type) < n_pairs:
                used[a], used[b] = used[a] + 1, used[b] + 1
                of_type.append((a, b))
        chosen += [pair for pair in of_type if pair not in chosen]
    return chosen


@pytest.mark.parametrize("n_pairs", [1, 5, 30, 400])
@pytest.mark.parametrize("block", [1, 16])
def test_top_pairs_equal_the_slow_twin(rng, monkeypatch, n_pairs, block):
    monkeypatch.setattr(pairs_module, "GENES_A_BLOCK", block)
    values, type_of = dense(rng, n_cells=33, n_genes=25)
    found = top_pairs(values, type_of, n_pairs)
    np.testing.assert_array_equal(found, slow_top_pairs(values, type_of, n_pairs))


def test_one_gene_that_leads_all_pairs_does_not_hide_the_others(rng):
    """The best 399 pairs are of one gene, which may be in 3: the search goes on below them."""
    values = rng.poisson(3.0, (30, 400)).astype(np.float32)
    type_of = np.arange(30) % 2
    values[:, 0] = np.where(type_of == 1, 99, 0)
    found = top_pairs(values, type_of, 4)
    of_last_type = found[-4:]
    assert np.count_nonzero(of_last_type == 0) == 3
    np.testing.assert_array_equal(of_last_type[:3], [[0, 1], [0, 2], [0, 3]])
    assert of_last_type[3].min() > 0


def test_top_pairs_by_hand():
    """Gene 0 exceeds each other in type 0 alone; 1 and 2 exceed 3 in type 1 alone; 1 exceeds 2 in every cell."""
    values = np.array([[9, 1, 0, 4], [9, 1, 0, 4], [1, 9, 5, 4], [1, 9, 5, 4]], np.float32)
    type_of = np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(top_pairs(values, type_of, 1), [[0, 1], [1, 3]])
    np.testing.assert_array_equal(top_pairs(values, type_of, 2), [[0, 1], [0, 2], [1, 3], [2, 3]])


def test_the_largest_are_the_first_of_all_in_order(rng):
    """With many equal ones: however many are asked for, none is skipped that should come before another."""
    values = np.append(rng.integers(0, 6, 500) / 8, [np.nan, np.nan, 2.0])[rng.permutation(503)]
    in_order = sorted(np.flatnonzero(~np.isnan(values)), key=lambda i: (-values[i], i))
    for n in (1, 2, 7, 80, 300, 501, 600):
        found = _largest(values, n)
        assert len(found) >= min(n, 501)
        np.testing.assert_array_equal(found, in_order[: len(found)])


def test_features_say_which_gene_is_larger():
    values = np.array([[3, 1, 1], [0, 0, 2]], np.float32)
    found = pair_features(values, np.array([[0, 1], [1, 2], [2, 0], [0, 2]]))
    np.testing.assert_array_equal(found, [[1, 0, 0, 1], [0, 0, 1, 0]])
    assert found.dtype == np.float32


def test_random_profiles_keep_how_often_but_not_which():
    rng = np.random.default_rng(0)
    features = np.zeros((50, 40), np.float32)
    features[:, :10] = 1
    found = shuffled_profiles(features, 200, rng)
    assert found.shape == (200, 40)
    np.testing.assert_array_equal(found.sum(axis=1), 10)  # drawn of each feature: here always the same
    assert found[:, :10].mean() == pytest.approx(0.25, abs=0.05)
    features[::2] = 0
    mixed = shuffled_profiles(features, 200, rng).sum(axis=1)
    assert mixed.mean() == pytest.approx(5, abs=0.5)
    assert mixed.std() == pytest.approx(np.sqrt(2.5), abs=0.4), "each feature comes from a cell of its own"
    assert shuffled_profiles(features, 0, rng).shape == (0, 40)


# ---- the method ----


def test_genes_and_pairs_are_found_as_described(train):
    deep = np.where(
        np.arange(len(train.y)) % 3 == 0, 60_000, 40
    )  # of 60,000 counts, 1 is scaled to less than 0.25
    train = replace(train, X=sparse.hstack([train.X[:, :-1], deep[:, None]]).tocsr())
    model = SingleCellNet(**SMALL).fit(train)
    type_of = np.unique(train.y, return_inverse=True)[1]
    columns = class_genes(_for_class_genes(train.X, "counts"), type_of, 8)
    np.testing.assert_array_equal(model._genes, train.genes[columns])
    raw = train.X[:, columns].toarray()
    np.testing.assert_array_equal(model._pairs, top_pairs(raw, type_of, 12))
    scaled = _for_class_genes(train.X, "counts")[:, columns].toarray()
    assert np.count_nonzero(scaled) < np.count_nonzero(raw), "pairs see what is too little for class genes"
    assert not np.array_equal(model._pairs, top_pairs(scaled, type_of, 12))


def test_votes_are_those_of_its_trees(train, query):
    model = SingleCellNet(**SMALL).fit(train)
    cells, truth = query
    found = model.predict(cells)
    features = pair_features(cells.on(model._genes).X.toarray(), model._pairs)
    votes = np.zeros((len(truth), 5))
    for tree in model._forest.estimators_:
        votes[np.arange(len(truth)), tree.predict(features).astype(int)] += 1
    np.testing.assert_array_equal(votes.sum(axis=1), 60)
    assigned = votes[:, :4].max(axis=1) >= votes[:, 4]
    expected = np.where(assigned, model._types[votes[:, :4].argmax(axis=1)], UNASSIGNED)
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_allclose(found.margin, votes[:, :4].max(axis=1) / 60, rtol=1e-6)
    assert np.mean(found.labels == truth) > 0.95


def test_who_wins_a_tie(train, query, monkeypatch):
    """The first type by name, and any type against the random profiles."""
    model = SingleCellNet(**SMALL).fit(train)
    votes = np.array([[20, 20, 0, 0, 20], [0, 0, 0, 30, 30], [0, 29, 0, 1, 30]])
    monkeypatch.setattr(model, "_votes", lambda X: votes)
    found = model.predict(query[0])
    np.testing.assert_array_equal(found.labels, ["type A", "type D", UNASSIGNED])
    np.testing.assert_allclose(found.margin, [1 / 3, 1 / 2, 29 / 60])


def test_the_forest_has_the_published_settings(train):
    model = SingleCellNet(n_trees=5).fit(train)
    settings = model._forest.get_params()
    assert (settings["max_features"], settings["min_samples_leaf"], settings["bootstrap"]) == (
        "sqrt",
        1,
        True,
    )
    assert (settings["max_depth"], settings["criterion"], settings["max_samples"]) == (None, "gini", None)
    defaults = SingleCellNet()
    assert (defaults.n_genes, defaults.n_pairs, defaults.n_random, defaults.n_trees) == (25, 50, 70, 2000)
    # 70 random profiles beside the cells, as the last class
    assert model._forest.estimators_[0].tree_.n_classes[0] == 5
    assert len(model._forest.estimators_samples_[0]) == len(train.y) + 70


def test_cells_of_no_type_are_left_out(train, query):
    """Genes in random order within each cell: what the random profiles stand for."""
    model = SingleCellNet(**SMALL, n_random=100).fit(train)
    cells, truth = query
    noise = np.random.default_rng(0).permuted(cells.X.toarray(), axis=1)
    rejected = model.predict(replace(cells, X=noise)).labels == UNASSIGNED
    assert rejected.mean() > 0.7
    assert np.mean(model.predict(cells).labels == UNASSIGNED) < 0.05
    always = SingleCellNet(**SMALL, n_random=100, reject=False).fit(train).predict(replace(cells, X=noise))
    assert not np.any(always.labels == UNASSIGNED)
    assigned = model.predict(replace(cells, X=noise))
    np.testing.assert_array_equal(assigned.labels[~rejected], always.labels[~rejected])
    np.testing.assert_array_equal(assigned.margin, always.margin)
    without = SingleCellNet(**SMALL, n_random=0, reject=False).fit(train).predict(cells)
    assert np.mean(without.labels == truth) > 0.95


def test_a_type_may_be_called_rand(train, query):
    cells, truth = query
    y = np.where(train.y == "type B", "rand", train.y)
    found = SingleCellNet(**SMALL).fit(replace(train, y=y)).predict(cells)
    assert np.mean(found.labels[truth == "type B"] == "rand") > 0.7


def test_only_the_order_within_a_query_cell_counts(train, query):
    model, (cells, _) = SingleCellNet(**SMALL).fit(train), query
    expected = model.predict(cells)
    scales = sparse.diags(np.linspace(0.1, 40, cells.X.shape[0]))
    for X, values in (
        (scales @ cells.X, "noninteger"),
        (scaled_log1p(cells.X), "lognorm"),
        (cells.X.toarray() - 7, "corrected"),
    ):
        found = model.predict(QueryCells(X, cells.genes, values))
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.margin, expected.margin)


@pytest.mark.parametrize("values", ["lognorm", "corrected", "compressed"])
def test_takes_values_that_are_not_counts(train, query, values):
    cells, truth = query
    shift = 0.1 if values == "corrected" else 0
    X = log1p_counts(train.X).toarray() - shift
    model = SingleCellNet(**SMALL).fit(TrainingCells(X, train.y, train.genes, values))
    found = model.predict(QueryCells(log1p_counts(cells.X).toarray() - shift, cells.genes, values))
    assert np.mean(found.labels == truth) > 0.95


def test_the_seed_decides_and_the_threads_do_not(train, query, monkeypatch):
    found = {}
    for seed, n_threads in ((0, "1"), (0, "2"), (1, "2")):
        monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
        model = SingleCellNet(**SMALL, seed=seed).fit(train)
        assert (model._forest.random_state, model._forest.n_jobs) == (seed, int(n_threads))
        found[seed, n_threads] = model.predict(query[0])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    model.predict(query[0])
    assert model._forest.n_jobs == 1, "as many as are allowed when it is asked"
    np.testing.assert_array_equal(found[0, "1"].margin, found[0, "2"].margin)
    np.testing.assert_array_equal(found[0, "1"].labels, found[0, "2"].labels)
    assert np.any(found[0, "2"].margin != found[1, "2"].margin)


def test_blocks_of_query_cells_change_nothing(train, query, monkeypatch):
    model = SingleCellNet(**SMALL).fit(train)
    expected = model.predict(query[0])
    monkeypatch.setattr("schash.methods.singlecellnet.BLOCK", 7)
    found = model.predict(query[0])
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.margin, expected.margin)


def test_a_balanced_sample_of_training_cells(planted, monkeypatch):
    X, y, genes = planted
    kept = np.flatnonzero((y != "type D") | (np.arange(160) >= 149))  # 11 of type D
    train = TrainingCells(X[kept], y[kept], genes, "counts")
    seen = []

    def class_genes_seen(values, type_of, n_genes):
        seen.append((values.toarray(), type_of))
        return class_genes(values, type_of, n_genes)

    monkeypatch.setattr("schash.methods.singlecellnet.class_genes", class_genes_seen)
    for seed in (0, 0, 1):
        SingleCellNet(**SMALL, cells_per_type=20, seed=seed).fit(train)
    all_values = _for_class_genes(train.X, "counts").toarray()
    for values, type_of in seen:
        np.testing.assert_array_equal(np.bincount(type_of), [20, 20, 20, 11])
        rows = [np.flatnonzero((all_values == cell).all(axis=1))[0] for cell in values]
        assert len(set(rows)) == 71, "no cell twice"
        np.testing.assert_array_equal(np.unique(train.y, return_inverse=True)[1][rows], type_of)
    np.testing.assert_array_equal(seen[0][0], seen[1][0])
    assert np.any(seen[0][0] != seen[2][0])


def test_an_empty_cell_and_missing_genes(train, query):
    model, (cells, truth) = SingleCellNet(**SMALL).fit(train), query
    empty = model.predict(replace(cells, X=cells.X[:1] * 0))
    assert empty.labels[0] in {*truth, UNASSIGNED}
    lacks = np.isin(cells.genes, model._genes[:2])
    zeroed = cells.X.toarray()
    zeroed[:, lacks] = 0
    expected = model.predict(replace(cells, X=zeroed))
    found = model.predict(QueryCells(cells.X[:, ~lacks], cells.genes[~lacks], "counts"))
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_cells_that_no_pair_tells_apart_are_refused():
    genes = np.array(["a", "b", "c"])
    for X in (np.full((24, 3), 2), np.zeros((24, 3))):
        with pytest.raises(DataError, match="no pair of genes tells the types apart; 0 of 3 genes"):
            SingleCellNet(**SMALL).fit(TrainingCells(X, np.repeat(["s", "t"], 12), genes, "counts"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_genes": 0}, "n_genes must be a whole number of at least 1, got 0"),
        ({"n_pairs": 0}, "n_pairs must be a whole number of at least 1"),
        ({"n_trees": 10.5}, "n_trees must be a whole number of at least 1, got 10.5"),
        ({"n_random": 0}, "n_random must be a whole number of at least 1, got 0"),
        ({"n_random": -1, "reject": False}, "n_random must be a whole number of at least 0"),
        ({"cells_per_type": 0}, "cells_per_type must be a whole number of at least 1"),
        ({"n_genes": "25"}, "n_genes must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SingleCellNet(**options)
