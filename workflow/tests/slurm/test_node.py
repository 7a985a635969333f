"""The one-node Slurm starts, runs a job, and stops what it started: nothing less and nothing else."""

import os
import shutil
import subprocess
import time

import psutil
import pytest
from one_node import ONE_NODE, call, daemons


def test_it_starts_and_runs_a_job_and_stops_everything_it_started(new_node):
    others = daemons()
    result = new_node.start()
    assert result.returncode == 0, result.stdout
    assert {name.split("/")[-1] for name in _programs(new_node)} == {"munged", "slurmctld", "slurmd"}
    assert new_node.call("srun", "--partition=cpu", "echo", "hello").stdout.strip().endswith("hello")
    assert new_node.call("srun", "--partition=gpu", "--gpus=1", "true").returncode == 0
    assert new_node.stop().returncode == 0
    _wait_for(lambda: not new_node.daemons())
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
    assert "slurmstepd" in {psutil.Process(pid).name() for pid in new_node.daemons()}
    new_node.stop()
    _wait_for(lambda: not _sleepers("4321"))
    _wait_for(lambda: not new_node.daemons())


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


@pytest.mark.parametrize(("tools", "words"), [
    ((), "there is no apt-get to install slurmctld slurmd slurm-client munge with"),
    (("apt-get",), "apt-get could not install slurmctld slurmd slurm-client munge"),
])  # fmt: skip
def test_where_slurm_cannot_be_installed_it_says_so(tmp_path, tools, words):
    for name in ("bash", "env", "xargs", "id", "mktemp", "rm", "tail", "echo"):
        (tmp_path / name).symlink_to(shutil.which(name))
    for name in tools:
        (tmp_path / name).write_text("#!/bin/bash\necho no mirror answers\nexit 100\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "id").unlink()
    (tmp_path / "id").write_text("#!/bin/bash\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    result = call("bash", ONE_NODE.with_name("install.sh"), env={"PATH": str(tmp_path)})
    assert result.returncode == 1
    assert "No Slurm here, so it cannot be tested: " in result.stdout
    assert words in result.stdout


def _programs(node):
    return {daemons()[pid].split()[0] for pid in node.daemons()}


def _sleepers(seconds):
    return call("pgrep", "-f", f"^sleep {seconds}$").stdout.split()


def _wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
