"""Loops of `schash.mih`: tables of sub-codes, and the search that widens its radius table by table.

A table holds, bucket by bucket, the positions of the codes (in the order of the clustered copy) as `id_bytes` bytes
each; the fast layout also copies the codes themselves in that order, in groups of LANES.

Stopping rule. Let table a have been searched up to radius r_a (-1: not at all). A code with a distance of more than r_a
from the query in each table a, over tables that share no bit, has a distance of at least sum(r_a + 1). So after
s = sum(r_a + 1) steps every code nearer than s has been met, in whatever order the tables were widened, and whether or
not all bits lie in a table. The search ends when s exceeds the largest distance of interest (Norouzi et al. 2014, who
widen the tables in turn; here the one with the fewest codes in its next buckets goes first).

Duplicates. A code met in table a at radius r was met before exactly if for another table b its sub-distance is at most
r_b; this is asked only of codes near enough to be kept.
"""

import numpy as np

from schash._collect_kernels import LIMIT, distance_to_place, new_state, offer, take_sorted
from schash._lanes import LANES, near, near_in_four, prefetch
from schash._numba import njit, popcount
from schash._packed_ids import read_id

_AHEAD = 6
"""Codes fetched ahead by position."""
BUCKET_COST = 32
"""Cost of going to a bucket, in codes read on from there: a cache miss against sequential reading (measured)."""


@njit
def field(words: np.ndarray, i: int, first: int, n: int) -> int:
    """Bits first to first + n - 1 (n <= 32) of code i as a number."""
    w, shift = first >> 6, first & 63
    value = words[i, w] >> np.uint64(shift)
    if shift + n > 64:
        value |= words[i, w + 1] << np.uint64(64 - shift)
    return int(value & ((np.uint64(1) << np.uint64(n)) - np.uint64(1)))


@njit
def fill_table(
    words: np.ndarray, order: np.ndarray, first: int, n: int, starts: np.ndarray, places: np.ndarray
) -> None:
    """Counting sort of the positions by one sub-code.

    order : (n_codes,) integers, the code at each position; starts : (2^n + 1,) zeros
    places : (n_codes,) becomes the positions, bucket by bucket
    """
    for p in range(order.shape[0]):
        starts[field(words, order[p], first, n) + 1] += 1
    for b in range(starts.shape[0] - 1):
        starts[b + 1] += starts[b]
    place = starts[:-1].copy()
    for p in range(order.shape[0]):
        b = field(words, order[p], first, n)
        places[place[b]] = p
        place[b] += 1


