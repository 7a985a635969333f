"""Proof that a regression is caught, by name: real methods, searches and scores, with one bug planted at a time.

The clean numbers are made twice: the second time must raise no alarm. Each bug must be told under the method and the
metric that it spoils, and nothing else may be told beside it.
"""

import time

import numpy as np
import pandas as pd
import pytest

from schash import mih, search_race
from schash.calibration import calibrate
from schash.code_databases import LINEAR, MULTI, Database, Hasher
from schash.data.simulate import simulate
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.cosine import ExactCosine
from schash.methods.knn import KNearestNeighbours
from schash.methods.svm import LinearSVM
from schash.metrics import retrieval
from schash.mih import MultiIndex
from schash.regression.comparison import compare
from schash.regression.reading import read_metrics
from schash.regression.wording import where
from schash.retrieval_ids import MAP
from schash.retrieval_ranking import FoldLabels, RetrievalOptions
from schash.retrieval_scoring import score_retrieval
from schash.scoring import score_annotation
from schash.tables import METRIC_COLUMNS, POOLED, write_table
from schash.timing import measured
from schash.timing_table import Scores

FOLDS = 3
METHODS = {
    "svm": LinearSVM,
    "svm_norm": lambda: LinearSVM(scale=True),
    "knn9": lambda: KNearestNeighbours(n_neighbors=9),
}
DATA = "sim"


@pytest.fixture(scope="module")
def cells():
    """(X, y, genes, fold of each cell) of 900 simulated cells of 6 types."""
    made = simulate(900, 600, 6, seed=3)
    y = made.labels.to_numpy(str)
    return made.cells.X, y, np.asarray(made.cells.var_names, dtype=str), np.arange(len(y)) % FOLDS


def parts(cells, fold):
    X, y, genes, folds = cells
    query = folds == fold
    return (
        TrainingCells(X[~query], y[~query], genes, "counts"),
        QueryCells(X[query], genes, "counts"),
        np.flatnonzero(query),
    )


def annotation(cells, method):
    """Scores of every fold and pooled, with the seconds that they took."""
    status, predictions, solution = [], [], []
    for fold in range(FOLDS):
        train, query, rows = parts(cells, fold)
        model = METHODS[method]()
        with measured() as fit:
            model.fit(train)
        with measured() as predict:
            found = model.predict(query)
        costs = {
            "fit_s": fit.seconds,
            "predict_s": predict.seconds,
            "peak_mb": 500.0,
            "threads": 1,
            "host": "here",
        }
        status.append({"fold": fold, "status": "ok", "reason": "", **costs})
        predictions.append(pd.DataFrame({"fold": fold, "row": rows, "label": found.labels}))
        solution.append(pd.DataFrame({"fold": fold, "row": rows, "label": cells[1][rows]}))
    scores, _ = score_annotation(pd.concat(predictions), pd.concat(solution), pd.DataFrame(status))
    return scores.assign(experiment="fig2a", method=method, dataset=DATA)


def retrieval_of(cells):
    """Scores of exact cosine search, as table2 has them."""
    found, labels = {}, {}
    for fold in range(FOLDS):
        train, query, rows = parts(cells, fold)
        found[fold] = ExactCosine().fit(train).search(query, len(train.y))
        labels[fold] = FoldLabels(train.y, cells[1][rows])
    costs = {"fit_s": 0.1, "predict_s": 0.1, "peak_mb": 500.0, "threads": 1, "host": "here"}
    status = pd.DataFrame([{"fold": fold, "status": "ok", "reason": "", **costs} for fold in range(FOLDS)])
    options = RetrievalOptions(DATA, "cv5", measures=(MAP,))
    scores, _ = score_retrieval(found.__getitem__, labels, status, options)
    return scores.assign(experiment="table2", method="exact_cosine", dataset=DATA)


def search():
    """Scores of multi-index hashing by its tables, held against the linear scan among codes around a few centres."""
    rng = np.random.default_rng(5)
    centres = rng.random((40, 64)) < 0.5
    codes, queries = (
        [pack_bits(centres[rng.integers(0, 40, n)] ^ (rng.random((n, 64)) < 0.08))] for n in (2000, 300)
    )

    def build(index, given):
        built = MultiIndex(given[0], n_tables=4) if index == MULTI else LinearIndex(given[0])
        options = {"strategy": "tables"} if index == MULTI else {}
        return Database(
            lambda q, k, threads: built.search(q[0], k, n_threads=threads, **options), built.nbytes
        )

    scores = Scores({"threads": 1, "host": "here"})
    search_race.race(Hasher(lambda chunks: codes, build, (MULTI, LINEAR)), codes, queries, 2000, 0.0, scores)
    return scores.table().assign(experiment="fig3b", method="cellfishing", dataset=DATA)


