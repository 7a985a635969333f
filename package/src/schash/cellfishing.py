"""CellFishing: find the cells of a database that resemble a query, by hashing (Sato et al., Genome Biology 2019).

    counts -> genes of high maximum -> 10^4 a cell -> log(x + 1) -> standardise -> SVD, 50 dimensions
           -> L independent codes of T bits -> one multi-index a hash -> k candidates of each -> the k nearest of them

`docs/cellfishing.md` has the formulae, and where this departs from the paper and from the authors' CellFishing.jl.
"""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

import anndata
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from schash._cellfishing_fit import fit_reduction, hash_cells, make_hashes, make_indexes
from schash._cellfishing_options import check_k, check_options
from schash._genes import check_genes
from schash._ranking import nominations, rank_candidates
from schash._reduction import Stats
from schash._threads import numba_threads
from schash.cell_chunks import CellChunks, as_chunks
from schash.errors import ConfigError, DataError
from schash.hamming import BitCodes
from schash.lsh import SignHash, estimated_angles
from schash.neighbors import NO_NEIGHBOR, Neighbors, padded
from schash.shards import Nominations

Cells: TypeAlias = (
    "sparse.spmatrix | sparse.sparray | np.ndarray | pd.DataFrame | anndata.AnnData | CellChunks"
)


