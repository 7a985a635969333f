"""What the MNN correction is given: batches of cells on the same genes, checked, dense and cosine-normalised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import sparse

from schash.errors import DataError
from schash.preprocess import as_csr

SHORTEST = 1e-8
"""Lengths below this count as this, as in batchelor: a cell without counts stays at the origin."""


@dataclass(frozen=True)
class Batch:
    """Unlabelled cells of one study.

    X : (n_cells, n_genes) log-normalised values, CSR or dense; genes : (n_genes,) str
    """

    name: str
    X: sparse.csr_matrix | np.ndarray
    genes: np.ndarray


def check_batches(batches: Sequence[Batch]) -> None:
    """Refuse batches that are too few, empty, of one name, or not on the same genes in the same order.

    Raises
    ------
    DataError
        says which batch and what is wrong with it
    """
    if len(batches) < 2:
        message = f"alignment needs at least two batches, a reference and a target; got {len(batches)}"
        raise DataError(message)
    names = [batch.name for batch in batches]
    if len(set(names)) < len(names):
        message = f"batches need names of their own, got {', '.join(map(repr, names))}"
        raise DataError(message)
    for batch in batches:
        _check_shape(batch)
        _check_genes(batch, batches[0])


def _check_shape(batch: Batch) -> None:
    shape = np.shape(cast(Any, batch.X))
    if len(shape) != 2 or shape[1] != len(batch.genes):
        message = f"batch {batch.name!r} must be cells x {len(batch.genes):,} genes, got shape {shape}"
        raise DataError(message)
    if shape[0] == 0 or shape[1] == 0:
        message = f"batch {batch.name!r} is empty: {shape[0]:,} cells, {shape[1]:,} genes"
        raise DataError(message)


def _check_genes(batch: Batch, first: Batch) -> None:
    genes, expected = np.asarray(batch.genes, dtype=str), np.asarray(first.genes, dtype=str)
    if np.array_equal(genes, expected):
        return
    shared = len(np.intersect1d(genes, expected))
    same_set = shared == len(genes) == len(expected)
    difference = (
        "the same genes in another order" if same_set else f"{shared:,} of the {len(expected):,} genes"
    )
    message = (
        f"all batches must hold the same genes in the same order: {batch.name!r} has {difference} "
        f"of {first.name!r}; bring both to their shared genes first"
    )
    raise DataError(message)


def dense_values(batch: Batch) -> np.ndarray:
    """Values of a batch as a new dense float32 matrix (n_cells, n_genes)."""
    if sparse.issparse(batch.X):
        return as_csr(batch.X).toarray()
    X = np.array(batch.X, dtype=np.float32, order="C")
    n_bad = int(np.count_nonzero(~np.isfinite(X)))
    if n_bad:
        message = f"batch {batch.name!r} must hold finite values, found {n_bad:,} NaN or infinite entries"
        raise DataError(message)
    return X


def cosine_normalised(X: np.ndarray) -> np.ndarray:
    """Each cell divided by its Euclidean length, float32; a cell of zeros stays zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    return (X / np.maximum(lengths, SHORTEST)[:, None]).astype(np.float32)
