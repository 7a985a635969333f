"""`schash train` and `schash annotate`."""

from pathlib import Path
from typing import Annotated

import typer

from schash.cli.options import (
    VALUES_HELP,
    Force,
    Layer,
    Quiet,
    Raw,
    check_output,
    errors_as_messages,
    say,
)
from schash.cli.root import app
from schash.values import check_kind


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

        check_output(output, force)
        kind = check_kind(values)
        options = {"preset": preset, "n_bits": n_bits, "device": device, "seed": seed, "progress": not quiet}
        model, facts = train_on_file(cells, label=label, values=kind, layer=layer, use_raw=raw, **options)
        model.save(output)
        say(facts, quiet)
        say(f"Model written to {output}", quiet)


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

        check_output(output, force)
        facts = annotate_file(cells, model, output, layer=layer, use_raw=raw, min_margin=min_margin)
        say(facts, quiet)
        say(f"Annotation written to {output}", quiet)
