"""CellFishing's growth: the stages build what `fit` builds, no original is on both sides, and wrong answers fail."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from schash import scale_cells, scale_numbers, scale_size, scale_timing, upsampling
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.data.cells import make_cells, write_cells
from schash.errors import DataError
from schash.expected import read_expected
from schash.folds import NOT_APPLICABLE, RunFiles, fold_input
from schash.methods.catalogue import MethodRow
from schash.neighbors import Neighbors
from schash.scale_cells import Stream, cells_at, enough_cells, rows_of_file
from schash.scale_index import build, cellfishing_of, hashed, learn
from schash.scale_numbers import (
    BYTES,
    CONSISTENCY,
    COPIED,
    COUNTS,
    IDENTICAL,
    INDEX,
    LARGE,
    NAMED,
    PEAK,
    QUERY,
    RECALL,
    SHARED,
    SMALL,
    add_published,
    join_sizes,
    what_of,
)
from schash.scale_size import OneSize, time_size
from schash.scale_timing import _scored, time_scale
from schash.splits import make_split, write_split
from schash.timing_runs import TimingSettings
from schash.timing_table import TOO_SLOW, Scores, sized

EXPECTED = Path(__file__).parents[2] / "config/expected.tsv"
N_GENES = 60


@pytest.fixture
def files(tmp_path, planted):
    X, y, genes = planted
    names = [f"cell{i}" for i in range(160)]
    cells = make_cells(X, names, genes, labels=y, dataset="planted", values="counts")
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    split = make_split(cells.labels.reset_index(drop=True), cells.cells.obs, dataset="planted", scheme="cv5")
    write_split(split, tmp_path)
    return RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")


@pytest.fixture
def given(files):
    return fold_input(files, 0)


def settings(sizes=(200, 400), **changes):
    row = MethodRow.model_validate(
        {
            "title": "cellfishing",
            "class": "schash.methods.cellfishing:CellFishingAnnotator",
            "accepts": ["counts"],
            "parameters": {"n_dims": 5, "min_features": 40, "n_neighbors": 3},
        }
    )
    given = TimingSettings(
        "planted", "cellfishing", row, 0, 1, sizes, 60.0, 100.0, 4000.0, largest=max(sizes)
    )
    return replace(given, **changes)


def dense(chunks):
    return sparse.vstack(list(chunks)).toarray()


def test_copies_share_no_original_and_a_small_database_is_the_start_of_a_large_one(
    given, planted, monkeypatch
):
    monkeypatch.setattr(upsampling, "BLOCK_ROWS", 50)  # both sizes are whole blocks
    options = {"largest": 400, "n_queries": 50, "seed": 0}
    small, queries = cells_at(given, "planted", 100, **options)
    large, same = cells_at(given, "planted", 400, **options)
    np.testing.assert_array_equal(dense(large.chunks())[:100], dense(small.chunks()))
    np.testing.assert_array_equal(queries.X.toarray(), same.X.toarray())
    assert queries.X.shape == (50, N_GENES)
    assert large.rows.shape == (400,)
    assert set(queries.rows) <= set(given.query_rows)
    assert set(large.rows) <= set(given.train_rows)
    originals = planted[0].toarray()
    for made, rows in ((dense(large.chunks()), large.rows), (queries.X.toarray(), queries.rows)):
        assert (made <= originals[rows]).all()
        assert 0.6 < made.sum() / originals[rows].sum() < 0.8


def test_enough_cells_are_taken_as_they_are(given, planted, monkeypatch):
    monkeypatch.setattr(scale_cells, "BLOCK_ROWS", 16)
    options = {"largest": 140, "n_queries": 20, "seed": 0}
    assert enough_cells(given, 140, 20)
    large, queries = cells_at(given, "planted", 140, **options)
    small, _ = cells_at(given, "planted", 50, **options)
    X = planted[0].toarray()
    for made, rows in ((dense(large.chunks()), large.rows), (queries.X.toarray(), queries.rows)):
        np.testing.assert_array_equal(made, X[rows])
        assert len(set(rows)) == len(rows)
    assert set(queries.rows) <= set(given.query_rows)
    assert set(queries.rows) | set(large.rows) == set(range(160))
    assert set(small.rows) < set(large.rows)
    np.testing.assert_array_equal(dense(small.chunks()), X[small.rows])
    assert max(block.shape[0] for block in large.chunks()) == 16


@pytest.mark.parametrize(("largest", "n_queries"), [(141, 20), (100, 33)])
def test_too_few_cells_are_copied(given, largest, n_queries):
    assert not enough_cells(given, largest, n_queries)


def test_rows_of_a_file_come_in_blocks_and_skip_what_is_not_wanted(given, planted, monkeypatch):
    monkeypatch.setattr(scale_cells, "BLOCK_ROWS", 7)
    rows = np.array([0, 3, 30, 31, 32, 99, 150, 159])
    read = []
    real = CellChunks.from_h5ad(given.cells).read

    def watched(path):
        chunks = CellChunks(lambda a, b: read.append(b - a) or real(a, b), (160, N_GENES))
        chunks.genes = planted[2]
        return chunks

    monkeypatch.setattr(scale_cells.CellChunks, "from_h5ad", watched)
    np.testing.assert_array_equal(dense(rows_of_file(given, rows)), planted[0].toarray()[rows])
    assert max(read) <= 7
    assert sum(read) < 7 * len(rows)


def test_reading_is_not_counted_and_passes_end_when_the_last_block_was_used(planted):
    X, _, genes = planted

    def slow(start, stop):
        time.sleep(0.05)
        return X[start:stop]

    stream = Stream(CellChunks(slow, X.shape, genes=genes, chunk_rows=40), np.arange(160))
    used = []
    for block in stream.chunks():
        used.append(time.perf_counter())
        assert block.shape == (40, N_GENES)
    assert len(stream.passes) == 1
    assert stream.passes[0][0] >= used[-1]
    assert 0.2 <= stream.seconds < 0.4
    assert stream.n_counts == X.nnz
    began = time.perf_counter()
    learned = learn(CellFishing(n_dims=5, min_features=40), stream)
    whole = time.perf_counter() - began
    assert learned.seconds <= whole - 0.4
    assert stream.n_counts == X.nnz
    assert min(learned.select_s, learned.preprocess_s, learned.svd_s) > 0


@pytest.mark.parametrize("layout", ["compact", "linear", "fast"])
@pytest.mark.parametrize("bits", [128, 512])
def test_the_stages_build_what_fit_builds(given, layout, bits):
    stream, queries = cells_at(given, "planted", 300, largest=300, n_queries=40, seed=0)
    model = cellfishing_of(settings(), 1, n_bits=bits, n_hashes=2, layout=layout)
    learned = learn(model, stream)
    build(model, learned, hashed(model, learned))
    whole = CellFishing(**model.get_params()).fit(stream.chunks())
    found, expected = (one.search(queries.X, 5, genes=queries.genes) for one in (model, whole))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert model.nbytes == whole.nbytes
    assert model.n_cells_ == 300
    assert model.seed == settings().method_seed


def in_process(given, tmp_path, **changes):
    path, answers = tmp_path / "rows.jsonl", tmp_path / "answers.npz"
    path.write_text("")
    time_size(given, settings(), path, OneSize(200, 400, 100, answers))
    rows = {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}
    return rows, dict(np.load(answers))


def test_one_size_has_every_number(given, tmp_path, planted):
    rows, answers = in_process(given, tmp_path)
    value = {name: row["value"] for name, row in rows.items()}
    assert value[sized(COPIED, 200)] == 1
    assert value[sized(SHARED, 200)] == 0
    own, linear = what_of(128), what_of(128, "linear")
    for what in (own, linear, what_of(128, "fast"), what_of(128, "1thread"), what_of(512), what_of(256)):
        assert value[sized(QUERY, 200, what)] > 0
        assert rows[sized(QUERY, 200, what)]["n"] == 100
    for what in (own, what_of(128, "fast"), what_of(256), what_of(512)):
        assert value[sized(IDENTICAL, 200, what)] == value[sized(RECALL, 200, what)] == 1
    assert sized(IDENTICAL, 200, linear) not in value
    stages = [sized(NAMED[name], 200) for name in ("select", "preprocess", "svd")]
    parts = [*stages, sized("hash_s", 200, own), sized("build_s", 200, own)]
    assert value[sized(INDEX, 200, own)] == pytest.approx(sum(value[name] for name in parts))
    assert value[sized(BYTES, 200, own)] > value[sized(BYTES, 200, linear)]
    peak, before = value[sized(PEAK, 200)], value[sized(NAMED["before"], 200)]
    index_mb = value[sized(BYTES, 200, own)] * 200 / 2**20
    assert value[sized(NAMED["beyond"], 200)] == pytest.approx(peak - before - index_mb)
    assert 0 < before <= peak
    assert value[sized(COUNTS["genes"], 200)] == N_GENES
    assert 40 <= value[sized(COUNTS["selected genes"], 200)] <= N_GENES
    for of in ("a cell", "a query"):
        assert 0 < value[sized(COUNTS[f"selected {of}"], 200)] <= value[sized(COUNTS[of], 200)] < N_GENES
    assert set(answers) == {
        "queries",
        own,
        linear,
        *(what_of(b, s) for b in (256, 512) for s in ("", "linear")),
    }
    assert set(answers[own]) <= set(given.train_rows)
    y = planted[1]
    assert (y[answers[own]] == y[answers["queries"]]).mean() > 0.95


def test_counts_are_those_of_the_cells(given, tmp_path):
    rows, _ = in_process(given, tmp_path)
    stream, queries = cells_at(given, "planted", 200, largest=400, n_queries=100, seed=0)
    cells = sparse.vstack(list(stream.chunks())).tocsr()
    model = CellFishing(n_dims=5, min_features=40).fit(cells, genes=queries.genes)
    selected = np.isin(queries.genes, model.genes_)
    assert rows[sized(COUNTS["selected genes"], 200)]["value"] == selected.sum()
    assert rows[sized(COUNTS["a cell"], 200)]["value"] == cells.nnz / 200
    assert rows[sized(COUNTS["selected a cell"], 200)]["value"] == cells[:, selected].nnz / 200
    assert rows[sized(COUNTS["selected a query"], 200)]["value"] == queries.X[:, selected].nnz / 100


def test_a_search_that_answers_otherwise_is_said(given, tmp_path, monkeypatch):
    real = CellFishing.search_codes

    def other(self, codes, k):
        found = real(self, codes, k)
        shift = int(self.layout == "fast")
        return Neighbors(found.ids + shift, found.distances, found.n_candidates, found.n_lookups)

    monkeypatch.setattr(CellFishing, "search_codes", other)
    rows, _ = in_process(given, tmp_path)
    assert rows[sized(IDENTICAL, 200, what_of(128, "fast"))]["value"] == 0
    assert rows[sized(IDENTICAL, 200, what_of(128))]["value"] == 1


def test_an_original_on_both_sides_is_counted(given, tmp_path, monkeypatch):
    real = scale_size.cells_at

    def both(*args, **options):
        stream, queries = real(*args, **options)
        stream.rows[:3] = queries.rows[:3]
        return stream, queries

    monkeypatch.setattr(scale_size, "cells_at", both)
    rows, _ = in_process(given, tmp_path)
    assert rows[sized(SHARED, 200)]["value"] >= 3


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        (sized(IDENTICAL, 200, "128bits"), 0.0, "answers differ"),
        (sized(SHARED, 200), 2.0, "original is in the database"),
    ],
)
def test_wrong_answers_and_shared_cells_fail_the_job(files, tmp_path, monkeypatch, metric, value, words):
    def child(*args, **options):
        scores = Scores({"threads": 1, "host": ""})
        scores.add(metric, value, 200)
        return scores.table()

    monkeypatch.setattr(scale_timing, "in_child", child)
    with pytest.raises(DataError, match=words):
        time_scale(files, settings(sizes=(200,)), solution=tmp_path / "solution.parquet", say=str)


def test_whole_jobs_of_a_size_each(files, tmp_path, planted):
    solution = tmp_path / "solution.parquet"
    jobs = [replace(settings(), sizes=(n,)) for n in (400, 200)]
    table = join_sizes([time_scale(files, one, solution=solution, say=str) for one in jobs])
    assert table["status"].eq("ok").all()
    assert table["metric"].is_unique
    values = table.set_index("metric")["value"]
    for n in (200, 400):
        for bits in (128, 256, 512):
            assert values[sized(CONSISTENCY, n, what_of(bits))] > 0.95
            assert values[sized(CONSISTENCY, n, what_of(bits, "linear"))] > 0.95
    assert {"query_slope_128bits", "index_slope_256bits", "bytes_slope_512bits"} <= set(values.index)
    own = table[table["metric"] == sized(QUERY, 400, what_of(128, "1thread"))].iloc[0]
    assert (own["threads"], own["n"]) == (1, 400)
    assert own["fit_s"] == pytest.approx(values[sized(INDEX, 400, what_of(128))])


def test_consistency_is_the_share_of_equal_labels(tmp_path):
    labels = pd.Series(["a", "b", "a", "b"], index=[10, 11, 12, 13])
    job = OneSize(8, 8, 3, tmp_path / "answers.npz")
    np.savez(job.answers, queries=[10, 11, 13], **{"128bits": [12, 13, 12]})
    table = scale_timing._scored(job, labels, {"threads": 1, "host": ""})
    assert table["metric"].tolist() == [sized(CONSISTENCY, 8, "128bits")]
    assert table["value"].tolist() == [pytest.approx(2 / 3)]
    assert scale_timing._scored(replace(job, answers=tmp_path / "none"), labels, {}).empty


@pytest.mark.parametrize("n_labelled", [0, 100])
def test_cells_without_labels_have_no_consistency(tmp_path, planted, n_labelled):
    X, y, genes = planted
    labels = [label if i < n_labelled else None for i, label in enumerate(y)]
    cells = make_cells(
        X, [f"cell{i}" for i in range(160)], genes, labels=labels, dataset="planted", values="counts"
    )
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    of_cells = cells.labels.reset_index(drop=True)
    split = make_split(of_cells, cells.cells.obs, dataset="planted", scheme="cells5")
    write_split(split, tmp_path)
    own = RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")
    table = time_scale(own, settings(sizes=(200,)), solution=tmp_path / "solution.parquet", say=str)
    assert table["status"].eq("ok").all(), table["reason"].tolist()
    found = table[table["metric"].str.startswith(f"{CONSISTENCY}[")]
    assert len(found) == (6 if n_labelled else 0)
    assert (found["n"] < 200).all()


def test_consistency_counts_the_queries_that_have_a_label(tmp_path):
    job = OneSize(3, 3, 4, tmp_path / "answers.npz")
    np.savez(job.answers, queries=np.array([0, 1, 2, 3]), index=np.array([4, 5, 6, 6]))
    labels = pd.Series({0: "a", 1: "b", 2: "", 3: "", 4: "a", 5: "a", 6: ""})
    row = _scored(job, labels, {"threads": 1, "host": ""}).iloc[0]
    assert (row["value"], row["n"]) == (0.5, 2)


def test_sizes_beyond_the_limit_are_too_slow_and_failures_are_rows(files, tmp_path):
    solution = tmp_path / "solution.parquet"
    slow = time_scale(files, settings(sizes=(400,), size_seconds=0.01), solution=solution, say=str)
    assert slow.loc[slow["metric"] == sized(QUERY, 400), "status"].tolist() == [TOO_SLOW]
    assert slow["reason"].str.contains("0.01").any()
    quick = time_scale(files, settings(sizes=(200,)), solution=solution, say=str)
    both = join_sizes([quick, slow]).set_index("metric")
    assert both.loc[sized(QUERY, 400), "status"] == TOO_SLOW
    assert both.loc[sized(QUERY, 200, what_of(128)), "status"] == "ok"
    row = settings().row.model_copy(update={"parameters": {"n_dims": 1000}})
    table = time_scale(
        files, settings(sizes=(200,), row=row), solution=tmp_path / "solution.parquet", say=str
    )
    bad = table[table["status"] == "failed"]
    assert bad["metric"].tolist() == [sized(QUERY, 200)]
    assert bad["reason"].str.contains("n_dims=1000").all()


def test_other_methods_have_no_such_growth(files, tmp_path):
    row = settings().row.model_copy(update={"class_": "schash.methods.svm:LinearSVM"})
    table = time_scale(files, settings(row=row), solution=tmp_path / "solution.parquet", say=str)
    assert table["status"].tolist() == [NOT_APPLICABLE]
    assert join_sizes([table, table])["status"].tolist() == [NOT_APPLICABLE]


@pytest.fixture
def paper_sizes():
    """Numbers at 2^13 and 2^20 of which the paper's follow by hand."""
    scores = Scores({"threads": 2, "host": "vm"})
    for n, query, one, scan, size in ((SMALL, 0.05, 0.1, 0.2, 300.0), (LARGE, 0.1, 0.4, 3.2, 200.0)):
        for bits in (128, 256, 512):
            for search, ms in (("", query), ("1thread", one), ("linear", scan)):
                scores.add(sized(QUERY, n, what_of(bits, search)), ms, 10)
            for search, seconds in (("", n / 1e4), ("linear", n / 1.25e4)):
                scores.add(sized(INDEX, n, what_of(bits, search)), seconds, n)
            for search, of_size in (("", size), ("linear", size / 2)):
                scores.add(sized(BYTES, n, what_of(bits, search)), of_size, n)
                scores.add(sized(CONSISTENCY, n, what_of(bits, search)), 0.8 if n == LARGE else 0.7, n)
            scores.add(sized(RECALL, n, what_of(bits)), 1.0, n)
    return scores.table()


