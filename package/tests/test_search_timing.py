"""Milliseconds of a query: exact indexes answer as the linear scan, and one that does not fails the job."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from schash import code_databases, search_timing
from schash.anchors import make_anchors
from schash.cellfishing import CellFishing
from schash.code_databases import (
    ANCHOR,
    FAISS,
    LINEAR,
    MULTI,
    Database,
    Hasher,
    cellfishing_hasher,
    deephash_hasher,
    first_rows,
    recall,
)
from schash.data.cells import make_cells, write_cells
from schash.deephash import DeepHash
from schash.errors import ConfigError, DataError
from schash.folds import NOT_APPLICABLE, RunFiles, fold_input
from schash.hamming import BitCodes, pack_bits
from schash.methods.catalogue import MethodRow
from schash.neighbors import Neighbors
from schash.search_race import BUILD, BYTES, D10, ENCODE, IDENTICAL, QUERY, RECALL, SEARCH, race
from schash.search_timing import BITS, DISTINCT, OWN, check_exact, time_databases, time_search
from schash.splits import make_split, write_split
from schash.timing_runs import TimingSettings, is_failed
from schash.timing_table import MILLION, TM_CELLS, TOO_SLOW, Scores, sized

CLASSES = {
    "deephash": ("schash.methods.deephash:DeepHashAnnotator", {"steps": 3}),
    "cellfishing": ("schash.methods.cellfishing:CellFishingAnnotator", {"n_dims": 5, "min_features": 40}),
    "scmap": ("schash.methods.scmap:ScmapCell", {"n_features": 40}),
}


@pytest.fixture
def files(tmp_path, planted):
    X, y, genes = planted
    names = [f"cell{i}" for i in range(160)]
    cells = make_cells(X, names, genes, labels=y, dataset="planted", values="counts")
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    split = make_split(cells.labels.reset_index(drop=True), cells.cells.obs, dataset="planted", scheme="cv5")
    write_split(split, tmp_path)
    return RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")


def settings(name, sizes=(200, 400), **changes):
    class_, parameters = CLASSES[name]
    given = {"title": name, "class": class_, "accepts": ["counts"], "searcher": True}
    row = MethodRow.model_validate({**given, "parameters": parameters, "rejects": name == "scmap"})
    return replace(TimingSettings("planted", name, row, 0, 1, sizes, 60.0, 100.0, 4000.0), **changes)


def in_process(files, given, path):
    """The rows of the child's work, done here."""
    path.touch()
    time_databases(fold_input(files, 0), given, path)
    return {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}


def random_codes(rng, n, n_bits=24):
    """Codes around a few centres, many of them equal."""
    centres = rng.random((5, n_bits)) < 0.5
    flips = rng.random((n, n_bits)) < 0.06
    return [pack_bits(centres[rng.integers(0, 5, n)] ^ flips)]


@pytest.fixture
def hasher():
    class Model:
        anchors_ = pack_bits(make_anchors(5, 32, scheme="sampled", seed=0)[:, :24])
        options_ = type("Options", (), {"distance": "hamming"})

    return deephash_hasher(Model)


def brute(queries, database, k):
    """Distances of the k nearest, sorted, by their definition."""
    words = queries[0].words[:, np.newaxis] ^ database[0].words[np.newaxis]
    return np.sort(np.bitwise_count(words).sum(axis=2).astype(int), axis=1)[:, :k]


@pytest.mark.parametrize("index", [MULTI, LINEAR, FAISS])
def test_exact_indexes_of_one_code_find_the_nearest(rng, hasher, index):
    if index == FAISS:
        pytest.importorskip("faiss")
    database, queries = random_codes(rng, 500), random_codes(rng, 40)
    built = hasher.build(index, database)
    found = built.search(queries, 7, 1)
    np.testing.assert_array_equal(found.distances, brute(queries, database, 7))
    assert built.nbytes >= 500 * 3


def test_buckets_of_anchors_are_the_hashers_own_and_may_miss(rng, hasher):
    assert hasher.indexes[0] == ANCHOR
    database, queries = random_codes(rng, 500), random_codes(rng, 200)
    found = hasher.build(ANCHOR, database).search(queries, 7, 1)
    exact = hasher.build(LINEAR, database).search(queries, 7, 1)
    assert 0.5 < recall(found, exact) <= 1
    assert (found.distances >= exact.distances).all()


