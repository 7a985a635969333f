"""Tables about cells: their names, labels and the like, all of it text; small enough to be read whole.

A label that is empty or reads NA, which is how R writes one that is missing, is none: the cell is unlabelled, and never
of a type that is called NA.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import pandas as pd

from schash.errors import DataError

WITHOUT_LABEL = ("", "NA")
DAMAGED = (BadZipFile, OSError, EOFError, zlib.error, NotImplementedError)
"""What unpacking a damaged or foreign file raises, on the way too; BadGzipFile is an OSError."""


def label_of(text: str) -> str | None:
    """The label that a field holds, or None."""
    return None if text in WITHOUT_LABEL else text


def lines_of_text(content: bytes) -> list[str]:
    """The lines of UTF-8, which end in a newline, also as on Windows; blank ones at the end are none.

    str.splitlines would end a line at form feeds and other characters that a name may hold.
    """
    text = content.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n")
    return text.split("\n") if text else []


def require_columns(table: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    """Raise `DataError` listing those that the table lacks."""
    missing = [name for name in columns if name not in table]
    if missing:
        message = f"{where}: has no column {', '.join(missing)}; columns: {', '.join(table.columns)}"
        raise DataError(message)


def read_cell_table(
    source: Path | IO[bytes],
    *,
    where: str,
    sep: str = ",",
    columns: Sequence[str] | None = None,
    row_names: bool = False,
) -> pd.DataFrame:
    """Read a table of text, one row a cell; every field is str, as it is written.

    source : open binary file, or a path; a path that ends in .gz is unpacked
    columns : their names, where the first line does not hold them
    row_names : the header may leave out the name of the first column, as R's write.table does; it is "" then
    Of columns with one name the first is kept. In a table of one column a blank line between others is an empty field.
    UTF-8, with or without a byte-order mark.
    Raises `DataError` naming `where`, and the line of a row that has too few or too many fields.
    """
    try:
        if not isinstance(source, Path):
            return _read(source, where, sep, columns, row_names)
        with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as handle:
            return _read(handle, where, sep, columns, row_names)
    except DataError:
        raise
    except (*DAMAGED, ValueError, csv.Error) as error:
        message = f"{where}: cannot be read as a table: {error}"
        raise DataError(message) from error


def _read(handle: Any, where: str, sep: str, columns: Sequence[str] | None, row_names: bool) -> pd.DataFrame:
    text = io.StringIO(handle.read().decode("utf-8-sig"), newline="")
    reader = csv.reader(text, delimiter=sep, strict=True)
    names = list(columns or next(reader, []))
    if not names:
        message = "it is empty"
        raise ValueError(message)
    rows: list[list[str]] = []
    blank = 0
    for row in reader:
        if row_names and not rows and len(row) == len(names) + 1:
            names = ["", *names]
        if not row:
            blank += 1
            continue
        if len(row) != len(names):
            message = f"{where}: line {reader.line_num}: came {len(row)} fields, expected {len(names)}"
            raise DataError(message)
        if len(names) == 1:
            rows += [[""]] * blank
        rows.append(row)
        blank = 0
    table = pd.DataFrame(rows, columns=names, dtype=object)
    return table.loc[:, ~table.columns.duplicated()]
