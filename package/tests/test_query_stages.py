"""Stages of a query, and files of a database: they find what a whole query finds, or the job fails."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schash import file_timing, stage_timing
from schash._transforms import TRANSFORMS
from schash.cellfishing import CellFishing
from schash.data.cells import make_cells, write_cells
from schash.errors import DataError
from schash.expected import read_expected
from schash.file_timing import (
    COMPRESSIONS,
    GZIP,
    LOAD,
    MEMORY,
    PLAIN,
    SAVE,
    SCANNED,
    SIZE,
    ZSTD,
    time_database,
    time_files,
)
from schash.folds import NOT_APPLICABLE, RunFiles, fold_input
from schash.methods.catalogue import MethodRow
from schash.neighbors import Neighbors
from schash.query_stages import STAGES, run_stages
from schash.scale_cells import Queries
from schash.scale_numbers import LARGE, SMALL
from schash.search_race import QUERY
from schash.splits import make_split, write_split
from schash.stage_timing import GROWTH, LINEAR, MULTI, STAGE, medians, scanned, time_databases, time_stages
from schash.timing_runs import TimingSettings, is_failed
from schash.timing_table import Scores, sized

EXPECTED = Path(__file__).parents[2] / "config/expected.tsv"


@pytest.fixture
def files(tmp_path, planted):
    X, y, genes = planted
    names = [f"cell{i}" for i in range(160)]
    cells = make_cells(X, names, genes, labels=y, dataset="planted", values="counts")
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    split = make_split(cells.labels.reset_index(drop=True), cells.cells.obs, dataset="planted", scheme="cv5")
    write_split(split, tmp_path)
    return RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")


def settings(sizes=(200, 400), **changes):
    row = MethodRow.model_validate(
        {
            "title": "cellfishing",
            "class": "schash.methods.cellfishing:CellFishingAnnotator",
            "accepts": ["counts"],
            "parameters": {"n_dims": 5, "min_features": 40, "n_neighbors": 3},
        }
    )
    return replace(TimingSettings("planted", "cellfishing", row, 0, 1, sizes, 60.0, 100.0, 4000.0), **changes)


@pytest.fixture
def queries(planted):
    X, _, genes = planted
    return Queries(X[:50], np.arange(50), genes)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("layout", ["compact", "linear", "fast"])
def test_stages_find_what_a_query_finds(planted, queries, transform, layout):
    X, _, genes = planted
    model = CellFishing(n_dims=5, min_features=40, transform=transform, layout=layout).fit(X, genes=genes)
    with_empty = queries.X.copy()
    with_empty.data[: with_empty.indptr[1]] = 0
    found, points, seconds = run_stages(model, with_empty, genes, 7)
    expected = model.search(with_empty, 7, genes=genes)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)
    np.testing.assert_array_equal(points, model.reduce(with_empty, genes=genes))
    assert tuple(seconds) == STAGES
    assert all(value >= 0 for name, value in seconds.items() if name != "normalise")


def test_more_cells_than_a_block_holds(planted):
    X, _, genes = planted
    model = CellFishing(n_dims=5, min_features=40).fit(X, genes=genes)
    many = X[np.arange(5000) % 160]
    found, points, _ = run_stages(model, many, genes, 3)
    np.testing.assert_array_equal(found.ids, model.search(many, 3, genes=genes).ids)
    assert points.shape == (5000, 5)


def test_every_stage_of_both_indexes_has_a_median(planted, queries):
    X, _, genes = planted
    times = medians(CellFishing(n_dims=5, min_features=40).fit(X, genes=genes), queries)
    wanted = {(STAGE, name) for name in (*STAGES, "search-linear", "rank-linear")}
    assert set(times) == wanted | {(QUERY, MULTI), (QUERY, LINEAR)}
    assert min(times.values()) >= 0
    assert times[QUERY, MULTI] > 0


def test_scanning_keeps_the_codes_and_leaves_the_index_alone(planted, queries):
    X, _, genes = planted
    model = CellFishing(n_dims=5, min_features=40).fit(X, genes=genes)
    other = scanned(model)
    assert (other.layout, model.layout) == ("linear", "compact")
    assert other.nbytes < model.nbytes
    for one, two in zip(other._indexes, model._indexes, strict=True):
        assert type(one) is not type(two)
        assert one.codes == two.codes


def shifted(found):
    return Neighbors(found.ids + 1, found.distances, found.n_candidates, found.n_lookups)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found, points: (shifted(found), points), "neighbours"),
        (lambda found, points: (found, points + 1), "points"),
    ],
)
def test_stages_that_find_something_else_fail(planted, queries, monkeypatch, change, words):
    X, _, genes = planted
    real = stage_timing.run_stages

    def other(*given):
        found, points, seconds = real(*given)
        return *change(found, points), seconds

    monkeypatch.setattr(stage_timing, "run_stages", other)
    with pytest.raises(DataError, match=words):
        medians(CellFishing(n_dims=5, min_features=40).fit(X, genes=genes), queries)


def test_a_scan_that_finds_something_else_fails(planted, queries, monkeypatch):
    X, _, genes = planted
    model = CellFishing(n_dims=5, min_features=40).fit(X, genes=genes)
    others = CellFishing(n_dims=5, min_features=40, seed=1).fit(X, genes=genes)
    monkeypatch.setattr(stage_timing, "scanned", lambda model: scanned(others))
    with pytest.raises(DataError, match="linear scan"):
        medians(model, queries)


def in_process(what, files, path, **changes):
    path.write_text("")
    what(fold_input(files, 0), settings(**changes), path)
    return {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}


def test_stages_of_every_size(files, tmp_path):
    rows = in_process(time_databases, files, tmp_path / "rows")
    for n in (200, 400):
        for name in (*STAGES, "search-linear", "rank-linear"):
            assert rows[sized(STAGE, n, name)]["n"] == 400
        assert rows[sized(QUERY, n, MULTI)]["value"] > rows[sized(STAGE, n, "search")]["value"] > 0
    assert rows[sized("genes", 200)]["value"] == 60


def test_stages_in_a_child(files):
    table = time_stages(files, settings(sizes=(200,)), say=str)
    assert table["status"].eq("ok").all()
    row = settings().row.model_copy(update={"class_": "schash.methods.svm:LinearSVM"})
    assert time_stages(files, settings(row=row), say=str)["status"].tolist() == [NOT_APPLICABLE]


def test_growth_of_the_preprocessing_by_hand(files, monkeypatch):
    def child(*args, **options):
        scores = Scores({"threads": 1, "host": ""})
        for n, ms in ((SMALL, 1.0), (LARGE, 3.0)):
            for name in STAGES:
                scores.add(sized(STAGE, n, name), ms if name != "search" else 100.0 * ms**2, 10)
            scores.add(sized(STAGE, n, "rank"), 7.0 * ms**3, 10)
        return scores.table().drop_duplicates("metric")

    monkeypatch.setattr(stage_timing, "in_child", child)
    values = time_stages(files, settings()).set_index("metric")["value"]
    assert values[GROWTH] == pytest.approx(3)
    published = read_expected(EXPECTED).query("target == 'cf_fig9'")["metric"]
    assert published.tolist() == [GROWTH]


def test_files_of_a_database(files, tmp_path):
    rows = in_process(time_database, files, tmp_path / "rows")
    value = {name: row["value"] for name, row in rows.items()}
    size = {name: value[f"{SIZE}[{name}]"] for name in COMPRESSIONS}
    assert 0 < size[GZIP] < size[PLAIN]
    assert 0 < size[ZSTD] < size[PLAIN]
    for name in COMPRESSIONS:
        assert value[f"{SAVE}[{name}]"] > 0
        assert value[f"{LOAD}[{name}]"] > 0
    assert value["gzip_size_reduction"] == pytest.approx(1 - size[GZIP] / size[PLAIN])
    load = {name: value[f"{LOAD}[{name}]"] for name in COMPRESSIONS}
    assert value["zstd_over_gzip_load_time"] == pytest.approx(load[ZSTD] / load[GZIP])
    assert value["zstd_load_over_query_time"] == pytest.approx(load[ZSTD] / value["query_s"])
    assert value["cells"] == 128
    assert value[MEMORY] > value[SCANNED] > 128 * 4 * 16
    published = set(read_expected(EXPECTED).query("target == 'cf_table2'")["metric"])
    assert published <= set(value)


def test_a_file_that_answers_otherwise_fails(files, tmp_path, monkeypatch):
    real = CellFishing.load.__func__

    def load(cls, path):
        model = real(cls, path)
        if path.stem == ZSTD:
            model._hashes = model._hashes[::-1]
        return model

    monkeypatch.setattr(file_timing.CellFishing, "load", classmethod(load))
    with pytest.raises(DataError, match="zstd"):
        in_process(time_database, files, tmp_path / "rows")


def test_files_in_a_child(files):
    table = time_files(files, settings(sizes=()), say=str)
    assert table["status"].eq("ok").all()
    row = settings().row
    broken = row.model_copy(update={"parameters": {"n_dims": 1000}})
    table = time_files(files, settings(sizes=(), row=broken), say=str)
    assert is_failed(table)
    assert table["metric"].tolist() == [SIZE]
    other = row.model_copy(update={"class_": "schash.methods.svm:LinearSVM"})
    table = time_files(files, replace(settings(), row=other), say=str)
    assert table["status"].tolist() == [NOT_APPLICABLE]
