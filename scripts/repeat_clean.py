"""Run a suite several times from nothing and count the alarms that the comparison with the reference raises.

Usage: python scripts/repeat_clean.py [SUITE] [--times 10] [--cores 2] [--reference METRICS.tsv]
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from schash.regression.comparison import Comparison, compare
from schash.regression.reading import read_metrics
from schash.regression.spread import read_spread
from schash.regression.wording import headline, what, where
from schash.regression.writing import write_comparison

RUNS = Path("results/repeat")


def compared(suite: str, number: int, cores: int, reference: Path, spread: Path) -> Comparison:
    """One run from nothing, held against the reference; only its metrics and its comparison are kept."""
    results, kept = RUNS / f"run{number}", RUNS / f"{suite}{number}"
    shutil.rmtree(results, ignore_errors=True)
    given = [f"suite={suite}", f"results={results}"]
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
    yardstick = read_spread(spread) if spread.is_file() else None
    comparison = compare(read_metrics(reference), read_metrics(results / suite / "metrics.tsv"), yardstick)
    write_comparison(comparison, kept)
    shutil.copyfile(results / suite / "metrics.tsv", kept / "metrics.tsv")
    shutil.rmtree(results)
    return comparison


def main(suite: str, times: int, cores: int, reference: Path) -> int:
    spread, rows = reference.parent / "spread.tsv", []
    for number in range(1, times + 1):
        comparison = compared(suite, number, cores, reference, spread)
        rows.append({"run": number, "alarm": comparison.drifted, "calibration": comparison.clock.ratio})
        told = [f"  {where(row)}: {what(row)}" for row in comparison.groups().itertuples()]
        print("\n".join([f"run {number}: {headline(comparison)}", *told]), flush=True)
        pd.DataFrame(rows).to_csv(RUNS / "alarms.tsv", sep="\t", index=False)
    alarms = sum(bool(row["alarm"]) for row in rows)
    print(f"{alarms} of {times} runs raised an alarm")
    return int(alarms > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite", nargs="?", default="demo")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--reference", type=Path)
    asked = parser.parse_args()
    given = asked.reference or Path("results/reference") / asked.suite / "metrics.tsv"
    sys.exit(main(asked.suite, asked.times, asked.cores, given))
