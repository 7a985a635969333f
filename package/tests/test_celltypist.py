"""CellTypist: the same model by scikit-learn alone, genes that a query lacks, and an import that leaves no trace."""

import logging
import subprocess
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from schash.errors import ConfigError, DataError
from schash.methods import celltypist as module
from schash.methods.celltypist import CellTypist
from schash.methods.contract import QueryCells, TrainingCells
from schash.preprocess import scaled_log1p


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Types are fitted side by side; on busy cores threads of so little work wait for each other."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def train(planted):
    X, y, genes = planted
    return TrainingCells(X, y, genes, "counts")


@pytest.fixture
def query(planted, rng):
    X, _, genes = planted
    return QueryCells(rng.poisson(X.toarray() + 0.5).astype(np.float32), genes, "counts")


class Twin:
    """The published training, written for one to read: dense, batch by batch, with scikit-learn alone."""

    def __init__(
        self, train, *, seed, epochs=10, batch_size=1000, top_genes=None, whole=False, with_mean=True
    ):
        X = scaled_log1p(train.X).toarray()
        self.genes = np.flatnonzero(X.any(axis=0))
        self.scaler = StandardScaler(with_mean=with_mean).fit(X[:, self.genes])
        Z = np.minimum(self.scaler.transform(X[:, self.genes]), 10)
        if not with_mean:  # scikit-learn moves the intercept of sparse data in smaller steps
            Z = sparse.csr_matrix(Z)
        n_cells, draw = len(X), np.random.RandomState(seed)

        def trained(Z):
            model = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=1000, random_state=seed)
            if whole:
                return model.fit(Z, train.y)
            for _ in range(epochs):
                order = draw.choice(n_cells, n_cells, replace=False)
                for i in range(0, n_cells, batch_size):
                    batch = order[i : i + batch_size]
                    model.partial_fit(Z[batch], train.y[batch], classes=np.unique(train.y))
            return model

        self.kept, self.model = np.arange(len(self.genes)), trained(Z)
        if top_genes:
            strength = np.abs(self.model.coef_)
            self.kept = np.unique(np.argsort(-strength, axis=1)[:, :top_genes])
            self.model = trained(Z[:, self.kept])

    def scores(self, X, lacking=()):
        """Decision scores; `lacking` genes leave the total of a cell and count as their mean."""
        X = X.toarray()
        X[:, list(lacking)] = 0
        Z = np.minimum(self.scaler.transform(scaled_log1p(X).toarray()[:, self.genes]), 10)
        Z[:, np.isin(self.genes, list(lacking))] = 0
        scores = Z[:, self.kept] @ self.model.coef_.T + self.model.intercept_
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores


