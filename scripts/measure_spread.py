"""Measure how far every score moves from seed to seed: run a suite once a seed, each into a folder of its own.

A run that is there already is not repeated, so that a measurement which was cut off goes on.

Usage: python scripts/measure_spread.py [SUITE] [--seeds 0 1 2 3 4] [--cores 2]
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from schash.regression.reading import read_metrics
from schash.regression.spread import measure_spread, write_spread

RUNS = Path("results/spread")


def run(suite: str, results: Path, cores: int, seed: int | None = None) -> Path:
    """Run a suite into `results`; returns its metrics. `CalledProcessError` where the run fails."""
    given = [f"suite={suite}", f"results={results}", *([] if seed is None else [f"seed={seed}"])]
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(cores),
        "--quiet",
        "rules",
        "--config",
        *given,
    ]
    subprocess.run(command, check=True)
    return results / suite / "metrics.tsv"


def main(suite: str, seeds: Sequence[int], cores: int, output: Path) -> None:
    metrics = [run(suite, RUNS / f"seed{seed}", cores, seed) for seed in seeds]
    table = measure_spread([read_metrics(path) for path in metrics])
    write_spread(table, output)
    print(f"{output}: {len(table):,} scores of {len(seeds)} seeds; then remove {RUNS}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite", nargs="?", default="demo")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    main(asked.suite, asked.seeds, asked.cores, Path("results/reference") / asked.suite / "spread.tsv")
