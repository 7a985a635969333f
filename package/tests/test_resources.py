"""What jobs ask a cluster for."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from schash.data.manifest import FetchedFile, write_manifest
from schash.errors import ConfigError
from schash.resources import (
    DEMANDS,
    LAST_ATTEMPT,
    Demand,
    files_mb,
    limited_mb,
    memory_mb,
    minutes,
    minutes_within,
    n_folds_of,
    raw_mb,
    run_mb_of,
    run_minutes_of,
)


@pytest.fixture
def demands(monkeypatch):
    """One stage with numbers that nobody will tune."""
    monkeypatch.setitem(DEMANDS, "stage", Demand(1000, 50, 30, 2))


def test_memory_and_time_by_hand(demands):
    assert memory_mb("stage", 0, 1) == 1000
    assert memory_mb("stage", 10, 1) == 1000 + 50 * 10
    assert memory_mb("stage", 10, 2) == 3000
    assert memory_mb("stage", 10, 3) == 6000
    assert minutes("stage", 10, 1) == 30 + 2 * 10
    assert minutes("stage", 10, 3) == 200


def test_nobody_asks_for_more_than_a_limit_of_the_workflow_leaves_alive(demands):
    assert memory_mb("stage", 10, 1, most=1200) == 1200
    assert memory_mb("stage", 10, 9, most=1200) == 1200
    assert memory_mb("stage", 0, 1, most=1200) == 1000
    assert limited_mb(6000) == 8000
    assert minutes_within(1800) == 60


def test_the_last_attempt_of_a_run_lets_the_limits_of_the_workflow_end_it(tmp_path):
    """So that a method beyond them ends as rows with their reason, and not as a job that the cluster has killed."""
    for input_mb in (0, 3.8, 27, 2000):
        for n_folds in (1, 5, 30):
            last = run_minutes_of(1800, n_folds, input_mb, LAST_ATTEMPT)
            assert last >= 1800 / 60 * n_folds
            assert run_minutes_of(1800, n_folds, input_mb, 1) == minutes("run", input_mb, 1)
        assert run_mb_of(16000, input_mb, LAST_ATTEMPT) == 18000
        assert run_mb_of(16000, input_mb, 1) <= 18000
    profile = Path(__file__).parents[2] / "workflow/profiles/slurm/profile.yaml"
    assert yaml.safe_load(profile.read_text())["retries"] == LAST_ATTEMPT - 1


def test_folds_are_counted_beside_the_rows_of_a_split(tmp_path):
    rows = tmp_path / "rows.parquet"
    with pytest.raises(FileNotFoundError) as caught:
        n_folds_of(str(rows))
    assert caught.value.filename == str(rows)
    (tmp_path / "split.json").write_text('{"fold_names": ["0", "1", "2"]}')
    assert n_folds_of(str(rows)) == 3


@pytest.mark.parametrize("stage", DEMANDS)
def test_every_stage_asks_for_more_with_each_attempt_and_never_less_for_more_input(stage):
    sizes = [0, 0.5, 10, 400, 4000]
    for ask in (memory_mb, minutes):
        asked = [[ask(stage, size, attempt) for size in sizes] for attempt in (1, 2, 3)]
        assert all(row == sorted(row) and row[0] > 0 for row in asked)
        assert all(
            more >= 2 * less for first, second in pairwise(asked)
            for less, more in zip(first, second, strict=True)
        )  # fmt: skip


MEASURED = {  # stage: megabytes of input and highest resident memory of a job in the reference suite
    "prepare": [(4.5, 702), (21, 388), (3.6, 648)],
    "split": [(26.6, 313), (3.8, 309)],
    "align": [(3.8, 609), (14.0, 496)],
    "run": [(3.8, 2661), (26.6, 1797), (8.1, 2614)],
    "score": [(0.5, 271)],
    "score_retrieval": [(20, 817)],
    "score_searches": [(20, 414)],
    "table": [(1, 363)],
    "check": [(1, 232)],
}


@pytest.mark.parametrize("stage", MEASURED)
def test_the_first_attempt_has_room_for_what_was_measured(stage):
    """Snakemake itself, twice, and its imports need 400 MB besides."""
    assert all(memory_mb(stage, size, 1) >= peak + 300 for size, peak in MEASURED[stage])


def test_an_unknown_stage_is_named():
    with pytest.raises(ConfigError, match=r"stage 'runn' \(known: fetch, prepare"):
        memory_mb("runn", 1, 1)
    with pytest.raises(ConfigError, match="stage 'runn'"):
        minutes("runn", 1, 1)


def test_folders_count_with_all_that_is_in_them(tmp_path):
    (tmp_path / "file").write_bytes(bytes(1_500_000))
    (tmp_path / "folder/below").mkdir(parents=True)
    (tmp_path / "folder/below/one").write_bytes(bytes(2_000_000))
    (tmp_path / "folder/two").write_bytes(bytes(250_000))
    assert files_mb([]) == 0
    assert files_mb([str(tmp_path / "file")]) == 1.5
    assert files_mb([str(tmp_path / "file"), str(tmp_path / "folder")]) == 3.75


@pytest.mark.parametrize("size", [files_mb, raw_mb])
@pytest.mark.parametrize("name", ["cells.h5ad", "raw.tsv"])
def test_what_is_not_there_yet_is_named_as_given(size, name, tmp_path):
    """Snakemake takes the error for "not yet" only if it names one of the job's inputs."""
    path = str(tmp_path / name)
    with pytest.raises(FileNotFoundError) as raised:
        size([path])
    assert raised.value.filename == path


def test_raw_data_are_as_large_as_their_manifests_say(tmp_path):
    rows = [
        FetchedFile("source", name, f"/there/{name}", "https://example.org", size, "0" * 64, "2026-01-01", "mirror")
        for name, size in [("a.csv.gz", 3_000_000), ("b.csv", 500_000)]
    ]  # fmt: skip
    write_manifest(tmp_path / "one.tsv", rows)
    write_manifest(tmp_path / "two.tsv", rows[:1])
    (tmp_path / "cells.h5ad").write_bytes(bytes(1_000_000))
    assert raw_mb([]) == 0
    assert raw_mb([str(tmp_path / name) for name in ("one.tsv", "two.tsv", "cells.h5ad")]) == 7.5