def assert_same(found, twin, scores):
    top_two = np.sort(scores, axis=1)[:, -2:]
    np.testing.assert_array_equal(found.labels, twin.model.classes_[scores.argmax(axis=1)])
    np.testing.assert_allclose(found.margin, top_two[:, 1] - top_two[:, 0], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("top_genes", [None, 5, 20])
@pytest.mark.parametrize("with_mean", [True, False])
def test_is_what_scikit_learn_makes_of_it(train, query, top_genes, with_mean):
    twin = Twin(train, seed=4, batch_size=80, top_genes=top_genes, with_mean=with_mean)
    options = {"feature_selection": bool(top_genes), "top_genes": top_genes or 300, "with_mean": with_mean}
    model = CellTypist(**options, seed=4).fit(train)
    assert set(model._model.features) == set(train.genes[twin.genes[twin.kept]])
    assert_same(model.predict(query), twin, twin.scores(query.X))


@pytest.mark.parametrize(("batch_size", "expected"), [(50, 50), (159, 159), (160, 80), (1000, 80)])
def test_batches(train, query, monkeypatch, batch_size, expected):
    monkeypatch.setattr(module, "BATCH_SIZE", batch_size)
    model = CellTypist(epochs=3, seed=4).fit(train)
    twin = Twin(train, seed=4, epochs=3, batch_size=expected)
    assert_same(model.predict(query), twin, twin.scores(query.X))


def test_without_batches(train, query):
    twin = Twin(train, seed=4, whole=True)
    found = CellTypist(mini_batch=False, feature_selection=False, seed=4).fit(train).predict(query)
    assert_same(found, twin, twin.scores(query.X))


def test_two_types(train, query):
    two = np.isin(train.y, ["type A", "type B"])
    few = replace(train, X=train.X[two], y=train.y[two])
    twin = Twin(few, seed=0, batch_size=40)
    assert_same(CellTypist(seed=0).fit(few).predict(query), twin, twin.scores(query.X))


def test_genes_that_the_query_lacks_count_as_their_mean(train, query):
    lacking = np.arange(3, 60, 4)
    kept = np.setdiff1d(np.arange(60), lacking)
    order = kept[::-1]
    X = sparse.hstack([query.X[:, order], np.full((160, 1), 9, np.float32)])
    fewer = QueryCells(X, np.append(query.genes[order], "unheard of"), "counts")
    twin = Twin(train, seed=2, batch_size=80)
    assert_same(CellTypist(seed=2).fit(train).predict(fewer), twin, twin.scores(query.X, lacking))


def test_a_query_without_the_genes_of_the_model(train, query):
    X = train.X.toarray()
    X[:, 40:] = 0  # genes without a count are no part of the model
    model = CellTypist().fit(replace(train, X=X))
    assert len(model._model.features) == 40
    with pytest.raises(DataError, match="the query has none of the 40 genes of the model"):
        model.predict(QueryCells(query.X[:, 40:], query.genes[40:], "counts"))
    with pytest.raises(DataError, match="shares no gene"):
        model.predict(replace(query, genes=np.char.add("X", query.genes)))


def test_blocks_of_queries_change_nothing(train, query, monkeypatch):
    model = CellTypist().fit(train)
    at_once = model.predict(query)
    for block in (7, 159):
        monkeypatch.setattr(module, "BLOCK", block)
        in_blocks = model.predict(query)
        np.testing.assert_array_equal(in_blocks.labels, at_once.labels)
        np.testing.assert_allclose(in_blocks.margin, at_once.margin, rtol=1e-5)


def test_empty_cells_come_first(train, query):
    X, Q = train.X.toarray(), query.X.toarray()
    X[0], Q[0] = 0, 0
    model = CellTypist().fit(replace(train, X=X))
    found = model.predict(replace(query, X=Q))
    assert found.labels[0] in set(train.y)
    assert np.isfinite(found.margin).all()
    np.testing.assert_array_equal(found.labels[1:], model.predict(query).labels[1:])


def test_too_few_genes_to_choose_from(train, query):
    chosen = [
        CellTypist(top_genes=top, feature_selection=select).fit(train).predict(query).margin
        for top, select in ((300, True), (60, True), (300, False), (59, True))
    ]
    np.testing.assert_array_equal(chosen[0], chosen[2])
    np.testing.assert_array_equal(chosen[1], chosen[2])
    assert not np.array_equal(chosen[3], chosen[2])
    X = train.X.toarray()
    X[:, 40:] = 0
    few = replace(train, X=X)  # 40 genes that any cell has
    assert len(CellTypist(top_genes=50).fit(few)._model.features) == 40
    assert len(CellTypist(top_genes=3).fit(few)._model.features) <= 12


def test_seed_and_threads(train, query, monkeypatch):
    def fitted(seed):
        return CellTypist(top_genes=10, seed=seed).fit(train)

    first = fitted(1).predict(query).margin
    assert not np.array_equal(first, fitted(2).predict(query).margin)
    monkeypatch.setattr(module, "available_threads", lambda: 2)
    two_threads = fitted(1)
    assert two_threads._model.classifier.n_jobs == 2
    np.testing.assert_array_equal(first, two_threads.predict(query).margin)


def test_leaves_numpy_and_the_log_alone(train, query, monkeypatch, caplog, capfd):
    def state():
        return np.random.get_state()[1].tolist(), np.random.get_state()[2]  # noqa: NPY002

    caplog.set_level(logging.DEBUG)
    before, level = state(), logging.getLogger("celltypist.logger").level
    CellTypist(top_genes=10).fit(train).predict(query)
    assert state() == before
    assert caplog.records == []
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")

    def fail(*args, **options):
        np.random.random()  # noqa: NPY002
        raise RuntimeError

    monkeypatch.setattr(module.celltypist, "train", fail)
    with pytest.raises(RuntimeError):
        CellTypist().fit(train)
    assert state() == before
    assert logging.getLogger("celltypist.logger").level == level


IMPORT = """
import logging, os, warnings
import requests, scanpy  # with filters of their own
before = list(warnings.filters), list(logging.getLogger().handlers), logging.getLogger().level, dict(os.environ)
import schash.methods.celltypist as ours
after = list(warnings.filters), list(logging.getLogger().handlers), logging.getLogger().level, dict(os.environ)
assert before == after, [pair for pair in zip(before, after) if pair[0] != pair[1]]
import celltypist
assert celltypist is ours.celltypist and celltypist is not ours
"""


def test_the_import_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", matplotlib.get_cachedir())  # where its list of fonts lies
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("CELLTYPIST_FOLDER", raising=False)
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (home / ".celltypist").exists()
    assert not list((tmp_path / "tmp").glob("*/data"))


@pytest.mark.parametrize("kind", ["lognorm", "corrected", "compressed"])
def test_linear_values_alone(train, query, kind):
    with pytest.raises(DataError, match=f"values must be counts or noninteger, got '{kind}'"):
        CellTypist().fit(replace(train, values=kind))
    model = CellTypist(epochs=1).fit(replace(train, values="noninteger"))
    with pytest.raises(DataError, match="values must be counts or noninteger"):
        model.predict(replace(query, values=kind))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"top_genes": 2.5}, "top_genes must be a whole number of at least 1, got 2.5"),
        ({"alpha": 0}, "alpha must be a number above 0, got 0"),
        ({"alpha": "1e-4"}, "alpha must be a number above 0, got '1e-4'"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ConfigError, match=message):
        CellTypist(**given)


def test_defaults_are_the_published_ones():
    model = CellTypist()
    assert (model.mini_batch, model.epochs, module.BATCH_SIZE) == (True, 10, 1000)
    assert (model.feature_selection, model.top_genes) == (True, 300)
    assert (model.alpha, model.with_mean) == (1e-4, True)
