"""What make hands to `schash regress`: which suite, which reference, which spread."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUB = """#!/usr/bin/env bash
printf '%s|' "$@" > call.txt
exit ${STUB_STATUS:-0}
"""


@pytest.fixture
def make(tmp_path):
    """Run make where the virtual environment holds a stub for schash; return the exit code and its arguments."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/schash").write_text(STUB)
    (tmp_path / ".venv/bin/schash").chmod(0o755)
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    (tmp_path / "results/reference/demo").mkdir(parents=True)

    def call(*arguments, status=0):
        environment = {**os.environ, "STUB_STATUS": str(status)}
        environment.pop("SUITE", None)
        command = ["make", "--no-print-directory", "-o", ".venv/.installed", *arguments]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return result.returncode, (tmp_path / "call.txt").read_text().split("|")[:-1]

    call.folder = tmp_path
    return call


def test_regression_is_of_the_demo_unless_told_otherwise(make):
    expected = [
        "regress", "results/demo/metrics.tsv", "--reference", "results/reference/demo/metrics.tsv",
        "--output", "results/demo/regression",
    ]  # fmt: skip
    assert make("regression") == (0, expected)
    assert make("regression", "SUITE=small")[1] == [word.replace("demo", "small") for word in expected]


def test_drift_fails_make(make):
    assert make("regression", status=1)[0] != 0


def test_the_spread_is_that_of_the_suite_or_else_of_the_demo(make):
    reference = make.folder / "results/reference"
    (reference / "demo/spread.tsv").touch()
    for suite in ("demo", "small"):
        arguments = make("regression", f"SUITE={suite}")[1]
        assert arguments[arguments.index("--spread") + 1] == "results/reference/demo/spread.tsv"
    (reference / "small").mkdir()
    (reference / "small/spread.tsv").touch()
    arguments = make("regression", "SUITE=small")[1]
    assert arguments[arguments.index("--spread") + 1] == "results/reference/small/spread.tsv"


@pytest.mark.parametrize("reason", ["a deeper network", 'it\'s 5 > 4, "truly"; `date`', ""])
def test_the_reason_arrives_as_it_was_given(make, reason):
    arguments = make("accept", f"REASON={reason}")[1]
    assert arguments[:2] == ["regress", "accept"]
    assert arguments[arguments.index("--reason") + 1] == reason
    assert arguments[arguments.index("--history") + 1] == "results/history/demo"
