"""Transformed counts of the selected genes: CSR blocks of fixed size, in memory, or in a temporary file if many.

Fitting reads the counts twice, once for the ranges of the genes and once for this; all that follows reads this.
"""

import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from scipy import sparse

from schash._cellfishing_kernels import count_selected, select_cells
from schash._threads import share_out

BLOCK_ROWS = 16384
"""Cells of a block. It does not depend on how the cells came, so that neither do sums over blocks."""
SPILL_BYTES = 2**28
"""More than so much is kept in a temporary file."""


@dataclass(frozen=True)
class SelectedBlock:
    """Consecutive cells from row `start` on.

    indptr : (n + 1,) int64; slots : uint16 or int32, places among the selected genes; values : float32
    """

    start: int
    indptr: np.ndarray
    slots: np.ndarray
    values: np.ndarray

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def nbytes(self) -> int:
        return self.slots.nbytes + self.values.nbytes


class SelectedCells:
    """Cells (n_cells, n_selected), appended once and iterated in blocks any number of times.

    spill_bytes : more than so many bytes, SPILL_BYTES if None, go to a temporary file in the folder for such files
        (TMPDIR); it has no name, and is gone with this object or its process
    """

    def __init__(self, n_selected: int, *, spill_bytes: int | None = None) -> None:
        self.shape = (0, n_selected)
        self.nnz = 0
        self._spill_bytes = SPILL_BYTES if spill_bytes is None else spill_bytes
        self._pending: list[SelectedBlock] = []
        self._blocks: list[SelectedBlock] = []
        self._spilled: list[tuple[int, int, np.ndarray]] = []  # (start, offset in the file, indptr)
        self._file: IO[bytes] | None = None

    @property
    def slot_type(self) -> type[np.generic]:
        return np.uint16 if self.shape[1] <= 2**16 else np.int32

    @property
    def is_spilled(self) -> bool:
        return self._file is not None

    def blocks(self) -> Iterator[SelectedBlock]:
        """All cells, BLOCK_ROWS at a time and the rest; of a file only the block in use is mapped into memory."""
        for start, offset, indptr in self._spilled:
            yield self._mapped(start, offset, indptr)
        yield from self._blocks
        if self._pending:
            yield _joined(self._pending)

    def append(self, indptr: np.ndarray, slots: np.ndarray, values: np.ndarray) -> None:
        """Take further cells; the arrays are as in `SelectedBlock`."""
        row, n_rows = 0, len(indptr) - 1
        while row < n_rows:
            missing = BLOCK_ROWS - sum(block.n_rows for block in self._pending)
            stop = min(n_rows, row + missing)
            entries = slice(indptr[row], indptr[stop])
            piece = SelectedBlock(
                self.shape[0], indptr[row : stop + 1] - indptr[row], slots[entries], values[entries]
            )
            self._pending.append(piece)
            self.shape = (self.shape[0] + piece.n_rows, self.shape[1])
            self.nnz += len(piece.values)
            if piece.n_rows == missing:
                self._blocks.append(_joined(self._pending))
                self._pending = []
            row = stop
        if self._file is not None or sum(block.nbytes for block in self._blocks) > self._spill_bytes:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="schash-")  # noqa: SIM115 (lives as long as this object)
            weakref.finalize(self, self._file.close)
        for block in self._blocks:
            offset = self._file.seek(0, 2)
            self._file.write(block.values.data)
            self._file.write(block.slots.data)
            self._file.write(
                bytes(-self._file.tell() % 4)
            )  # the next block's float32 begin at a multiple of 4
            self._spilled.append((block.start, offset, block.indptr))
        self._file.flush()
        self._blocks = []

    def _mapped(self, start: int, offset: int, indptr: np.ndarray) -> SelectedBlock:
        n = int(indptr[-1])
        values = self._map(np.float32, offset, n)
        return SelectedBlock(start, indptr, self._map(self.slot_type, offset + values.nbytes, n), values)

    def _map(self, dtype: Any, offset: int, n: int) -> np.ndarray:
        if n == 0:
            return np.empty(0, dtype)
        # Mode "c", although nothing is written: read-only arrays would have the kernels compiled a second time
        return np.asarray(np.memmap(self._file, dtype, mode="c", offset=offset, shape=n))  # type: ignore[call-overload]


def _joined(pieces: list[SelectedBlock]) -> SelectedBlock:
    if len(pieces) == 1:
        return pieces[0]
    lengths = np.concatenate([np.diff(piece.indptr) for piece in pieces])
    return SelectedBlock(
        pieces[0].start,
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([piece.slots for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
    )


def select_all(
    chunks: Iterable[sparse.csr_matrix],
    slots: np.ndarray,
    n_selected: int,
    *,
    transform: int,
    spill_bytes: int | None = None,
) -> SelectedCells:
    """Select, scale and transform all cells.

    chunks : blocks of counts (rows, n_genes), canonical CSR float32
    slots : (n_genes,) int32, place of a gene among the selected ones, -1 for the others
    """
    cells = SelectedCells(n_selected, spill_bytes=spill_bytes)
    for chunk in chunks:
        indptr = chunk.indptr.astype(np.int64)
        indices = chunk.indices.astype(np.int32, copy=False)
        n_found = np.empty(chunk.shape[0], np.int64)
        counts = indptr, indices, chunk.data, slots
        share_out(partial(count_selected, *counts, n_found), len(n_found))
        found = np.concatenate([[0], np.cumsum(n_found)])
        found_slots, values = np.empty(found[-1], cells.slot_type), np.empty(found[-1], np.float32)
        select = partial(select_cells, *counts, n_selected, transform, found, found_slots, values)
        share_out(select, len(n_found))
        cells.append(found, found_slots, values)
    return cells
