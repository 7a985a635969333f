"""Jobs that fail, run out of memory, run out of time or are cancelled: tried again with more, or named, and the rest
goes on. The profile is the project's own, the jobs are those of faults.smk."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from one_node import CPUS

SNAKEFILE = Path(__file__).parent / "faults.smk"
SECONDS = 420


@dataclass
class Faults:
    """A folder in which the faulty jobs ran, and what Snakemake said."""

    folder: Path
    status: int
    said: str
    jobs: dict[str, dict[str, str]]  # of Slurm, as they were last seen: it forgets them after five minutes

    def attempts(self, rule):
        """(attempt, Slurm job, mem_mb, runtime) of every attempt of a job."""
        lines = (self.folder / "marks" / rule).read_text().splitlines()
        return [tuple(map(int, line.split())) for line in lines]

    def states(self, rule):
        """How every attempt of a job ended in Slurm."""
        return [self.jobs[str(attempt[1])]["state"] for attempt in self.attempts(rule)]

    def made(self, rule):
        return (self.folder / "out" / rule).exists()


@pytest.fixture(scope="module")
def faults(node, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    shutil.copy(SNAKEFILE, folder / "Snakefile")
    log = folder / "said"
    with log.open("w") as stream:
        run = subprocess.Popen(
            node.snakemake(),
            cwd=folder,
            env={**os.environ, **node.env},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            jobs = _watch(node, run, folder / "marks/cancelled")
        finally:
            run.terminate()  # nothing, where it has ended
    return Faults(folder, run.returncode, log.read_text(), jobs)


def _watch(node, run, mark):
    """Jobs by number, as they were last seen while the run lasted. The job that leaves the mark is cancelled once."""
    end = time.monotonic() + SECONDS
    jobs, cancelled = {}, False
    while run.poll() is None:
        assert time.monotonic() < end, "the run does not end"
        jobs |= {row["id"]: row for row in node.jobs()}
        if not cancelled and mark.exists() and (line := mark.read_text()).endswith("\n"):
            result = node.call("scancel", line.split()[1])
            assert result.returncode == 0, result.stdout
            cancelled = True
        time.sleep(1)
    return jobs | {row["id"]: row for row in node.jobs()}


def test_a_job_without_fault_needs_one_attempt(faults):
    assert faults.made("healthy")
    assert [attempt[0] for attempt in faults.attempts("healthy")] == [1]


def test_a_job_that_fails_once_is_tried_again(faults):
    assert faults.made("fails_once")
    assert faults.states("fails_once") == ["FAILED", "COMPLETED"]


def test_a_job_out_of_memory_gets_more(faults, node):
    assert faults.made("memory")
    attempts = faults.attempts("memory")
    assert [attempt[2] for attempt in attempts] == [700, 1400]
    log = (node.folder / "log/slurmd.log").read_text()
    assert re.search(rf"\[{attempts[0][1]}\.\w+\] error: .*memory limit", log)
    assert not re.search(rf"\[{attempts[1][1]}\.\w+\] error: .*memory limit", log)


def test_a_job_out_of_time_gets_more(faults):
    assert faults.made("slow")
    assert [attempt[3] for attempt in faults.attempts("slow")] == [1, 5]
    assert faults.states("slow") == ["TIMEOUT", "COMPLETED"]


def test_a_cancelled_job_is_tried_again(faults):
    assert faults.made("cancelled")
    assert faults.states("cancelled") == ["CANCELLED", "COMPLETED"]


def test_a_job_that_always_fails_is_named_and_stops_only_what_needs_it(faults):
    assert faults.status == 1
    assert [attempt[0] for attempt in faults.attempts("hopeless")] == [1, 2, 3]
    assert set(re.findall(r"Error in rule (\w+)", faults.said)) == {
        "hopeless", "fails_once", "memory", "slow", "cancelled",
    }  # fmt: skip
    assert "not mended yet" in faults.said  # its log
    assert not faults.made("hopeless")
    assert not (faults.folder / "marks/after_hopeless").exists()


def test_mended_the_next_call_does_what_is_left_and_nothing_else(faults, node):
    (faults.folder / "mended").touch()
    before = {mark.name: mark.read_text() for mark in (faults.folder / "marks").iterdir()}
    result = node.call(*node.snakemake(), cwd=faults.folder, timeout=SECONDS)
    assert result.returncode == 0, result.stdout
    assert faults.made("after_hopeless")
    after = {mark.name: mark.read_text() for mark in (faults.folder / "marks").iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {"hopeless", "after_hopeless"}
    again = node.call(*node.snakemake(), cwd=faults.folder, timeout=SECONDS)
    assert "Nothing to be done" in again.stdout


def test_the_full_width_network_goes_to_the_gpu_partition(faults, node):
    targets = ["out/run/deephash_paper", "out/run/svm"]
    result = node.call(*node.snakemake("--", *targets), cwd=faults.folder, timeout=SECONDS)
    assert result.returncode == 0, result.stdout
    paper, svm = ((faults.folder / target).read_text() for target in targets)
    assert "Partition=gpu" in paper
    assert "gres:gpu:1" in paper
    assert "Partition=cpu" in svm
    assert "gres:gpu" not in svm


def test_a_timed_job_has_the_node_to_itself(faults, node):
    result = node.call(*node.snakemake("--", "out/alone"), cwd=faults.folder, timeout=SECONDS)
    assert result.returncode == 0, result.stdout
    job = (faults.folder / "out/alone").read_text()
    assert f"NumCPUs={CPUS}" in job
    assert "OverSubscribe=NO" in job


def test_a_person_can_tell_the_jobs_apart(faults):
    comments = {row["comment"] for row in faults.jobs.values() if row["name"].startswith("schash_")}
    assert {
        f"rule_{rule}" for rule in ("healthy", "fails_once", "memory", "slow", "cancelled", "hopeless")
    } <= comments
