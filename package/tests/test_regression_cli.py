"""`schash regress` as it is typed: exit codes, moving the reference, the history, exports."""

import json

import pandas as pd
import pytest
import yaml
from metrics_tables import calibration, rows, table, write
from typer.testing import CliRunner

from schash.cli import app
from schash.errors import DataError
from schash.regression.accepting import LOG_COLUMNS, accept
from schash.regression.headlines import HEADLINES, chosen
from schash.regression.history import read_history, record
from schash.regression.reading import read_metrics
from schash.tables import read_table

QUERIES = {"query_ms[128bits,n=512]": 1.0, "query_ms[128bits,n=2048]": 2.0}
OLD = table(
    rows("svm"),
    rows("svm", QUERIES, experiment="cf_table3", folds=("2",)),
    calibration(),
)
NEW = OLD.assign(run_id="20260202T000000Z-0000", git_sha="def456def456")


@pytest.fixture
def run():
    runner = CliRunner()

    def call(*arguments):
        return runner.invoke(app, ["regress", *map(str, arguments)])

    return call


@pytest.fixture
def files(tmp_path):
    """A reference, and a run with a loss in one method."""
    lost = NEW.assign(value=NEW["value"].where(NEW["metric"] != "accuracy", NEW["value"] - 0.2))
    return write(OLD, tmp_path / "reference/metrics.tsv"), write(lost, tmp_path / "run/metrics.tsv")


def test_exit_codes_tell_drift_from_bad_input(run, files, tmp_path):
    reference, metrics = files
    for call in ((reference,), ("compare", reference), ("--only", "fig2a", reference)):
        assert run(*call, "--reference", reference).exit_code == 0
    drifted = run(metrics, "--reference", reference, "-o", tmp_path / "out")
    assert drifted.exit_code == 1
    assert "fig2a / d1 / cv5 / svm" in drifted.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"diff.tsv", "summary.json", "summary.md"}
    for arguments in (
        (tmp_path / "none.tsv", "--reference", reference),
        (metrics, "--reference", tmp_path / "none.tsv"),
        (metrics, "--reference", reference, "--spread", tmp_path / "none.tsv"),
        (metrics, "--reference", reference, "--only", "fig9"),
        (metrics,),
    ):
        assert run(*arguments).exit_code == 2


def test_accepting_moves_the_reference_and_appends_to_the_log(run, files, tmp_path):
    reference, metrics = files
    for folder in (reference.parent, metrics.parent):
        (folder / "config.yaml").write_text(folder.name)
    (metrics.parent / "environment.yaml").write_text("not kept beside the reference")
    arguments = ("accept", metrics, "--reference", reference, "--history", tmp_path / "history")
    result = run(*arguments, "--reason", "  a deeper\n\tnetwork ")
    assert result.exit_code == 0, result.output
    assert reference.read_bytes() == metrics.read_bytes()
    assert (reference.parent / "config.yaml").read_text() == "run"
    assert not (reference.parent / "environment.yaml").exists()
    assert len(list((tmp_path / "history").iterdir())) == 1
    log = read_table(reference.parent / "accepted.tsv", LOG_COLUMNS)
    assert log.iloc[0].to_dict() | {"date": ""} == {
        "date": "", "git_sha": "def456def456", "run_id": "20260202T000000Z-0000", "reason": "a deeper network",
        "rows_moved": 6, "beyond_tolerance": 2, "what": "fig2a svm",
    }  # fmt: skip
    assert run(*arguments, "--reason", "again").exit_code == 0
    log = read_table(reference.parent / "accepted.tsv", LOG_COLUMNS)
    assert list(log["reason"]) == ["a deeper network", "again"]
    assert list(log["rows_moved"]) == [6, 0]


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_accepting_asks_for_a_reason(run, files, reason):
    reference, metrics = files
    before = reference.read_bytes()
    result = run("accept", metrics, "--reference", reference, "--reason", reason)
    assert result.exit_code == 2
    assert reference.read_bytes() == before
    assert not (reference.parent / "accepted.tsv").exists()


