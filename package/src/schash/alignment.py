"""Cells of one fold of a leave-one-out scheme, aligned by mutual nearest neighbours (schash.mutual_neighbors).

The training batches are merged with one another, the largest first (ties by name), and the held-out batch is then
corrected towards all of them. It takes part whole, whatever its labels: neither they nor the cells that the split
leaves out for their type have any influence. Of the other batches the training cells take part.

Values: counts and other linear values as ln(1 + 10^4 x / sum x); what is logarithms already, as it is. Then the
defaults of `MnnAligner`: cosine normalisation, k = 20, sigma = 0.1. Cells of length 1 have values so small that a
penalty made for log values holds a method tight, so all aligned cells are multiplied by one number, the mean length of
the training cells before. That is not always a gain for a linear SVM: median F1 over 12 held-out groups .943 without,
.952 with it, better on five and worse on three (docs/decisions/0008).

Genes: the 2,000 of the largest variance of those values, averaged over the training batches, so that a gene that only
tells the batches apart does not count; all genes where there are no more. All of 22,262 genes take 13 times as long as
2,000, and since nothing is zero after a correction, ten times the memory and disk.

What comes out has seen the query cells, though not their labels.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from schash.errors import ConfigError, DataError
from schash.mutual_neighbors import Alignment, Batch, MnnAligner
from schash.preprocess import scaled_log1p
from schash.splits import GROUP_COLUMNS, base_scheme

N_GENES = 2000

FOLD_COLUMNS = {
    "fold": "int64",
    "held_out": "str",
    "n_train": "int64",
    "n_held_out": "int64",
    "n_batches": "int64",
    "n_genes": "int64",
    "n_pairs": "int64",
    "scale": "float64",
    "seconds": "float64",
    "note": "str",
}
"""What an alignment did: `n_batches` of training cells, `n_pairs` of the last merge, that of the held-out batch;
`scale` is what all aligned cells were multiplied by."""


@dataclass(frozen=True)
class AlignedFold:
    """cells : the prepared cells on fewer genes, `values` "corrected", rows of cells that took no part zero
    facts : FOLD_COLUMNS without `fold`
    """

    cells: anndata.AnnData
    facts: dict[str, Any]


def align_fold(
    cells: anndata.AnnData,
    *,
    train: np.ndarray,
    query: np.ndarray,
    scheme: str,
    n_genes: int = N_GENES,
    aligner: MnnAligner | None = None,
) -> AlignedFold:
    """Align the training rows and the held-out group of a fold.

    Parameters
    ----------
    train, query : rows of the fold; of `query` only the group that its rows belong to is used
    scheme : of the split, with or without the suffix of aligned schemes

    Raises
    ------
    DataError
        if the query is not of one group, shares it with training cells, or the cells are corrected already
    """
    groups = _groups(cells, scheme)
    held_out = _held_out(groups, train, query)
    parts = _training_parts(groups, train)
    parts[held_out] = np.flatnonzero(groups == held_out)
    logged = {name: _logged(cells, rows) for name, rows in parts.items()}
    start = time.perf_counter()
    chosen = variable_genes([X for name, X in logged.items() if name != held_out], n_genes)
    genes = cells.var_names.to_numpy(str)[chosen]
    *references, target = [Batch(name, X[:, chosen], genes) for name, X in logged.items()]
    alignment = (aligner or MnnAligner()).align(references, target)
    seconds = time.perf_counter() - start
    scale = _mean_length(references)
    placed = _placed(cells, [X * scale for X in alignment.batches], list(parts.values()), chosen)
    facts = {**_facts(alignment), "n_genes": len(genes), "scale": float(scale), "seconds": seconds}
    return AlignedFold(placed, facts)


def _facts(alignment: Alignment) -> dict[str, Any]:
    last = alignment.merges[-1]
    return {
        "held_out": last.batch,
        "n_train": last.n_reference,
        "n_held_out": last.n_target,
        "n_batches": len(alignment.merges),
        "n_pairs": last.n_pairs,
        "note": "; ".join(alignment.notes),
    }


def variable_genes(batches: Sequence[sparse.csr_matrix], n_genes: int) -> np.ndarray:
    """Columns of the `n_genes` genes of the largest variance, averaged over batches, ascending; the first on a tie."""
    if n_genes < 1:
        message = f"n_genes must be at least 1, got {n_genes}"
        raise ConfigError(message)
    variance = np.mean([_variances(X) for X in batches], axis=0)
    return np.sort(np.argsort(-variance, kind="stable")[:n_genes])


def _variances(X: sparse.csr_matrix) -> np.ndarray:
    data = X.data.astype(np.float64)
    total, squares = (np.bincount(X.indices, weights=w, minlength=X.shape[1]) for w in (data, data**2))
    return squares / X.shape[0] - (total / X.shape[0]) ** 2


def _groups(cells: anndata.AnnData, scheme: str) -> np.ndarray:
    base, dataset = base_scheme(scheme), cells.uns["dataset"]
    if base not in GROUP_COLUMNS:
        message = f"{dataset}: scheme {scheme} has no groups to align; allowed: {', '.join(GROUP_COLUMNS)}"
        raise DataError(message)
    if cells.uns["values"] == "corrected":
        message = f"{dataset}: its cells are corrected already; take the scheme {base}, not {base}_mnn"
        raise DataError(message)
    return cells.obs[GROUP_COLUMNS[base]].astype(str).to_numpy()


def _held_out(groups: np.ndarray, train: np.ndarray, query: np.ndarray) -> str:
    names = sorted(set(groups[query]))
    if len(names) != 1 or names[0] in set(groups[train]):
        message = (
            f"the query cells of a fold must be of one group, which no training cell is of; came {names}"
        )
        raise DataError(message)
    return str(names[0])


def _training_parts(groups: np.ndarray, train: np.ndarray) -> dict[str, np.ndarray]:
    """Name of each training batch to its rows, the largest first."""
    sizes = pd.Series(groups[train]).value_counts()
    names = sorted(sizes.index, key=lambda name: (-sizes[name], name))
    return {name: np.sort(train[groups[train] == name]) for name in names}


def _logged(cells: anndata.AnnData, rows: np.ndarray) -> sparse.csr_matrix:
    return scaled_log1p(cells.X[rows], values=cells.uns["values"])


def _mean_length(batches: Sequence[Batch]) -> np.float32:
    X = sparse.csr_matrix(sparse.vstack([sparse.csr_matrix(batch.X) for batch in batches]))
    return np.float32(np.sqrt(X.multiply(X).sum(axis=1)).mean())


def _placed(
    cells: anndata.AnnData, corrected: Sequence[np.ndarray], parts: list[np.ndarray], chosen: np.ndarray
) -> anndata.AnnData:
    """The corrected cells at the places of the prepared ones."""
    X = np.zeros((cells.n_obs, len(chosen)), np.float32)
    for rows, of_part in zip(parts, corrected, strict=True):
        X[rows] = of_part
    uns = {**cells.uns, "values": "corrected"}
    return anndata.AnnData(X=sparse.csr_matrix(X), obs=cells.obs.copy(), var=cells.var.iloc[chosen], uns=uns)
