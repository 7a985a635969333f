"""`schash index` and `schash search`."""

from pathlib import Path
from typing import Annotated

import typer

from schash.cli.options import Force, Layer, Quiet, Raw, Threads, check_output, errors_as_messages, say
from schash.cli.root import app


@app.command()
def index(
    cells: Annotated[Path, typer.Argument(help="Reference cells: .h5ad, 10x .h5, or a 10x folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the atlas.")],
    label: Annotated[
        list[str] | None, typer.Option(help="Column of obs to keep as labels; may be given several times.")
    ] = None,
    values: Annotated[
        str, typer.Option(help="counts, or noninteger for linear values such as TPM or corrected UMIs.")
    ] = "counts",
    layer: Layer = None,
    raw: Raw = False,
    n_bits: Annotated[int, typer.Option(help="Bits of a code.", min=8)] = 128,
    n_hashes: Annotated[int, typer.Option(help="Codes a cell; more find more, and cost more.", min=1)] = 4,
    n_dims: Annotated[int, typer.Option(help="Dimensions that cells are reduced to.", min=1)] = 50,
    transform: Annotated[str, typer.Option(help="log, freeman_tukey or none.")] = "log",
    min_features: Annotated[
        int | None, typer.Option(help="Select at least so many genes; for sets of few genes.")
    ] = None,
    include_genes: Annotated[
        Path | None, typer.Option(help="File of genes to select in any case, one a line.")
    ] = None,
    exclude_genes: Annotated[
        Path | None, typer.Option(help="File of genes never to select, one a line.")
    ] = None,
    layout: Annotated[str, typer.Option(help="compact, or fast: four times the size.")] = "compact",
    compression: Annotated[
        str, typer.Option(help="none, gzip or zstd; only a file without is loaded at once.")
    ] = "none",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make an atlas of reference cells, for `schash search`.

    Example: schash index reference.h5ad --label cell_type -o atlas.schash
    """
    with errors_as_messages():
        from schash.user.indexing import index_file

        check_output(output, force)
        facts = index_file(
            cells,
            output,
            labels=label or [],
            values=values,
            layer=layer,
            use_raw=raw,
            include_genes=include_genes,
            exclude_genes=exclude_genes,
            compression=compression,
            progress=not quiet,
            n_bits=n_bits,
            n_hashes=n_hashes,
            n_dims=n_dims,
            transform=transform,
            min_features=min_features,
            layout=layout,
            seed=seed,
            n_threads=threads,
        )
        say(facts, quiet)
        say(f"Atlas written to {output}", quiet)


@app.command()
def search(
    cells: Annotated[Path, typer.Argument(help="Cells to search for: .h5ad, 10x .h5, or a 10x folder.")],
    database: Annotated[Path, typer.Option("--database", "-d", help="An atlas written by `schash index`.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A .tsv / .csv with a row per neighbour, or an .h5ad with the neighbours in it.",
        ),
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(help="A .tsv / .csv with a row per cell: its neighbours' commonest label.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="Neighbours of a cell.")] = 10,
    exclude_self: Annotated[
        bool,
        typer.Option(
            "--exclude-self", help="Leave out the reference cell of the same name; k others are still found."
        ),
    ] = False,
    values: Annotated[
        str | None, typer.Option(help="counts or noninteger; by default what the atlas was made of.")
    ] = None,
    layer: Layer = None,
    raw: Raw = False,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Find the reference cells nearest to every cell, and the label that most of them have.

    Example: schash search query.h5ad -d atlas.schash -k 10 -o neighbours.tsv
    """
    with errors_as_messages():
        from schash.user.searching import search_file

        outputs = [path for path in (output, summary) if path is not None]
        for path in outputs:
            check_output(path, force)
        facts = search_file(
            cells,
            database,
            output=output,
            summary=summary,
            k=k,
            layer=layer,
            use_raw=raw,
            exclude_self=exclude_self,
            values=values,
            n_threads=threads,
            progress=not quiet,
        )
        say(facts, quiet)
        for path in outputs:
            say(f"{'Summary' if path == summary else 'Neighbours'} written to {path}", quiet)