class CellFishing(BaseEstimator):
    """Index cells by hashes of their expression, and find those that resemble a query.

    Parameters
    ----------
    n_bits : bits of a code (T), at least 8
    n_hashes : independent codes of a cell (L)
    n_dims : dimensions of the reduced space, at most the number of cells and of selected genes
    transform : of counts that sum to 10^4 a cell: "log", log(x + 1), or "freeman_tukey", sqrt(x) + sqrt(x + 1); or
        "none" for values that have been normalised already: neither scaled nor transformed
    stats : whose means and variances standardise a query: "database" (each cell's answer is its own), "query" (the
        batch's own, at least 2 cells: how the paper's version worked), "both" (pooled)
    min_features : select at least so many genes, where that many vary; None for a tenth
    include_genes, exclude_genes : names of genes to select or leave out in any case
    seed : of the decomposition and of the hyperplanes
    n_tables, layout : of each multi-index, see `schash.mih`; layout "fast" takes four times the memory,
        "linear" scans all codes
    n_threads : threads of all that is compiled; None takes all
    progress : show a bar where standard error is a terminal

    Attributes
    ----------
    genes_ : (n_selected,) names of the selected genes
    n_cells_ : cells in the database
    singular_values_ : (n_dims,) of the standardised matrix

    Notes
    -----
    Neighbours are ordered by (total Hamming distance over the hashes, row). The same seed and cells give the same
    numbers, whatever the number of threads, the size of the blocks in which cells are read, and the other cells of a
    query (with stats="database").
    """

    def __init__(
        self,
        n_bits: int = 128,
        n_hashes: int = 4,
        n_dims: int = 50,
        transform: str = "log",
        stats: str = "database",
        min_features: int | None = None,
        include_genes: Sequence[str] = (),
        exclude_genes: Sequence[str] = (),
        seed: int = 0,
        n_tables: int | None = None,
        layout: str = "compact",
        n_threads: int | None = None,
        progress: bool = False,
    ) -> None:
        self.n_bits = n_bits
        self.n_hashes = n_hashes
        self.n_dims = n_dims
        self.transform = transform
        self.stats = stats
        self.min_features = min_features
        self.include_genes = include_genes
        self.exclude_genes = exclude_genes
        self.seed = seed
        self.n_tables = n_tables
        self.layout = layout
        self.n_threads = n_threads
        self.progress = progress

    def fit(self, X: Cells, y: Any = None, *, genes: Any = None) -> Self:
        """Build the database.

        Parameters
        ----------
        X : (n_cells, n_genes) counts: CSR, dense, an AnnData's X, or `CellChunks`, which are read twice, block by block
        y : ignored
        genes : (n_genes,) names; None only where X carries them (DataFrame, AnnData, `CellChunks` of a file)

        Raises
        ------
        DataError
            for negative, infinite or NaN counts, repeated or unknown gene names, or fewer cells or selected genes than
            n_dims
        ConfigError
            for parameters that are none
        """
        check_options(self)
        chunks = as_chunks(X, genes)
        names = check_genes(_names_of(chunks), chunks.shape[1])
        with numba_threads(self.n_threads):
            reduction, cells = fit_reduction(self, chunks, names)
            hashes = make_hashes(self)
            indexes = make_indexes(self, hash_cells(reduction, hashes, cells))
        # Only now, so that a fit that fails leaves what was there
        self._reduction, self._hashes, self._indexes, self._layout = reduction, hashes, indexes, self.layout
        self.genes_, self.n_cells_ = self._reduction.genes, cells.shape[0]
        self.singular_values_ = self._reduction.singular_values
        return self

    def search(self, X: Cells, k: int = 10, *, genes: Any = None) -> Neighbors:
        """The k cells of the database nearest to each query cell.

        Each hash nominates its k nearest cells; all nominated are ordered by (total distance over all hashes, row).

        Parameters
        ----------
        X : (n_query, n_genes) counts as for `fit`
        genes : (n_genes,) names, in any order. Selected genes that the query lacks count as at the database's mean;
            other genes are left out

        Returns
        -------
        Neighbors
            distances are out of n_bits * n_hashes; `n_candidates` and `n_lookups` are summed over the hashes

        Raises
        ------
        DataError
            for counts or names as in `fit`, or a query without a single selected gene
        """
        check_k(k)
        return self.search_codes(self.encode(X, genes=genes), k)

    def search_codes(self, codes: Sequence[BitCodes], k: int = 10) -> Neighbors:
        """`search` for codes that `encode` gave, one `BitCodes` a hash."""
        check_is_fitted(self, "genes_")
        check_k(k)
        known = min(int(k), self.n_cells_)
        found = self._found(codes, known)
        with numba_threads(self.n_threads):
            nearest = rank_candidates(found, codes, self._indexes, known)
        far = sum(index.n_bits for index in self._indexes) + 1
        return padded(nearest, int(k), far=far)

    def nominate(self, codes: Sequence[BitCodes], k: int = 10) -> Nominations:
        """What each hash nominates for codes that `encode` gave, to be merged with that of other shards.

        `merge_nominations` of all shards, and then `Nominations.nearest`, give what `search` of one index of all their
        cells gives.

        Raises
        ------
        DataError
            for the codes of another number of hashes
        """
        check_is_fitted(self, "genes_")
        check_k(k)
        found = self._found(codes, int(k))
        with numba_threads(self.n_threads):
            return nominations(found, codes, self._indexes)

    def same_hashes_over(self, X: Cells, *, genes: Any = None) -> Self:
        """A database of other cells, hashed as these are: the same preprocessing and hyperplanes, codes of its own.

        Nothing is learned from X, so that its codes can be compared with these: of a database that outgrows memory,
        `fit` learns from a sample and makes the first shard, and this makes the others, on as many machines.

        Parameters
        ----------
        X, genes : as for `search`, `CellChunks` included. Selected genes that X lacks count as at the mean

        Raises
        ------
        DataError
            as in `search`
        ConfigError
            if a query's statistics are its own (stats="query" or "both"): codes of shards would not be comparable
        """
        check_is_fitted(self, "genes_")
        if self.stats != "database":
            message = f"shards need stats='database', so that all are standardised alike; got {self.stats!r}"
            raise ConfigError(message)
        shard = copy.copy(self)
        codes = self.encode(X, genes=genes)
        with numba_threads(self.n_threads):
            shard._indexes = make_indexes(self, codes)
        shard._layout, shard.n_cells_ = self.layout, len(codes[0])
        return shard

    def encode(self, X: Cells, *, genes: Any = None) -> list[BitCodes]:
        """Codes of cells, one `BitCodes` a hash. Parameters and errors as in `search`."""
        check_is_fitted(self, "genes_")
        words: list[list[np.ndarray]] = [[hash_.encode(_no_points(hash_)).words] for hash_ in self._hashes]
        for points in self._points(X, genes):
            for hash_, of_hash in zip(self._hashes, words, strict=True):
                of_hash.append(hash_.encode(points, n_threads=self.n_threads).words)
        return [
            BitCodes(np.vstack(of_hash), hash_.n_bits)
            for hash_, of_hash in zip(self._hashes, words, strict=True)
        ]

    def reduce(self, X: Cells, *, genes: Any = None) -> np.ndarray:
        """Cells in the reduced space, (n_cells, n_dims) float32. Parameters and errors as in `search`."""
        check_is_fitted(self, "genes_")
        return np.vstack([_no_points(self._hashes[0]), *self._points(X, genes)])

    def angles(self, neighbors: Neighbors) -> np.ndarray:
        """Estimated angles in radians between queries and neighbours in the reduced space, (n_query, k); NaN for none.

        pi d / (T L); the cosine of it estimates the correlation-like similarity of the two cells.
        """
        check_is_fitted(self, "genes_")
        angles = estimated_angles(neighbors.distances, sum(hash_.n_bits for hash_ in self._hashes))
        return np.where(neighbors.ids == NO_NEIGHBOR, np.nan, angles)

    def prefix(self, n_hashes: int) -> Self:
        """The same index with only its first hashes, sharing their memory.

        It is what `fit` builds with that `n_hashes`, since a hash does not depend on how many there are.

        Raises
        ------
        DataError
            if there are not so many hashes
        """
        check_is_fitted(self, "genes_")
        if not 1 <= n_hashes <= len(self._hashes):
            message = f"n_hashes must be between 1 and {len(self._hashes)}, got {n_hashes}"
            raise DataError(message)
        shorter = copy.copy(self)
        shorter.n_hashes = n_hashes
        for name in ("_hashes", "_indexes"):
            setattr(shorter, name, getattr(self, name)[:n_hashes])
        return shorter

    @property
    def nbytes(self) -> int:
        """Memory of the codes, their indexes, the hyperplanes and the preprocessing."""
        check_is_fitted(self, "genes_")
        parts = [*self._indexes, *(hash_.normals for hash_ in self._hashes), self._reduction]
        return sum(part.nbytes for part in parts)

    def save(self, path: str | Path, *, compression: Any = None) -> None:
        """Write the index into one file, whole or not at all; compression is None, "gzip" or "zstd"."""
        from schash._cellfishing_state import save_index

        check_is_fitted(self, "genes_")
        save_index(self, path, compression=compression)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote, mapped into memory where it is not compressed.

        Raises
        ------
        ModelFileError
            if the file is missing, foreign, damaged, or of a newer version
        """
        from schash._cellfishing_state import load_index

        return load_index(cls, path)

    def _to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        from schash._cellfishing_state import to_arrays

        check_is_fitted(self, "genes_")
        return to_arrays(self)

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> Self:
        from schash._cellfishing_state import from_arrays

        return from_arrays(cls, arrays, description)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def _found(self, codes: Sequence[BitCodes], k: int) -> list[Neighbors]:
        """The k nearest by each hash."""
        if len(codes) != len(self._indexes):
            message = f"the index has {len(self._indexes)} hashes, got the codes of {len(codes)}"
            raise DataError(message)
        return [
            index.search(queries, k, n_threads=self.n_threads)
            for index, queries in zip(self._indexes, codes, strict=True)
        ]

    def _points(self, X: Cells, genes: Any) -> Iterator[np.ndarray]:
        check_options(self)
        chunks = as_chunks(X, genes)
        with numba_threads(self.n_threads):
            yield from self._reduction.points(chunks, _names_of(chunks), stats=cast(Stats, self.stats))


def _no_points(hash_: SignHash) -> np.ndarray:
    return np.empty((0, hash_.n_dims), np.float32)


def _names_of(chunks: CellChunks) -> np.ndarray:
    """Gene names of the columns; `DataError` where there are none, or a wrong number."""
    if chunks.genes is None or chunks.genes.shape != chunks.shape[1:]:
        found = "no names" if chunks.genes is None else f"got shape {chunks.genes.shape}"
        message = f"genes must hold one name per column: {chunks.shape[1]:,} columns, {found}"
        raise DataError(message)
    return chunks.genes
