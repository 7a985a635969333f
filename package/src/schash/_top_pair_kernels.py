"""Loop of `schash.top_pairs`: in how many cells one gene exceeds another, for all pairs of genes."""

import numpy as np

from schash._numba import njit


@njit
def count_greater(values: np.ndarray, start: int, end: int, counts: np.ndarray) -> None:
    """counts[p] = number of cells with values[i] > values[j], for the pairs i < j with start <= i < end.

    values : (n_genes, n_cells); counts : (n_pairs,) int32, pairs in the order of np.triu_indices(n_genes, 1)
    """
    n_genes, n_cells = values.shape
    p = start * n_genes - start * (start + 1) // 2  # pairs whose first gene is before `start`
    for i in range(start, end):
        for j in range(i + 1, n_genes):
            greater = np.int32(0)
            for cell in range(n_cells):
                greater += np.int32(values[i, cell] > values[j, cell])
            counts[p] = greater
            p += 1
