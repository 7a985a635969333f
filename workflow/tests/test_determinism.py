"""The same demo, cut down, run in other ways: the metrics of quality are the same to the last digit.

Minutes, so that only `make test-determinism` runs it.
"""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from cut_down import Suite, prepare, quality, write_archive

sys.path.insert(0, str(Path(__file__).parents[2] / "package/tests"))
from loopback import serving, whole

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SCHASH_DETERMINISM"), reason="minutes: make test-determinism"),
    pytest.mark.timeout(3600),
]

WAYS = {
    "again": ({}, []),
    "hash seed 0, one job at a time": ({"PYTHONHASHSEED": "0"}, ["--cores", "1"]),
    "hash seed 1, table2 first": ({"PYTHONHASHSEED": "1"}, ["--prioritize", "{root}/figures/table2.png"]),
    "hash seed random, three at a time": ({"PYTHONHASHSEED": "random"}, ["--cores", "3"]),
}


@pytest.fixture(scope="module")
def run(workspace, tmp_path_factory):
    """Run the suite into results of a name of their own."""
    folder = tmp_path_factory.mktemp("files")
    with serving() as server:
        write_archive(folder / "pond.zip")
        url = server.says("/pond.zip", whole((folder / "pond.zip").read_bytes()))

        def run(name, environment, arguments):
            root = workspace.folder / name / "demo"
            given = [argument.format(root=f"{name}/demo") for argument in arguments]
            suite = Suite(workspace.folder, [*prepare(workspace.folder, url, name), *given])
            log = folder / f"{name}.log"
            assert suite.start(log, **environment).wait(1200) == 0, log.read_text()[-3000:]
            return quality(root)

        yield run


@pytest.fixture(scope="module")
def right(run):
    return run("right", {}, [])


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_running_changes_a_metric(run, right, way):
    environment, arguments = WAYS[way]
    came = run(f"way{list(WAYS).index(way)}", environment, arguments)
    assert len(right) > 100
    pd.testing.assert_frame_equal(came, right, check_exact=True)
