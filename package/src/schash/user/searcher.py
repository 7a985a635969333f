"""Neighbours of query cells in an atlas, block by block, and what their labels say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from schash._version import __version__
from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.neighbors import NO_NEIGHBOR
from schash.user.atlas import Atlas, check_linear
from schash.user.atlas_genes import SharedGenes, match_atlas
from schash.values import ValuesKind

NEAREST_DISTANCE_KEY = "schash_nearest_distance"
NEAREST_ANGLE_KEY = "schash_nearest_angle"


def label_key(label: str) -> str:
    """The key of obs for the label that most of the neighbours have."""
    return f"schash_{label}"


def score_key(label: str) -> str:
    """The key of obs for the share of the neighbours that have it."""
    return f"schash_{label}_score"


@dataclass(frozen=True)
class Found:
    """Neighbours of some query cells.

    ids : (n, k) int64 rows of the atlas, -1 where there is no further cell
    distances : (n, k) int32 in bits, over all hashes
    angles : (n, k) estimated angles in radians, NaN where there is no further cell
    summary : one row per query cell: label and score for each label column, distance and angle of the nearest
    """

    ids: np.ndarray
    distances: np.ndarray
    angles: np.ndarray
    summary: pd.DataFrame


class Searcher:
    """Searches for the cells of one query, block by block; the genes are matched once.

    Raises
    ------
    DataError
        if k < 1, the index goes by the statistics of the query, no gene is shared,
        the values are of a kind that is not linear, or `exclude_self` is asked of an index
        without cell names or with repeated ones
    """

    def __init__(
        self,
        atlas: Atlas | CellFishing,
        var: pd.DataFrame,
        *,
        k: int = 10,
        exclude_self: bool = False,
        values: str | None = None,
        where: str = "query",
    ) -> None:
        if k < 1:
            message = f"k={k} is too few: ask for at least 1 neighbour"
            raise DataError(message)
        self.atlas = atlas if isinstance(atlas, Atlas) else None
        self.index: CellFishing = atlas.index if isinstance(atlas, Atlas) else atlas
        if self.index.stats != "database":
            message = (
                f"stats={self.index.stats!r} standardises a query by its own cells, which are read block by block "
                "here: search with CellFishing.search, or index with stats='database'"
            )
            raise DataError(message)
        self.k = k
        indexed: ValuesKind = atlas.values if isinstance(atlas, Atlas) else "noninteger"
        self.values: ValuesKind = indexed if values is None else check_linear(values)
        others = self.atlas.gene_names if self.atlas is not None else None
        self.genes: SharedGenes = match_atlas(var, np.asarray(self.index.genes_), others, where=where)
        self._own_rows = _name_lookup(atlas) if exclude_self else None
        self.n_empty = 0

    def __call__(self, X: sparse.csr_matrix, names: np.ndarray | pd.Index) -> Found:
        """Neighbours of (n, n_query_genes) cells, whose columns are those of `var`."""
        shared = self.genes.take(X)
        self.n_empty += int((shared.getnnz(axis=1) == 0).sum())
        excluding = self._own_rows is not None
        neighbors = self.index.search(shared, self.k + excluding, genes=self.genes.genes)
        ids, distances = neighbors.ids, neighbors.distances
        angles = self.index.angles(neighbors)
        if self._own_rows is not None:
            own = self._own_rows.get_indexer(pd.Index(names, dtype=object))
            kept = _others(ids, own)
            ids, distances, angles = (np.take_along_axis(a, kept, axis=1) for a in (ids, distances, angles))
        return Found(ids, distances, angles, self._summary(names, ids, distances, angles))

    def _summary(
        self, names: np.ndarray | pd.Index, ids: np.ndarray, distances: np.ndarray, angles: np.ndarray
    ) -> pd.DataFrame:
        table: dict[str, Any] = {}
        labels = self.atlas.labels if self.atlas is not None else pd.DataFrame()
        for label in labels.columns:
            column = labels[label].cat
            codes = np.where(ids == NO_NEIGHBOR, -1, column.codes.to_numpy()[ids])  # (n, k)
            winners, votes = majority(codes)
            n_found = np.maximum((ids != NO_NEIGHBOR).sum(axis=1), 1)
            table[label_key(label)] = pd.Categorical.from_codes(winners, column.categories)
            table[score_key(label)] = votes / n_found
        table[NEAREST_DISTANCE_KEY] = distances[:, 0]
        table[NEAREST_ANGLE_KEY] = angles[:, 0]
        return pd.DataFrame(table, index=pd.Index(names, dtype=object))

    def warnings(self) -> list[str]:
        """What a user should know of the genes and cells seen so far."""
        lines = []
        if self.genes.few:
            lines.append("Warning: fewer than half of the atlas's genes are there; expect poor neighbours")
        if self.n_empty:
            lines.append(
                f"Warning: {self.n_empty:,} query cells have no count in any shared gene; "
                "their neighbours mean nothing"
            )
        return lines

    def neighbor_names(self, ids: np.ndarray) -> np.ndarray:
        """Names of the neighbours, (n, k) str, "" where there is none; their rows as text without an atlas."""
        if self.atlas is None:
            return np.where(ids == NO_NEIGHBOR, "", ids.astype(str)).astype(object)
        return np.where(ids == NO_NEIGHBOR, "", self.atlas.cell_names[ids])

    def facts(self) -> dict[str, Any]:
        """What made the results: goes into `uns["schash_search"]`."""
        index = self.index
        return {
            "version": __version__,
            "k": self.k,
            "exclude_self": self._own_rows is not None,
            "n_bits": int(index.n_bits),
            "n_hashes": int(index.n_hashes),
            "n_reference_cells": int(index.n_cells_),
            "labels": np.array([] if self.atlas is None else list(self.atlas.labels.columns), dtype=object),
            "genes_matched_by": self.genes.query_naming,
            "genes_shared": self.genes.n_shared,
            "genes_selected": self.genes.n_atlas,
        }


def majority(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The commonest code of each row and how often it occurs; of equally common ones the one that occurs first.

    codes : (n, k) int, -1 has no vote. Returns (n,) codes, -1 where nothing votes, and (n,) counts.
    """
    counts = np.zeros(codes.shape, dtype=np.int64)
    for i in range(codes.shape[1]):
        counts += codes == codes[:, i : i + 1]
    counts[codes < 0] = 0
    first = counts.argmax(axis=1)[:, np.newaxis]
    winners = np.take_along_axis(codes, first, axis=1)[:, 0]
    votes = np.take_along_axis(counts, first, axis=1)[:, 0]
    return np.where(votes > 0, winners, -1), votes


def _name_lookup(atlas: Atlas | CellFishing) -> pd.Index:
    if not isinstance(atlas, Atlas):
        message = (
            "exclude_self goes by the names of the reference cells; an index alone has none: give an Atlas"
        )
        raise DataError(message)
    names = pd.Index(atlas.cell_names)
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        message = (
            f"exclude_self needs reference cells of different names; {len(repeated):,} names repeat, "
            f"e.g. {repeated[0]!r}"
        )
        raise DataError(message)
    return names


def _others(ids: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Columns of `ids` (n, k + 1) to keep, (n, k): all but the own row, or all but the last where it is not there."""
    width = ids.shape[1]
    is_own = ids == own[:, np.newaxis]  # where own is -1, of no cell, that is padding, any of which may go
    dropped = np.where(is_own.any(axis=1), is_own.argmax(axis=1), width - 1)  # (n,)
    columns = np.arange(width - 1)
    return columns + (columns >= dropped[:, np.newaxis])
