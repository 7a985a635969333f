"""kill -9 of the whole workflow at random moments, and the runs after it.

Slow, so that only `make test-kill` runs it: SCHASH_KILLS says how often it is killed, SCHASH_SEED when.
"""

import os
import random
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from cut_down import Suite, damaged, prepare, quality, wipe, write_archive

sys.path.insert(0, str(Path(__file__).parents[2] / "package/tests"))
from loopback import ranged, serving

KILLS = int(os.environ.get("SCHASH_KILLS", "0"))
SEED = int(os.environ.get("SCHASH_SEED", "0"))
ROUNDS = 40
"""At most; a run that ends before it is killed is compared, wiped and started anew."""

pytestmark = [
    pytest.mark.skipif(not KILLS, reason="minutes: make test-kill"),
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see what still runs"),
    pytest.mark.timeout(3600),
]


@pytest.fixture
def suite(workspace, tmp_path):
    with serving() as server:
        write_archive(tmp_path / "pond.zip")
        url = server.says("/pond.zip", ranged((tmp_path / "pond.zip").read_bytes()))
        yield Suite(workspace.folder, prepare(workspace.folder, url))


def run_to_the_end(suite, log):
    process = suite.start(log)
    assert process.wait(600) == 0, log.read_text()[-3000:]


def test_killed_at_random_moments_it_ends_with_the_same_metrics(suite, tmp_path):
    root = suite.folder / "out/demo"
    start = time.monotonic()
    run_to_the_end(suite, tmp_path / "undisturbed.log")
    took = time.monotonic() - start
    run_to_the_end(suite, tmp_path / "nothing_to_do.log")
    idle = time.monotonic() - start - took  # what each start costs before any job
    right = quality(root)
    assert len(right) > 100
    assert damaged(root) == []
    wipe(suite.folder)
    draw, kills, ends = random.Random(SEED), [], 0
    done = 0.0  # seconds that killed runs have worked on jobs since the results were wiped
    for number in range(ROUNDS):
        moment = draw.uniform(0.5, max(took - done, 2 * idle))
        log = tmp_path / f"{number}.log"
        process, begun = suite.start(log), time.monotonic()
        deadline = begun + moment
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is None:
            suite.kill(process)
            kills.append((moment, len(list(root.rglob("*.parquet")))))
            done += max(0.0, moment - idle)
            print(f"killed after {moment:.1f} s, {kills[-1][1]} tables there", flush=True)
            assert damaged(root) == []
        else:
            assert process.returncode == 0, log.read_text()[-3000:]
            pd.testing.assert_frame_equal(quality(root), right)
            ends += 1
            if done == 0:
                took = min(took, time.monotonic() - begun)  # a machine that has become quieter
            done = 0.0
            wipe(suite.folder)
        if len(kills) == KILLS:
            break
    assert len(kills) == KILLS
    run_to_the_end(suite, tmp_path / "last.log")
    pd.testing.assert_frame_equal(quality(root), right)
    assert damaged(root) == []
    assert (root / "verdict.txt").exists()
    assert list((suite.folder / ".snakemake/locks").glob("*")) == []
    print(
        f"{KILLS} kills, {ends} ends between, undisturbed {took:.0f} s, in all {time.monotonic() - start:.0f} s"
    )
