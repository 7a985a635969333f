"""The demo end to end: through Slurm, and on this machine without it. What was measured of quality is the same."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from one_node import ROOT

from schash.calibration import CALIBRATION
from schash.config import KINDS
from schash.tables import METRIC_COLUMNS, read_table

SUITE = os.environ.get("SCHASH_SLURM_SUITE", "demo")
LIMITS = "limits={fold_seconds: 1800, fold_memory_mb: 6000}"
"""Four jobs share two cores or fewer, and no fold may be too slow for that."""

KEY = ["suite", "experiment", "dataset", "scheme", "method", "preset", "variant", "seed", "fold", "metric"]
QUALITY = ["stand_in", "value", "n", "status", "reason"]
TIME_OR_MEMORY = r"_(?:s|ms|mb)(?:\[|$)|slope|speedup|time"
TOO_SLOW = "too slow"


def quality(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of scores; and those of timings, by their key, without what times and memory a machine happened to need."""
    table = read_table(path, METRIC_COLUMNS)[KEY + QUALITY].sort_values(KEY).reset_index(drop=True)
    timed = (table["experiment"].map(KINDS) == "timing") | (table["experiment"] == CALIBRATION)
    scores, timings = table[~timed].reset_index(drop=True), table[timed].set_index(KEY)
    measured = timings.index.get_level_values("metric").str.contains(TIME_OR_MEMORY)
    timings.loc[measured, "value"] = 0.0  # that there is a row is compared all the same
    return scores, timings


def but_for_slow_ones(mine: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Timings without those of methods that one of the machines was too slow for at some size."""
    slow = pd.concat([table[table["status"] == TOO_SLOW] for table in (mine, other)])
    names = ["experiment", "dataset", "method"]
    left_out = slow.index.droplevel([level for level in KEY if level not in names])
    keys = mine.index.droplevel([level for level in KEY if level not in names])
    here_alone = ~mine.index.isin(other.index)
    return mine[~((mine["status"] == TOO_SLOW) | (here_alone & keys.isin(left_out)))]


@pytest.fixture(scope="module")
def through_slurm(node, tmp_path_factory):
    """Results of the suite; SCHASH_SLURM_RESULTS keeps them, and goes on where an earlier call has stopped."""
    kept = os.environ.get("SCHASH_SLURM_RESULTS")
    results = Path(kept) if kept else tmp_path_factory.mktemp("slurm")
    start = time.monotonic()
    result = node.call(
        *node.snakemake("--nolock", "--config", f"suite={SUITE}", f"results={results}", LIMITS),
        cwd=ROOT,
        timeout=4 * 3600,
    )
    with (results / "slurm.log").open("a") as log:
        log.write(result.stdout)
    assert result.returncode == 0, result.stdout[-5000:]
    print(f"{SUITE} through Slurm: {time.monotonic() - start:.0f} s")
    return results / SUITE


@pytest.fixture(scope="module")
def on_this_machine():
    """Results of the same suite in the checkout; a few seconds where they are there already."""
    command = [sys.executable, "-m", "snakemake", "--nolock", "--config", f"suite={SUITE}", LIMITS]
    result = subprocess.run(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert result.returncode == 0, result.stdout[-5000:]
    return ROOT / "results" / SUITE


def test_the_scores_are_those_of_a_local_run(through_slurm, on_this_machine):
    slurm, local = (quality(folder / "metrics.tsv")[0] for folder in (through_slurm, on_this_machine))
    assert len(local) > 1000
    pd.testing.assert_frame_equal(slurm, local, check_exact=True)


def test_what_timings_count_is_what_they_count_locally(through_slurm, on_this_machine):
    slurm, local = (quality(folder / "metrics.tsv")[1] for folder in (through_slurm, on_this_machine))
    slurm, local = but_for_slow_ones(slurm, local), but_for_slow_ones(local, slurm)
    assert len(local) > 500
    pd.testing.assert_frame_equal(slurm, local, check_exact=True)


def test_the_verdict_is_good_and_every_figure_is_there(through_slurm, on_this_machine):
    assert (through_slurm / "verdict.txt").read_text().strip()
    slurm, local = (
        {path.name for path in (folder / "figures").iterdir()} for folder in (through_slurm, on_this_machine)
    )
    assert slurm == local


def test_small_jobs_went_to_the_queue_together(through_slurm):
    """Far fewer jobs of Slurm than jobs of Snakemake, and a person can tell from the path of the log which is which."""
    log = (through_slurm.parent / "slurm.log").read_text()
    submitted = re.findall(r"submitted with SLURM jobid \d+ \(log: .*/slurm_logs/(.*)/\d+\.log\)", log)
    done = re.findall(r"Finished jobid: \d+ \(Rule: \w+\)", log)
    assert 0 < len(submitted) < 0.8 * len(done)
    kinds = {path.split("/")[0] for path in submitted}
    assert "group_cells_prepare_split" in kinds
    assert any(kind.startswith("group_summary_metrics_") for kind in kinds)
    assert any(kind.startswith("group_experiment_") for kind in kinds)
    assert "rule_run_method/sim_studies_cv5_svm" in submitted
