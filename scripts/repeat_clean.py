"""Run a suite several times from nothing and count the alarms that the comparison with the reference raises.

Usage: python scripts/repeat_clean.py [SUITE] [--times 10] [--cores 2] [--reference METRICS.tsv]
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from schash.regression.comparison import Comparison, compare
from schash.regression.reading import read_metrics
from schash.regression.spread import read_spread
from schash.regression.wording import headline, what, where
from schash.regression.writing import write_comparison

RUNS = Path("results/repeat")


def repeat(suite: str, number: int, cores: int, reference: Path) -> Comparison:
    """One run from nothing, held against the reference; only its metrics and its comparison are kept."""
    results, kept = RUNS / f"run{number}", RUNS / f"{suite}{number}"
    shutil.rmtree(results, ignore_errors=True)
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "rules"]
    subprocess.run([*command, "--config", f"suite={suite}", f"results={results}"], check=True)
    metrics, spread = results / suite / "metrics.tsv", reference.parent / "spread.tsv"
    yardstick = read_spread(spread) if spread.is_file() else None
    comparison = compare(read_metrics(reference), read_metrics(metrics), yardstick)
    write_comparison(comparison, kept)
    shutil.copyfile(metrics, kept / "metrics.tsv")
    shutil.rmtree(results)
    return comparison


def main(suite: str, times: int, cores: int, reference: Path) -> int:
    alarms = 0
    for number in range(1, times + 1):
        comparison = repeat(suite, number, cores, reference)
        alarms += comparison.drifted
        told = [f"  {where(row)}: {what(row)}" for row in comparison.groups().itertuples()]
        clock = f"calibration {comparison.clock.ratio:.2f}"
        print("\n".join([f"run {number}: {headline(comparison)}; {clock}", *told]), flush=True)
    print(f"{alarms} of {times} runs raised an alarm")
    return int(alarms > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", nargs="?", default="demo")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--reference", type=Path)
    asked = parser.parse_args()
    given = asked.reference or Path("results/reference") / asked.suite / "metrics.tsv"
    sys.exit(main(asked.suite, asked.times, asked.cores, given))