def test_only_a_clean_commit_becomes_the_reference(files, tmp_path):
    reference, _ = files
    dirty = write(NEW.assign(git_sha="def-dirty"), tmp_path / "dirty.tsv")
    with pytest.raises(DataError, match="must come from one clean commit, found def-dirty"):
        accept(dirty, reference, "because")
    first = tmp_path / "new_suite/metrics.tsv"
    first.parent.mkdir()
    assert accept(write(NEW, tmp_path / "m.tsv"), first, "the first one")["rows_moved"] == len(NEW)


def test_the_history_keeps_a_file_a_run_and_is_not_edited(tmp_path):
    folder = tmp_path / "history"
    paths = [
        record(read_metrics(write(frame, tmp_path / "m.tsv")), tmp_path / "m.tsv", folder) for frame in (NEW, OLD, OLD)
    ]  # fmt: skip
    assert {path.name for path in folder.iterdir()} == {path.name for path in paths}
    assert len(set(paths)) == 2
    history = read_history(paths[:2])
    assert list(history["run_id"].unique()) == ["20260101T000000Z-0000", "20260202T000000Z-0000"]
    kept = history[history["git_sha"] == "abc123abc123"].set_index("metric")
    assert set(kept.index) == {"median_f1", "query_ms[128bits,n=2048]"}
    assert kept.loc["median_f1", ["mean", "folds"]].tolist() == pytest.approx([0.9, 5])
    moved = read_metrics(write(OLD.assign(value=OLD["value"] + 0.1), tmp_path / "m.tsv"))
    with pytest.raises(DataError, match="with other numbers; a history is not edited"):
        record(moved, tmp_path / "m.tsv", folder)
    with pytest.raises(DataError, match="must come from one clean commit, found abc-dirty"):
        record(OLD.assign(git_sha="abc-dirty", over="folds"), tmp_path / "m.tsv", folder)
    nothing = table(rows("svm", experiment="variants"))
    with pytest.raises(DataError, match="none of the headline metrics"):
        record(nothing, tmp_path / "m.tsv", folder)


def test_of_a_timing_the_largest_size_is_the_headline():
    query = next(headline for headline in HEADLINES if headline.unit == "ms")
    sized = ["query_ms[128bits,n=512]", "query_ms[128bits,n=2048]", "index_s[128bits,n=4096]"]
    assert chosen(query, sized) is None  # not measured at the largest size
    assert chosen(query, sized[:2]) == "query_ms[128bits,n=2048]"
    assert chosen(query, [*sized, "query_ms_2p20_128bits"]) == "query_ms_2p20_128bits"


def test_the_export_is_nested_json_of_means(run, files, tmp_path):
    _, metrics = files
    path = tmp_path / "metrics.json"
    assert run("export", metrics, "-o", path).exit_code == 0
    tree = json.loads(path.read_text())
    assert tree["fig2a"] == {"d1": {"cv5": {"svm": {"median_f1": 0.9}}}}
    assert run("export", metrics, "-o", path, "--all").exit_code == 0
    everything = json.loads(path.read_text())
    assert everything["fig2a"]["d1"]["cv5"]["svm"]["accuracy (pooled)"] == 0.75


def test_other_versions_and_data_are_said(run, files):
    reference, metrics = files
    facts = {
        "torch": "2.13.0",
        "processor": "one",
        "host": "here",
        "data": {"lake/a.csv": "00", "lake/b.csv": "11"},
    }
    (reference.parent / "environment.yaml").write_text(yaml.safe_dump(facts))
    facts |= {"torch": "2.14.0", "host": "there", "data": {"lake/a.csv": "00", "lake/b.csv": "22"}}
    (metrics.parent / "environment.yaml").write_text(yaml.safe_dump(facts))
    output = run(metrics, "--reference", reference).output
    assert "other versions or processor: torch 2.13.0 → 2.14.0\n" in output
    assert "other raw data: lake/b.csv\n" in output
    assert "other" not in run(reference, "--reference", reference).output
    (metrics.parent / "environment.yaml").write_text("- no mapping")
    assert run(metrics, "--reference", reference).exit_code == 2


