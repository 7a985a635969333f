"""Options that several commands take, and how commands speak and fail."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from schash.errors import DataError, SchashError
from schash.values import DESCRIPTIONS

console = Console(stderr=True)

VALUES_HELP = (
    "What the numbers are: " + "; ".join(f"{kind} ({text})" for kind, text in DESCRIPTIONS.items()) + "."
)
Layer = Annotated[str | None, typer.Option(help="Take the values from this layer instead of X.")]
Raw = Annotated[bool, typer.Option("--raw", help="Take the values from .raw instead of X.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace an existing output file.")]
Threads = Annotated[int | None, typer.Option(help="Threads to use; all cores by default.", min=1)]


@contextmanager
def errors_as_messages(status: int = 1) -> Iterator[None]:
    """End with the message and this status for an error that schash raises on purpose, or that the system has with a
    file."""
    try:
        yield
    except BrokenPipeError:  # whoever reads our output has seen enough
        raise
    except (SchashError, OSError) as error:
        said = str(error)
        if isinstance(error, OSError) and error.filename:
            said = f"{error.filename}: {error.strerror}"
        console.print(
            Text("Error: ", style="bold red").append(said, style="not bold default"), soft_wrap=True
        )
        sys.exit(status)


def say(text: str, quiet: bool) -> None:
    """Print a line on stderr, unless `quiet`."""
    if not quiet:
        console.print(Text(text), soft_wrap=True)


def check_output(path: Path, force: bool) -> None:
    """Raise `DataError` where `path` exists without `force`, or cannot be written."""
    if path.exists() and not force:
        message = f"{path}: exists already; --force replaces it"
        raise DataError(message)
    if path.is_dir():
        message = f"{path}: is a folder"
        raise DataError(message)
    if not path.absolute().parent.is_dir():
        message = f"{path}: its folder does not exist"
        raise DataError(message)
