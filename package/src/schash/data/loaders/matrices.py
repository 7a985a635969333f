"""Members of zip archives, and tables of cells joined by gene."""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
import pandas as pd
import scipy.sparse as sp

from schash.data.archives import check_members, check_readable, open_fetched
from schash.data.loaders.cell_tables import DAMAGED
from schash.data.loaders.text_tables import Table, read_table
from schash.errors import DataError

__all__ = [
    "Table",
    "distinct",
    "file_of",
    "read_table",
    "shared_of",
    "take",
    "transposed",
    "union_of",
    "zip_member",
]


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
    """Open the first of `members` that a zip holds, or the folder of its fetched members; nothing is unpacked.

    Names in the zip may have been written with backslashes, as on Windows.
    Raises `DataError` where none is there or what is there is damaged, which may show only as it is read.
    """
    what = f"its member {members[0]!r} cannot be read" if path.is_dir() else "is not a zip archive"
    try:
        if path.is_dir():
            with open_fetched(path, members) as handle:
                yield handle
            return
        with ZipFile(path) as archive:
            check_members(archive, path.stat().st_size, path)
            place = {info.filename.replace("\\", "/"): info for info in archive.infolist()}
            held = [place[name] for name in members if name in place]
            if not held:
                message = (
                    f"{path}: has no member {members[0]!r}; it holds e.g. {', '.join(archive.namelist()[:5])}"
                )
                raise DataError(message)
            check_readable(held[0], path)
            what = f"its member {held[0].filename!r} cannot be read"
            with archive.open(held[0]) as handle:
                yield handle
    except DataError:
        raise
    except (*DAMAGED, ValueError, struct.error) as error:
        message = f"{path}: {what}: {error}"
        raise DataError(message) from error


def transposed(table: Table) -> Table:
    """Genes x cells made cells x genes; text columns, which would belong to genes, are dropped."""
    return Table(table.X.T.tocsr(), table.columns, table.rows, pd.DataFrame(index=table.columns))


def take(table: Table, names: Sequence[str], *, where: str) -> Table:
    """The rows of those names, in that order.

    Raises `DataError` naming `where` for a name that the table has never or more than once.
    """
    position = {name: row for row, name in enumerate(table.rows)}
    n_rows = Counter(table.rows)
    for what, wrong in (
        ("no counts of", [name for name in names if n_rows[name] == 0]),
        ("counts more than once of", [name for name in names if n_rows[name] > 1]),
    ):
        if wrong:
            message = f"{where}: has {what} {len(wrong)} of the {len(names)} wanted cells, e.g. {wrong[0]!r}"
            raise DataError(message)
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
    blocks = [_on_genes(table.X, names, genes) for table, names in zip(tables, named, strict=True)]
    return blocks[0] if len(blocks) == 1 else sp.vstack(blocks, format="csr"), genes


def _on_genes(X: sp.csr_matrix, names: list[str], genes: list[str]) -> sp.csr_matrix:
    """Columns `genes` of a matrix with columns `names`, 0 where it lacks one; what stays the same is not copied."""
    if names == genes:
        return X
    position = {gene: column for column, gene in enumerate(genes)}
    target = np.array([position.get(name, -1) for name in names], dtype=np.int32)
    kept = np.flatnonzero(target >= 0)
    chosen = X if len(kept) == len(names) else X[:, kept]
    return sp.csr_matrix(
        (chosen.data, target[kept][chosen.indices], chosen.indptr), shape=(X.shape[0], len(genes))
    )


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
