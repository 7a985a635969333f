"""The last word on a run: did the controls reach their ceiling, did every run end well, and what came out."""

import io
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from schash.config import CONTROLLED, KINDS
from schash.errors import SchashError
from schash.folds import NOT_APPLICABLE
from schash.marks import marked_title, notes_on
from schash.retrieval_ids import SHARE_AT_CEILING
from schash.tables import POOLED
from schash.timing_table import TOO_SLOW

CEILING = 1.0
"""What the positive control must score, to the last digit: every annotation metric of perfect predictions is 1, and so
is the share of retrieval metrics that are what the perfect ranking scores."""

HEADLINE_EXPERIMENT = "fig2a"
HEADLINE_METRIC = "median_f1"


@dataclass(frozen=True)
class Verdict:
    """The text for the terminal, and what went wrong."""

    text: str
    failures: list[str] = field(default_factory=list)
    broken_controls: list[str] = field(default_factory=list)

    def raise_if_bad(self) -> None:
        """Raise `SchashError` naming what failed."""
        if self.broken_controls or self.failures:
            message = "; ".join(
                [f"{len(self.broken_controls)} positive control(s) missing or below the ceiling"]
                * bool(self.broken_controls)
                + [f"{len(self.failures)} run(s) failed, listed above; the next call tries them again"]
                * bool(self.failures)
            )
            raise SchashError(message)


def check_run(
    metrics: pd.DataFrame,
    titles: dict[str, str],
    positive_controls: list[str],
    controls: list[str],
    published: dict[str, int] | None = None,
    marks: dict[str, str] | None = None,
) -> Verdict:
    """Judge a run by its metrics table.

    published : counts the papers' numbers by verdict; marks : method to the symbols beside its title (schash.marks)
    """
    failures = _failures(metrics)
    broken = _broken_controls(metrics, positive_controls)
    marks = marks or {}
    marked = {method: marked_title(method, titles, marks) for method in metrics["method"].unique()}
    parts = [headline_table(metrics, marked, controls), *notes_on(set(marked), marks)]
    if published:
        counts = ", ".join(f"{count} {name}" for name, count in published.items())
        parts.append(f"The papers' numbers against ours (paper_vs_ours.tsv): {counts}")
    if broken:
        parts.append("Positive controls that are missing or not perfect (trust no number):")
        parts.extend(f"  {line}" for line in broken)
    if failures:
        parts.append("Failed:")
        parts.extend(f"  {line}" for line in failures)
    return Verdict("\n".join(parts), failures, broken)


def _failures(metrics: pd.DataFrame) -> list[str]:
    bad = metrics[~metrics["status"].isin(["ok", NOT_APPLICABLE, TOO_SLOW])]
    groups = bad.groupby(["experiment", "dataset", "method", "status", "reason"], sort=False)["fold"]
    return [
        f"{experiment}: {method} on {dataset}, fold {', '.join(folds)}: {status}: {reason}"
        for (experiment, dataset, method, status, reason), folds in groups
    ]


def _broken_controls(metrics: pd.DataFrame, positive_controls: list[str]) -> list[str]:
    """Positive controls below the ceiling, and data sets on which none ran."""
    kinds = metrics["experiment"].map(KINDS)
    of_control = metrics["method"].isin(positive_controls) & (metrics["status"] == "ok")
    checked = (kinds == "annotation") | ((kinds == "retrieval") & (metrics["metric"] == SHARE_AT_CEILING))
    control = metrics[of_control & checked]
    undefined = (control["metric"] == "kappa") & control["value"].isna()  # of a fold with a single type
    low = control[(control["value"] != CEILING) & ~undefined]
    below = [
        f"{row.experiment}: {row.method} on {row.dataset}, fold {row.fold}: {row.metric} = {row.value:.6g}"
        for row in low.itertuples()
    ]
    covered = set(zip(control["experiment"], control["dataset"], strict=True))
    asked = metrics[kinds.isin(CONTROLLED)]
    everything = dict.fromkeys(zip(asked["experiment"], asked["dataset"], strict=True))
    return below + [
        f"{pair[0]}: no positive control ran on {pair[1]}" for pair in everything if pair not in covered
    ]


def headline_table(
    metrics: pd.DataFrame, titles: dict[str, str], controls: list[str], *, width: int = 110
) -> str:
    """Median F1, mean over folds, of every method (rows) on every data set (columns), best in its column starred."""
    chosen = metrics[
        (metrics["experiment"] == HEADLINE_EXPERIMENT)
        & (metrics["metric"].isin([HEADLINE_METRIC, ""]))
        & (metrics["fold"] != POOLED)
    ]
    if chosen.empty:
        return ""
    cells = chosen.groupby(["method", "dataset"], sort=False).agg(
        mean=("value", "mean"), status=("status", _worst)
    )
    cells.loc[cells["status"] != "ok", "mean"] = np.nan  # a mean over the folds that ran would flatter it
    datasets = list(dict.fromkeys(chosen["dataset"]))
    ranked = cells.reset_index()
    best = ranked[~ranked["method"].isin(controls)].groupby("dataset")["mean"].max()
    table = Table(
        title=f"{HEADLINE_METRIC}, mean over folds (* best; controls not ranked)", title_justify="left"
    )
    table.add_column("method")
    for dataset in datasets:
        table.add_column(dataset, justify="right")
    for method in dict.fromkeys(chosen["method"]):
        row = []
        for dataset in datasets:
            mean, status = cells.loc[(method, dataset)] if (method, dataset) in cells.index else (np.nan, "-")
            if status == "ok":
                row.append(f"{mean:.3f}{'*' if method not in controls and mean == best[dataset] else ' '}")
            else:
                row.append("n/a" if status == NOT_APPLICABLE else str(status))
        table.add_row(titles.get(method, method), *row)
    console = Console(width=max(width, 24 + 20 * len(datasets)), record=True, file=io.StringIO())
    console.print(table)
    return "\n".join(line.rstrip() for line in console.export_text().rstrip().splitlines())


def _worst(statuses: pd.Series) -> str:
    bad = statuses[statuses != "ok"]
    return str(bad.iloc[0]) if len(bad) else "ok"
