"""Text tables of numbers, read a block of lines at a time into CSR float32: never is the table dense in memory.

Blocks are parsed by pyarrow (`schash.data.loaders.text_rows`), straight to float32 (the nearest one to what is written,
which for integers up to 2^24 is the integer), and kept as sparse rows. In memory are one block, as text and dense, and
the entries that are not 0, of which the column numbers or the values are there twice while the blocks are joined.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from schash.data.cell_checks import first_wrong
from schash.data.loaders.text_rows import RowFormat, is_number, lines_of
from schash.errors import DataError

BYTES_PER_BLOCK = 1 << 24
"""Text that is parsed at once: some 8 million values, 32 MB of them dense. A longer row is a block of its own."""
NO_FIELDS = "a quote must be closed where its field ends, and no field may hold a line break"


@dataclass(frozen=True)
class Table:
    """A sparse matrix with the names of its rows and columns, and the text columns that stood beside it."""

    X: sp.csr_matrix
    rows: list[str]
    columns: list[str]
    text: pd.DataFrame


def read_table(
    source: Path | IO[bytes],
    *,
    where: str,
    sep: str = ",",
    text_columns: Sequence[str] = (),
    values: str | None = None,
) -> Table:
    """Read a table of numbers, whose first column names the rows, into CSR float32.

    source : open binary file, or a path; a path that ends in .gz is unpacked
    text_columns : columns that hold text, returned beside the matrix
    values : kind of the numbers, where it is known: a number that it rules out (a negative count) is an error here
    The header may leave out the first column's name, as R writes it. UTF-8, with or without a byte-order mark. Fields
    may be quoted and then hold separators, but never a line break: a block may end at any line. Blank lines are none.
    Raises `DataError` naming `where`, the row and the column for a field that is empty or not a finite number, and
    the row for one that has too few or too many fields.
    """
    try:
        with ExitStack() as stack:
            handle: Any = source
            if isinstance(source, Path):
                handle = stack.enter_context(source.open("rb"))
                if source.suffix == ".gz":
                    handle = stack.enter_context(gzip.GzipFile(fileobj=handle))
            header, first_line = handle.readline(), handle.readline()
            reader = _reader(header, first_line, where, sep, text_columns, values)
            return _joined(reader, (reader.parsed(block) for block in _blocks(handle, first_line)))
    except DataError:
        raise
    except (ValueError, OSError, EOFError, zlib.error, csv.Error) as error:
        message = f"{where}: cannot be read as a table: {error}"
        raise DataError(message) from error


@dataclass
class _Reader:
    """Reads blocks of rows by what the header says.

    names : of all columns
    text_at : positions of those that hold text, besides the first, the name of the row
    n_read : rows of the blocks before, to say where a fault is
    """

    where: str
    sep: str
    names: list[str]
    text_at: dict[str, int]
    values: str | None
    n_read: int = 0

    def __post_init__(self) -> None:
        text = sorted({0, *self.text_at.values()})
        self._place_of_text = {column: i for i, column in enumerate(text)}
        self.numbers_at = [i for i in range(len(self.names)) if i not in self._place_of_text]
        self.genes = [self.names[i] for i in self.numbers_at]
        self._format = RowFormat(self.sep, len(self.names), tuple(text))

    def parsed(self, block: bytes) -> tuple[sp.csr_matrix, list[str], dict[str, list[str]]]:
        """Entries, names and texts of the rows in a block of whole lines."""
        texts: list[list[str]] = []
        numbers: list[bytes] = []
        for line in lines_of(block):
            row = self._format.split(line)
            if row is None:
                raise ValueError(self._fault(block))
            texts.append(row[0])
            numbers += row[1]
        try:
            dense = self._format.dense(numbers, len(texts))
        except ValueError as error:
            raise ValueError(self._fault(block) or str(error)) from None
        X = sp.csr_matrix(dense)
        names = [row[0] for row in texts]
        self._check(X, names)
        self.n_read += len(names)
        places = {name: self._place_of_text[column] for name, column in self.text_at.items()}
        return X, names, {name: [row[place] for row in texts] for name, place in places.items()}

    def _check(self, X: sp.csr_matrix, names: list[str]) -> None:
        wrong = first_wrong(X.data, self.values)
        if wrong is None:
            return
        entry, expected = wrong
        row = int(np.searchsorted(X.indptr, entry, side="right")) - 1
        place = self._place(row, names[row], self.genes[X.indices[entry]])
        value = X.data[entry]
        came = "an empty field or one that is no number" if np.isnan(value) else f"{value:g}"
        message = f"{self.where}: {place}: came {came}, expected {expected}"
        raise DataError(message)

    def _place(self, row: int, name: str, column: str) -> str:
        return f"row {self.n_read + row + 1:,} ({name!r}), column {column!r}"

    def _fault(self, block: bytes) -> str | None:
        """The first thing in a block that is no table, found the slow way; None where it is nothing known."""
        for i, line in enumerate(lines_of(block)):
            text = line.decode(errors="replace")
            try:
                if "\r" in text:
                    raise csv.Error  # Python's reader takes it where it is quoted
                (fields,) = csv.reader([text], delimiter=self.sep, strict=True)
            except csv.Error:
                return f"row {self.n_read + i + 1:,} ({text[:40]!r}): {NO_FIELDS}"
            if len(fields) != len(self.names):
                row = f"row {self.n_read + i + 1:,} ({fields[0]!r})"
                return f"{row}: came {len(fields)} fields, expected {len(self.names)} columns"
            for column in self.numbers_at:
                if not is_number(fields[column]):
                    place = self._place(i, fields[0], self.names[column])
                    return f"{place}: came {fields[column]!r}, expected a number"
        return None


def _reader(
    header: bytes, first_line: bytes, where: str, sep: str, text_columns: Sequence[str], values: str | None
) -> _Reader:
    """The first row tells whether the first column has a name."""
    texts = header.decode("utf-8-sig"), first_line.decode()
    try:
        names, first = (next(csv.reader([text], delimiter=sep, strict=True), []) for text in texts)
    except csv.Error:
        message = f"its header or row 1: {NO_FIELDS}"
        raise ValueError(message) from None
    if not first:
        message = "it holds no rows"
        raise ValueError(message)
    if len(first) == len(names) + 1:
        names = ["", *names]
    missing = [name for name in text_columns if name not in names]
    if missing:
        message = f"no column {', '.join(missing)}; columns: {', '.join(names[:5])}, ..."
        raise ValueError(message)
    return _Reader(where, sep, names, {name: names.index(name) for name in text_columns}, values)


def _blocks(handle: Any, first_line: bytes) -> Iterator[bytes]:
    """The text in blocks of whole lines; only a line that is longer than `BYTES_PER_BLOCK` makes a larger one."""
    begun = [first_line]
    while piece := handle.read(BYTES_PER_BLOCK):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, memoryview(piece)[:end]])
            begun = [piece[end:]]
        else:
            begun.append(piece)
    yield b"".join(begun)


def _joined(reader: _Reader, parts: Iterator[tuple[sp.csr_matrix, list[str], dict[str, list[str]]]]) -> Table:
    """All blocks as one; those that were joined are let go, so that never all entries are there twice."""
    data, indices, counts = [], [], []
    rows: list[str] = []
    texts: dict[str, list[str]] = {name: [] for name in reader.text_at}
    for X, names, text in parts:
        data.append(X.data)
        indices.append(X.indices.astype(np.int32, copy=False))
        counts.append(np.diff(X.indptr))
        rows += names
        for name, column in text.items():
            texts[name] += column
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts), dtype=np.int64)])
    entries = []
    for pieces in (data, indices):
        entries.append(np.concatenate(pieces))
        pieces.clear()
    X = sp.csr_matrix((*entries, indptr), shape=(len(rows), len(reader.genes)))
    return Table(X, rows, reader.genes, pd.DataFrame(texts, index=rows))
