"""Search an atlas, or an index, for the cells nearest to those of an AnnData: what `schash search` does, in Python."""

from typing import Any

import anndata
import numpy as np
import pandas as pd

from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.preprocess import as_csr
from schash.user.atlas import Atlas
from schash.user.atlas_genes import SharedGenes
from schash.user.files import check_values, chosen_matrix
from schash.user.searcher import Found, Searcher

NEIGHBORS_KEY = "schash_neighbors"
DISTANCES_KEY = "schash_distances"
NAMES_KEY = "schash_neighbor_names"
UNS_KEY = "schash_search"
BLOCK = 4096
"""Cells that are searched at a time."""


def search(
    adata: anndata.AnnData,
    index: Atlas | CellFishing,
    k: int = 10,
    *,
    layer: str | None = None,
    use_raw: bool = False,
    exclude_self: bool = False,
    values: str | None = None,
) -> SharedGenes:
    """Find the k nearest reference cells of every cell of `adata`, and write them into it.

    Fills `obsm["schash_neighbors"]` (rows of the reference, -1 where it has no further cell),
    `obsm["schash_distances"]` (in bits), `obsm["schash_neighbor_names"]`, `obs["schash_nearest_distance"]`,
    `obs["schash_nearest_angle"]` (estimated, in radians), for each label column of an atlas `obs["schash_<label>"]` and
    `obs["schash_<label>_score"]`, and `uns["schash_search"]` (what made them).

    The label is the one that most of the k neighbours have; of equally frequent ones, the one that a nearer neighbour
    has. The score is the share of the neighbours that have it. Neighbours without a label have no vote, but count.

    Parameters
    ----------
    adata : (n_cells, n_genes) counts, or other linear values
    layer, use_raw : take the values from a layer or from .raw instead of X
    exclude_self : leave out the reference cell of the query cell's name; a query still gets k neighbours, since one
        more is searched

    values : "counts", or "noninteger" for other linear values; None for the kind that was indexed

    Returns
    -------
    SharedGenes
        how the genes were matched

    Raises
    ------
    DataError
        if there is no cell, no shared gene, k < 1, or the values are not of the kind that was indexed
    """
    X, var = chosen_matrix(adata, layer=layer, use_raw=use_raw, where="query")
    if adata.n_obs == 0:
        message = "query: holds no cells"
        raise DataError(message)
    csr = as_csr(X)
    searcher = Searcher(index, var, k=k, exclude_self=exclude_self, values=values)
    check_values(csr, searcher.values, where="query")
    starts = range(0, csr.shape[0], BLOCK)
    parts = [searcher(csr[a : a + BLOCK], adata.obs_names[a : a + BLOCK]) for a in starts]
    obs, obsm, uns = results(parts, searcher)
    for key in obs.columns:
        adata.obs[key] = obs[key].array
    for key, value in obsm.items():
        adata.obsm[key] = value
    adata.uns[UNS_KEY] = uns
    return searcher.genes


def results(
    parts: list[Found], searcher: Searcher
) -> tuple[pd.DataFrame, dict[str, np.ndarray | pd.DataFrame], dict[str, Any]]:
    """The entries of obs, obsm and uns[UNS_KEY] of all blocks together."""
    obs = pd.concat([part.summary for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    names = pd.DataFrame(
        searcher.neighbor_names(ids), index=obs.index, columns=[str(i + 1) for i in range(ids.shape[1])]
    )
    distances = np.concatenate([part.distances for part in parts])
    obsm: dict[str, np.ndarray | pd.DataFrame] = {
        NEIGHBORS_KEY: ids,
        DISTANCES_KEY: distances,
        NAMES_KEY: names,
    }
    return obs, obsm, searcher.facts()
