"""Find the genes of an atlas among those of a query: by any naming that the query has, and any that the atlas has."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from schash.errors import DataError
from schash.user.genes import ID_COLUMNS, SYMBOL_COLUMNS, without_version

ENOUGH = 0.5
"""With a smaller share of the atlas's genes the user is warned."""


@dataclass(frozen=True)
class SharedGenes:
    """The naming that a query shares most genes by.

    columns : (n_shared,) columns of the query; genes : (n_shared,) their names in the index
    """

    columns: np.ndarray
    genes: np.ndarray
    query_naming: str
    atlas_naming: str
    n_atlas: int

    @property
    def n_shared(self) -> int:
        return len(self.genes)

    @property
    def few(self) -> bool:
        """Fewer than half of the atlas's genes are there."""
        return self.n_shared < ENOUGH * self.n_atlas

    def take(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """The shared genes of (n_cells, n_query_genes) cells: (n_cells, n_shared)."""
        return X[:, self.columns]

    def describe(self) -> str:
        """One line for the terminal."""
        how = self.query_naming
        if self.atlas_naming != "var_names":
            how += f" (the atlas's {self.atlas_naming})"
        return f"{self.n_shared:,} of the atlas's {self.n_atlas:,} selected genes found by {how}"


def namings(var: pd.DataFrame, genes: np.ndarray) -> pd.DataFrame:
    """Other namings of the selected `genes` in `var`: its usual id and symbol columns, as str, "" where missing."""
    rows = var.loc[genes] if len(genes) else var.iloc[:0]
    columns = [name for name in (*ID_COLUMNS, *SYMBOL_COLUMNS) if name in var.columns]
    table = {name: rows[name].astype(object).where(rows[name].notna(), "").astype(str) for name in columns}
    return pd.DataFrame(table, index=pd.Index(np.asarray(genes, dtype=object)), dtype=object)


def match_atlas(
    var: pd.DataFrame, genes: np.ndarray, others: pd.DataFrame | None = None, *, where: str = "query"
) -> SharedGenes:
    """Choose among the namings of a query's `var` and those of an atlas what shares most; var_names before others.

    genes : (n_genes,) names in the index; others : its other namings, one a column

    Raises
    ------
    DataError
        if nothing is shared, naming examples of both sides; or if a shared gene occurs twice in the query
    """
    wanted = {"var_names": pd.Index(without_version(genes))}
    if others is not None:
        for name in others.columns:
            wanted[name] = pd.Index(without_version(others[name].to_numpy(object)))
    tried = {"var_names": pd.Index(without_version(var.index))}
    for name in (*ID_COLUMNS, *SYMBOL_COLUMNS):
        if name in var.columns:
            tried[name] = pd.Index(without_version(pd.Index(var[name])))
    found = {
        (ours, theirs): np.flatnonzero(index_names.isin(names) & _usable(index_names))
        for ours, names in tried.items()
        for theirs, index_names in wanted.items()
    }
    naming, atlas_naming = max(found, key=lambda pair: len(found[pair]))  # the first of equals
    best = found[naming, atlas_naming]
    if not len(best):
        message = (
            f"{where}: none of its {len(var):,} genes is among the atlas's {len(genes):,}. "
            f"It has e.g. {_examples(var.index)} ({', '.join(tried)} were tried); "
            f"the atlas knows e.g. {_examples(genes)}. Another species, or other gene ids?"
        )
        raise DataError(message)
    names = tried[naming]
    shared = wanted[atlas_naming][best]
    repeated = names[names.duplicated() & names.isin(shared)].unique()
    if len(repeated):
        message = f"{where}: genes occur more than once: {_examples(repeated)} ({len(repeated)} in all)"
        raise DataError(message)
    columns = names.get_indexer(shared) if names.is_unique else _positions(names, shared)
    return SharedGenes(columns, np.asarray(genes, dtype=object)[best], naming, atlas_naming, len(genes))


def _usable(names: pd.Index) -> np.ndarray:
    """Names that stand for one gene: neither empty nor repeated."""
    return ~names.duplicated(keep=False) & (names != "")


def _positions(names: pd.Index, shared: pd.Index) -> np.ndarray:
    places = {name: i for i, name in enumerate(names)}  # shared ones are unique
    return np.array([places[name] for name in shared], dtype=np.int64)


def _examples(names: pd.Index | np.ndarray) -> str:
    return ", ".join(str(name) for name in list(names)[:3])
