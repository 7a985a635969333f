"""Bring a query's genes into the order of a model's, by symbol or by Ensembl id."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from schash._genes import align_genes
from schash.errors import DataError

ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "feature_id")
SYMBOL_COLUMNS = ("gene_symbols", "gene_symbol", "gene_name", "feature_name", "symbol")
_ENSEMBL_VERSION = re.compile(r"^(ENS[A-Z]*G\d{11})\.\d+$")


@dataclass(frozen=True)
class GeneNames:
    """The naming of a query's genes that shares most with a model's genes."""

    names: np.ndarray
    column: str
    n_shared: int
    n_model: int

    def describe(self) -> str:
        """One line for the terminal."""
        return f"{self.n_shared:,} of the model's {self.n_model:,} genes found by {self.column}"


def without_version(names: pd.Index | np.ndarray) -> np.ndarray:
    """Ensembl gene ids without their version suffix (ENSG00000141510.18 -> ENSG00000141510); others unchanged."""
    return np.array([_ENSEMBL_VERSION.sub(r"\1", str(name)) for name in names], dtype=object)


def match_genes(var: pd.DataFrame, model_genes: np.ndarray, *, where: str = "query") -> GeneNames:
    """Choose among `var_names` and the usual id and symbol columns of `var` what shares most with the model.

    Raises
    ------
    DataError
        if nothing is shared, naming examples of both sides
    """
    wanted = set(without_version(model_genes))
    candidates = {"var_names": var.index}
    candidates |= {
        name: pd.Index(var[name]) for name in (*ID_COLUMNS, *SYMBOL_COLUMNS) if name in var.columns
    }
    best = None
    for column, index in candidates.items():
        names = without_version(index)
        shared = len(wanted.intersection(names))
        if best is None or shared > best.n_shared:
            best = GeneNames(names, column, shared, len(model_genes))
    if best is None or best.n_shared == 0:
        message = (
            f"{where}: none of its {len(var):,} genes is among the model's {len(model_genes):,}. "
            f"It has e.g. {_examples(var.index)} ({', '.join(candidates)} were tried); "
            f"the model knows e.g. {_examples(model_genes)}. Another species, or other gene ids?"
        )
        raise DataError(message)
    return best


def align(
    X: sparse.csr_matrix, names: np.ndarray, model_genes: np.ndarray, *, where: str = "query"
) -> sparse.csr_matrix:
    """Columns of `X` in the order of `model_genes`, zeros for genes that the query lacks: (n_cells, n_model_genes) CSR.

    Raises
    ------
    DataError
        if a shared gene occurs twice in the query: which column is meant cannot be known
    """
    model_names = dict(zip(without_version(model_genes), model_genes, strict=True))
    kept = np.flatnonzero([name in model_names for name in names])
    shared = np.array([model_names[name] for name in names[kept]])
    repeated = pd.Series(shared)[pd.Series(shared).duplicated()].unique()
    if len(repeated):
        message = f"{where}: genes occur more than once: {_examples(repeated)}"
        raise DataError(message)
    return align_genes(X[:, kept], shared, model_genes)


def _examples(names: pd.Index | np.ndarray) -> str:
    return ", ".join(str(name) for name in list(names)[:3])
