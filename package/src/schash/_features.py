"""From expression values to what the network takes: transforms, gene filter and, for the compact preset, a
fixed projection.

The projection is the leading singular directions of the training cells, estimated without their labels. A
learned layer of genes x width weights memorises rare genes when there are a few thousand cells, and costs
seconds an epoch; on the leading directions the layers behind train in seconds.

Two views of the same cells, such as log1p+scaled_log, are two transforms side by side. Their difference
carries the size of a cell's library, and a projection of each keeps directions that the other buries.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from schash._presets import Options, views_of
from schash.errors import DataError
from schash.preprocess import transform
from schash.values import LINEAR, ValuesKind

CHUNK = 2048
"""Cells that are made dense at a time."""


@dataclass(frozen=True)
class Features:
    """Fitted on training cells; applied to any.

    views : transforms; kept : (n_kept,) columns of genes in use; bases : per view (n_kept, r) float32, or
        none where the network
    takes the genes themselves; offsets : per view (r,) float32
    """

    views: tuple[str, ...]
    values: ValuesKind
    kept: np.ndarray
    bases: tuple[np.ndarray, ...]
    offsets: tuple[np.ndarray, ...]

    @property
    def n_features(self) -> int:
        """Number of inputs of the network."""
        if self.bases:
            return sum(basis.shape[1] for basis in self.bases)
        return len(self.kept) * len(self.views)

    def __call__(self, X: sparse.csr_matrix) -> np.ndarray | sparse.csr_matrix:
        """Inputs of the network of (n, n_genes) cells.

        (n, n_features) float32, CSR where there is no projection.
        """
        tables = _views(X, self.views, self.values, self.kept)
        if not self.bases:
            return tables[0] if len(tables) == 1 else sparse.csr_matrix(sparse.hstack(tables))
        parts = [csr_times_dense(t, b) - o for t, b, o in zip(tables, self.bases, self.offsets, strict=True)]
        return np.concatenate(parts, axis=1)


def fit_features(X: sparse.csr_matrix, values: ValuesKind, options: Options, *, seed: int) -> Features:
    """Choose genes and, if the options ask for it, estimate the projection from (n, n_genes) training cells.

    Raises
    ------
    DataError
        if no gene is seen in enough training cells
    """
    # Kinds that no transform changes would give the same view twice
    views = views_of(options.input) if values in LINEAR else ("raw",)
    min_cells = min(options.min_cells, X.shape[0])
    n_cells = np.bincount(X.indices[X.data != 0], minlength=X.shape[1])  # (n_genes,)
    kept = np.flatnonzero(n_cells >= min_cells)
    if not len(kept):
        message = (
            f"no gene is seen in {min_cells} of the {X.shape[0]} training cells: is this the right matrix?"
        )
        raise DataError(message)
    bases, offsets = [], []
    if options.projection is not None:
        n_components = max(1, options.projection // len(views))
        for table in _views(X, views, values, kept):
            basis, offset = _fit_projection(table, n_components, seed=seed)
            bases.append(basis)
            offsets.append(offset)
    return Features(views, values, kept, tuple(bases), tuple(offsets))


def csr_times_dense(X: sparse.csr_matrix, dense: np.ndarray) -> np.ndarray:
    """X @ dense for (n, n_genes) CSR, (n, r) float32: in dense pieces, where BLAS uses all threads.

    At the 5 - 20% of non-zeros of real cells, that beats a sparse product, which waits for memory.
    """
    out = np.empty((X.shape[0], dense.shape[1]), dtype=np.float32)
    right = torch.from_numpy(dense)
    for start in range(0, X.shape[0], CHUNK):
        piece = torch.from_numpy(X[start : start + CHUNK].toarray())
        torch.mm(piece, right, out=torch.from_numpy(out[start : start + CHUNK]))
    return out


def _views(
    X: sparse.csr_matrix, views: tuple[str, ...], values: ValuesKind, kept: np.ndarray
) -> list[sparse.csr_matrix]:
    # Scaling goes by all genes of a cell; the filter comes after it
    tables = [transform(X, view, values=values) for view in views]  # type: ignore[arg-type]
    return [table if len(kept) == X.shape[1] else table[:, kept] for table in tables]


def _fit_projection(X: sparse.csr_matrix, n_components: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Basis and offset such that x @ basis - offset has mean 0, and mean square 1 over all coordinates
    together.

    X is centred after the projection, so that it stays sparse. One scale for all coordinates, not one each:
    small components stay small, which is the shrinkage that works.
    """
    n_components = min(n_components, *X.shape)
    _, _, directions = randomized_svd(X, n_components, n_iter=2, random_state=seed)  # (r, n_genes)
    basis = np.ascontiguousarray(directions.T, dtype=np.float32)  # (n_genes, r)
    coordinates = csr_times_dense(X, basis)
    offset = coordinates.mean(axis=0)
    root_mean_square = float(np.sqrt(np.square(coordinates - offset).mean()))
    scale = np.float32(1 / root_mean_square if root_mean_square > 0 else 1)
    return basis * scale, offset * scale
