"""A database of any size and queries that are not in it, for timings at up to a million cells.

Where a data set has enough cells, they are the cells themselves, drawn without replacement and read from its file in
blocks, as in the paper (CellFishing.jl, "Scalability for large data sets"). A smaller one is upsampled with resampling
noise (`schash.upsampling`): the queries are copies of the query cells of fold 0, the database of its training cells.
Either way no cell is on both sides, a smaller database is the first part of a larger one (in whole blocks of
`schash.upsampling`) or a subset of it, and the database never lies in memory as counts.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from schash.cell_chunks import CellChunks
from schash.folds import FoldInput, read_unlabelled
from schash.methods.contract import QueryCells
from schash.seeds import derive_seed
from schash.timing_runs import copies
from schash.upsampling import BLOCK_ROWS, Originals
from schash.values import ValuesKind

N_QUERIES = 10_000


@dataclass(eq=False)
class Stream:
    """Cells in blocks, and what reading or making them cost so far: it stands for reading a file, and is not counted.

    rows : (n,) of each cell the row of the prepared cells that it is, or is a copy of
    seconds : of reading; passes : (clock, seconds) when the last block of a pass has been used; n_counts : entries of
        the last whole pass
    """

    cells: CellChunks
    rows: np.ndarray
    seconds: float = 0.0
    passes: list[tuple[float, float]] = field(default_factory=list)
    n_counts: int = 0

    @property
    def n(self) -> int:
        return self.cells.shape[0]

    def chunks(self) -> CellChunks:
        """As an index takes them."""
        return _Watched(self)


class _Watched(CellChunks):
    """The cells of a stream, which is told what reading them takes."""

    def __init__(self, stream: Stream) -> None:
        cells = stream.cells
        super().__init__(
            self._timed, cells.shape, genes=cells.genes, chunk_rows=cells.chunk_rows, where=cells.where
        )
        self._stream = stream

    def __iter__(self) -> Iterator[sparse.csr_matrix]:
        n_counts = 0
        for block in super().__iter__():
            n_counts += block.nnz
            yield block
        self._stream.n_counts = n_counts
        self._stream.passes.append((time.perf_counter(), self._stream.seconds))

    def _timed(self, start: int, stop: int) -> Any:
        began = time.perf_counter()
        block = self._stream.cells.read(start, stop)
        self._stream.seconds += time.perf_counter() - began
        return block


@dataclass(frozen=True, eq=False)
class Queries:
    """Counts (n, n_genes) of query cells, and the rows of the prepared cells that they are, or are copies of."""

    X: sparse.csr_matrix
    rows: np.ndarray
    genes: np.ndarray


def enough_cells(given: FoldInput, largest: int, n_queries: int) -> bool:
    """Whether the cells themselves make the largest database, with query cells left."""
    n_cells = len(given.train_rows) + len(given.query_rows)
    return len(given.query_rows) >= n_queries and n_cells >= largest + n_queries


def cells_at(
    given: FoldInput, dataset: str, n: int, *, largest: int, n_queries: int, seed: int
) -> tuple[Stream, Queries]:
    """A database of n cells and its queries; the queries are the same for every n."""
    if enough_cells(given, largest, n_queries):
        return _own_cells(given, dataset, n, n_queries, seed)
    train, query = read_unlabelled(given)
    made = copies(Originals(dataset, query.X, query.genes), n_queries, query.values)
    queries = Queries(made.matrix(), given.query_rows[made.originals()], query.genes)
    return _copied(given, dataset, n, train), queries


def _copied(given: FoldInput, dataset: str, n: int, train: QueryCells) -> Stream:
    values: ValuesKind = train.values
    made = copies(Originals(dataset, train.X, train.genes), n, values, seed=0)
    return Stream(made.chunks(), given.train_rows[made.originals()])


def _own_cells(given: FoldInput, dataset: str, n: int, n_queries: int, seed: int) -> tuple[Stream, Queries]:
    rng = np.random.default_rng(derive_seed("scale", dataset, seed))
    asked = np.sort(rng.permutation(given.query_rows)[:n_queries])
    others = np.setdiff1d(np.concatenate([given.train_rows, given.query_rows]), asked)
    rows = np.sort(rng.permutation(others)[:n])
    queries = rows_of_file(given, asked)
    X = sparse.csr_matrix(sparse.vstack(list(queries), format="csr"))
    assert queries.genes is not None
    return Stream(rows_of_file(given, rows), rows), Queries(X, asked, queries.genes)


def rows_of_file(given: FoldInput, rows: np.ndarray) -> CellChunks:
    """Some rows of the prepared cells, ascending, in blocks; no more than a block of the file is in memory."""
    whole = CellChunks.from_h5ad(given.cells)

    def read(start: int, stop: int) -> Any:
        wanted = rows[start:stop]
        first, last = int(wanted[0]), int(wanted[-1]) + 1
        parts = []
        for begin in range(first, last, BLOCK_ROWS):
            end = min(begin + BLOCK_ROWS, last)
            here = wanted[(wanted >= begin) & (wanted < end)]
            if len(here):
                parts.append(whole.read(begin, end)[here - begin])
        return sparse.csr_matrix(sparse.vstack(parts, format="csr"))

    shape = (len(rows), whole.shape[1])
    return CellChunks(read, shape, genes=whole.genes, chunk_rows=BLOCK_ROWS, where=str(given.cells))
