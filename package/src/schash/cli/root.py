"""The program `schash`: what all its commands hang on."""

from typing import Annotated

import typer

from schash._version import __version__

app = typer.Typer(
    help="Hashing-based annotation and search of single cells.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Hashing-based annotation and search of single cells."""
    if version:
        print(__version__)
        raise typer.Exit
