"""The wrapper that make calls: what it hands to Snakemake, and how it ends."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUB = """#!/usr/bin/env bash
echo "suite=$SCHASH_SUITE arguments=$*" >> calls.txt
exit ${STUB_STATUS:-0}
"""


@pytest.fixture
def make(tmp_path):
    """Run make in a folder whose virtual environment holds a stub for Snakemake; return the result and its calls."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/snakemake").write_text(STUB)
    (tmp_path / ".venv/bin/snakemake").chmod(0o755)
    for name in ("Makefile", "scripts", "package", "envs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv/.installed").touch()
    (tmp_path / "results/small").mkdir(parents=True)
    (tmp_path / "results/small/verdict.txt").write_text("all is well")

    def call(*arguments, status=0):
        environment = {**os.environ, "STUB_STATUS": str(status)}
        command = ["make", "--no-print-directory", "-o", ".venv/.installed", *arguments]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return result, (tmp_path / "calls.txt").read_text().splitlines()

    return call


def test_a_suite_runs_and_ends_with_its_verdict(make):
    result, calls = make("small")
    assert calls == ["suite=small arguments="]
    assert result.returncode == 0
    assert result.stdout.strip().endswith("all is well")


def test_a_target_alone_has_no_verdict(make):
    result, calls = make("small", "TARGETS=fig2a")
    assert calls == ["suite=small arguments=-- fig2a"]
    assert "well" not in result.stdout


def test_config_keys_do_not_displace_the_suite(make):
    _, calls = make("paper", "ARGS=--config preset=paper -n")
    assert calls == ["suite=paper arguments=--config preset=paper -n"]


def test_a_failed_run_fails_make_and_shows_no_old_verdict(make):
    result, _ = make("small", status=1)
    assert result.returncode != 0
    assert "Call it again to retry" in result.stdout
    assert "well" not in result.stdout


@pytest.mark.parametrize(("target", "rule"), [("fetch", "fetch_all"), ("fetch-check", "fetch_check")])
def test_raw_files_of_a_suite_are_fetched_or_checked_alone(make, target, rule):
    result, calls = make(target, "SUITE=paper", "ARGS=--config archives=whole")
    assert calls == [f"suite=paper arguments=--config archives=whole -- {rule}"]
    assert result.returncode == 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see what still runs")
def test_the_lock_of_a_killed_run_is_removed_or_explained(make, tmp_path):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    (tmp_path / "calls.txt").touch()
    result, calls = make("small")
    assert result.returncode != 0
    assert calls == []
    assert ".venv/bin/snakemake --unlock" in result.stderr
    (tmp_path / ".snakemake/run_suite.host").write_text(os.uname().nodename + "\n")
    result, calls = make("small")
    assert result.returncode == 0, result.stderr
    assert len(calls) == 1
    assert "its lock is removed" in result.stdout
    assert list(locks.iterdir()) == []
    assert not (tmp_path / ".snakemake/run_suite.host").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see what still runs")
def test_a_lock_of_a_run_at_work_is_respected(make, tmp_path):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    (tmp_path / "calls.txt").touch()
    (tmp_path / ".snakemake/run_suite.host").write_text(os.uname().nodename + "\n")
    with subprocess.Popen(["bash", "-c", "sleep 30; : snakemake"], cwd=tmp_path) as other:
        try:
            result, calls = make("small")
        finally:
            other.kill()
    assert result.returncode != 0
    assert calls == []
    assert f"processes {other.pid}" in result.stderr
    assert list(locks.iterdir())