@pytest.fixture(scope="module")
def measure(cells, tmp_path_factory):
    """Metrics of a small run, by way of its file. All have one calibration: sleep is as long on a busy machine."""
    unit = calibrate("demo", 0, repeats=2)

    def call(methods=tuple(METHODS), rest=True):
        scores = [annotation(cells, method) for method in methods] + (
            [retrieval_of(cells), search()] if rest else []
        )
        table = pd.concat([*scores, unit], ignore_index=True)
        facts = {
            "run_id": "r",
            "git_sha": "abc",
            "suite": "demo",
            "stand_in": "",
            "preset": "",
            "variant": "",
            "seed": 0,
        }
        table = table.assign(**facts, scheme="cv5", host="here")
        path = tmp_path_factory.mktemp("run") / "metrics.tsv"
        write_table(table[list(METRIC_COLUMNS)], METRIC_COLUMNS, path)
        return read_metrics(path)

    return call


@pytest.fixture(scope="module")
def clean(measure):
    return measure()


def told(comparison):
    return {(row.verdict, where(row)) for row in comparison.groups().itertuples()}


def drifted(comparison, verdict):
    """Metrics with this verdict."""
    table = comparison.table
    return set(table.loc[table["verdict"] == verdict, "metric"])


def test_a_clean_run_again_raises_no_alarm(clean, measure):
    again = compare(clean, measure())
    assert told(again) == set()
    assert again.counts["same"] > 140


def test_labels_shuffled_in_one_method(clean, measure, monkeypatch):
    fit = KNearestNeighbours.fit

    def spoilt(self, train):
        y = np.random.default_rng(0).permutation(train.y)
        return fit(self, TrainingCells(train.X, y, train.genes, train.values))

    monkeypatch.setattr(KNearestNeighbours, "fit", spoilt)
    comparison = compare(clean, measure())
    assert told(comparison) == {("worse", "fig2a / sim / cv5 / knn9")}
    assert {"median_f1", "macro_f1", "accuracy", "kappa", "consistency"} <= drifted(comparison, "worse")


def test_a_wrong_denominator(clean, measure, monkeypatch):
    """Average precision over all relevant cells, where at most k of them can be found."""

    def spoilt(n_relevant, k, denominator):
        return np.full(len(n_relevant), k) if denominator == "k" else np.maximum(n_relevant, 1)

    monkeypatch.setattr(retrieval, "_divisor", spoilt)
    comparison = compare(clean, measure())
    assert told(comparison) == {("worse", "table2 / sim / cv5 / exact_cosine")}
    lost = drifted(comparison, "worse")
    assert "map_at_k[k=0.5x,min_k_r,by_row,queries,db80]" in lost
    assert all(",min_k_r," in metric or metric == "share_at_ceiling" for metric in lost)


def test_a_search_that_drops_a_table(clean, measure, monkeypatch):
    build = mih.build_tables

    def spoilt(*arguments):
        tables = build(*arguments)
        tables.starts[: (1 << tables.sizes[0]) + 1] = 0  # the first one's buckets are empty
        return tables

    monkeypatch.setattr(mih, "build_tables", spoilt)
    comparison = compare(clean, measure())
    assert ("worse", "fig3b / sim / cv5 / cellfishing") in told(comparison)
    assert {where_ for _, where_ in told(comparison)} == {"fig3b / sim / cv5 / cellfishing"}
    spoilt_metrics = drifted(comparison, "worse")
    assert {"recall_of_linear_scan[multi,n=2000]", "same_as_linear_scan[multi,n=2000]"} <= spoilt_metrics
    assert not any("[linear," in metric for metric in spoilt_metrics)


def stretched(factor, floor_s=0.55):
    """A fit that takes at least `floor_s`, and `factor` times as long."""
    fit = LinearSVM.fit

    def slow(self, train):
        start = time.perf_counter()
        fit(self, train)
        if not self.scale:
            spent = time.perf_counter() - start
            time.sleep(factor * max(spent, floor_s) - spent)
        return self

    return slow


def test_a_threefold_slowdown_and_not_the_noise_of_a_shared_machine(measure, monkeypatch):
    tables = []
    for factor in (1.0, 1.6, 3.0):
        with monkeypatch.context() as patch:
            patch.setattr(LinearSVM, "fit", stretched(factor))
            tables.append(measure(["svm", "svm_norm"], rest=False))
    assert told(compare(tables[0], tables[1])) == set()
    comparison = compare(tables[0], tables[2])
    assert told(comparison) == {("slower", "fig2a / sim / cv5 / svm")}
    assert drifted(comparison, "slower") == {"fit_s"}


def test_pooled_scores_are_compared_too(clean):
    assert POOLED in set(clean["over"])
