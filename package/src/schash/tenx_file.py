"""10x Genomics' HDF5 files, read in blocks of cells: Cell Ranger 1 and 2 (one group a genome), and 3 on (group matrix).

The matrix is stored as genes x cells by columns, which is cells x genes by rows. A block is so many cells that it holds
at most `ENTRIES_PER_BLOCK` entries, whatever the number of cells. Pointers are of 64 bits: 1.3 million cells have more
than 2^31 entries.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from schash.cell_chunks import CHUNK_ROWS, CellChunks, Rows
from schash.errors import DataError
from schash.h5_check import check_h5

ENTRIES_PER_BLOCK = 1 << 23
"""Entries that are read at once; 16 bytes each where the file holds both counts and genes in 64 bits."""
V3_GROUP = "matrix"
GENES = "Gene Expression"
"""The type of those features of Cell Ranger 3 that are genes; others are antibodies, guides and the like."""
ARRAYS = ("data", "indices", "indptr", "shape", "barcodes")
NAMES_V2 = ("gene_names", "genes")
NAMES_V3 = ("features/name", "features/id", "features/feature_type")


@dataclass(frozen=True)
class TenxFile:
    """chunks : (n_cells, n_genes); barcodes (n_cells,), symbols and gene_ids (n_genes,) str as the file has them"""

    chunks: CellChunks
    barcodes: np.ndarray
    symbols: np.ndarray
    gene_ids: np.ndarray


def open_tenx(path: str | Path, genome: str | None = None) -> TenxFile:
    """Read names and pointers; the counts are read when the blocks are asked for.

    genome : the one to read where there are several
    Raises `DataError` where the file is damaged, lacks a group or an array, has no gene, or holds several genomes and
    none is chosen; for damage that shows only in the counts, when their block is read.
    """
    check_h5(path)
    try:
        with h5py.File(path, "r") as file:
            group = _group(file, genome, path)
            symbols, ids, columns = _genes(group, genome, path)
            barcodes = _text(group, "barcodes")
            n_genes, n_cells = (int(size) for size in _array(group, "shape", "iu")[:])
            indptr = _array(group, "indptr", "iu")[:].astype(np.int64)  # (n_cells + 1,)
            sizes = {
                "indptr": (len(indptr), n_cells + 1),
                "barcodes": (len(barcodes), n_cells),
                "names of genes": (len(symbols), n_genes),
                "ids of genes": (len(ids), n_genes),
                "data": (len(_array(group, "data", "biuf")), indptr[-1]),
                "indices": (len(_array(group, "indices", "iu")), indptr[-1]),
            }
            if "features" in group:
                sizes["types of features"] = (len(group["features/feature_type"]), n_genes)
            name = str(group.name)
    except DataError:
        raise
    except Exception as error:  # h5py raises whatever a damaged field leads to
        message = f"{path}: cannot be read as a 10x HDF5 file: {error}"
        raise DataError(message) from error
    _check_sizes(sizes, indptr, f"{path}: group {name}")
    read = _reader(path, name, n_genes, indptr, columns)
    n_columns = n_genes if columns is None else len(columns)
    chunks = CellChunks(read, (n_cells, n_columns), chunk_rows=rows_of_block(indptr), where=str(path))
    if columns is not None:
        symbols, ids = symbols[columns], ids[columns]
    return TenxFile(chunks, barcodes, symbols, ids)


def rows_of_block(indptr: np.ndarray) -> int:
    """Cells of a block: no block of so many, wherever it begins, holds more than `ENTRIES_PER_BLOCK` entries.

    A single cell may.
    """
    rows = max(1, min(CHUNK_ROWS, len(indptr) - 1))
    while rows > 1 and (indptr[rows:] - indptr[:-rows]).max() > ENTRIES_PER_BLOCK:
        rows //= 2
    return rows


def _group(file: h5py.File, genome: str | None, path: str | Path) -> Any:
    groups = [name for name, item in file.items() if isinstance(item, h5py.Group)]
    wanted = V3_GROUP if V3_GROUP in groups else genome
    if wanted is None and len(groups) == 1:
        wanted = groups[0]
    if wanted is None:
        message = f"{path}: which genome? it has the groups {', '.join(groups) or 'none'}"
        raise DataError(message)
    if wanted not in groups:
        message = f"{path}: has no group {wanted!r}; groups: {', '.join(groups) or 'none'}"
        raise DataError(message)
    group: Any = file[wanted]
    names = NAMES_V3 if wanted == V3_GROUP else NAMES_V2
    missing = [name for name in (*ARRAYS, *names) if name not in group]
    if missing:
        message = f"{path}: group {wanted!r} has no {', '.join(missing)}; it holds: {', '.join(group)}"
        raise DataError(message)
    return group


def _genes(
    group: Any, genome: str | None, path: str | Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Symbols and ids of all rows of the file, and those rows that are genes (of that genome); None for all."""
    if "features" not in group:
        return _text(group, "gene_names"), _text(group, "genes"), None
    symbols, ids, kinds = (_text(group, name) for name in NAMES_V3)
    chosen = kinds == GENES
    if not chosen.any():
        message = (
            f"{path}: has no feature of type {GENES!r}; types: {', '.join(sorted(set(kinds))) or 'none'}"
        )
        raise DataError(message)
    if "genome" in group["features"]:
        genomes = _text(group, "features/genome")
        if len(genomes) != len(kinds):
            message = f"{path}: {len(genomes):,} genomes for {len(kinds):,} features"
            raise DataError(message)
        chosen &= _of_genome(genomes, chosen, genome, path)
    return symbols, ids, None if chosen.all() else np.flatnonzero(chosen)


