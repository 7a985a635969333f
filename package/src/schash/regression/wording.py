"""A comparison in words: one line a run, for a terminal and for Markdown alike."""

from typing import Any

import numpy as np

from schash.regression.comparison import Comparison
from schash.regression.verdicts import DRIFT, GOOD

WORDS = DRIFT | GOOD
TIMED = ("slower", "faster", "larger", "smaller")


def where(row: Any) -> str:
    """Experiment, data set, scheme and method of a row of `Comparison.groups`."""
    return " / ".join(part for part in (row.experiment, row.dataset, row.scheme, row.method) if part)


def what(row: Any) -> str:
    """The worst number of a run: metric, before and after, tolerance; for rows that lack, how many."""
    if not row.metric:
        return str(row.note)
    metric = row.metric if row.over == "folds" else f"{row.metric} ({row.over})"
    change = f"{metric}: {number(row.reference)} → {number(row.run)}"
    if row.verdict in TIMED:
        unit = "MiB" if row.verdict in ("larger", "smaller") else "s"
        return f"{change} {unit}, {row.difference:.2g} times; allowed {row.tolerance:g}"
    allowed = f"±{number(row.tolerance)} by {row.tolerance_from}"
    note = f"; {row.note}" if row.note else ""
    return f"{change} ({row.difference:+.3g}; allowed {allowed}){note}"


def number(value: float) -> str:
    """Four significant digits."""
    return "-" if np.isnan(value) else f"{value:.4g}"


def more(row: Any) -> str:
    """How many further numbers of the run say the same."""
    return f"+{row.numbers - 1}" if row.numbers > 1 else ""


def headline(comparison: Comparison) -> str:
    """The outcome in a line."""
    counts = comparison.counts
    bad = [f"{counts[name]} {name}" for name in DRIFT if name in counts]
    good = [f"{counts[name]} {name}" for name in GOOD if name in counts]
    start = f"Drift: {', '.join(bad)}" if bad else "No drift"
    quiet = f"{counts.get('same', 0):,} scores the same, {counts.get('within', 0):,} scores and costs within tolerance"
    unsaid = counts.get("not compared", 0)
    parts = [*good, quiet, *([f"{unsaid:,} not compared"] if unsaid else [])]
    return f"{start}; {', '.join(parts)}"


def provenance(comparison: Comparison) -> list[str]:
    """Both runs, a line each, and the calibration."""
    lines = [
        f"{side}: {facts['suite']}, commit {facts['git_sha']}, run {facts['run_id']}, seed {facts['seed']}, "
        f"{facts['rows']:,} rows, host {facts['host']}"
        for side, facts in comparison.facts.items()
    ]
    clock = comparison.clock
    if np.isfinite(clock.ratio):
        kernels = ", ".join(f"{name} {ratio:.2f}" for name, ratio in clock.kernels.items())
        lines.append(f"calibration: this machine takes {clock.ratio:.2f} times the reference's ({kernels})")
    return lines
