"""Loops of `schash.product_quantizer` and of the annotation by scmap-cell."""

import numpy as np

from schash._numba import njit

_BLOCK_BYTES = 1 << 17
"""Codes read at a time: they stay in a second-level cache for the queries of a call."""


@njit
def add_up(
    queries: np.ndarray, centroids: np.ndarray, edges: np.ndarray, codes: np.ndarray, scales: np.ndarray,
    start: int, end: int, products: np.ndarray,
) -> None:  # fmt: skip
    """products[q, r] = scales[r] * sum over chunks m of <queries[q, chunk m], centroids[m, codes[r, m]]>.

    For queries start to end - 1. The inner products of a query with all centroids are a table, so that each cell costs
    one look-up and one addition a chunk, always in the order of the chunks.

    queries : (n_query, n_dims); centroids : (n_chunks, k, widest chunk); edges : (n_chunks + 1,) first column of each
    chunk; codes : (n, n_chunks); scales : (n,); products : (n_query, n) float32
    """
    n, n_chunks = codes.shape
    k = centroids.shape[1]
    tables = np.empty((end - start, n_chunks, k), np.float32)
    for q in range(start, end):
        for m in range(n_chunks):
            for c in range(k):
                product = np.float32(0)
                for i in range(edges[m], edges[m + 1]):
                    product += queries[q, i] * centroids[m, c, i - edges[m]]
                tables[q - start, m, c] = product
    block = max(_BLOCK_BYTES // (n_chunks * codes.itemsize), 1)
    for first in range(0, n, block):
        for q in range(start, end):
            table = tables[q - start]
            for r in range(first, min(n, first + block)):
                total = np.float32(0)
                for m in range(n_chunks):
                    total += table[m, codes[r, m]]
                products[q, r] = total * scales[r]


@njit
def first_of_buffer(similarities: np.ndarray, width: int, n_first: int, rows: np.ndarray) -> None:
    """The rows in the first places of a buffer of the `width` most similar cells that is filled, but not sorted.

    It starts with rows 0 to width - 1; each later row takes the place of the first least similar one if it is more
    similar.

    similarities : (n_query, n) with n >= width >= n_first; rows : (n_query, n_first) int64, filled in
    """
    held, kept = np.empty(width, np.int64), np.empty(width, np.float32)
    for q in range(similarities.shape[0]):
        least = 0
        for r in range(similarities.shape[1]):
            place = r if r < width else least
            if r >= width and similarities[q, r] <= kept[least]:
                continue
            held[place], kept[place] = r, similarities[q, r]
            if r >= width - 1:
                least = 0
                for i in range(1, width):
                    if kept[i] < kept[least]:
                        least = i
        for i in range(n_first):
            rows[q, i] = held[i]
