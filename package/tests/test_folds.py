"""Runs over folds: what a method gets to see, and what becomes of one that fails."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from schash.data.cells import make_cells, write_cells
from schash.folds import (
    NOT_APPLICABLE,
    RunFiles,
    RunSettings,
    fold_input,
    run_fold,
    run_folds,
    values_of,
    write_run,
    write_search,
)
from schash.found import read_neighbors
from schash.methods.catalogue import MethodRow
from schash.methods.contract import NearestCells, Predictions
from schash.plan import count_failure, failed_attempts
from schash.splits import make_split, write_split

HERE = "test_folds"


class Spy:
    """Answers with the majority and checks that it is shown nothing that it must not see."""

    def __init__(self, *, seed):
        self.seed = seed

    def fit(self, train):
        assert set(vars(train)) == {"X", "y", "genes", "values"}
        self.types = np.unique(train.y)
        return self

    def predict(self, query):
        assert set(vars(query)) == {"X", "genes", "values"}
        assert not any("label" in name for name in vars(query))
        return Predictions.of(np.repeat(self.types[0], query.X.shape[0]))


class FailsOnOneFold(Spy):
    def predict(self, query):
        if query.X.shape[0] == 33:  # the first fold only
            message = "planted"
            raise RuntimeError(message)
        return super().predict(query)


class InventsTypes(Spy):
    def predict(self, query):
        return Predictions.of(np.repeat("no such type", query.X.shape[0]))


class Forgets(Spy):
    def predict(self, query):
        return Predictions.of(np.repeat(self.types[0], query.X.shape[0] - 1))


@pytest.fixture
def files(tmp_path, planted):
    X, y, genes = planted
    labels = np.concatenate([y, [y[0]]])
    X = np.vstack([X.toarray(), X[0].toarray()])
    names = [f"cell{i}" for i in range(161)]
    cells = make_cells(X, names, genes, labels=labels, dataset="planted", values="counts")
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    split = make_split(cells.labels.reset_index(drop=True), cells.cells.obs, dataset="planted", scheme="cv5")
    write_split(split, tmp_path)
    return RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")


def settings(class_, **changes):
    row = MethodRow.model_validate(
        {"title": "t", "class": class_, "accepts": changes.pop("accepts", ["counts"])}
    )
    base = {"dataset": "planted", "method": "m", "row": row, "seed": 0, "threads": 1}
    return RunSettings(**{**base, "fold_seconds": 60, "fold_memory_mb": 4000, **changes})


def test_training_labels_stay_and_query_labels_never_come(files):
    result = run_folds(files, settings(f"{HERE}:Spy"), say=lambda _: None)
    assert result.status["status"].tolist() == ["ok"] * 5
    assert len(result.predictions) == 161
    assert result.predictions["row"].is_unique
    assert (result.status[["fit_s", "predict_s", "peak_mb"]] > 0).all(axis=None)


def test_real_methods_find_planted_types(files, planted):
    result = run_folds(files, settings("schash.methods.svm:LinearSVM"), say=lambda _: None)
    truth = np.concatenate([planted[1], planted[1][:1]])
    assert (result.predictions["label"] == truth[result.predictions["row"]]).mean() > 0.99


def test_one_failing_fold_is_a_row_and_the_others_go_on(files, tmp_path):
    said = []
    result = run_folds(files, settings(f"{HERE}:FailsOnOneFold"), say=said.append)
    assert sorted(result.status["status"]) == ["failed"] + ["ok"] * 4
    bad = result.status[result.status["status"] == "failed"].iloc[0]
    assert bad["reason"] == "RuntimeError: planted"
    assert np.isnan(bad["fit_s"])
    assert result.n_failed == 1
    assert "failed in 1 of 5 folds: RuntimeError: planted" in result.headline(settings(f"{HERE}:Spy"))
    assert any("planted" in line and "Traceback" in line for line in said)
    write_run(result, tmp_path / "run")
    assert len(pd.read_parquet(tmp_path / "run" / "predictions.parquet")) == 161 - 33


@pytest.mark.parametrize(
    ("name", "words"),
    [("InventsTypes", "no training cell has: no such type"), ("Forgets", "must return 33 labels")],
)
def test_wrong_answers_are_failures_not_scores(files, name, words):
    result = run_folds(files, settings(f"{HERE}:{name}"), say=lambda _: None)
    assert set(result.status["status"]) == {"failed"}
    assert words in result.status["reason"].iloc[0]


def test_only_the_positive_control_names_a_type_that_has_no_training_cell(files, tmp_path):
    given = fold_input(replace(files, solution=tmp_path / "solution.parquet"), 0)
    truth = given.solution.astype(object)
    truth[0] = "rare"
    spec = settings("schash.methods.controls:TrueLabels")
    row = spec.row.model_copy(update={"sees_solution": True, "searcher": True})
    found = run_fold(replace(given, solution=truth.astype(str)), replace(spec, row=row), 0)
    assert found.predictions["label"].tolist() == truth.tolist()


def test_values_that_a_method_does_not_take_are_not_applicable(files):
    spec = settings(f"{HERE}:Spy", accepts=["lognorm"])
    result = run_folds(files, spec, say=lambda _: None)
    assert set(result.status["status"]) == {NOT_APPLICABLE}
    assert result.n_failed == 0
    assert len(result.predictions) == 0
    assert "takes lognorm; these cells are counts" in result.headline(spec)


def test_the_seed_of_a_fold_depends_on_data_set_fold_method_and_seed(files):
    def labels(fold=0, **changes):
        spec = settings("schash.methods.controls:RandomLabels", **changes)
        spec = replace(spec, row=spec.row.model_copy(update={"searcher": True}))
        return run_fold(fold_input(files, fold), spec, fold).predictions["label"].tolist()

    assert labels() == labels()
    assert labels() != labels(seed=1)
    assert labels() != labels(method="other")


def test_values_kind_is_read_without_the_matrix(files):
    assert values_of(files.cells) == "counts"


def test_only_failures_make_a_run_due_again(tmp_path):
    counter = tmp_path / "attempts.json"
    assert failed_attempts(counter) == 0
    count_failure(counter)
    count_failure(counter)
    assert failed_attempts(counter) == 2
    counter.write_text("not json")
    assert failed_attempts(counter) == 0


class Finds(Spy):
    """Finds the first training cells, whatever the query."""

    def search(self, query, k):
        self.asked = k
        ids = np.tile(np.arange(k), (query.X.shape[0], 1))
        return NearestCells(ids, ids.astype(np.float32))


class FindsNonsense(Finds):
    def search(self, query, k):
        found = super().search(query, k)
        return NearestCells(found.ids + 1000, found.distances)


def searcher(name, **changes):
    made = settings(f"{HERE}:{name}", **changes)
    return replace(made, row=made.row.model_copy(update={"searcher": True}))


def test_what_a_searcher_finds_is_kept_fold_by_fold(files, tmp_path):
    write = partial(write_search, tmp_path)
    assert run_folds(files, searcher("Finds", search_depth=7), say=lambda _: None, keep=write).n_failed == 0
    for fold in range(5):
        given = fold_input(files, fold)
        found = read_neighbors(tmp_path / f"{fold}.schash")
        found.check(len(given.query_rows), 7, len(given.train_rows))
        assert found.ids.tolist() == [list(range(7))] * len(given.query_rows)


def test_the_whole_database_is_kept_where_it_is_smaller_than_the_depth(files):
    depths = []
    run_folds(
        files,
        searcher("Finds", search_depth=10_000),
        say=lambda _: None,
        keep=lambda _, search: depths.append((search.found.ids.shape[1], search.n_train)),
    )
    assert depths == [(128, 128), (129, 129), (129, 129), (129, 129), (129, 129)]


def test_nothing_is_searched_where_nobody_asks(files):
    for made in (searcher("Finds"), settings(f"{HERE}:Spy", search_depth=7)):
        run_folds(files, made, say=lambda _: None, keep=lambda *_: pytest.fail("kept something"))


def test_neighbours_that_do_not_exist_fail_the_fold(files):
    status = run_folds(files, searcher("FindsNonsense", search_depth=7), say=lambda _: None).status
    assert set(status["status"]) == {"failed"}
    assert status["reason"].str.contains("rows that do not exist").all()