def _of_genome(genomes: np.ndarray, of_genes: np.ndarray, genome: str | None, path: str | Path) -> np.ndarray:
    """Which rows are of the genome; with None, of the only one that genes have."""
    known = sorted(set(genomes[of_genes]))
    if genome is None and len(known) > 1:
        message = f"{path}: which genome? it has genes of {', '.join(known)}"
        raise DataError(message)
    if genome is not None and genome not in known:
        message = f"{path}: has no gene of {genome!r}; genomes: {', '.join(known)}"
        raise DataError(message)
    return np.ones(len(genomes), dtype=bool) if genome is None else genomes == genome


def _array(group: Any, name: str, kinds: str) -> Any:
    """A one-dimensional dataset of numbers of these kinds, not read yet; `ValueError` where it is something else."""
    item = group[name]
    if item.ndim != 1 or item.dtype.kind not in kinds:
        message = f"{name} is of type {item.dtype} with {item.ndim} dimension(s), expected numbers in one"
        raise ValueError(message)
    return item


def _text(group: Any, name: str) -> np.ndarray:
    texts: np.ndarray = group[name].asstr()[:]
    if texts.ndim != 1:
        message = f"{name} has {texts.ndim} dimensions, expected 1"
        raise ValueError(message)
    return texts


def _check_sizes(sizes: dict[str, tuple[int, int]], indptr: np.ndarray, where: str) -> None:
    wrong = [
        f"{came:,} {name}, expected {expected:,}"
        for name, (came, expected) in sizes.items()
        if came != expected
    ]
    if indptr[0] != 0 or (np.diff(indptr) < 0).any():
        wrong.append("indptr that does not rise from 0")
    if wrong:
        message = f"{where}: damaged: came {'; '.join(wrong)}"
        raise DataError(message)


def _reader(
    path: str | Path, group: str, n_genes: int, indptr: np.ndarray, columns: np.ndarray | None
) -> Rows:
    def read(start: int, stop: int) -> sparse.csr_matrix:
        ends = indptr[start : stop + 1]
        try:
            with h5py.File(path, "r") as file:
                item: Any = file[group]
                data, indices = (item[name][ends[0] : ends[-1]] for name in ("data", "indices"))
            if data.dtype == np.float16:  # of which scipy makes no matrix
                data = data.astype(np.float32)
            block = sparse.csr_matrix((data, indices, ends - ends[0]), shape=(stop - start, n_genes))
            block.check_format(full_check=True)  # what follows trusts the indices
        except Exception as error:
            message = f"{path}: cells {start:,} to {stop:,} cannot be read, the file is damaged ({error})"
            raise DataError(message) from error
        return block if columns is None else block[:, columns]

    return read
