"""Genes of a query brought into the order of a model's genes, by name."""

from typing import Any

import numpy as np
from scipy import sparse

from schash.errors import DataError


def check_genes(genes: Any, n_genes: int) -> np.ndarray:
    """Names as an (n_genes,) str array; `DataError` if their number is wrong or a name occurs twice."""
    names = np.asarray(genes).astype(str)
    if names.ndim != 1 or len(names) != n_genes:
        message = f"genes must hold one name per column: {n_genes} columns, got shape {names.shape}"
        raise DataError(message)
    unique, counts = np.unique(names, return_counts=True)
    if len(unique) < n_genes:
        repeated = unique[counts > 1]
        message = f"genes occur more than once: {', '.join(repeated[:3])} ({len(repeated)} in all)"
        raise DataError(message)
    return names


def align_genes(X: Any, genes: Any, wanted: np.ndarray) -> sparse.csr_matrix:
    """Columns of (n_cells, n_query_genes) `X` in the order of `wanted`; a gene that the query lacks is 0
    everywhere.

    Raises
    ------
    DataError
        if not a single gene is shared
    """
    csr = sparse.csr_matrix(X)
    names = check_genes(genes, csr.shape[1])
    if np.array_equal(names, wanted):
        return csr
    order = np.argsort(names)
    slots = np.minimum(np.searchsorted(names, wanted, sorter=order), len(names) - 1)
    columns = order[slots]
    shared = names[columns] == wanted  # (n_wanted,)
    if not shared.any():
        message = (
            f"the query and the model share no gene: {len(names)} query genes such as {str(names[0])!r}, "
            f"{len(wanted)} model genes such as {str(wanted[0])!r}; are both of one species, "
            "and both symbols or both identifiers?"
        )
        raise DataError(message)
    target = np.full(csr.shape[1], -1)
    target[columns[shared]] = np.flatnonzero(shared)
    moved = target[csr.indices]
    keep = moved >= 0
    indptr = np.concatenate([[0], np.cumsum(keep)])[csr.indptr]
    aligned = sparse.csr_matrix((csr.data[keep], moved[keep], indptr), shape=(csr.shape[0], len(wanted)))
    aligned.sort_indices()
    return aligned
