"""Loops of `schash.cellfishing` and its parts, compiled.

Cells come as CSR: `indptr` (n + 1,) int64, `indices` the genes, `data` float32 counts. `slots[gene]` is the place of a
gene among the selected ones, -1 for the others. Selected cells are CSR too: `indptr`, `slots` and `values`, the
transformed counts.

A loop with `start` and `end` does rows [start, end), so that several threads can share it. Every sum runs in the order
of a cell's entries, whatever the threads and the other cells: a cell alone gets the same bits as in a batch.
"""

import math

import numpy as np

from schash._numba import njit, popcount
from schash._transforms import FREEMAN_TUKEY, NONE

TARGET_SUM = 1e4
"""Counts of a cell over the selected genes after scaling."""
REMEMBERED = 64
"""Counts below it are transformed once a cell: most counts are small integers, and a logarithm costs 20 ns."""


@njit
def count_invalid(data: np.ndarray, indices: np.ndarray, n_genes: int) -> int:
    """Number of entries that are negative, NaN or infinite, or of no gene."""
    bad = 0
    for p in range(data.shape[0]):
        fine = data[p] >= 0 and data[p] < np.inf and indices[p] >= 0 and indices[p] < n_genes
        bad += 0 if fine else 1
    return bad


@njit
def widen_ranges(
    indices: np.ndarray, data: np.ndarray, minima: np.ndarray, maxima: np.ndarray, n_positive: np.ndarray
) -> None:
    """Take further entries into the smallest and largest positive count of each gene and their number.

    minima, maxima : (n_genes,) float32; n_positive : (n_genes,) int64
    """
    for p in range(data.shape[0]):
        count = data[p]
        if count > 0:
            gene = indices[p]
            n_positive[gene] += 1
            minima[gene] = min(minima[gene], count)
            maxima[gene] = max(maxima[gene], count)


@njit
def _transformed(x: float, transform: int) -> np.float32:
    """The variance-stabilising transform of a scaled count, 0 at 0.

    Freeman-Tukey's sqrt(x) + sqrt(x + 1) is 1 at 0. The 1 is left out, so that zeros stay zeros: with g = f - 1 the
    mean is that of f less 1 and the variance is that of f, hence (g - mean g) / sd g = (f - mean f) / sd f.
    """
    if transform == FREEMAN_TUKEY:
        return np.float32(math.sqrt(x) + math.sqrt(x + 1.0) - 1.0)
    return np.float32(math.log1p(x))


@njit
def _select_cell(
    indices: np.ndarray,
    data: np.ndarray,
    slots: np.ndarray,
    transform: int,
    found_slots: np.ndarray,
    found_values: np.ndarray,
    known: np.ndarray,
) -> int:
    """Write slots and transformed counts of one cell's selected genes; return how many they are.

    found_slots, found_values : room for the selected genes and one more, which may be written to before it is known
        not to count; known : (REMEMBERED,) float32, scratch
    """
    n = 0
    total = 0.0
    for p in range(indices.shape[0]):
        slot = slots[indices[p]]
        found_slots[n] = slot
        found_values[n] = data[p]
        if slot >= 0 and data[p] > 0:
            total += data[p]
            n += 1
    if transform == NONE:
        return n
    scale = TARGET_SUM / total if total > 0 else 0.0
    known[:] = -1
    for q in range(n):
        count = found_values[q]
        small = int(min(count, REMEMBERED))
        if small == REMEMBERED or small != count:
            found_values[q] = _transformed(count * scale, transform)
        else:
            if known[small] < 0:
                known[small] = _transformed(count * scale, transform)
            found_values[q] = known[small]
    return n


@njit
def _reduce_cell(
    slots: np.ndarray, values: np.ndarray, weights: np.ndarray, offset: np.ndarray, point: np.ndarray
) -> None:
    """point = values @ weights[slots] - offset, in float32, gene after gene."""
    width = weights.shape[1]
    for j in range(width):
        point[j] = 0
    for q in range(slots.shape[0]):
        value = values[q]
        row = weights[slots[q]]
        for j in range(width):
            point[j] += value * row[j]
    for j in range(width):
        point[j] -= offset[j]


@njit
def reduce_counts(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    slots: np.ndarray,
    transform: int,
    weights: np.ndarray,
    offset: np.ndarray,
    points: np.ndarray,
    start: int,
    end: int,
) -> None:
    """Cells to points of the reduced space, in one pass over their counts.

    weights : (n_selected, width) float32; offset : (width,) float32; points : (n, width) float32, written
    """
    found_slots = np.empty(weights.shape[0] + 1, np.int32)
    found_values = np.empty(weights.shape[0] + 1, np.float32)
    known = np.empty(REMEMBERED, np.float32)
    for i in range(start, end):
        entries = slice(indptr[i], indptr[i + 1])
        m = _select_cell(indices[entries], data[entries], slots, transform, found_slots, found_values, known)
        _reduce_cell(found_slots[:m], found_values[:m], weights, offset, points[i])


