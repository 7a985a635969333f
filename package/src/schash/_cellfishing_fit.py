"""The steps of `CellFishing.fit`: genes, statistics, singular vectors, codes."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy import sparse

from schash._cellfishing_options import index_type
from schash._reduction import Reduction
from schash._selected_cells import SelectedCells, select_all
from schash._standardized import StandardizedMatrix, gene_statistics
from schash._transforms import TRANSFORMS, Transform
from schash.cell_chunks import CellChunks
from schash.errors import DataError
from schash.gene_selection import force_genes, gene_ranges, select_genes
from schash.hamming import BitCodes, words_for
from schash.lsh import SignHash, random_hyperplanes
from schash.randomized_svd import randomized_svd
from schash.seeds import derive_seed


def fit_reduction(model: Any, chunks: CellChunks, names: np.ndarray) -> tuple[Reduction, SelectedCells]:
    """Learn the preprocessing of a `CellFishing` from its cells; return it with their selected, transformed counts.

    Raises
    ------
    DataError
        for bad counts or names, or fewer cells or selected genes than n_dims
    """
    selected = _select(model, chunks, names)
    cells = select_all(
        _watched(chunks, "selecting and scaling", model.progress),
        np.where(selected, np.cumsum(selected) - 1, -1).astype(np.int32),
        int(selected.sum()),
        transform=TRANSFORMS.index(model.transform),
    )
    statistics = gene_statistics(cells)
    vectors, values = randomized_svd(
        StandardizedMatrix(cells, statistics),
        model.n_dims,
        seed=derive_seed("cellfishing", "svd", model.seed),
    )
    # Rounded here and not when it is used, so that an index gives the same codes before and after it was saved
    rounded = vectors.astype(np.float32)
    return Reduction(names[selected], cast(Transform, model.transform), statistics, rounded, values), cells


def make_hashes(model: Any) -> list[SignHash]:
    """Independent hashes. Each has a seed of its own, so that it does not depend on how many there are."""
    seeds = [derive_seed("cellfishing", "hash", model.seed, i) for i in range(model.n_hashes)]
    return [SignHash(random_hyperplanes(model.n_bits, model.n_dims, seed=seed)) for seed in seeds]


def hash_cells(reduction: Reduction, hashes: Sequence[SignHash], cells: SelectedCells) -> list[BitCodes]:
    """Codes of all cells, of each hash."""
    words = [np.empty((cells.shape[0], words_for(hash_.n_bits)), np.uint64) for hash_ in hashes]
    start = 0
    for points in reduction.points_of_selected(cells):
        for hash_, of_hash in zip(hashes, words, strict=True):
            of_hash[start : start + len(points)] = hash_.encode(points).words
        start += len(points)
    return [BitCodes(of_hash, hash_.n_bits) for hash_, of_hash in zip(hashes, words, strict=True)]


def make_indexes(model: Any, codes: Sequence[BitCodes]) -> list[Any]:
    """An index for each hash."""
    options = {} if model.layout == "linear" else {"n_tables": model.n_tables, "layout": model.layout}
    return [index_type(model.layout)(of_hash, **options) for of_hash in codes]


def _select(model: Any, chunks: CellChunks, names: np.ndarray) -> np.ndarray:
    ranges = gene_ranges(_watched(chunks, "ranges of genes", model.progress), len(names))
    selected = force_genes(
        select_genes(ranges, min_features=model.min_features),
        names,
        include=model.include_genes,
        exclude=model.exclude_genes,
    )
    n_selected = int(selected.sum())
    if min(ranges.n_cells, n_selected) < model.n_dims:
        message = (
            f"n_dims={model.n_dims} needs at least as many cells and as many selected genes, got "
            f"{ranges.n_cells:,} cells and {n_selected:,} genes selected of {len(names):,}; "
            "raise min_features (a tenth of a small gene set is little) or lower n_dims"
        )
        raise DataError(message)
    return selected


def _watched(chunks: CellChunks, what: str, progress: bool) -> Iterable[sparse.csr_matrix]:
    if not (progress and sys.stderr.isatty()):
        return chunks
    return track(chunks, what, total=chunks.n_chunks, console=Console(stderr=True), transient=True)
