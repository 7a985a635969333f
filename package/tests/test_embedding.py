"""fig2c from cells to scores: the benchmark's own model, unlabelled queries, a control that notices what is wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from schash.anchors import make_anchors
from schash.data.cells import make_cells, write_cells
from schash.embedding import (
    SPACES,
    Embedding,
    embed,
    map_cells,
    perplexity_of,
    principal_components,
    read_embedding,
    write_embedding,
)
from schash.embedding_scoring import CELL_COLUMNS, K, order_types, score_embedding, true_types
from schash.errors import ConfigError, DataError
from schash.folds import FoldInput, RunSettings, read_fold, run_fold
from schash.methods.catalogue import MethodRow
from schash.methods.contract import QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.schema import validate
from schash.tables import SCORE_COLUMNS

DEEPHASH = {
    "title": "D",
    "class": "schash.methods.deephash:DeepHashAnnotator",
    "parameters": {"steps": 60},
    "accepts": ["counts"],
    "searcher": True,
}


def settings(row=DEEPHASH):
    limits = {"fold_seconds": 60, "fold_memory_mb": 4000}
    return RunSettings("d", "m", validate(MethodRow, row, where="test"), seed=3, threads=1, **limits)


@pytest.fixture
def given(planted, tmp_path):
    """A fold with every fourth cell as a query."""
    X, y, genes = planted
    names = [f"cell {i}" for i in range(len(y))]
    loaded = make_cells(
        X, names, list(genes), labels=list(y), dataset="d", values="counts", stand_in_for=None
    )
    write_cells(tmp_path / "d.h5ad", loaded.cells)
    query = np.arange(0, len(y), 4)
    train = np.setdiff1d(np.arange(len(y)), query)
    return FoldInput(Path(tmp_path / "d.h5ad"), train, y[train], query)


@pytest.fixture
def solution(planted):
    rows = np.arange(0, 160, 4)
    return pd.DataFrame({"fold": np.int16(0), "row": rows, "label": planted[1][rows]})


@pytest.fixture
def embedding(rng, solution):
    """Codes at their anchors but for two cells that have those of another type; no model behind them."""
    classes = tuple(np.unique(solution["label"]))
    anchors = make_anchors(4, 8)
    codes = anchors[np.searchsorted(classes, solution["label"])].astype(np.float32)
    codes[:2] = codes[-1]
    before = rng.normal(size=(40, 6)).astype(np.float32)
    maps = {name: rng.normal(size=(40, 2)).astype(np.float32) for name in SPACES}
    spaces = {"before": before, "relaxed": codes * 0.8, "codes": codes}
    costs = {"fit_s": 1.5, "predict_s": 0.5, "peak_mb": 9.0, "threads": 2}
    return Embedding(0, solution["row"].to_numpy(), spaces, maps, anchors, classes, 13.0, costs)


def values_of(scores):
    return scores.set_index("metric")["value"]


def test_it_is_the_model_of_the_benchmark(given, tmp_path):
    made = embed(given, settings(), 0, say=lambda line: None)
    run = run_fold(given, settings(), 0)
    distances = (made.spaces["codes"][:, None, :] != made.anchors[None]).sum(axis=2)
    labels = np.array(made.classes)[distances.argmin(axis=1)]
    np.testing.assert_array_equal(labels, run.predictions["label"])
    assert np.array_equal(made.spaces["codes"], made.spaces["relaxed"] > 0.5)
    assert made.perplexity == 13
    write_embedding(tmp_path / "e", made)
    again = read_embedding(tmp_path / "e")
    assert (again.fold, again.classes, again.costs) == (made.fold, made.classes, made.costs)
    for name in SPACES:
        np.testing.assert_array_equal(again.maps[name], made.maps[name])
        np.testing.assert_array_equal(again.spaces[name], made.spaces[name])
    np.testing.assert_array_equal(again.anchors, made.anchors)


def test_a_method_without_hash_function_is_refused(given):
    row = {**DEEPHASH, "class": "schash.methods.svm:LinearSVM", "parameters": {}, "searcher": False}
    with pytest.raises(ConfigError, match="m has no hash function to show"):
        embed(given, settings(row), 0)


def test_components_are_those_of_the_training_cells_alone(given):
    train, query = read_fold(given)
    found = principal_components(train, query, seed=0)
    assert found.shape == (40, 50)
    oracle = PCA(50, svd_solver="full").fit(scaled_log1p(train.X).toarray())
    expected = oracle.transform(scaled_log1p(query.X).toarray())
    np.testing.assert_allclose(np.abs(found[:, :20]), np.abs(expected[:, :20]), atol=1e-3)
    alone = QueryCells(query.X[:1], query.genes, query.values)
    np.testing.assert_allclose(principal_components(train, alone, seed=0), found[:1], atol=1e-4)


def test_few_training_cells_have_fewer_components(given):
    train, query = read_fold(given)
    few = TrainingCells(train.X[25:37], train.y[25:37], train.genes, train.values)
    assert principal_components(few, query, seed=0).shape == (40, 11)


def test_maps_repeat_and_equal_cells_part():
    codes = np.repeat(make_anchors(4, 8), 8, axis=0).astype(np.float32)
    first, again = (map_cells(codes, perplexity=5, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, map_cells(codes, perplexity=5, seed=2))
    assert len(np.unique(first, axis=0)) == 32
    assert (perplexity_of(500), perplexity_of(40)) == (30, 13)


def test_scores(embedding, solution):
    scores, cells = score_embedding(embedding, solution, "host")
    assert list(scores) == list(SCORE_COLUMNS)
    values = values_of(scores)
    # of the first type 2 of 10 cells have the code of the last: each of the 8 has its 7 and 2 of the others,
    # nearest first, since all anchors are equally far; of the strayed ones nearest are each other and 10 of the last
    assert set(values.index) == {
        *(f"purity[k={K},{space}]" for space in (*SPACES, *(f"tsne_{name}" for name in SPACES), "control")),
        *(f"silhouette[{space}]" for space in (*SPACES, *(f"tsne_{name}" for name in SPACES), "control")),
        "perplexity",
    }
    codes = cells[cells["space"] == "codes"].set_index("row")["purity"]
    tied = (7 + 2 * 2 / 32) / 9  # 7 at distance 0, then 2 of the 32 at distance 4, of which 2 are its own
    np.testing.assert_allclose(codes.loc[8:36], tied)
    np.testing.assert_allclose(codes.loc[[0, 4]], 9 * (1 / 11) / 9)
    np.testing.assert_allclose(codes.loc[120:], (9 * 9 / 11) / 9)
    assert values[f"purity[k={K},codes]"] == pytest.approx(codes.mean())
    assert values[f"purity[k={K},control]"] == values["silhouette[control]"] == 1
    assert values["perplexity"] == 13
    assert set(scores["fold"]) == {"0"}
    assert scores[["fit_s", "predict_s", "threads", "host"]].drop_duplicates().values.tolist() == [
        [1.5, 0.5, 2, "host"]
    ]
    for space in SPACES:
        here = cells[cells["space"] == space]
        assert values[f"purity[k={K},tsne_{space}]"] == pytest.approx(here["map_purity"].mean())
        assert values[f"silhouette[{space}]"] == pytest.approx(here["silhouette"].mean())
    assert set(CELL_COLUMNS) - set(cells) == {"dataset", "scheme", "method"}


def test_a_space_is_scored_in_its_own_distances(embedding, solution):
    types = true_types(embedding, solution)
    spread = np.searchsorted(embedding.classes, types)[:, None] + np.zeros((1, 2))
    better = replace(embedding, maps={**embedding.maps, "before": spread.astype(np.float32)})
    scores, _ = score_embedding(better, solution)
    values = values_of(scores)
    assert values[f"purity[k={K},tsne_before]"] == values["silhouette[tsne_before]"] == 1
    assert values[f"purity[k={K},before]"] < 0.5


def test_the_control_notices_two_types_with_one_anchor(embedding, solution):
    anchors = embedding.anchors.copy()
    anchors[1] = anchors[0]
    with pytest.raises(DataError, match=r"20 of 40 cells do not reach 1; trust no number"):
        score_embedding(replace(embedding, anchors=anchors), solution)


def test_the_control_leaves_out_a_cell_alone_of_its_type(embedding, solution):
    classes = ("rare", *embedding.classes)
    anchors = make_anchors(5, 8)
    labels = solution["label"].where(solution["row"] != 0, "rare")
    scores, cells = score_embedding(
        replace(embedding, classes=classes, anchors=anchors), solution.assign(label=labels)
    )
    assert values_of(scores)["silhouette[control]"] == 1
    assert cells.loc[cells["type"] == "rare", "purity"].isna().all()


def test_other_cells_and_unknown_types_are_refused(embedding, solution):
    with pytest.raises(DataError, match="does not hold exactly its 39 query cells"):
        score_embedding(embedding, solution.iloc[1:])
    with pytest.raises(DataError, match="no anchor for new"):
        score_embedding(embedding, solution.assign(label=solution["label"].replace("type B", "new")))


def test_types_belong_to_the_cells_whatever_the_order_of_the_solution(embedding, solution):
    mixed = solution.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(true_types(embedding, mixed), solution["label"])


def test_similar_types_are_neighbours_and_a_family():
    places = {"a": 0.0, "b": 100.0, "c": 1.0, "d": 101.0, "e": 50.0}
    types = np.repeat(list(places), 3)
    X = np.array([[places[name]] for name in types])
    ordered = order_types(X, types)
    assert sorted(ordered["number"]) == [1, 2, 3, 4, 5]
    assert abs(ordered.loc["a", "number"] - ordered.loc["c", "number"]) == 1
    assert abs(ordered.loc["b", "number"] - ordered.loc["d", "number"]) == 1
    many = np.array([f"{i:02d}" for i in range(30)])
    table = order_types(np.arange(30.0)[:, None] ** 1.5, many)
    assert table["family"].nunique() == 8
    assert table.sort_values("number")["family"].is_monotonic_increasing
    assert order_types(np.zeros((2, 1)), np.array(["x", "x"])).loc["x"].tolist() == [1, 0]
