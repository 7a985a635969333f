"""Genes in which a cell stands out from its neighbours.

CellFishing.jl has it as `finddegs`; the paper does not describe it. For a query cell q with neighbours 1 .. k, y_gj the
counts of gene g and e_j = s_j / s_q the neighbours' exposures, s the library size (the sum of the counts of all genes
given):

    y_gj ~ Poisson(e_j r_g)                          r_g: the count expected in q, were it one of its neighbours
    r_g  ~ Gamma(0.1, rate 1e-3)                     a weak prior: mean 100, variance 100,000
    r_g | neighbours ~ Gamma(a_g, rate b)            a_g = 0.1 + sum_j y_gj,  b = 1e-3 + sum_j e_j
    y_gq | neighbours ~ NB(a_g, b / (b + 1))         mean a_g / b

The tails P(y >= y_gq) and P(y <= y_gq) of that negative binomial say how far above or below the query is. `finddegs`
instead scales each neighbour's counts to the query's library size and adds these: a_g = 0.1 + sum_j y_gj / e_j,
b = 1e-3 + k. The two agree where all libraries are equal; otherwise a shallow neighbour there counts as much as a deep
one. `exposure="scaled_counts"` does so.

The model knows no variation between cells but Poisson noise: genes that vary among the neighbours themselves come out
as significant more often than the rate says. Take the values as a ranking.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import false_discovery_control, nbinom

from schash._genes import align_genes, check_genes
from schash.cell_chunks import canonical
from schash.errors import ConfigError, DataError
from schash.neighbors import Neighbors

PRIOR_SHAPE, PRIOR_RATE = 0.1, 1e-3
EXPOSURES = ("library_size", "scaled_counts")
PSEUDO_COUNT = 0.5
"""Added to count and expectation, so that the fold change of a count of 0 is a number."""
MAX_TERMS = 10_000
COLUMNS = (
    "query",
    "gene",
    "direction",
    "count",
    "expected",
    "log2_fold_change",
    "log_p_above",
    "log_p_below",
    "p_value",
    "q_value",
)


def distinguishing_genes(
    X_query: Any,
    X_reference: Any,
    neighbors: Neighbors | np.ndarray,
    *,
    genes: Any,
    reference_genes: Any = None,
    exposure: str = "library_size",
    max_q: float = 0.05,
) -> pd.DataFrame:
    """Genes of each query cell that are significantly above or below its neighbours.

    Parameters
    ----------
    X_query : (n_query, n_genes) counts, whole numbers
    X_reference : (n_reference, n_reference_genes) counts of the cells that `neighbors` refers to by row
    neighbors : what a search gave, or its ids (n_query, k); -1 is none
    genes : (n_genes,) names of the query's genes
    reference_genes : names of the reference's genes, where they are others; the query's are found among them by name,
        and count 0 where they are missing
    exposure : "library_size", or "scaled_counts" as `finddegs` does it; see above
    max_q : largest false discovery rate that is reported, 1 for all genes with a count in the query or its neighbours

    Returns
    -------
    DataFrame
        one row per cell and gene: query (row), gene, direction ("above" or "below"), count, expected (mean of the
        predictive distribution), log2_fold_change (of count + 0.5 over expected + 0.5), log_p_above and log_p_below
        (natural logarithms of the two tails), p_value (twice the smaller tail, at most 1), q_value (Benjamini-Hochberg
        over all genes of the cell). Ordered by query, then by the smaller tail, then as the genes are. Cells without
        counts or without neighbours have no rows

    Raises
    ------
    DataError
        for counts that are negative, not finite or, in the query, not whole; names that repeat or do not fit; ids
        outside the reference
    ConfigError
        for an unknown exposure or a max_q outside [0, 1]
    """
    if exposure not in EXPOSURES or not 0 <= max_q <= 1:
        message = (
            f"exposure must be one of {', '.join(EXPOSURES)} and max_q in [0, 1], got {exposure!r}, {max_q!r}"
        )
        raise ConfigError(message)
    query = _counts(X_query, "X_query")
    names = check_genes(genes, query.shape[1])
    if np.any(query.data != np.rint(query.data)):
        message = "X_query must hold counts, whole numbers, which the negative binomial is a distribution of"
        raise DataError(message)
    reference = _reference(X_reference, names, reference_genes)
    ids = _check_ids(neighbors, query.shape[0], reference.shape[0])
    tables = [
        _of_cell(i, query[i].toarray().ravel(), reference[ids[i][ids[i] >= 0]], names, exposure, max_q)
        for i in range(query.shape[0])
    ]
    return pd.concat([_table({}), *tables], ignore_index=True) if tables else _table({})


def _of_cell(
    row: int, counts: np.ndarray, near: sparse.csr_matrix, names: np.ndarray, exposure: str, max_q: float
) -> pd.DataFrame:
    """The rows of one query cell."""
    size = counts.sum(dtype=np.float64)
    sizes = np.asarray(near.sum(axis=1, dtype=np.float64)).ravel()  # (n_neighbours,)
    near, sizes = near[sizes > 0], sizes[sizes > 0]
    if size == 0 or len(sizes) == 0:
        return _table({})
    exposures = sizes / size
    if exposure == "library_size":
        sums, rate = np.asarray(near.sum(axis=0, dtype=np.float64)).ravel(), PRIOR_RATE + exposures.sum()
    else:
        sums, rate = np.asarray(near.T @ (1 / exposures)).ravel(), PRIOR_RATE + len(sizes)
    # A gene without a count anywhere has p = 1: its lower tail, (b / (b + 1))^0.1, is above 1/2 for every b >= 1e-3
    tested = np.flatnonzero((counts > 0) | (sums > 0))
    y, shape = counts[tested].astype(np.float64), PRIOR_SHAPE + sums[tested]
    above, below = log_tails(y, shape, rate / (rate + 1))
    p_value = np.minimum(1, 2 * np.exp(np.minimum(above, below)))
    q_value = false_discovery_control(np.append(p_value, np.ones(len(counts) - len(tested))))[: len(tested)]
    kept = np.flatnonzero(q_value <= max_q)
    kept = kept[np.argsort(np.minimum(above, below)[kept], kind="stable")]
    expected = shape / rate
    columns = {
        "query": np.full(len(tested), row, np.int64),
        "gene": names[tested].astype(object),
        "direction": np.where(above < below, "above", "below").astype(object),
        "count": y,
        "expected": expected,
        "log2_fold_change": np.log2((y + PSEUDO_COUNT) / (expected + PSEUDO_COUNT)),
        "log_p_above": above,
        "log_p_below": below,
        "p_value": p_value,
        "q_value": q_value,
    }
    return _table({name: column[kept] for name, column in columns.items()})


def log_tails(y: np.ndarray, shape: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    """ln P(Y >= y) and ln P(Y <= y) of Y ~ NB(shape, p), whose mean is shape (1 - p) / p; both (n,), never -inf.

    scipy takes the logarithm of a tail that is 0 below 1e-308; there the tail is its first term times a series.
    """
    with np.errstate(divide="ignore"):
        above = np.atleast_1d(nbinom.logsf(y - 1, shape, p))
        below = np.atleast_1d(nbinom.logcdf(y, shape, p))
    for tail, upper in ((above, True), (below, False)):
        lost = np.isneginf(tail)
        if lost.any():
            series = _series(y[lost], shape[lost], p, upper=upper)
            tail[lost] = nbinom.logpmf(y[lost], shape[lost], p) + np.log(series)
    return above, below


def _series(y: np.ndarray, shape: np.ndarray, p: float, *, upper: bool) -> np.ndarray:
    """A tail over its first term: 1 + P(y + 1) / P(y) + ..., or downwards; the ratios are below 1 so far out."""
    term, total, at = np.ones_like(y), np.ones_like(y), y.copy()
    for _ in range(MAX_TERMS):
        if upper:
            term = term * (shape + at) / (at + 1) * (1 - p)
            at = at + 1
        else:
            term = term * at / (shape + at - 1) / (1 - p)
            at = np.maximum(at - 1, 0)
        total += term
        if np.all(term <= 1e-16 * total):
            break
    return total


def _reference(X: Any, names: np.ndarray, reference_genes: Any) -> sparse.csr_matrix:
    reference = _counts(X, "X_reference")
    if reference_genes is not None:
        return align_genes(reference, reference_genes, names)
    if reference.shape[1] != len(names):
        message = (
            f"X_reference has {reference.shape[1]:,} genes, the query {len(names):,}: "
            "name them by reference_genes where they are not the same"
        )
        raise DataError(message)
    return reference


def _counts(X: Any, where: str) -> sparse.csr_matrix:
    csr = canonical(X)
    if csr.nnz and not (csr.data.min() >= 0 and csr.data.max() < np.inf):  # false for NaN, too
        message = f"{where} must hold counts that are finite and not negative"
        raise DataError(message)
    return csr


def _check_ids(neighbors: Neighbors | np.ndarray, n_query: int, n_reference: int) -> np.ndarray:
    ids = np.asarray(neighbors.ids if isinstance(neighbors, Neighbors) else neighbors)
    if ids.ndim != 2 or len(ids) != n_query:
        message = f"neighbors must hold one row per query cell: {n_query} cells, got shape {ids.shape}"
        raise DataError(message)
    if ids.size and (ids.min() < -1 or ids.max() >= n_reference):
        found = f"{ids.min()} to {ids.max()}"
        message = f"neighbors must be rows of X_reference, 0 to {n_reference - 1}, or -1; got {found}"
        raise DataError(message)
    return ids


def _table(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    types = {"query": np.int64, "gene": object, "direction": object}
    return pd.DataFrame(
        {name: columns.get(name, np.empty(0, types.get(name, np.float64))) for name in COLUMNS}
    )