def test_recall_counts_any_of_equal_distance_and_no_padding():
    none = np.zeros(2, np.int64)
    exact = Neighbors(np.array([[0, 1], [2, 3]]), np.array([[1, 2], [0, 0]], np.int32), none, none)
    other = Neighbors(np.array([[7, 8], [9, -1]]), np.array([[2, 2], [1, 0]], np.int32), none, none)
    assert recall(exact, exact) == 1
    assert recall(other, exact) == pytest.approx(0.5)


def test_cellfishing_from_codes_is_cellfishing(planted):
    X, _, genes = planted
    model = CellFishing(n_dims=5, min_features=40).fit(X, genes=genes)
    hasher = cellfishing_hasher(model)
    codes = model.encode(X, genes=genes)
    found = {index: hasher.build(index, codes).search(codes, 5, 1) for index in hasher.indexes}
    expected = model.search(X, 5, genes=genes)
    for one in found.values():
        np.testing.assert_array_equal(one.ids, expected.ids)
        np.testing.assert_array_equal(one.distances, expected.distances)
    few = hasher.build(MULTI, first_rows(codes, 20)).search(codes, 5, 1)
    assert few.ids.max() < 20
    assert model.n_cells_ == X.shape[0]
    assert model.layout == "compact"


def test_float_codes_have_no_index(planted):
    X, y, genes = planted
    model = DeepHash(variant="as_coded", steps=1, progress=False, validation_fraction=0.2).fit(
        X, y, genes=genes
    )
    with pytest.raises(ConfigError, match="l1"):
        deephash_hasher(model)


def test_a_race_has_every_number_of_every_index(rng, hasher):
    scores = Scores({"threads": 1, "host": ""})
    medians = race(hasher, random_codes(rng, TM_CELLS), random_codes(rng, 30), TM_CELLS, 5.0, scores)
    rows = {row["metric"]: row["value"] for row in scores.rows}
    assert list(medians) == list(hasher.indexes)
    for index in hasher.indexes:
        assert rows[sized(SEARCH, TM_CELLS, index)] == pytest.approx(1e3 * medians[index] / 30)
        assert rows[sized(QUERY, TM_CELLS, index)] == pytest.approx(5 + rows[sized(SEARCH, TM_CELLS, index)])
        assert {sized(name, TM_CELLS, index) for name in (BUILD, BYTES, D10, RECALL)} <= set(rows)
    for index in set(hasher.indexes) - {ANCHOR}:
        assert rows[sized(RECALL, TM_CELLS, index)] == rows[sized(IDENTICAL, TM_CELLS, index)] == 1
    assert sized(IDENTICAL, TM_CELLS, ANCHOR) not in rows
    assert rows[QUERY] == rows[sized(QUERY, TM_CELLS, ANCHOR)]
    assert f"{QUERY}_at_1m" not in rows


def shifted(found):
    return Neighbors(found.ids + 1, found.distances, found.n_candidates, found.n_lookups)


def farther(found):
    return Neighbors(found.ids, found.distances + 1, found.n_candidates, found.n_lookups)


@pytest.mark.parametrize("wrong", [shifted, farther])
def test_an_index_with_other_answers_fails_the_job(rng, hasher, wrong):
    def build(index, codes):
        built = hasher.build(index, codes)
        if index != MULTI:
            return built
        return Database(lambda *given: wrong(built.search(*given)), built.nbytes)

    scores = Scores({"threads": 1, "host": ""})
    broken = Hasher(hasher.encode, build, hasher.indexes)
    race(broken, random_codes(rng, 300), random_codes(rng, 30), 300, 5.0, scores)
    with pytest.raises(DataError, match=r"planted: answers differ .*multi,n=300"):
        check_exact(scores.table(), "planted")


def test_a_million_has_the_name_that_the_papers_row_has(hasher):
    scores = Scores({"threads": 1, "host": ""})
    search_timing.add_number(scores, QUERY, MILLION, 2.0, ANCHOR, own=True)
    search_timing.add_number(scores, QUERY, MILLION, 3.0, MULTI, own=False)
    assert [row["metric"] for row in scores.rows if "[" not in row["metric"]] == ["query_ms_at_1m"]


