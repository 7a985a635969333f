"""The k nearest found so far, for a block of queries.

A code may stand for several rows (identical codes are searched once), so what is kept is the smallest set of codes that
is sure to hold the k nearest rows by (distance, row). Codes are numbered by their first row. Of the codes at the
largest kept distance D, each is only sure to put one row before the first row of a later one; those nearer than D put
in all their rows. Hence the last code in order goes when

    rows nearer than D + codes at D, itself not counted >= k.

With one row a code this is the usual heap of k.
"""

import numpy as np

from schash._lanes import LANES, near, near_in_four
from schash._numba import njit, popcount
from schash._packed_ids import read_id

ROW_BITS = 40
_CODE = (1 << ROW_BITS) - 1

# State of a block of queries: plain arrays, since the compiler counts references to arrays held in a tuple.
#   keys : (n, k + 1) uint64, of each query a max-heap of distance << ROW_BITS | code
#   state : (n, 3 + 2 (n_bits + 1)) int64, the columns named here, then the rows and the codes kept at each distance
SIZE, TOTAL, LIMIT, AT = 0, 1, 2, 3
# size: codes kept; total: rows they stand for; limit: the largest distance that is still of interest


@njit
def new_state(limits: np.ndarray, start: int, end: int, n_bits: int) -> np.ndarray:
    """Empty state for queries start to end - 1, which want nothing beyond `limits` (n_query,) int64."""
    state = np.zeros((end - start, AT + 2 * (n_bits + 1)), np.int64)
    for j in range(end - start):
        state[j, LIMIT] = min(limits[start + j], n_bits)
    return state


@njit
def _push(keys: np.ndarray, j: int, size: int, key: int) -> None:
    """Put `key` into the max-heap keys[j, :size]."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[j, parent] >= key:
            break
        keys[j, child] = keys[j, parent]
        child = parent
    keys[j, child] = key


@njit
def _pop(keys: np.ndarray, j: int, size: int) -> None:
    """Take the largest out of the max-heap keys[j, :size]."""
    last = keys[j, size - 1]
    parent = 0
    while 2 * parent + 1 < size - 1:
        child = 2 * parent + 1
        if child + 1 < size - 1 and keys[j, child + 1] > keys[j, child]:
            child += 1
        if last >= keys[j, child]:
            break
        keys[j, parent] = keys[j, child]
        parent = child
    keys[j, parent] = last


@njit
def offer(
    distance: int, code: int, keys: np.ndarray, state: np.ndarray, weights: np.ndarray, k: int, j: int
) -> None:
    """Let query j know of a code; the caller sees to it that none is offered twice.

    weights : (n_codes,) int64, the rows that each code stands for; empty if one each
    """
    if distance > state[j, LIMIT]:
        return
    n_shells = (state.shape[1] - AT) // 2
    weighted = weights.shape[0] > 0
    weight = weights[code] if weighted else 1
    _push(keys, j, state[j, SIZE], (np.uint64(distance) << np.uint64(ROW_BITS)) | np.uint64(code))
    state[j, SIZE] += 1
    state[j, TOTAL] += weight
    state[j, AT + distance] += weight
    state[j, AT + n_shells + distance] += 1
    while state[j, TOTAL] >= k:
        farthest = np.int64(keys[j, 0] >> np.uint64(ROW_BITS))
        nearer = state[j, TOTAL] - state[j, AT + farthest]
        if nearer + state[j, AT + n_shells + farthest] - 1 < k:
            state[j, LIMIT] = farthest
            return
        last = np.int64(keys[j, 0] & np.uint64(_CODE))
        weight = weights[last] if weighted else 1
        _pop(keys, j, state[j, SIZE])
        state[j, SIZE] -= 1
        state[j, TOTAL] -= weight
        state[j, AT + farthest] -= weight
        state[j, AT + n_shells + farthest] -= 1


@njit
def distance_to_place(groups: np.ndarray, position: int, queries: np.ndarray, i: int, width: tuple) -> int:
    """Distance of query i to the code at one position."""
    total = np.int64(0)
    for w in range(len(width)):
        total += np.int64(popcount(groups[position // LANES, w, position % LANES] ^ queries[i, w]))
    return int(total)


@njit
def _offer_lanes(
    lanes: int, groups: np.ndarray, g: int, order: np.ndarray, id_bytes: int, start: int, end: int,
    queries: np.ndarray, i: int, width: tuple, keys: np.ndarray, state: np.ndarray, weights: np.ndarray, k: int, j: int,
) -> None:  # fmt: skip
    for lane in range(LANES):
        position = g * LANES + lane
        if (lanes >> lane) & 1 and start <= position < end:
            distance = distance_to_place(groups, position, queries, i, width)
            offer(distance, read_id(order, position, id_bytes), keys, state, weights, k, j)


@njit
def scan(
    groups: np.ndarray, order: np.ndarray, id_bytes: int, start: int, end: int, queries: np.ndarray, i: int,
    width: tuple, keys: np.ndarray, state: np.ndarray, weights: np.ndarray, k: int, j: int,
) -> None:  # fmt: skip
    """Offer to query i (place j of its block) the codes at positions start to end - 1 of grouped codes.

    groups : (n_groups, n_words, LANES) uint64; order : packed ids, which code lies at each position
    """
    g, last = start // LANES, (end + LANES - 1) // LANES
    limit = np.uint64(state[j, LIMIT])
    while g < last:
        step = 4 if g + 4 <= last else 1
        if step == 4 and near_in_four(groups, g, queries, i, limit, width) == 0:
            g += 4
            continue
        for u in range(g, g + step):
            lanes = near(groups, u, queries, i, limit, width)
            if lanes != 0:
                _offer_lanes(
                    np.int64(lanes), groups, u, order, id_bytes, start, end, queries, i, width, keys, state, weights,
                    k, j,
                )  # fmt: skip
                limit = np.uint64(state[j, LIMIT])
        g += step


@njit
def take_sorted(keys: np.ndarray, state: np.ndarray, j: int, out: np.ndarray, i: int) -> int:
    """Copy the keys of query j in ascending order to the front of out[i]; return how many there are."""
    size = state[j, SIZE]
    out[i, :size] = np.sort(keys[j, :size])
    return size