@njit
def reduce_selected(
    indptr: np.ndarray,
    slots: np.ndarray,
    values: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    points: np.ndarray,
    start: int,
    end: int,
) -> None:
    """Selected cells to points of the reduced space: the same numbers as `reduce_counts` gives."""
    for i in range(start, end):
        entries = slice(indptr[i], indptr[i + 1])
        _reduce_cell(slots[entries], values[entries], weights, offset, points[i])


@njit
def count_selected(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    slots: np.ndarray,
    n_found: np.ndarray,
    start: int,
    end: int,
) -> None:
    """Number of positive counts of selected genes in each cell. n_found : (n,) int64, written"""
    for i in range(start, end):
        n = 0
        for p in range(indptr[i], indptr[i + 1]):
            n += 1 if slots[indices[p]] >= 0 and data[p] > 0 else 0
        n_found[i] = n


@njit
def select_cells(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    slots: np.ndarray,
    n_selected: int,
    transform: int,
    out_indptr: np.ndarray,
    out_slots: np.ndarray,
    out_values: np.ndarray,
    start: int,
    end: int,
) -> None:
    """Cells to selected cells, whose `out_indptr` follows from `count_selected`."""
    found_slots = np.empty(n_selected + 1, np.int32)
    found_values = np.empty(n_selected + 1, np.float32)
    known = np.empty(REMEMBERED, np.float32)
    for i in range(start, end):
        entries = slice(indptr[i], indptr[i + 1])
        m = _select_cell(indices[entries], data[entries], slots, transform, found_slots, found_values, known)
        first = out_indptr[i]
        for q in range(m):
            out_slots[first + q] = found_slots[q]
            out_values[first + q] = found_values[q]


@njit
def add_moments(slots: np.ndarray, values: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> None:
    """Add values and their squares to those of their genes. sums, squares : (n_selected,) float64"""
    for p in range(values.shape[0]):
        value = np.float64(values[p])
        sums[slots[p]] += value
        squares[slots[p]] += value * value


@njit
def sort_candidates(candidates: np.ndarray, start: int, end: int) -> None:
    """Sort each query's candidates, and put -1 in place of all but the first of equal ones. (n_query, n) int64"""
    for i in range(start, end):
        row = candidates[i]
        row.sort()
        for j in range(row.shape[0] - 1, 0, -1):
            if row[j] == row[j - 1]:
                row[j] = -1


@njit
def add_distances(
    candidates: np.ndarray,
    query_words: np.ndarray,
    words: np.ndarray,
    totals: np.ndarray,
    start: int,
    end: int,
) -> None:
    """Add the Hamming distance between queries start to end - 1 and each of their candidates by one hash.

    candidates : (n_query, n) int64, -1 for none; query_words : (n_query, n_words) uint64;
    words : ((end - start) * n, n_words) uint64, the candidates' codes; totals : (n_query, n) int64
    """
    n = candidates.shape[1]
    for i in range(start, end):
        for j in range(n):
            if candidates[i, j] >= 0:
                place = (i - start) * n + j
                for w in range(words.shape[1]):
                    totals[i, j] += np.int64(popcount(query_words[i, w] ^ words[place, w]))


@njit
def take_nearest(
    candidates: np.ndarray,
    totals: np.ndarray,
    far: int,
    ids: np.ndarray,
    distances: np.ndarray,
    start: int,
    end: int,
) -> None:
    """The first k candidates of each query by (total distance, row); the rest is -1 at distance `far`.

    ids : (n_query, k) int64, written; distances : (n_query, k) int32, written
    """
    k = ids.shape[1]
    for i in range(start, end):
        # One number orders by distance, then by row: rows are below 2^40, distances below 2^23
        keys = np.empty(candidates.shape[1], np.int64)
        for j in range(candidates.shape[1]):
            row = candidates[i, j]
            keys[j] = (totals[i, j] << 40) | row if row >= 0 else np.int64(1) << 62
        keys.sort()
        for j in range(k):
            if j < keys.shape[0] and keys[j] < np.int64(1) << 62:
                ids[i, j] = keys[j] & ((np.int64(1) << 40) - 1)
                distances[i, j] = keys[j] >> 40
            else:
                ids[i, j] = -1
                distances[i, j] = far
