"""Seconds to annotate: what is timed is what annotates, and a size that does not run says why."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from schash import annotation_timing
from schash.annotation_timing import (
    ANNOTATE,
    COPIES_EQUAL,
    NETWORK,
    PREDICTED,
    SLOPE,
    time_annotation,
    time_sizes,
)
from schash.data.cells import make_cells, write_cells
from schash.deephash import DeepHash
from schash.deephash_stages import stage_seconds
from schash.errors import DataError
from schash.folds import NOT_APPLICABLE, RunFiles, fold_input
from schash.methods.catalogue import MethodRow
from schash.methods.contract import Predictions
from schash.splits import make_split, write_split
from schash.timing_runs import TimingSettings, is_failed
from schash.timing_table import TM_CELLS, TOO_SLOW, Scores, sized

HERE = "test_annotation_timing"


class Nearest:
    """Type by the gene of the highest count: a cell's answer is its own."""

    def __init__(self, *, seed):
        self.seed = seed

    def fit(self, train):
        self.types = np.unique(train.y)
        return self

    def predict(self, query):
        highest = np.asarray(query.X.argmax(axis=1)).ravel()
        return Predictions.of(self.types[highest % len(self.types)])


class Slow(Nearest):
    def predict(self, query):
        time.sleep(2e-4 * query.X.shape[0])
        return super().predict(query)


class ByPlace(Nearest):
    """Answers by the place of a cell among the others, as no method may."""

    def predict(self, query):
        return Predictions.of(self.types[np.arange(query.X.shape[0]) % len(self.types)])


class FailsOnMany(Nearest):
    def predict(self, query):
        if query.X.shape[0] == 4000:
            message = "planted"
            raise RuntimeError(message)
        return super().predict(query)


class Hangs(Nearest):
    def predict(self, query):
        if query.X.shape[0] == 4000:
            time.sleep(60)
        return super().predict(query)


class Transductive(Nearest):
    def fit(self, train, *, unlabelled):
        assert unlabelled.X.shape[0] == 32
        return super().fit(train)


@pytest.fixture
def files(tmp_path, planted):
    X, y, genes = planted
    names = [f"cell{i}" for i in range(160)]
    cells = make_cells(X, names, genes, labels=y, dataset="planted", values="counts")
    write_cells(tmp_path / "cells.h5ad", cells.cells)
    split = make_split(cells.labels.reset_index(drop=True), cells.cells.obs, dataset="planted", scheme="cv5")
    write_split(split, tmp_path)
    return RunFiles(tmp_path / "cells.h5ad", tmp_path / "rows.parquet", tmp_path / "train_labels.parquet")


def settings(class_, sizes=(500, 4000), **changes):
    given = {"title": class_, "class": f"{HERE}:{class_}", "accepts": ["counts"]}
    row = MethodRow.model_validate({**given, "transductive": class_ == "Transductive"})
    return replace(TimingSettings("planted", "method", row, 0, 1, sizes, 60.0, 60.0, 4000.0), **changes)


def in_process(files, given, path):
    """The rows of the child's work, done here."""
    path.touch()
    time_sizes(fold_input(files, 0), given, path)
    return {row["metric"]: row for row in map(json.loads, path.read_text().splitlines())}


def test_every_size_is_timed_and_the_slope_is_over_them(files):
    table = time_annotation(files, settings("Slow")).set_index("metric")
    assert table["status"].eq("ok").all()
    assert table.loc[sized(ANNOTATE, 500), "value"] == pytest.approx(0.1, rel=0.5)
    assert table.loc[sized(ANNOTATE, 4000), "value"] == pytest.approx(0.8, rel=0.5)
    assert table.loc[SLOPE, "value"] == pytest.approx(1, abs=0.2)
    assert table.loc[COPIES_EQUAL, "value"] == 1
    assert table.loc[sized(ANNOTATE, 500), "n"] == 500
    assert table.loc[sized(ANNOTATE, 4000), "predict_s"] == table.loc[sized(ANNOTATE, 4000), "value"]
    assert table["fit_s"].notna().all()
    assert ANNOTATE not in table.index


def test_the_size_of_tabula_muris_has_a_row_without_its_size(files, tmp_path):
    rows = in_process(files, settings("Nearest", sizes=(500, TM_CELLS)), tmp_path / "rows")
    assert rows[ANNOTATE]["value"] == rows[sized(ANNOTATE, TM_CELLS)]["value"] > 0


