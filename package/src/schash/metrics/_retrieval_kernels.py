"""Loops of `schash.metrics.retrieval`, compiled.

Expected values are over all orders of the cells within each group of equal distance, every order equally likely. Let
a group stand behind n cells, h of them relevant, and hold s cells, r of them relevant. At its j-th place stands a
relevant cell with probability r / s; given that, each of the j - 1 places before it in the group holds one with
probability (r - 1) / (s - 1). So the expected precision counted at rank n + j, which is 0 where the cell is not
relevant, is

    r / s * (h + 1 + (j - 1) (r - 1) / (s - 1)) / (n + j)

(as in McSherry and Najork 2008). Numbers of hits are certain at the end of a whole group, so only the group that
k cuts makes the number of hits in the top k random: see `_ratio_at_cut`.

relevant : (n_query, width) bool; distances : (n_query, width) float, not decreasing; tied_size, tied_relevant :
(n_query,) int64, cells and relevant cells of the whole group at the last distance, of which `relevant` may show a part
"""

import numpy as np

from schash._numba import njit


@njit
def precision_sums(relevant: np.ndarray, k: int, sums: np.ndarray, hits: np.ndarray) -> None:
    """sums[q] = sum of the precisions at the ranks of the hits in the top k; hits[q] = their number."""
    for q in range(relevant.shape[0]):
        n_hits = 0
        total = 0.0
        for i in range(k):
            if relevant[q, i]:
                n_hits += 1
                total += n_hits / (i + 1)
        sums[q] = total
        hits[q] = n_hits


@njit
def expected_precision_sums(
    relevant: np.ndarray,
    distances: np.ndarray,
    tied_size: np.ndarray,
    tied_relevant: np.ndarray,
    k: int,
    sums: np.ndarray,
    ratios: np.ndarray,
) -> None:
    """sums[q] = expected value of `precision_sums`; ratios[q] = that of sum / hits, where no hit gives 0."""
    for q in range(relevant.shape[0]):
        before, hits, total = 0, 0, 0.0
        ratio = 0.0
        while before < k:
            size, found = _group(relevant[q], distances[q], tied_size[q], tied_relevant[q], before)
            taken = min(size, k - before)
            ones, places = _place_sums(before, taken)
            if taken < size:
                ratio = _ratio_at_cut(hits, total, size, found, taken, ones, places)
            total += _expected_sum(hits, found, size, ones, places)
            hits += found  # of the cut group too, but then this is the last round
            before += taken
            if taken == size:
                ratio = total / hits if hits > 0 else 0.0
        sums[q] = total
        ratios[q] = ratio


@njit
def expected_hits(
    relevant: np.ndarray,
    distances: np.ndarray,
    tied_size: np.ndarray,
    tied_relevant: np.ndarray,
    ns: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[q, c] = expected number of relevant cells among the first ns[c].

    ns : (n_ns,) int64, ascending, from 1 to width
    """
    for q in range(relevant.shape[0]):
        before, hits, c = 0, 0, 0
        while c < ns.shape[0]:
            size, found = _group(relevant[q], distances[q], tied_size[q], tied_relevant[q], before)
            while c < ns.shape[0] and ns[c] <= before + size:
                out[q, c] = hits + found * (ns[c] - before) / size
                c += 1
            before += size
            hits += found


@njit
def _group(
    relevant: np.ndarray, distances: np.ndarray, tied_size: int, tied_relevant: int, start: int
) -> tuple[int, int]:
    """Cells, and relevant cells, of the group of equal distance that starts at a column."""
    end, found = start, 0
    while end < distances.shape[0] and distances[end] == distances[start]:
        if relevant[end]:
            found += 1
        end += 1
    if end == distances.shape[0]:
        return tied_size, tied_relevant
    return end - start, found


@njit
def _place_sums(before: int, taken: int) -> tuple[float, float]:
    """Sums over the places j = 1 to `taken` of 1 / (before + j) and of (j - 1) / (before + j)."""
    ones, places = 0.0, 0.0
    for j in range(1, taken + 1):
        ones += 1 / (before + j)
        places += (j - 1) / (before + j)
    return ones, places


@njit
def _expected_sum(hits: int, found: int, size: int, ones: float, places: float) -> float:
    """The expected precisions of this module's head, summed over the places that `_place_sums` ran over."""
    if found == 0:
        return 0.0
    total = (hits + 1) * ones
    if found > 1:
        total += places * (found - 1) / (size - 1)
    return total * found / size


@njit
def _ratio_at_cut(
    hits: int, total: float, size: int, found: int, taken: int, ones: float, places: float
) -> float:
    """Expected sum of precisions / number of hits, where k takes `taken` < `size` cells of the last group.

    The number x of relevant cells among those taken is hypergeometric, and given x every order of the taken cells is
    equally likely: their expected sum is that of a whole group of `taken` cells with x relevant. The orders of the
    groups before are independent of x. So the expectation is the sum over x of
    P(x) * (total + expected sum given x) / (hits + x), with 0 for hits + x = 0.

    P(x) comes from the ratio of neighbouring terms, outwards from the mode, where no term can overflow.
    """
    low, high = max(0, taken - (size - found)), min(found, taken)
    mode = min(max((taken + 1) * (found + 1) // (size + 2), low), high)
    weights, weighted = 0.0, 0.0
    weight = 1.0
    for x in range(mode, high + 1):
        if hits + x > 0:
            weighted += weight * (total + _expected_sum(hits, x, taken, ones, places)) / (hits + x)
        weights += weight
        weight *= (found - x) * (taken - x) / ((x + 1) * (size - found - taken + x + 1))
    weight = 1.0
    for x in range(mode, low, -1):
        weight *= x * (size - found - taken + x) / ((found - x + 1) * (taken - x + 1))
        if hits + x > 1:
            weighted += weight * (total + _expected_sum(hits, x - 1, taken, ones, places)) / (hits + x - 1)
        weights += weight
    return weighted / weights
