"""`schash regress`: a run against the reference of its suite, and what follows from it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from schash.cli.options import errors_as_messages, say
from schash.cli.root import app

BAD_INPUT, DRIFTED = 2, 1
Metrics = Annotated[Path, typer.Argument(help="metrics.tsv or metrics.parquet of a finished run.")]
Reference = Annotated[Path, typer.Option(help="metrics.tsv to hold it against.")]
Spread = Annotated[
    Path | None,
    typer.Option(help="Spread from seed to seed, of this suite or of another one in its place."),
]


class _ComparesByDefault(TyperGroup):
    """`schash regress METRICS` means `schash regress compare METRICS`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["compare", *args]
        return list(super().parse_args(ctx, args))


regress = typer.Typer(
    cls=_ComparesByDefault,
    no_args_is_help=True,
    help="Hold a run against the committed reference (exit 1: drift, 2: bad input), or move the reference.",
)
app.add_typer(regress, name="regress")


@regress.command()
def compare(
    metrics: Metrics,
    reference: Reference,
    spread: Spread = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for diff.tsv, summary.json and summary.md.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Look at this experiment only; may be given several times.")
    ] = None,
    most: Annotated[int, typer.Option(help="Rows of the table on the terminal.", min=1)] = 40,
) -> None:
    """Compare: a table on the terminal, worst first; ends with 1 where anything drifted.

    Example: schash regress results/demo/metrics.tsv --reference results/reference/demo/metrics.tsv
    """
    with errors_as_messages(BAD_INPUT):
        from rich.console import Console

        from schash.regression.comparison import compare
        from schash.regression.reading import read_metrics
        from schash.regression.spread import read_spread
        from schash.regression.surroundings import other_surroundings
        from schash.regression.terminal import show
        from schash.regression.writing import FILES, write_comparison

        if output:
            for name in FILES:  # those of an earlier comparison say nothing of this one
                (output / name).unlink(missing_ok=True)
        yardstick = read_spread(spread) if spread else None
        tables = read_metrics(reference), read_metrics(metrics)
        remarks = other_surroundings(reference.parent, metrics.parent)
        comparison = compare(*tables, yardstick, only=only or (), remarks=remarks)
        if output:
            write_comparison(comparison, output)
        terminal = Console()
        show(comparison, terminal if terminal.is_terminal else Console(width=160), most=most)
    if comparison.drifted:
        sys.exit(DRIFTED)


@regress.command()
def accept(
    metrics: Metrics,
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why the numbers may move; it goes into accepted.tsv.")],
    spread: Spread = None,
    history: Annotated[Path | None, typer.Option(help="Folder of the history to add the run to.")] = None,
    even_failed: Annotated[
        bool, typer.Option("--even-failed", help="Accept a run with failures that the reference has not.")
    ] = False,
) -> None:
    """Make a run the reference, and log it in accepted.tsv beside it.

    Example: schash regress accept metrics.tsv --reference reference/metrics.tsv --reason "deeper network"
    """
    with errors_as_messages(BAD_INPUT):
        from schash.regression.accepting import accept
        from schash.regression.spread import read_spread

        yardstick = read_spread(spread) if spread else None
        entry = accept(metrics, reference, reason, yardstick, history=history, even_failed=even_failed)
        say(
            f"{reference} moved: {entry['rows_moved']:,} rows, {entry['beyond_tolerance']} beyond tolerance",
            False,
        )
        if history:
            say(f"History: {history / str(entry['run_id'])}.tsv", False)


@regress.command()
def record(
    metrics: Metrics, folder: Annotated[Path, typer.Option(help="Folder of the history, a file a run.")]
) -> None:
    """Add a run's headline metrics to the history."""
    with errors_as_messages(BAD_INPUT):
        from schash.regression.history import record
        from schash.regression.reading import read_metrics

        say(f"History: {record(read_metrics(metrics), metrics, folder)}", False)


@regress.command()
def spread(
    metrics: Annotated[list[Path], typer.Argument(help="Metrics of runs that differ in their seed alone.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write spread.tsv.")],
) -> None:
    """Measure the spread from seed to seed, the yardstick of the tolerances."""
    with errors_as_messages(BAD_INPUT):
        from schash.regression.reading import read_metrics
        from schash.regression.spread import measure_spread, write_spread

        table = measure_spread([read_metrics(path) for path in metrics])
        write_spread(table, output)
        say(f"{output}: {len(table):,} scores of {len(metrics)} seeds", False)


@regress.command()
def export(
    metrics: Metrics,
    output: Annotated[Path, typer.Option("--output", "-o", help="metrics.json to write.")],
    everything: Annotated[bool, typer.Option("--all", help="Every metric, not the headlines alone.")] = False,
) -> None:
    """Write means over folds as JSON that `dvc metrics diff` reads."""
    with errors_as_messages(BAD_INPUT):
        from schash.regression.export import metrics_json, write_json
        from schash.regression.reading import read_metrics

        write_json(metrics_json(read_metrics(metrics), everything=everything), output)
        say(f"Metrics written to {output}", False)
