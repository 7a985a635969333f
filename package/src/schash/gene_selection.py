"""Genes that tell cells apart, chosen by their highest count (CellFishing.jl, Methods, Preprocessing).

    m_g = max over cells of the count of gene g
    t   = the ceil(M / 10)-th largest of m_1 .. m_M
    keep g if m_g >= t and m_g > min over cells of its count

All genes that tie with the threshold are kept, hence "at least 10%". The minimum takes in the zeros.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from schash._cellfishing_kernels import widen_ranges
from schash.errors import DataError

KEPT_SHARE = 10
"""One gene in so many is kept at least."""


@dataclass(frozen=True)
class GeneRanges:
    """Smallest and largest count of each gene, zeros included. minima, maxima : (n_genes,) float32"""

    minima: np.ndarray
    maxima: np.ndarray
    n_cells: int


def gene_ranges(chunks: Iterable[sparse.csr_matrix], n_genes: int) -> GeneRanges:
    """Ranges over all blocks of cells, canonical CSR float32 without negative values."""
    minima = np.full(n_genes, np.inf, np.float32)
    maxima = np.zeros(n_genes, np.float32)
    n_positive = np.zeros(n_genes, np.int64)
    n_cells = 0
    for chunk in chunks:
        widen_ranges(chunk.indices.astype(np.int32, copy=False), chunk.data, minima, maxima, n_positive)
        n_cells += chunk.shape[0]
    minima[n_positive < n_cells] = 0
    return GeneRanges(minima, maxima, n_cells)


def select_genes(ranges: GeneRanges, *, min_features: int | None = None) -> np.ndarray:
    """The rule above: (n_genes,) bool.

    min_features : lower the threshold until so many genes are kept, or all that vary. Sets of few, preselected genes
        need it: a tenth of them is too little for 50 dimensions.
    """
    n_genes = len(ranges.maxima)
    varying = ranges.maxima > ranges.minima
    if not varying.any():
        return varying
    threshold = np.sort(ranges.maxima)[-_tenth(n_genes)]
    if min_features is not None:
        highest = np.sort(ranges.maxima[varying])
        threshold = min(threshold, highest[-min(min_features, len(highest))])
    return varying & (ranges.maxima >= threshold)


def force_genes(
    selected: np.ndarray, genes: np.ndarray, *, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> np.ndarray:
    """`selected` with genes forced in and out by name: (n_genes,) bool.

    Raises
    ------
    DataError
        if a name is not among the genes, or is to be both in and out
    """
    both = sorted(set(include) & set(exclude))
    if both:
        message = f"genes cannot be included and excluded at once: {', '.join(both[:3])} ({len(both)} in all)"
        raise DataError(message)
    forced = selected.copy()
    forced[_places(genes, include, "include_genes")] = True
    forced[_places(genes, exclude, "exclude_genes")] = False
    return forced


def _tenth(n_genes: int) -> int:
    return -(-n_genes // KEPT_SHARE)


def _places(genes: np.ndarray, names: Sequence[str], option: str) -> np.ndarray:
    wanted = [str(name) for name in names]
    places = pd.Index(genes).get_indexer(wanted)
    unknown = [name for name, place in zip(wanted, places, strict=True) if place < 0]
    if unknown:
        message = (
            f"{option}: {', '.join(unknown[:3])} ({len(unknown)} in all) not among the {len(genes)} genes"
        )
        raise DataError(message)
    return places
