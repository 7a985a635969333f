"""The one-node Slurm starts, runs a job, and stops what it started: nothing less and nothing else."""

import os
import subprocess
import time

from conftest import ONE_NODE, call, daemons


def test_it_starts_and_runs_a_job_and_stops_everything_it_started(new_node):
    others = daemons()
    result = new_node.start()
    assert result.returncode == 0, result.stdout
    assert {name.split("/")[-1] for name in _programs(new_node)} == {"munged", "slurmctld", "slurmd"}
    assert new_node.call("srun", "--partition=cpu", "echo", "hello").stdout.strip().endswith("hello")
    assert new_node.call("srun", "--partition=gpu", "--gpus=1", "true").returncode == 0
    assert new_node.stop().returncode == 0
    assert new_node.daemons() == set()
    assert set(others) <= set(daemons())
    assert new_node.stop().returncode == 0  # again, and nothing happens


def test_stopping_one_leaves_another_alone(node, new_node):
    assert new_node.start().returncode == 0
    mine = node.daemons()
    assert len(mine) >= 3
    new_node.stop()
    assert node.daemons() == mine
    assert node.call("srun", "true").returncode == 0


def test_stopping_ends_the_jobs_as_well(new_node):
    assert new_node.start().returncode == 0
    submitted = new_node.call("sbatch", "--output=/dev/null", "--wrap", "sleep 4321")
    assert submitted.returncode == 0, submitted.stdout
    _wait_for(lambda: _sleepers("4321"))
    new_node.stop()
    _wait_for(lambda: not _sleepers("4321"))
    assert new_node.daemons() == set()


def test_a_number_that_went_to_another_process_is_not_killed(new_node):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (new_node.folder / "slurmctld.pid").write_text(f"{bystander.pid}\n")
        assert new_node.stop().returncode == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_folder_in_use_is_refused(new_node):
    (new_node.folder / "something").write_text("of somebody")
    result = new_node.start()
    assert result.returncode == 1
    assert "is not empty" in result.stdout
    assert os.listdir(new_node.folder) == ["something"]


def test_a_wrong_call_says_how_it_is_called(new_node):
    result = call(ONE_NODE, "begin", new_node.folder)
    assert result.returncode == 2
    assert "one_node.sh start FOLDER" in result.stdout


def _programs(node):
    return {daemons()[pid].split()[0] for pid in node.daemons()}


def _sleepers(seconds):
    return call("pgrep", "-f", f"^sleep {seconds}$").stdout.split()


def _wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
