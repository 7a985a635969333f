"""Run the formats and write down what came of each input."""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from fuzz.cases import Format, Outcome
from fuzz.children import outcomes
from fuzz.formats import FORMATS

KINDS = ("accepted", "refused", "failed")


def main(arguments: list[str] | None = None) -> None:
    """Exit status 1 where an input failed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    options = _options(arguments)
    rows = []
    for name in options.formats:
        found, seconds = run_format(
            FORMATS[name](), options.seed, range(options.first, options.first + options.inputs), options.out
        )
        rows.append(summary_row(name, options.seed, found, seconds))
        _report(name, found, seconds)
    table = pd.DataFrame(rows)
    table.to_csv(options.out / "summary.tsv", sep="\t", index=False)
    print(table.to_string(index=False))
    sys.exit(int(table["failed"].sum() > 0))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000, help="inputs a format")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--formats", nargs="+", default=list(FORMATS), choices=list(FORMATS), metavar="FORMAT"
    )
    parser.add_argument("--out", type=Path, default=Path("results/fuzz"), help="outcomes and failing inputs")
    return parser.parse_args(arguments)


def run_format(form: Format, seed: int, numbers: range, out: Path) -> tuple[list[Outcome], float]:
    """Outcomes of all inputs, also written to out/FORMAT/outcomes.tsv, and the seconds they took."""
    start = time.monotonic()
    folder = (out / form.name).resolve()
    found = list(outcomes(form, seed, numbers, folder))
    table = pd.DataFrame([vars(outcome) for outcome in found])
    table["detail"] = table["detail"].str.slice(0, 300)
    table.to_csv(folder / "outcomes.tsv", sep="\t", index=False, errors="backslashreplace")
    return found, time.monotonic() - start


def summary_row(name: str, seed: int, found: list[Outcome], seconds: float) -> dict[str, object]:
    counts = Counter(outcome.status.partition(":")[0] for outcome in found)
    return {
        "format": name, "seed": seed, "inputs": len(found), **{kind: counts[kind] for kind in KINDS},
        "seconds": int(np.ceil(seconds)),
    }  # fmt: skip


def _report(name: str, found: list[Outcome], seconds: float) -> None:
    failed = [outcome for outcome in found if outcome.status.startswith("failed")]
    print(f"{name}: {len(found)} inputs, {len(failed)} failed, {seconds:.0f} s", flush=True)
    for (status, last), group in _grouped(failed).items():
        print(
            f"  {len(group):4} {status}: {last[:220]}\n       e.g. input {group[0].number}: {group[0].how[:160]}"
        )


def _grouped(failed: list[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """Failures that look alike."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in failed:
        lines = outcome.detail.strip().splitlines() or [""]
        groups.setdefault((outcome.status, lines[-1][:80]), []).append(outcome)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
