"""Reading big text tables into sparse matrices, a block of rows at a time, and joining matrices by gene."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv
import scipy.sparse as sp

from schash.data.archives import check_members, open_fetched
from schash.errors import DataError

BYTES_PER_BLOCK = 1 << 24
"""Text that is parsed at once: some 8 million values, 32 MB of them dense. No row may be longer."""


@dataclass(frozen=True)
class Table:
    """A sparse matrix with the names of its rows and columns, and the text columns that stood beside it."""

    X: sp.csr_matrix
    rows: list[str]
    columns: list[str]
    text: pd.DataFrame


def file_of(files: Mapping[str, Path], name: str, dataset: str) -> Path:
    """The path of a fetched file, or of the folder of an archive's members.

    Raises `DataError` listing those at hand where it is not among them.
    """
    if name in files and Path(files[name]).exists():
        return Path(files[name])
    message = f"{dataset}: file {name!r} is not at hand; at hand: {', '.join(sorted(files)) or 'none'}"
    raise DataError(message)


@contextmanager
def zip_member(path: Path, *members: str) -> Iterator[IO[bytes]]:
    """Open the first of `members` that a zip holds, or the folder of its fetched members; nothing is unpacked."""
    if path.is_dir():
        with open_fetched(path, members) as handle:
            yield handle
        return
    try:
        with ZipFile(path) as archive:
            check_members(archive, path.stat().st_size, path)
            held = [name for name in members if name in archive.namelist()]
            if not held:
                message = (
                    f"{path}: has no member {members[0]!r}; it holds e.g. {', '.join(archive.namelist()[:5])}"
                )
                raise DataError(message)
            with archive.open(held[0]) as handle:
                yield handle
    except BadZipFile as error:
        message = f"{path}: is not a zip archive: {error}"
        raise DataError(message) from error


def read_table(
    source: Path | IO[bytes], *, where: str, sep: str = ",", text_columns: Sequence[str] = ()
) -> Table:
    """Read a table of numbers, whose first column names the rows, into CSR float32.

    source : open binary file, or a path; a path that ends in .gz is unpacked
    text_columns : columns that hold text, returned beside the matrix
    The header may leave out the first column's name, as R writes it. An empty field becomes NaN.
    Raises `DataError` naming `where` for anything else that is not a number.
    """
    try:
        with ExitStack() as stack:
            handle: Any = source
            if isinstance(source, Path):
                handle = stack.enter_context(source.open("rb"))
                if source.suffix == ".gz":
                    handle = stack.enter_context(gzip.GzipFile(fileobj=handle))
            return _parse(handle, sep, text_columns)
    except DataError:
        raise
    except (ValueError, OSError, EOFError, zlib.error, csv.Error) as error:
        message = f"{where}: cannot be read as a table: {error}"
        raise DataError(message) from error


def _parse(handle: Any, sep: str, text_columns: Sequence[str]) -> Table:
    names, first_line = _header(handle, sep, text_columns)
    text_at = {name: names.index(name) for name in text_columns}
    numbers_at = [i for i in range(1, len(names)) if i not in text_at.values()]
    keys = [str(i) for i in range(len(names))]  # the names themselves may repeat
    text_keys = {keys[0], *(keys[i] for i in text_at.values())}
    types = {key: pyarrow.string() if key in text_keys else pyarrow.float32() for key in keys}
    blocks, rows, texts = [], [], {name: [] for name in text_columns}  # type: ignore[var-annotated]
    reader = pyarrow.csv.open_csv(
        _Rest(first_line, handle),
        read_options=pyarrow.csv.ReadOptions(column_names=keys, block_size=BYTES_PER_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(delimiter=sep),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types),
    )
    for batch in reader:
        columns = [batch.column(i).to_numpy(zero_copy_only=False) for i in numbers_at]
        blocks.append(sp.csr_matrix(np.stack(columns, axis=1)))
        rows += batch.column(0).to_pylist()
        for name, i in text_at.items():
            texts[name] += batch.column(i).to_pylist()
    X = sp.vstack(blocks, format="csr")
    return Table(X, rows, [names[i] for i in numbers_at], pd.DataFrame(texts, index=rows))


def _header(handle: Any, sep: str, text_columns: Sequence[str]) -> tuple[list[str], bytes]:
    """The names of all columns, and the line after them, which is read to tell whether the first has a name."""
    header, first_line = handle.readline(), handle.readline()
    names, first = (next(csv.reader([line.decode()], delimiter=sep), []) for line in (header, first_line))
    if not first:
        message = "it holds no rows"
        raise ValueError(message)
    if len(first) == len(names) + 1:
        names = ["", *names]
    missing = [name for name in text_columns if name not in names]
    if missing:
        message = f"no column {', '.join(missing)}; columns: {', '.join(names[:5])}, ..."
        raise ValueError(message)
    return names, first_line


class _Rest(io.RawIOBase):
    """A file from which a line was already read, with that line back in its place."""

    def __init__(self, line: bytes, handle: IO[bytes]) -> None:
        self._line, self._handle = line, handle

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._line:
            return self._handle.read(size)
        size = len(self._line) if size < 0 else size
        start, self._line = self._line[:size], self._line[size:]
        return start


def transposed(table: Table) -> Table:
    """Genes x cells made cells x genes; text columns, which would belong to genes, are dropped."""
    return Table(table.X.T.tocsr(), table.columns, table.rows, pd.DataFrame(index=table.columns))


def take(table: Table, names: Sequence[str]) -> Table:
    """The rows of those names, in that order."""
    position = {name: row for row, name in enumerate(table.rows)}
    rows = [position[name] for name in names]
    return Table(table.X[rows], list(names), table.columns, table.text.iloc[rows])


def union_of(tables: Sequence[Table]) -> tuple[sp.csr_matrix, list[str]]:
    """Stack cells over all genes of any table, 0 where a table lacks a gene; order of first appearance."""
    named = [distinct(table.columns) for table in tables]
    return _stack(tables, named, list(dict.fromkeys(gene for names in named for gene in names)))


def shared_of(tables: Sequence[Table]) -> tuple[sp.csr_matrix, list[str]]:
    """Stack cells over the genes that every table has, in the order of the first table."""
    named = [distinct(table.columns) for table in tables]
    shared = set(named[0]).intersection(*named)
    return _stack(tables, named, [gene for gene in named[0] if gene in shared])


def _stack(
    tables: Sequence[Table], named: Sequence[list[str]], genes: list[str]
) -> tuple[sp.csr_matrix, list[str]]:
    position = {gene: column for column, gene in enumerate(genes)}
    blocks = []
    for table, names in zip(tables, named, strict=True):
        coo = table.X.tocoo()
        target = np.array([position.get(gene, -1) for gene in names], dtype=np.int64)[coo.col]
        kept = target >= 0
        entries = (coo.data[kept], (coo.row[kept], target[kept]))
        blocks.append(sp.csr_matrix(entries, shape=(len(table.rows), len(genes))))
    return sp.vstack(blocks, format="csr"), genes


def distinct(names: Sequence[str]) -> list[str]:
    """Repeated names made unique: the first keeps its name, the next become `name-1`, `name-2`, ..."""
    given = set(names)
    met: set[str] = set()
    unique: list[str] = []
    repeats = dict.fromkeys(names, 0)
    for name in names:
        new = name
        while new in met or (new != name and new in given):
            repeats[name] += 1
            new = f"{name}-{repeats[name]}"
        met.add(new)
        unique.append(new)
    return unique
