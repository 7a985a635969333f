"""What a case tells while it runs: steps to the progress bar, rows to the tables, and the same rows to the terminal."""

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from benchmarks.contestants import TITLES
from benchmarks.race import Run
from benchmarks.results import DIFFERENT, Problem, Results

QUIET = 0.2
"""Cores that others may take without a remark."""
Facts = list[tuple[str, float, str]]
"""(quantity, value, unit)."""


class Report:
    """Where cases put what they find."""

    def __init__(self, results: Results, console: Console, progress: Progress, task: TaskID) -> None:
        self._results, self._console, self._progress, self._task = results, console, progress, task
        self.case = ""

    def start(self, case: str) -> None:
        """Begin a case: earlier rows of it go."""
        self.case = case
        self._results.start(case)

    def step(self, what: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=f"{self.case}: {what}")

    def race(self, problem: Problem, runs: Sequence[Run], k: int, n_threads: int) -> None:
        """Keep and show one race."""
        rows = self._results.add_race(problem, runs, k, n_threads)
        self._console.print(race_title(rows.iloc[0]), race_table(rows), sep="\n", soft_wrap=True)

    def facts(
        self, case: str, data: str, n: int, subject: str, facts: Iterable[tuple[str, float, str]]
    ) -> None:
        """Keep and show what is no race."""
        facts = list(facts)
        self._results.add_facts(case, data, n, subject, facts)
        title = f"{case}: {TITLES.get(subject, subject)} ({data}, n = {n:,})"
        self._console.print(title, facts_table(facts), sep="\n", soft_wrap=True)


def race_title(row: pd.Series) -> str:
    """What was searched, how, and whether the machine was quiet."""
    distinct = f" ({row['n_distinct']:,} distinct)" if row["n_distinct"] >= 0 else ""
    title = (
        f"{row['case']}: {row['data']} {row['level']}".rstrip()
        + f", {row['n']:,} codes{distinct} x {row['bits']} bits, d10 {row['d10']:.1f}, "
        f"{row['n_queries']:,} queries, k = {row['k']}, threads: {row['threads']}"
    )
    if row["other_cores"] > QUIET:
        title += f" [yellow](not quiet: other processes took {row['other_cores']:.1f} cores)[/]"
    return title


def race_table(rows: pd.DataFrame) -> Table:
    """A race for the terminal, the fastest first."""
    table = Table()
    table.add_column("")
    for heading in ("ms a query", "x faiss", "recall", "candidates", "lookups", "bytes a code", "build s"):
        table.add_column(heading, justify="right")
    table.add_column("answers")
    for _, row in rows.sort_values("ms_per_query").iterrows():
        table.add_row(
            TITLES[row["contestant"]],
            f"{row['ms_per_query']:.4f}",
            f"{row['speedup']:.2f}",
            f"{row['recall']:.3f}",
            *("" if pd.isna(row[name]) else f"{row[name]:,.0f}" for name in ("candidates", "lookups")),
            f"{row['bytes_per_code']:,.1f}",
            f"{row['build_s']:.1f}",
            row["answers"],
            style="bold red" if row["answers"] == DIFFERENT else None,
        )
    return table


def facts_table(facts: Iterable[tuple[str, float, str]]) -> Table:
    """Facts of one subject for the terminal."""
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column()
    for quantity, value, unit in facts:
        table.add_row(quantity, f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}", unit)
    return table


def targets_table(reached: pd.DataFrame) -> Table:
    """What was aimed at and reached, for the terminal."""
    table = Table("", "reached", "target", "least", "", "verdict")
    for _, row in reached.iterrows():
        numbers = (f"{row[name]:.4g}" for name in ("reached", "target", "least"))
        style = "bold red" if row["verdict"] == "MISSED" else None
        table.add_row(row["what"], *numbers, row["unit"], row["verdict"], style=style)
    return table
