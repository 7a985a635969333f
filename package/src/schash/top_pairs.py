"""Genes and pairs of genes that tell types apart, as SingleCellNet finds them (Tan & Cahan 2019; their R code).

Both are ranked by the correlation of a feature with a type's pattern: 1 in the cells of that type, 0 in the others. For
a 0/1 feature, such as "gene a exceeds gene b", counts of cells are all that the correlation needs.
"""

import numpy as np
from scipy import sparse

from schash._top_pair_kernels import count_greater
from schash.parallel import in_blocks
from schash.timing import available_threads

DETECTED_OFTEN, DETECTED, STRONG = 0.05, 0.001, 2.0
"""A gene is considered if more than 5% of the cells have it, or more than 0.1% with a mean above 2 where they do."""
MAX_PER_GENE = 3
"""Pairs of one type that a gene may be in."""
FLAT = 1e-10
"""A feature whose variance is below this share of its mean square is constant: it correlates with nothing."""
GENES_A_BLOCK = 16


def pattern_correlations(
    total: np.ndarray, squares: np.ndarray, in_type: np.ndarray, type_size: int, n_cells: int
) -> np.ndarray:
    """Pearson correlation of features with the 0/1 pattern of one type; NaN for a constant feature.

    total, squares : (n_features,) sums of values and of squared values over all cells
    in_type : (n_features,) sums of values over the cells of the type
    """
    total, squares, in_type = (np.asarray(sums, dtype=np.float64) for sums in (total, squares, in_type))
    spread = n_cells * squares - total**2
    spread[spread <= FLAT * n_cells * squares] = np.nan
    return (n_cells * in_type - type_size * total) / np.sqrt(spread * type_size * (n_cells - type_size))


def detected_genes(X: sparse.csr_matrix) -> np.ndarray:
    """Columns that are detected (above 0) in enough cells, or in few but strongly, in their order."""
    positive = X.maximum(0)
    n_detected = np.asarray((positive > 0).sum(axis=0)).ravel()
    mean = np.asarray(positive.sum(axis=0, dtype=np.float64)).ravel() / np.maximum(n_detected, 1)
    share = n_detected / X.shape[0]
    return np.flatnonzero((share > DETECTED_OFTEN) | ((share > DETECTED) & (mean > STRONG)))


def class_genes(X: sparse.csr_matrix, type_of: np.ndarray, n_genes: int) -> np.ndarray:
    """Columns of the genes that go with any type the most, or against it the most: up to `n_genes` each way a type.

    The order is that of the types; of each, those that go with it come first, from the strongest on.

    X : (n_cells, n_all_genes); type_of : (n_cells,) int, 0 to n_types - 1
    """
    candidates = detected_genes(X)
    X = sparse.csr_matrix(X[:, candidates], dtype=np.float64)
    total, squares = (np.asarray(sums.sum(axis=0)).ravel() for sums in (X, X.multiply(X)))
    chosen: list[int] = []
    for one in range(type_of.max() + 1):
        of_type = type_of == one
        in_type = np.asarray(X[of_type].sum(axis=0)).ravel()
        correlation = pattern_correlations(total, squares, in_type, of_type.sum(), len(type_of))
        order = np.argsort(-correlation, kind="stable")[: np.count_nonzero(~np.isnan(correlation))]
        chosen += [*order[:n_genes], *order[-n_genes:]]
    return candidates[list(dict.fromkeys(chosen))]


def top_pairs(values: np.ndarray, type_of: np.ndarray, n_pairs: int) -> np.ndarray:
    """The pairs (a, b), a before b, whose order "a exceeds b" goes with a type the most: (n_chosen, 2) columns.

    Up to `n_pairs` a type, from the strongest on (of equals the first), each gene in at most MAX_PER_GENE of a type; a
    pair of several types stands there once.

    values : (n_cells, n_genes); type_of : (n_cells,) int, 0 to n_types - 1
    """
    n_cells, n_genes = values.shape
    first, second = np.triu_indices(n_genes, 1)
    total = _times_greater(values)
    chosen: dict[int, None] = {}
    for one in range(type_of.max() + 1):
        of_type = type_of == one
        in_type = _times_greater(values[of_type])
        correlation = pattern_correlations(total, total, in_type, of_type.sum(), n_cells)
        chosen.update(dict.fromkeys(_strongest(correlation, first, second, n_pairs)))
    pairs = list(chosen)
    return np.column_stack([first[pairs], second[pairs]])


def _times_greater(values: np.ndarray) -> np.ndarray:
    """In how many cells the first gene of each pair exceeds the second: (n_pairs,), as np.triu_indices orders them."""
    n_genes = values.shape[1]
    by_gene = np.ascontiguousarray(values.T)
    counts = np.empty(n_genes * (n_genes - 1) // 2, np.int32)
    in_blocks(
        lambda start, end: count_greater(by_gene, start, end, counts),
        n_genes,
        block=GENES_A_BLOCK,
        n_threads=available_threads(),
    )
    return counts


def _strongest(correlation: np.ndarray, first: np.ndarray, second: np.ndarray, n_pairs: int) -> list[int]:
    """Pairs by descending correlation and ascending index, without those of a gene that is in MAX_PER_GENE already."""
    n_looked_at = 64 * n_pairs
    while True:
        order = _largest(correlation, n_looked_at)
        used: dict[int, int] = {}
        chosen: list[int] = []
        for pair in order:
            a, b = first[pair], second[pair]
            if used.get(a, 0) < MAX_PER_GENE and used.get(b, 0) < MAX_PER_GENE:
                used[a], used[b] = used.get(a, 0) + 1, used.get(b, 0) + 1
                chosen.append(int(pair))
                if len(chosen) == n_pairs:
                    return chosen
        if n_looked_at >= len(correlation):
            return chosen
        n_looked_at *= 8


def _largest(correlation: np.ndarray, n: int) -> np.ndarray:
    """Indices of the n largest and all that equal the last of them, by (descending value, index); NaN left out."""
    known = np.flatnonzero(~np.isnan(correlation))
    if n < len(known):
        least = np.partition(correlation[known], len(known) - n)[len(known) - n]
        known = known[correlation[known] >= least]
    return known[np.argsort(-correlation[known], kind="stable")]


def pair_features(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """1 where the first gene of a pair exceeds the second, else 0: (n_cells, n_pairs) float32, as trees take it.

    values : (n_cells, n_genes); pairs : (n_pairs, 2) columns
    """
    return (values[:, pairs[:, 0]] > values[:, pairs[:, 1]]).astype(np.float32)


def shuffled_profiles(features: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` random profiles: each feature drawn from any cell, then the features of each profile shuffled."""
    n_cells, n_features = features.shape
    rows = rng.integers(n_cells, size=(n, n_features))
    return rng.permuted(features[rows, np.arange(n_features)], axis=1)