def test_a_spread_is_measured_from_files(run, tmp_path):
    paths = [write(OLD.assign(seed=seed), tmp_path / f"{seed}.tsv") for seed in range(3)]
    assert run("spread", *paths, "-o", tmp_path / "spread.tsv").exit_code == 0
    spread = pd.read_csv(tmp_path / "spread.tsv", sep="\t")
    assert set(spread["metric"]) == {"median_f1", "accuracy"}
    assert run("spread", *paths[:2], "-o", tmp_path / "few.tsv").exit_code == 2


def test_nothing_moves_where_anything_cannot_be_written(run, files, tmp_path):
    reference, metrics = files
    before = reference.read_bytes()
    log, history = reference.parent / "accepted.tsv", tmp_path / "history"
    arguments = ("accept", metrics, "--reference", reference, "--reason", "because", "--history", history)
    log.write_text("<<<<<<< HEAD\n")
    assert run(*arguments).exit_code == 2
    log.unlink()
    history.mkdir()
    write(NEW.assign(value=0.5), history / "20260202T000000Z-0000.tsv")
    assert run(*arguments).exit_code == 2
    assert reference.read_bytes() == before
    assert not log.exists()


def test_a_run_with_new_failures_is_accepted_only_when_asked(run, files, tmp_path):
    reference, _ = files
    failed = NEW.assign(status="failed", value=float("nan")).where(NEW["method"] == "svm", NEW)
    metrics = write(failed[NEW["experiment"] != "cf_table3"], tmp_path / "failed/metrics.tsv")
    arguments = ("accept", metrics, "--reference", reference, "--reason", "because")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "fig2a / d1 / cv5 / svm: failed" in " ".join(refused.output.split())
    assert run(*arguments, "--even-failed").exit_code == 0


def test_a_parquet_is_accepted_as_the_tsv_that_it_is_to_be(run, files, tmp_path):
    reference, _ = files
    metrics = write(NEW, tmp_path / "run/metrics.parquet")
    assert run("accept", metrics, "--reference", reference, "--reason", "because").exit_code == 0
    assert run(metrics, "--reference", reference).exit_code == 0
    assert reference.read_text().startswith("run_id\t")


def test_what_the_system_refuses_is_bad_input(run, files, tmp_path):
    reference, metrics = files
    (tmp_path / "file").write_text("")
    (tmp_path / "out/summary.md").mkdir(parents=True)
    for output in (tmp_path / "file", tmp_path / "file/below", tmp_path / "out"):
        result = run(metrics, "--reference", reference, "-o", output)
        assert result.exit_code == 2, result.output
        assert not isinstance(result.exception, OSError)


def test_an_earlier_summary_does_not_outlive_bad_input(run, files, tmp_path):
    reference, metrics = files
    assert run(reference, "--reference", reference, "-o", tmp_path / "out").exit_code == 0
    metrics.write_text("")
    assert run(metrics, "--reference", reference, "-o", tmp_path / "out").exit_code == 2
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("run_id", ["../../evil", "", "a b"])
def test_a_history_is_written_in_its_folder(tmp_path, run_id):
    frame = read_metrics(write(NEW.assign(run_id=run_id), tmp_path / "m.tsv"))
    with pytest.raises(DataError, match="no id of a run"):
        record(frame, tmp_path / "m.tsv", tmp_path / "history")


def test_a_run_whose_headline_is_undefined_is_recorded_twice(tmp_path):
    path = write(NEW.assign(value=NEW["value"].where(NEW["metric"] != "median_f1")), tmp_path / "m.tsv")
    for _ in range(2):
        record(read_metrics(path), path, tmp_path / "history")


def test_an_export_of_nothing_is_refused(run, tmp_path):
    metrics = write(NEW[NEW["metric"] == "accuracy"], tmp_path / "m.tsv")
    assert run("export", metrics, "-o", tmp_path / "m.json").exit_code == 2
    assert run("export", metrics, "--all", "-o", tmp_path / "m.json").exit_code == 0