def test_deephash_and_its_indexes_in_a_job(files, tmp_path):
    pytest.importorskip("faiss")
    rows = in_process(files, settings("deephash"), tmp_path / "rows")
    assert all(row["status"] == "ok" for row in rows.values())
    for n in (200, 400):
        for index in (ANCHOR, MULTI, LINEAR, FAISS):
            assert rows[sized(QUERY, n, index)]["value"] > rows[ENCODE]["value"]
        assert 1 <= rows[sized(DISTINCT, n)]["value"] <= n
    assert rows[BITS]["value"] == 8
    assert rows[ENCODE]["n"] == 400
    assert f"search_slope[{MULTI},n=200..400]" in rows


def test_without_faiss_a_row_says_how_to_install_it(files, tmp_path, monkeypatch):
    monkeypatch.setattr(code_databases, "has_faiss", lambda: False)
    rows = in_process(files, settings("deephash", sizes=(200,)), tmp_path / "rows")
    missing = rows[sized(SEARCH, 0, FAISS)]
    assert missing["status"] == NOT_APPLICABLE
    assert "pip install" in missing["reason"]
    assert sized(QUERY, 200, FAISS) not in rows


def test_cellfishing_in_a_job_of_its_own(files):
    table = time_search(files, settings("cellfishing")).set_index("metric")
    assert table["status"].eq("ok").all()
    assert table.loc[sized(RECALL, 400, MULTI), "value"] == 1
    assert table.loc[sized(IDENTICAL, 400, MULTI), "value"] == 1
    assert table.loc[BITS, "value"] == 512
    assert not any(FAISS in name for name in table.index)
    assert table["fit_s"].notna().all()


def test_a_method_without_codes_is_fitted_to_each_database(files, tmp_path):
    rows = in_process(files, settings("scmap"), tmp_path / "rows")
    for n in (200, 400):
        assert rows[sized(QUERY, n, OWN)]["value"] > 0
        assert rows[sized(BUILD, n, OWN)]["value"] > 0
    assert f"search_slope[{OWN},n=200..400]" in rows
    assert sized(RECALL, 400, OWN) not in rows


def test_sizes_beyond_the_limit_are_too_slow(files, tmp_path):
    rows = in_process(files, settings("scmap", sizes=(200, 400_000_000), size_seconds=5.0), tmp_path / "own")
    assert rows[sized(QUERY, 400_000_000, OWN)]["status"] == TOO_SLOW
    assert rows[sized(QUERY, 200, OWN)]["status"] == "ok"
    given = settings("cellfishing", sizes=(10**4, 10**12), size_seconds=60.0)
    rows = in_process(files, given, tmp_path / "codes")
    assert rows[sized(QUERY, 10**12)]["status"] == TOO_SLOW
    assert "hashing 1,000,000,000,000 cells" in rows[sized(QUERY, 10**12)]["reason"]
    assert rows[sized(QUERY, 10**4, MULTI)]["status"] == "ok"


def test_no_original_is_a_query_and_in_the_database(files, tmp_path, monkeypatch):
    made = []
    real = search_timing.copies
    monkeypatch.setattr(
        search_timing, "copies", lambda base, *rest, **more: made.append(base.X) or real(base, *rest, **more)
    )
    in_process(files, settings("scmap", sizes=(200,)), tmp_path / "rows")
    database, queries = sorted(made, key=lambda X: -X.shape[0])
    assert (database.shape[0], queries.shape[0]) == (128, 32)
    rows = {tuple(row) for row in database.toarray()} & {tuple(row) for row in queries.toarray()}
    assert not rows


def test_what_fails_is_a_row(files):
    given = settings("cellfishing")
    row = given.row.model_copy(update={"parameters": {"n_dims": 1000}})
    table = time_search(files, replace(given, row=row), say=lambda line: None)
    assert is_failed(table)
    assert table["reason"].str.contains("n_dims=1000").all()
    assert set(table["metric"]) == {sized(QUERY, 200), sized(QUERY, 400)}


def test_codes_go_to_faiss_as_bytes(rng):
    codes = BitCodes(rng.integers(0, 1 << 20, (3, 1), dtype=np.uint64), 20)
    packed = code_databases._as_bytes(codes)
    assert packed.shape == (3, 3)
    if sys.byteorder == "little":
        assert packed[0, 0] == codes.words[0, 0] & 255