def test_a_size_that_would_take_too_long_is_left_out_and_says_how_long(files, tmp_path):
    rows = in_process(files, settings("Slow", sizes=(4000, 500, 50_000), size_seconds=2.0), tmp_path / "rows")
    assert rows[sized(ANNOTATE, 4000)]["status"] == "ok"
    late = rows[sized(ANNOTATE, 50_000)]
    assert late["status"] == TOO_SLOW
    assert "predicted to take" in late["reason"]
    assert rows[sized(PREDICTED, 50_000)]["value"] == pytest.approx(10, rel=0.5)
    assert rows[SLOPE]["n"] == 4000


def test_a_method_that_answers_by_place_does_not_pass(files):
    with pytest.raises(DataError, match=r"method on planted: .* of the plain copies"):
        time_annotation(files, settings("ByPlace"))


def test_sizes_before_a_failure_are_kept(files):
    table = time_annotation(files, settings("FailsOnMany"), say=lambda line: None).set_index("metric")
    assert table.loc[sized(ANNOTATE, 500), "status"] == "ok"
    assert table.loc[sized(ANNOTATE, 4000), ["status", "reason"]].tolist() == [
        "failed",
        "RuntimeError: planted",
    ]
    assert is_failed(table)


def test_a_size_that_the_limit_cuts_off_is_too_slow(files):
    said = []
    table = time_annotation(files, settings("Hangs", fold_seconds=8.0), say=said.append).set_index("metric")
    assert table.loc[sized(ANNOTATE, 500), "status"] == "ok"
    assert table.loc[sized(ANNOTATE, 4000), "status"] == TOO_SLOW
    assert "timeout" in said[0]
    assert not is_failed(table)


def test_a_method_that_does_not_take_the_values_has_one_row(files):
    other = settings("Nearest")
    row = other.row.model_copy(update={"accepts": ("lognorm",)})
    table = time_annotation(files, replace(other, row=row))
    assert table[["metric", "status"]].to_numpy().tolist() == [[ANNOTATE, NOT_APPLICABLE]]
    assert "these cells are counts" in table["reason"][0]
    assert not is_failed(table)


def test_a_transductive_method_sees_the_query_cells_and_not_their_copies(files, tmp_path):
    rows = in_process(files, settings("Transductive", sizes=(500,)), tmp_path / "rows")
    assert rows[sized(ANNOTATE, 500)]["status"] == "ok"
    assert SLOPE not in rows


def test_repeats_end_when_they_took_long(files, tmp_path, monkeypatch):
    asked = []
    real = Nearest.predict
    monkeypatch.setattr(
        Nearest, "predict", lambda self, query: asked.append(query.X.shape[0]) or real(self, query)
    )
    in_process(files, settings("Nearest", sizes=(500,)), tmp_path / "rows")
    assert asked.count(500) == annotation_timing.REPEATS
    monkeypatch.setattr(annotation_timing, "LONG_S", 0.0)
    in_process(files, settings("Nearest", sizes=(700,)), tmp_path / "more")
    assert asked.count(700) == 1


def test_a_row_that_failed_makes_the_run_due_again():
    made = Scores({"threads": 1, "host": ""})
    made.miss(sized(ANNOTATE, 5), 5, "killed", "")
    assert is_failed(made.table())


def test_stages_of_deephash_are_parts_of_the_whole(planted):
    X, y, genes = planted
    model = DeepHash(steps=2, progress=False).fit(X, y, genes=genes)
    stages = stage_seconds(model, X, genes=genes)
    assert list(stages) == ["features", "network", "distances"]
    assert min(stages.values()) >= 0
    assert stages["network"] > 0


def test_deephash_says_what_share_of_its_time_the_network_takes(files, tmp_path):
    given = settings("Nearest", sizes=(500,))
    changes = {"class_": "schash.methods.deephash:DeepHashAnnotator", "parameters": {"steps": 2}}
    rows = in_process(
        files, replace(given, row=given.row.model_copy(update={**changes, "searcher": True})), tmp_path / "r"
    )
    assert 0 < rows[sized(NETWORK, 500)]["value"] < 1
    assert rows[COPIES_EQUAL]["value"] == 1
