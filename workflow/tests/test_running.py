"""The workflow end to end on a small case: results, failures, resumption, and what an edit re-runs."""

import os

import pandas as pd
import pytest
import yaml

from schash.config import KINDS
from schash.tables import METRIC_COLUMNS, read_table

BROKEN = {"title": "Broken", "class": "schash.methods.knn:KNearestNeighbours", "accepts": ["lognorm"]}


def write_overlay(folder, n_neighbors):
    overlay = {
        "results": "out",
        "bootstrap": 100,
        "methods": {"broken": {**BROKEN, "parameters": {"n_neighbors": n_neighbors}}},
        "experiments": {
            "table1": {"datasets": ["pbmc68k_reduced"]},
            "fig2a": {
                "datasets": ["pbmc68k_reduced"],
                "methods": ["svm", "svm_norm", "broken", "true_labels"],
                "skip": {"pbmc68k_reduced": []},
            },
            "variants": {"datasets": ["pbmc68k_reduced"], "methods": ["svm", "true_labels"]},
            **dict.fromkeys(set(KINDS) - {"table1", "fig2a", "variants"}),  # left out
        },
    }
    path = folder / "overlay.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return ["--configfile", str(path), "--cores", "2"]


@pytest.fixture(scope="module")
def failed_run(workspace):
    """A run in which one method fails: its result, before anything is mended."""
    arguments = write_overlay(workspace.folder, n_neighbors=0)
    return workspace.snakemake(*arguments), arguments


def metrics(workspace):
    return read_table(workspace.folder / "out/demo/metrics.tsv", METRIC_COLUMNS)


def test_a_failing_method_fails_the_run_by_name_and_the_rest_goes_on(workspace, failed_run):
    result, _ = failed_run
    assert result.returncode != 0
    assert "fig2a: broken on pbmc68k_reduced, fold 0, 1, 2, 3, 4: failed: " in result.stdout
    assert "1 run(s) failed" in result.stdout
    table = metrics(workspace)
    assert (table["experiment"] == "calibration").sum() == 3
    table = table[table["experiment"] != "calibration"]
    status = table.groupby("method")["status"].agg(lambda values: values.iloc[0])
    assert status.to_dict() == {
        "broken": "failed", "svm": "ok", "svm_norm": "not applicable", "true_labels": "ok",
    }  # fmt: skip
    svm = table[(table["method"] == "svm") & (table["metric"] == "median_f1") & (table["fold"] != "pooled")]
    assert svm["value"].between(0.7, 0.95).all()
    assert (workspace.folder / "out/demo/figures/fig2a.png").stat().st_size > 10_000
    assert not (workspace.folder / "out/demo/verdict.txt").exists()


def test_the_next_call_tries_the_failed_run_again_and_nothing_else(workspace, failed_run):
    assert workspace.planned(*failed_run[1])["run_method"] == 1


def test_mended_it_ends_well_and_then_there_is_nothing_to_do(workspace, failed_run):
    arguments = write_overlay(workspace.folder, n_neighbors=3)
    result = workspace.snakemake(*arguments)
    assert result.returncode == 0, result.stdout
    assert "mean over folds" in result.stdout  # the headline table
    assert (metrics(workspace)["status"] != "failed").all()
    again = workspace.snakemake(*arguments)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    config = yaml.safe_load((workspace.folder / "out/demo/config.yaml").read_text())
    assert config["experiments"]["fig2a"]["methods"][0] == "svm"


EDITS = {
    "methods/svm.py": ({"run_method"}, {"prepare", "split"}),
    "metrics/annotation.py": ({"score"}, {"prepare", "split"}),
    "plotting/fig2a.py": ({"fig2a"}, {"run_method", "run_control", "score", "table1", "variants"}),
    "data/embedded.py": ({"prepare"}, set()),
    "data/simulate.py": (set(), {"prepare", "run_method"}),
    "user/genes.py": (set(), {"prepare", "run_method", "score", "fig2a"}),
}


@pytest.mark.parametrize("module", EDITS)
def test_editing_a_module_re_runs_the_stages_that_use_it(workspace, failed_run, module):
    arguments = write_overlay(workspace.folder, n_neighbors=3)
    assert workspace.snakemake(*arguments).returncode == 0
    path = workspace.folder / "package/src/schash" / module
    text = path.read_text()
    stat = path.stat()
    try:
        path.write_text(text + "\n# only a comment\n")
        assert workspace.planned(*arguments) == {}
        path.write_text(text + "\n_EDITED = True\n")
        jobs = workspace.planned(*arguments)
    finally:
        path.write_text(text)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    must, must_not = EDITS[module]
    assert must <= set(jobs)
    assert not must_not & set(jobs)
    if module == "methods/svm.py":
        assert jobs["run_method"] == 2  # svm and svm_norm, not kNN


def test_only_scoring_and_the_positive_control_take_the_solution_as_input(workspace, failed_run):
    """Reads what Snakemake recorded of the run, so it speaks of the wiring as it was and not as it is written."""
    result = workspace.snakemake("--detailed-summary", *failed_run[1])
    rows = [line.split("\t") for line in result.stdout.splitlines() if line.startswith("out/")]
    assert {"run_method", "run_control", "score"} <= {row[2] for row in rows}
    assert {row[2] for row in rows if "solution.parquet" in row[4]} == {
        "run_control", "score", "score_confusion",
    }  # fmt: skip
    assert {row[2] for row in rows if "/labels/" in row[4]} == {"split"}


@pytest.mark.skipif(
    "SCHASH_MIRROR" not in os.environ, reason="SCHASH_MIRROR names no local copy of the public data"
)
def test_real_cells_from_the_mirror(workspace):
    overlay = {
        "results": "real",
        "bootstrap": 100,
        "experiments": {"fig2a": {"datasets": ["tm_immune_1k"], "methods": ["svm_norm", "true_labels"]}},
    }
    path = workspace.folder / "real.yaml"
    path.write_text(yaml.safe_dump(overlay))
    arguments = ["--configfile", str(path), "--config", "suite=small", "--cores", "2", "--", "fig2a"]
    result = workspace.snakemake(*arguments)
    assert result.returncode == 0, result.stdout
    assert "tm_immune_1k: 1,000 cells x 19,371 genes, 5 types" in result.stdout
    table = pd.read_csv(workspace.folder / "real/small/figures/fig2a.tsv", sep="\t")
    score = table[(table["method"] == "svm_norm") & (table["metric"] == "median_f1")]["mean"].iloc[0]
    assert score > 0.97