@njit
def _next_mask(mask: int) -> int:
    """The next larger number with as many ones (Gosper)."""
    low = mask & -mask
    ripple = mask + low
    return ripple | (((mask ^ ripple) // low) >> 2)


@njit
def _cost(starts: np.ndarray, base: int, value: int, n: int, radius: int, bound: int) -> int:
    """Codes at sub-distance `radius` of one table, and BUCKET_COST for each of its buckets; counted up to `bound`."""
    total, mask, past_masks = np.int64(0), np.int64((1 << radius) - 1), np.int64(1) << n
    while mask < past_masks and total <= bound:
        b = base + (value ^ mask)
        total += BUCKET_COST + np.int64(starts[b + 1]) - np.int64(starts[b])
        mask = past_masks if mask == 0 else _next_mask(mask)
    return int(total)


@njit
def _met_before(
    groups: np.ndarray, position: int, queries: np.ndarray, i: int,
    a: int, firsts: np.ndarray, sizes: np.ndarray, radius: np.ndarray,
) -> bool:  # fmt: skip
    """Whether another table than a, as far as it was searched, holds the code at this position."""
    g, lane = position // LANES, position % LANES
    for b in range(firsts.shape[0]):
        if b == a or radius[b] < 0:
            continue
        w, shift = firsts[b] >> 6, firsts[b] & 63
        difference = (groups[g, w, lane] ^ queries[i, w]) >> np.uint64(shift)
        if shift + sizes[b] > 64:
            difference |= (groups[g, w + 1, lane] ^ queries[i, w + 1]) << np.uint64(64 - shift)
        difference &= (np.uint64(1) << np.uint64(sizes[b])) - np.uint64(1)
        if np.int64(popcount(difference)) <= radius[b]:
            return True
    return False


@njit
def _visit_copies(
    copies: np.ndarray, offset: int, first: int, past: int, ids: np.ndarray, n: int, id_bytes: int,
    groups: np.ndarray, order: np.ndarray, firsts: np.ndarray, sizes: np.ndarray, radius: np.ndarray, a: int,
    queries: np.ndarray, i: int, width: tuple,
    heaps: np.ndarray, state: np.ndarray, weights: np.ndarray, k: int, j: int,
) -> None:  # fmt: skip
    """Offer the codes of one bucket of table a, places first to past - 1, read from its copy of the codes."""
    g, stop = first // LANES, (past + LANES - 1) // LANES
    limit = np.uint64(state[j, LIMIT])
    while g < stop:
        step = 4 if g + 4 <= stop else 1
        if step == 4 and near_in_four(copies, offset + g, queries, i, limit, width) == 0:
            g += 4
            continue
        for u in range(g, g + step):
            lanes = np.int64(near(copies, offset + u, queries, i, limit, width))
            for lane in range(LANES if lanes else 0):
                p = u * LANES + lane
                if (lanes >> lane) & 1 and first <= p < past:
                    place = read_id(ids, a * n + p, id_bytes)
                    if not _met_before(groups, place, queries, i, a, firsts, sizes, radius):
                        d = distance_to_place(groups, place, queries, i, width)
                        offer(d, read_id(order, place, id_bytes), heaps, state, weights, k, j)
                        limit = np.uint64(state[j, LIMIT])
        g += step


@njit
def _visit_ids(
    first: int, past: int, ids: np.ndarray, n: int, id_bytes: int,
    groups: np.ndarray, order: np.ndarray, firsts: np.ndarray, sizes: np.ndarray, radius: np.ndarray, a: int,
    queries: np.ndarray, i: int, width: tuple,
    heaps: np.ndarray, state: np.ndarray, weights: np.ndarray, k: int, j: int,
) -> None:  # fmt: skip
    """The same, each code fetched by its position."""
    for p in range(first, past):
        place = read_id(ids, a * n + p, id_bytes)
        if p + _AHEAD < past:
            prefetch(groups, read_id(ids, a * n + p + _AHEAD, id_bytes) // LANES, width)
        d = distance_to_place(groups, place, queries, i, width)
        if d <= state[j, LIMIT] and not _met_before(groups, place, queries, i, a, firsts, sizes, radius):
            offer(d, read_id(order, place, id_bytes), heaps, state, weights, k, j)


@njit
def search_tables(
    groups: np.ndarray, order: np.ndarray, firsts: np.ndarray, sizes: np.ndarray, bases: np.ndarray,
    starts: np.ndarray, ids: np.ndarray, n: int, id_bytes: int, copies: np.ndarray, n_bits: int,
    queries: np.ndarray, start: int, end: int, width: tuple, limits: np.ndarray, weights: np.ndarray,
    k: int, bound: int, keys: np.ndarray, found: np.ndarray, n_candidates: np.ndarray, n_lookups: np.ndarray,
) -> None:  # fmt: skip
    """The k nearest codes of queries start to end - 1, from the tables alone.

    groups, order : the clustered copy of the codes and the code at each position, packed
    firsts, sizes, bases : (n_tables,) first bit and bits of each sub-code, and where its buckets begin in `starts`
    starts : uint32, 2^size + 1 of each table; ids : (n_tables * n * id_bytes,) uint8, packed positions; n codes
    copies : (n_tables * n_groups, n_words, LANES) in the fast layout, else of length 0
    bound : a query that would cost more, in codes read, is given up: its `found` becomes -1
    """
    n_tables, n_groups = firsts.shape[0], groups.shape[0]
    fast = copies.shape[0] > 0
    heaps, state = np.empty((end - start, k + 1), np.uint64), new_state(limits, start, end, n_bits)
    values, radius = np.empty(n_tables, np.int64), np.empty(n_tables, np.int64)
    cost = np.empty(n_tables, np.int64)
    for i in range(start, end):
        j, steps, spent, complete = i - start, 0, np.int64(0), False
        for a in range(n_tables):
            values[a], radius[a] = field(queries, i, firsts[a], sizes[a]), -1
            cost[a] = _cost(starts, bases[a], values[a], sizes[a], 0, bound)
        while steps <= state[j, LIMIT] and not complete:
            a = int(np.argmin(cost))
            spent += cost[a]
            if spent > bound:
                break
            radius[a] += 1
            mask, past_masks = np.int64((1 << radius[a]) - 1), np.int64(1) << sizes[a]
            while mask < past_masks:
                b = bases[a] + (values[a] ^ mask)
                mask = past_masks if mask == 0 else _next_mask(mask)
                first, past = np.int64(starts[b]), np.int64(starts[b + 1])
                if fast and mask < past_masks:
                    following = np.int64(starts[bases[a] + (values[a] ^ mask)])
                    prefetch(copies, a * n_groups + following // LANES, width)
                n_lookups[i] += 1
                if first == past:
                    continue
                n_candidates[i] += past - first
                if fast:
                    _visit_copies(
                        copies, a * n_groups, first, past, ids, n, id_bytes, groups, order, firsts, sizes, radius, a,
                        queries, i, width, heaps, state, weights, k, j,
                    )  # fmt: skip
                else:
                    _visit_ids(
                        first, past, ids, n, id_bytes, groups, order, firsts, sizes, radius, a,
                        queries, i, width, heaps, state, weights, k, j,
                    )  # fmt: skip
            steps += 1
            complete = radius[a] == sizes[a]  # every bucket of one table is every code
            cost[a] = _cost(starts, bases[a], values[a], sizes[a], radius[a] + 1, bound)
        found[i] = take_sorted(heaps, state, j, keys, i) if spent <= bound else -1