def test_the_papers_numbers_by_hand(paper_sizes):
    values = add_published(paper_sizes, {"host": "vm"}).set_index("metric")["value"]
    expected = {
        "throughput_2p20_128bits": 2500,
        "query_ms_2p20_128bits": 0.4,
        "query_growth_2p13_to_2p20_128bits": 4,
        "query_slope_128bits": 2 / 7,
        "index_slope_128bits": 1,
        "bytes_slope_128bits": 1 + np.log2(200 / 300) / 7,
        "bytes_per_cell_2p20_256bits": 200,
        "bytes_saved_over_1000_counts_2p20_128bits": 20,
        "bytes_indexed_over_linear_2p20_128bits": 2,
        "consistency_2p13_128bits": 0.7,
        "consistency_2p20_128bits": 0.8,
        "consistency_indexed_minus_linear_2p20_128bits": 0,
        "index_time_indexed_over_linear_2p20_128bits": 1.25,
        "linear_over_indexed_query_time_growth_2p13_to_2p20_128bits": 8,
        "query_time_indexed_over_linear_2p20_512bits": 1 / 32,
        "recall_of_linear_scan_2p20_128bits": 1,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value), name


def test_every_published_number_of_the_table_has_ours(paper_sizes):
    published = read_expected(EXPECTED).query("target == 'cf_table3'")["metric"]
    ours = add_published(paper_sizes, {"host": "vm"})
    assert set(published) <= set(ours["metric"])
    assert ours["threads"].eq(1).all()


def test_numbers_at_sizes_that_did_not_run_are_not_there():
    scores = Scores({"threads": 2, "host": "vm"})
    for n in (256, 512):
        scores.add(sized(QUERY, n, what_of(128, "1thread")), 0.1, 10)
    scores.miss(sized(QUERY, 1024, what_of(128, "1thread")), 10, "failed", "why")
    table = add_published(scores.table(), {"host": "vm"})
    assert table["metric"].tolist() == ["query_slope_128bits"]
    assert table["value"].tolist() == [pytest.approx(0)]
    assert scale_numbers.add_published(Scores({}).table(), {"host": "vm"}).empty
