"""A Slurm of one node for these tests, and nothing of it left behind."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from one_node import Node, daemons


@pytest.fixture
def new_node():
    """A node that is not started yet; stopped and removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="schash-slurm-"))  # short, for its socket
    node = Node(folder)
    try:
        yield node
    finally:
        node.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def node():
    if not shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.fail("there is no slurmctld; `make test-slurm` installs it where it can")
    folder = Path(tempfile.mkdtemp(prefix="schash-slurm-"))
    before = set(daemons())
    node = Node(folder)
    try:
        started = node.start()
        assert started.returncode == 0, started.stdout
        yield node
    finally:
        node.stop()
    for _ in range(50):  # what ends a job may outlive it by a moment
        if not (left := node.daemons()):
            break
        time.sleep(0.2)
    after = set(daemons())
    shutil.rmtree(folder)
    assert not left, f"still running: {left}"
    assert before <= after, "a daemon of somebody else has ended"
