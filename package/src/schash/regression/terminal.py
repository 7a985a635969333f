"""A comparison on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schash.regression.comparison import Comparison
from schash.regression.verdicts import DRIFT
from schash.regression.wording import headline, more, provenance, what, where

COLOURS = {"missing": "magenta", "slower": "yellow", "larger": "yellow"}


def show(comparison: Comparison, console: Console, *, most: int = 40) -> None:
    """Print what drifted or got better, worst first, at most so many rows, and the outcome last."""
    groups = comparison.groups()
    if len(groups):
        table = Table(
            title="Worst first, one row a run: its worst number and how many more", title_justify="left"
        )
        for name in ("", "where", "what", "more"):
            table.add_column(name, overflow="fold", justify="right" if name == "more" else "left")
        for row in groups.head(most).itertuples():
            colour = COLOURS.get(str(row.verdict), "red") if row.verdict in DRIFT else "green"
            table.add_row(f"[{colour}]{row.verdict}[/]", escape(where(row)), escape(what(row)), more(row))
        console.print(table)
        if len(groups) > most:
            console.print(f"... and {len(groups) - most} more rows: diff.tsv holds all")
    for line in (*provenance(comparison), *comparison.remarks):
        console.print(escape(line), style="dim", highlight=False, soft_wrap=True)
    style = "bold red" if comparison.drifted else "bold green"
    console.print(escape(headline(comparison)), style=style, highlight=False, soft_wrap=True)
