"""The command line: train a model on labelled cells of your own, annotate others with it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from schash._version import __version__
from schash.errors import DataError, SchashError
from schash.values import DESCRIPTIONS, check_kind

app = typer.Typer(
    help="Hashing-based annotation of single cells.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)

VALUES_HELP = (
    "What the numbers are: " + "; ".join(f"{kind} ({text})" for kind, text in DESCRIPTIONS.items()) + "."
)
Layer = Annotated[str | None, typer.Option(help="Take the values from this layer instead of X.")]
Raw = Annotated[bool, typer.Option("--raw", help="Take the values from .raw instead of X.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace an existing output file.")]


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End with the message and status 1 for an error that schash raises on purpose."""
    try:
        yield
    except SchashError as error:
        console.print(
            Text("Error: ", style="bold red").append(str(error), style="not bold default"), soft_wrap=True
        )
        sys.exit(1)


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        console.print(Text(text), soft_wrap=True)


def _check_output(path: Path, force: bool) -> None:
    if path.exists() and not force:
        message = f"{path}: exists already; --force replaces it"
        raise DataError(message)
    if not path.absolute().parent.is_dir():
        message = f"{path}: its folder does not exist"
        raise DataError(message)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Hashing-based annotation of single cells."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def train(
    cells: Annotated[Path, typer.Argument(help="Labelled cells: .h5ad, 10x .h5, or a 10x folder.")],
    label: Annotated[str, typer.Option(help="Column of obs that holds the cell types.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the model.")],
    values: Annotated[str, typer.Option(help=VALUES_HELP)] = "counts",
    layer: Layer = None,
    raw: Raw = False,
    preset: Annotated[
        str, typer.Option(help="compact (default) or paper (full width, wants a GPU).")
    ] = "compact",
    n_bits: Annotated[
        int | None, typer.Option(help="Bits of a code; by default from the number of types.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn a hash code from labelled cells.

    Example: schash train reference.h5ad --label cell_type -o model.schash
    """
    with errors_as_messages():
        from schash.user.training import train_on_file  # torch takes seconds to import: not for --help

        _check_output(output, force)
        kind = check_kind(values)
        options = {"preset": preset, "n_bits": n_bits, "device": device, "seed": seed, "progress": not quiet}
        model, facts = train_on_file(cells, label=label, values=kind, layer=layer, use_raw=raw, **options)
        model.save(output)
        _say(facts, quiet)
        _say(f"Model written to {output}", quiet)


@app.command()
def annotate(
    cells: Annotated[Path, typer.Argument(help="Cells to annotate: .h5ad, 10x .h5, or a 10x folder.")],
    model: Annotated[Path, typer.Option("--model", "-m", help="A model written by `schash train`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="An .h5ad with the labels in obs, or a .tsv / .csv.")
    ],
    layer: Layer = None,
    raw: Raw = False,
    min_margin: Annotated[
        float, typer.Option(help="Cells whose two nearest types differ by fewer bits become 'unassigned'.")
    ] = 0.0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Give every cell the type of its nearest anchor, with a margin in bits.

    Example: schash annotate query.h5ad -m model.schash -o annotated.h5ad
    """
    with errors_as_messages():
        from schash.user.annotation import annotate_file

        _check_output(output, force)
        facts = annotate_file(cells, model, output, layer=layer, use_raw=raw, min_margin=min_margin)
        _say(facts, quiet)
        _say(f"Annotation written to {output}", quiet)
