"""Splits: nothing leaks, everything is used once, and the schemes are what they say."""

import json

import numpy as np
import pandas as pd
import pytest

from schash.errors import DataError
from schash.splits import SCHEMES, UNLABELLED, base_scheme, make_split, read_rows, write_split


@pytest.fixture
def cells():
    labels = pd.Series(["a"] * 60 + ["b"] * 25 + ["c"] * 11 + ["d"] * 10 + [None] * 4, dtype=object)
    order = np.random.default_rng(0).permutation(len(labels))
    obs = pd.DataFrame({"batch": [f"b{i % 3}" for i in range(len(labels))], "study": ["s"] * len(labels)})
    return labels.iloc[order].reset_index(drop=True), obs


def test_cv5_keeps_types_with_more_than_ten_cells(cells):
    split = make_split(*cells, dataset="x", scheme="cv5")
    assert set(split.labels) == {"a", "b", "c"}  # 11 cells stay, 10 go
    assert split.dropped_types == {"d": 10}
    assert split.n_unlabelled == 4


def test_random5_keeps_all_types(cells):
    assert set(make_split(*cells, dataset="x", scheme="random5").labels) == {"a", "b", "c", "d"}


def test_cells5_keeps_cells_without_a_label(cells):
    labels, obs = cells
    split = make_split(labels, obs, dataset="x", scheme="cells5")
    assert sorted(split.labels.index) == list(range(110))
    assert (split.labels == UNLABELLED).sum() == 4
    none = make_split(labels.where(labels == "no such"), obs, dataset="x", scheme="cells5")
    assert set(none.labels) == {UNLABELLED}
    with pytest.raises(DataError, match="cells5 needs at least 5 cells, found 4"):
        make_split(labels[:4], obs[:4], dataset="x", scheme="cells5")


@pytest.mark.parametrize("scheme", ["cv5", "random5", "cells5", "batch"])
def test_every_cell_is_a_query_once_and_never_in_its_own_training_set(cells, scheme):
    split = make_split(*cells, dataset="x", scheme=scheme)
    for _, fold in split.rows.groupby("fold"):
        train, query = (set(fold.loc[fold["part"] == part, "row"]) for part in ("train", "query"))
        assert not train & query
        assert train | query == set(split.labels.index)
    queries = split.rows.loc[split.rows["part"] == "query", "row"]
    assert sorted(queries) == sorted(split.labels.index)


def test_cv5_is_stratified(cells):
    split = make_split(*cells, dataset="x", scheme="cv5")
    sizes = split.part("query").groupby(["label", "fold"]).size().unstack()
    assert (sizes.max(axis=1) - sizes.min(axis=1)).max() <= 1


def test_labels_belong_to_their_rows(cells):
    labels, obs = cells
    split = make_split(labels, obs, dataset="x", scheme="cv5")
    for part in ("train", "query"):
        table = split.part(part)
        assert (labels.to_numpy()[table["row"]] == table["label"]).all()


def test_a_split_is_a_function_of_its_names_and_seed(cells):
    def rows(**names):
        return make_split(*cells, **{"dataset": "x", "scheme": "cv5", "seed": 0, **names}).rows

    pd.testing.assert_frame_equal(rows(), rows())
    assert not rows().equals(rows(seed=1))
    assert not rows().equals(rows(dataset="y"))


def grouped(labels, batches, *, times=6, **names):
    """Split of the same few cells, `times` over."""
    obs = pd.DataFrame({"batch": list(batches) * times})
    return make_split(pd.Series(list(labels) * times), obs, **{"dataset": "x", "scheme": "batch", **names})


def test_leave_one_out_drops_queries_of_unseen_types():
    split = grouped("abbbac", "112222")
    assert split.fold_names == ["1", "2"]
    first = split.part("query").query("row < 6")
    assert first["row"].tolist() == [0, 1, 2, 3, 4]  # nobody but batch 2 has a c
    assert split.n_unseen == 6
    assert split.unseen == [0, 6]
    assert split.without_fold == {}


def test_a_group_without_a_fair_question_makes_no_fold():
    split = grouped("aabbac", "112222")
    assert split.fold_names == ["1"]  # batch 1 alone teaches a single type
    assert split.without_fold == {"2": 24}
    assert split.n_unseen == 18  # the b and c of batch 2
    with pytest.raises(DataError, match="makes no fold"):
        grouped("aabbbb", "112222")


@pytest.mark.parametrize(("times", "names"), [(10, ["2"]), (11, ["1", "2"])])
def test_a_fold_has_more_than_ten_query_cells(times, names):
    assert grouped("caaab", "11222", times=times).fold_names == names  # batch 1 keeps its a


def test_facts_of_folds_and_their_groups_are_written(tmp_path):
    split = grouped("abbbac", "112222")
    write_split(split, tmp_path)
    first, second = json.loads((tmp_path / "split.json").read_text())["folds"]
    assert first == {"name": "1", "n_train": 24, "n_query": 12, "n_types": 2, "n_unseen": 0}
    assert second == {"name": "2", "n_train": 12, "n_query": 18, "n_types": 2, "n_unseen": 6}
    solution = pd.read_parquet(tmp_path / "solution.parquet")
    assert set(zip(solution["fold"], solution["group"], strict=True)) == {(0, "1"), (1, "2")}


def test_folds_that_are_no_groups_have_no_name(cells, tmp_path):
    write_split(make_split(*cells, dataset="x", scheme="cv5"), tmp_path)
    assert set(pd.read_parquet(tmp_path / "solution.parquet")["group"]) == {""}


def test_an_aligned_scheme_stands_on_the_split_of_its_base():
    assert base_scheme("batch_mnn") == "batch"
    assert base_scheme("cv5") == "cv5"


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("cv7", "allowed: " + ", ".join(SCHEMES)),
        ("protocol", "columns: batch, study"),
        ("loso", "at least 2 groups"),
    ],
)
def test_bad_schemes_are_refused(cells, scheme, words):
    with pytest.raises(DataError, match=words):
        make_split(*cells, dataset="x", scheme=scheme)


def test_too_few_cells_are_refused():
    labels = pd.Series(["a"] * 20)
    with pytest.raises(DataError, match="at least 2 types, found 20 cells of 1 types"):
        make_split(labels, pd.DataFrame(index=range(20)), dataset="x", scheme="cv5")


def test_files_keep_training_labels_and_solution_apart(cells, tmp_path):
    split = make_split(*cells, dataset="x", scheme="cv5")
    write_split(split, tmp_path)
    rows = read_rows(tmp_path / "rows.parquet")
    train = pd.read_parquet(tmp_path / "train_labels.parquet")
    solution = pd.read_parquet(tmp_path / "solution.parquet")
    assert "label" not in pd.read_parquet(tmp_path / "rows.parquet").columns
    for fold, parts in rows.items():
        assert set(train.loc[train["fold"] == fold, "row"]) == set(parts["train"])
        assert set(solution.loc[solution["fold"] == fold, "row"]) == set(parts["query"])
        assert not set(train.loc[train["fold"] == fold, "row"]) & set(parts["query"])
    facts = json.loads((tmp_path / "split.json").read_text())
    assert facts["n_types"] == 3
    assert facts["dropped_types"] == {"d": 10}
