"""Files to read: a csv of cells x genes as the archive of Abdelaal et al. packs it, and a 10x HDF5 of Cell Ranger 1.

Both are made block by block from a seed; the sums that come with them tell whether a reader read every number.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import h5py
import numpy as np
from scipy import sparse

CSV_ROWS = 256
H5_CELLS = 8192
MAX_COUNT = 999
DATA, LABELS = "cells.csv", "Labels.csv"
"""Members of the zip."""
GROUP = "mm10"


@dataclass(frozen=True)
class Sums:
    """Of a matrix of counts: entries that are not 0, and the sums of count, count x row and count x column."""

    nonzeros: int = 0
    total: float = 0.0
    by_row: float = 0.0
    by_column: float = 0.0


def sums_of(blocks: Iterable[Any]) -> Sums:
    """Of CSR blocks one below the other; exact, since all sums are integers below 2^53."""
    nonzeros, first, sums = 0, 0, np.zeros(3)
    for block in blocks:
        data = block.data.astype(np.float64)
        rows = first + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        nonzeros += int(np.count_nonzero(data))
        sums += [data.sum(), data @ rows, data @ block.indices]
        first += block.shape[0]
    return Sums(nonzeros, *(float(value) for value in sums))


def csv_blocks(n_cells: int, n_genes: int, density: float, seed: int = 0) -> Iterator[sparse.csr_matrix]:
    """Counts of 1 to 999 at that density, rows in blocks."""
    rng = np.random.default_rng(seed)
    for start in range(0, n_cells, CSV_ROWS):
        shape = min(CSV_ROWS, n_cells - start), n_genes
        mask = rng.random(shape, dtype=np.float32) < density
        counts = np.zeros(shape, dtype=np.int32)
        counts[mask] = _counts(rng, int(mask.sum()))
        yield sparse.csr_matrix(counts)


def _counts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Most of them small, some large."""
    return np.minimum(np.ceil(np.exp(rng.standard_normal(n, dtype=np.float32))), MAX_COUNT).astype(np.int32)


def write_csv(handle: Any, blocks: Iterable[sparse.csr_matrix], n_genes: int) -> Sums:
    """Text as R's write.csv makes it: quoted names, a header that begins with ""."""
    header = ",".join(['""', *(f'"Gene{i}"' for i in range(n_genes))])
    handle.write(header.encode() + b"\n")
    first = 0

    def written() -> Iterator[sparse.csr_matrix]:
        nonlocal first
        for block in blocks:
            handle.write(_text(block.toarray(), first))
            first += block.shape[0]
            yield block

    return sums_of(written())


def _text(counts: np.ndarray, first: int) -> bytes:
    """Rows of at most three digits a count."""
    marks = np.zeros((*counts.shape, 4), dtype=np.uint8)  # a comma and three digits, 0 where there is none
    marks[..., 0] = ord(",")
    for place, power in ((1, 100), (2, 10)):
        marks[..., place] = np.where(counts >= power, ord("0") + counts // power % 10, 0)
    marks[..., 3] = ord("0") + counts % 10
    text = io.BytesIO()
    for i, row in enumerate(marks.reshape(len(counts), -1)):
        text.write(f'"cell {first + i}"'.encode())
        text.write(row[row != 0].tobytes())
        text.write(b"\n")
    return text.getvalue()


def write_csv_zip(path: Path, n_cells: int, n_genes: int, density: float, n_types: int) -> Sums:
    """A table and its labels, members of one zip."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(DATA, "w", force_zip64=True) as handle:
            sums = write_csv(handle, csv_blocks(n_cells, n_genes, density), n_genes)
        labels = "".join(f'"type {i % n_types}"\n' for i in range(n_cells))
        archive.writestr(LABELS, '"x"\n' + labels)
    return sums


def write_tenx(path: Path, n_cells: int, n_genes: int, entries: int, seed: int = 0) -> Sums:
    """Cells of about so many entries each, in the layout and the types of 1M_neurons (indices of 64 bits)."""
    with h5py.File(path, "w") as file:
        group = file.create_group(GROUP)
        for name, dtype in (("data", np.int32), ("indices", np.int64)):
            group.create_dataset(
                name, (0,), dtype, maxshape=(None,), chunks=(80_000,), compression="gzip", compression_opts=1
            )
        group["shape"] = np.array([n_genes, n_cells])
        group["barcodes"] = np.array([f"CELL{i:08d}-1" for i in range(n_cells)], dtype="S")
        group["genes"] = np.array([f"ENSMUSG{i:011d}" for i in range(n_genes)], dtype="S")
        group["gene_names"] = np.array([f"Gene{i}" for i in range(n_genes)], dtype="S")
        sizes = [np.zeros(1, dtype=np.int64)]

        def written() -> Iterator[sparse.csr_matrix]:
            for block in _tenx_blocks(n_cells, n_genes, entries, seed):
                for name in ("data", "indices"):
                    stored = group[name]
                    stored.resize((stored.shape[0] + block.nnz,))
                    stored[-block.nnz :] = getattr(block, name)
                sizes.append(np.diff(block.indptr))
                yield block

        sums = sums_of(written())
        group["indptr"] = np.cumsum(np.concatenate(sizes), dtype=np.int64)
    return sums


def _tenx_blocks(n_cells: int, n_genes: int, entries: int, seed: int) -> Iterator[sparse.csr_matrix]:
    rng = np.random.default_rng(seed)
    widest = 2 * n_genes // entries
    for start in range(0, n_cells, H5_CELLS):
        n = min(H5_CELLS, n_cells - start)
        genes = np.cumsum(rng.integers(1, widest, (n, entries * 3 // 2), dtype=np.int32), axis=1) - 1
        kept = genes < n_genes
        kept[:, 0] = True  # a block is never empty
        indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        indices = genes[kept]
        yield sparse.csr_matrix((_counts(rng, len(indices)), indices, indptr), shape=(n, n_genes))
