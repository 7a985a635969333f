"""Reading big text tables into sparse matrices, a block of rows at a time, and joining matrices by gene."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
import scipy.sparse as sp

from schash.errors import DataError

VALUES_PER_BLOCK = 10_000_000
"""Dense values that are held at once while a table is read: 80 MB."""


@dataclass(frozen=True)
class Table:
    """A sparse matrix with the names of its rows and columns, and the text columns that stood beside it."""

    X: sp.csr_matrix
    rows: list[str]
    columns: list[str]
    text: pd.DataFrame


def file_of(files: Mapping[str, Path], name: str, dataset: str) -> Path:
    """The path of a fetched file; `DataError` listing those at hand where it is not among them."""
    if name in files and Path(files[name]).is_file():
        return Path(files[name])
    message = f"{dataset}: file {name!r} is not at hand; at hand: {', '.join(sorted(files)) or 'none'}"
    raise DataError(message)


@contextmanager
def zip_member(path: Path, member: str) -> Iterator[IO[bytes]]:
    """Open one member of a zip for reading; nothing is ever unpacked to disk."""
    try:
        with ZipFile(path) as archive:
            if member not in archive.namelist():
                message = (
                    f"{path}: has no member {member!r}; it holds e.g. {', '.join(archive.namelist()[:5])}"
                )
                raise DataError(message)
            with archive.open(member) as handle:
                yield handle
    except BadZipFile as error:
        message = f"{path}: is not a zip archive: {error}"
        raise DataError(message) from error


def read_table(
    source: Any, *, where: str, sep: str = ",", text_columns: Sequence[str] = (), **options: Any
) -> Table:
    """Read a table of numbers, whose first column names the rows, into CSR float32.

    source : path or open file, as pandas takes; a `.gz` path is unpacked
    text_columns : columns that hold text, returned beside the matrix
    Raises `DataError` naming `where` for anything in the other columns that is not a number.
    """
    blocks, rows, texts, columns = [], [], [], None
    dtypes = dict.fromkeys(text_columns, str)
    try:
        with pd.read_csv(
            source,
            sep=sep,
            index_col=0,
            dtype=dtypes,
            chunksize=1,
            keep_default_na=False,
            low_memory=False,  # its small pieces cost minutes on tables of 20,000 columns
            **options,
        ) as reader:
            while True:
                n_columns = len(columns) if columns else 0
                try:
                    frame = reader.get_chunk(max(1, VALUES_PER_BLOCK // n_columns) if columns else 1)
                except StopIteration:
                    break
                texts.append(frame[list(text_columns)])
                numbers = frame.drop(columns=list(text_columns))
                columns = [str(name) for name in numbers.columns]
                rows += [str(name) for name in numbers.index]
                blocks.append(_sparse(numbers, where))
    except (ValueError, OSError, pd.errors.ParserError) as error:
        message = f"{where}: cannot be read as a table: {error}"
        raise DataError(message) from error
    if columns is None:
        message = f"{where}: holds no rows"
        raise DataError(message)
    return Table(sp.vstack(blocks, format="csr"), rows, columns, pd.concat(texts))


def _sparse(numbers: pd.DataFrame, where: str) -> sp.csr_matrix:
    wrong = [name for name, dtype in numbers.dtypes.items() if dtype.kind not in "iuf"]
    if wrong:
        message = f"{where}: column {wrong[0]!r} must hold numbers, found e.g. {numbers[wrong[0]].iloc[0]!r}"
        raise DataError(message)
    return sp.csr_matrix(numbers.to_numpy(dtype=np.float32))


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
