"""Text tables of numbers, read a block of lines at a time into CSR float32: never is the table dense in memory.

Blocks are parsed by pyarrow, straight to float32 (the nearest one to what is written, which for integers up to 2^24
is the integer), and kept as sparse rows. In memory are one block, dense, and the entries that are not 0, of which the
column numbers or the values are there twice while the blocks are joined.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv
import scipy.sparse as sp

from schash.data.cell_checks import first_wrong
from schash.errors import DataError

BYTES_PER_BLOCK = 1 << 24
"""Text that is parsed at once: some 8 million values, 32 MB of them dense. A longer row is a block of its own."""
EMPTY_SPELLINGS = frozenset(pyarrow.csv.ConvertOptions().null_values)
"""What pyarrow takes for a missing number: "", "NA", "NaN", "NULL" and the like."""


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
    The header may leave out the first column's name, as R writes it. UTF-8, with or without a byte-order mark.
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
        text = {0, *self.text_at.values()}
        self.numbers_at = [i for i in range(len(self.names)) if i not in text]
        self.genes = [self.names[i] for i in self.numbers_at]
        self._keys = [str(i) for i in range(len(self.names))]  # the names themselves may repeat
        types = {
            key: pyarrow.string() if i in text else pyarrow.float32() for i, key in enumerate(self._keys)
        }
        self._parse = pyarrow.csv.ParseOptions(delimiter=self.sep)
        self._convert = pyarrow.csv.ConvertOptions(column_types=types)

    def parsed(self, block: bytes) -> tuple[sp.csr_matrix, list[str], dict[str, list[str]]]:
        """Entries, names and texts of the rows in a block of whole lines."""
        read = pyarrow.csv.ReadOptions(column_names=self._keys, block_size=len(block) + 1)
        try:
            table = pyarrow.csv.read_csv(
                pyarrow.BufferReader(block),
                read_options=read,
                parse_options=self._parse,
                convert_options=self._convert,
            )
        except pyarrow.ArrowInvalid as error:
            raise ValueError(self._fault(block) or str(error)) from None
        names = table.column(0).to_pylist()
        X = _nonzeros(table.select(self.numbers_at), len(names))
        self._check(X, names)
        self.n_read += len(names)
        return X, names, {name: table.column(i).to_pylist() for name, i in self.text_at.items()}

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
        lines = io.StringIO(block.decode(errors="replace"), newline="")
        rows = [fields for fields in csv.reader(lines, delimiter=self.sep) if fields]
        for i, fields in enumerate(rows):
            if len(fields) != len(self.names):
                row = f"row {self.n_read + i + 1:,} ({fields[0]!r})"
                return f"{row}: came {len(fields)} fields, expected {len(self.names)} columns"
            for column in self.numbers_at:
                if not _is_number(fields[column]):
                    place = self._place(i, fields[0], self.names[column])
                    return f"{place}: came {fields[column]!r}, expected a number"
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in EMPTY_SPELLINGS
    return True


def _reader(
    header: bytes, first_line: bytes, where: str, sep: str, text_columns: Sequence[str], values: str | None
) -> _Reader:
    """The first row tells whether the first column has a name."""
    texts = header.decode("utf-8-sig"), first_line.decode()
    names, first = (next(csv.reader([text], delimiter=sep), []) for text in texts)
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
            block = b"".join([*begun, memoryview(piece)[:end]])
            if not block.isspace():
                yield block
            begun = [piece[end:]]
        else:
            begun.append(piece)
    rest = b"".join(begun)
    if rest and not rest.isspace():
        yield rest


def _nonzeros(numbers: pyarrow.Table, n_rows: int) -> sp.csr_matrix:
    """The entries that are not 0 of a block (n_rows, n_columns)."""
    n_columns = numbers.num_columns
    if not n_rows or not n_columns:
        return sp.csr_matrix(np.zeros((n_rows, n_columns), dtype=np.float32))
    (batch,) = numbers.combine_chunks().to_batches()
    dense = batch.to_tensor(null_to_nan=True, row_major=True).to_numpy()
    return sp.csr_matrix(dense)


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
