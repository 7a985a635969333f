"""Genes that are missing from more cells than their expression lets one expect (scmap, Kiselev et al. 2018).

    d_g  = log2(share of cells without gene g, in %)
    m_g  = mean over cells of log2(1 + x)
    d    = a + b m + residual, by least squares over the genes that some cells have and some have not
    keep the n genes of the largest residuals

Abdelaal et al. (2019) rank genes in the same way, on the training cells of each fold. Another base of the logarithm
scales m and d, and with them a, b and every residual alike: the order of the genes stays. A gene that every cell has
takes no part in the fit. scmap never chooses it; here such genes follow the others, the most variable first, where the
others are fewer than n: values without zeros, such as a quantiser's, would leave nothing to choose from.
"""

import numpy as np
from scipy import sparse
from sklearn.linear_model import LinearRegression

from schash.errors import ConfigError, DataError


def dropout_residuals(logged: sparse.csr_matrix) -> np.ndarray:
    """Residual of each gene, (n_genes,) float64; NaN for a gene of no cell or of every cell.

    logged : (n_cells, n_genes), ln(1 + x) or values that are logarithms already
    """
    n_cells = logged.shape[0]
    n_having = _sum_of_genes(logged, logged.data != 0)
    informative = (n_having > 0) & (n_having < n_cells)
    residuals = np.full(logged.shape[1], np.nan)
    if not informative.any():
        return residuals
    mean = (_sum_of_genes(logged, logged.data) / n_cells)[informative, np.newaxis]
    dropout = np.log2(100 * (1 - n_having[informative] / n_cells))
    residuals[informative] = dropout - LinearRegression().fit(mean, dropout).predict(mean)
    return residuals


def select_by_dropout(logged: sparse.csr_matrix, n_features: int) -> np.ndarray:
    """Columns of the `n_features` genes of the largest residuals, ascending; of equal residuals the smaller column.

    Fewer where fewer genes are expressed at all.

    Raises
    ------
    ConfigError
        if n_features is below 1
    DataError
        if no cell has any gene
    """
    if n_features < 1:
        message = f"n_features must be at least 1, got {n_features}"
        raise ConfigError(message)
    residuals = dropout_residuals(logged)
    ranked = _descending(np.flatnonzero(~np.isnan(residuals)), residuals)
    if len(ranked) < n_features:
        n_having = _sum_of_genes(logged, logged.data != 0)
        everywhere = np.flatnonzero(n_having == logged.shape[0])
        ranked = np.concatenate([ranked, _descending(everywhere, _variances(logged))])
    if len(ranked) == 0:
        message = f"no gene is expressed in any of the {logged.shape[0]:,} training cells"
        raise DataError(message)
    return np.sort(ranked[:n_features])


def _descending(genes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return genes[np.argsort(-scores[genes], kind="stable")]


def _variances(logged: sparse.csr_matrix) -> np.ndarray:
    mean = _sum_of_genes(logged, logged.data) / logged.shape[0]
    return _sum_of_genes(logged, logged.data.astype(np.float64) ** 2) / logged.shape[0] - mean**2


def _sum_of_genes(logged: sparse.csr_matrix, data: np.ndarray) -> np.ndarray:
    """Sum over cells of `data`, which stands for the stored values: (n_genes,) float64."""
    return np.bincount(logged.indices, weights=data, minlength=logged.shape[1])
