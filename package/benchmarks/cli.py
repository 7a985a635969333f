"""The command line: run the cases, keep the tables, draw the figure."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numba
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    case_cellfishing,
    case_growth,
    case_learned,
    case_memory,
    case_readers,
    case_search,
    case_shards,
)
from benchmarks.contestants import EXACT, FLAT, PEERS, missing
from benchmarks.figure import draw, write_figure
from benchmarks.report import Report, targets_table
from benchmarks.results import Results
from benchmarks.settings import QUICK, Settings
from benchmarks.targets import TARGET_COLUMNS, N, verdicts
from schash.errors import SchashError
from schash.tables import write_table
from schash.timing import available_cores

CASES: dict[str, Callable[[Settings, Report], None]] = {
    module.CASE: module.run
    for module in (
        case_search,
        case_growth,
        case_memory,
        case_learned,
        case_cellfishing,
        case_shards,
        case_readers,
    )
}
FOLDER = Path("results/bench")
FOLDER_OF_LESS = Path("results/bench_quick")
app = typer.Typer(add_completion=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="2^14 codes, within a minute: does it run?")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Every combination of the search grid: hours.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help=f"A case, may be repeated: {', '.join(CASES)}.")
    ] = None,
    max_log2n: Annotated[
        int | None, typer.Option(min=10, max=Settings.log2n, help="Size of the largest database.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help=f"Folder of the results, by default {FOLDER}, or {FOLDER_OF_LESS} for a smaller run. "
            "With --only, those of other cases stay.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure the search engine against faiss and usearch, and the readers against pandas and scanpy."""
    names = _cases(only)
    console = Console(width=None if Console().is_terminal else 160)
    absent = missing(EXACT + PEERS)
    for name, reason in absent.items():
        console.print(f"[yellow]{name} is left out: {reason}")
    if FLAT in absent:
        raise typer.Exit(1)
    settings = _settings(quick, full, max_log2n)
    numba.set_num_threads(min(settings.threads, numba.get_num_threads()))
    folder = output or (FOLDER if settings.log2n == Settings.log2n else FOLDER_OF_LESS)
    try:
        results = Results(folder, keep=only is not None)
        _run(names, settings, results, console)
    except SchashError as error:
        console.print(f"[bold red]{error}")
        raise typer.Exit(1) from None
    wrong = results.wrong()
    if len(wrong):
        console.print(
            f"[bold red]{len(wrong)} rows with distances that are not faiss's: see answers in bench.tsv"
        )
        raise typer.Exit(1)


def _cases(only: list[str] | None) -> list[str]:
    names = only or list(CASES)
    unknown = sorted(set(names) - set(CASES))
    if unknown:
        message = f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}"
        raise typer.BadParameter(message, param_hint="--only")
    return names


def _settings(quick: bool, full: bool, max_log2n: int | None) -> Settings:
    settings = replace(QUICK if quick else Settings(full=full), threads=min(2, available_cores()))
    return replace(settings, log2n=min(settings.log2n, max_log2n or settings.log2n))


def _run(names: list[str], settings: Settings, results: Results, console: Console) -> None:
    columns = TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(names))
        report = Report(results, console, progress, task)
        for name in names:
            report.start(name)
            CASES[name](settings, report)
            results.save()
            progress.advance(task)
    written = ["bench.tsv", "facts.tsv"]
    if len(results.search):
        write_figure(draw(results.search), results.folder)
        written += ["bench.png", "bench.svg"]
    reached = verdicts((results.search, results.facts))
    (results.folder / "targets.tsv").unlink(missing_ok=True)
    if len(reached):
        write_table(reached, TARGET_COLUMNS, results.folder / "targets.tsv")
        console.print(f"Targets at {N:,} codes", targets_table(reached), sep="\n", soft_wrap=True)
        written.append("targets.tsv")
    console.print(f"{results.folder}: {', '.join(written)}")
