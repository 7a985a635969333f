"""Batch correction by mutual nearest neighbours: Haghverdi et al., Nature Biotechnology 36:421 (2018).

Follows `mnnCorrect` of the Bioconductor package batchelor, whose defaults are ours:

    cosine normalisation    every cell divided by its Euclidean length       cos_norm_in, cos_norm_out = True
    pairs                   each among the other's k nearest, Euclidean      k = 20
    correction vectors      Gaussian mean of the pair differences            sigma = 0.1        `_mnn_kernel`
    biological subspace     may be taken out of the vectors                  svd_dim = 0 (off)  `biological_span`
    variance adjustment     vectors stretched until the clouds mix           var_adj = True     `_mnn_variance`

The first batch is the reference and never moves. Each further batch is corrected towards all before it and joins them;
the target comes last, so it changes no reference cell, but its own correction depends on all of its cells.
Labels play no part.

`cos_norm_in` is the scale on which neighbours and kernel distances are found, `cos_norm_out` that on which cells are
corrected and returned. Where they differ, vectors are found on both and each is applied to its own. The variance
adjustment of unnormalised output then sets `sigma` against unnormalised distances, as in batchelor: 0.1 is tiny there,
the few nearest cells decide, and a stretched vector may overshoot. Prefer cosine-normalised output, the default, or
`var_adj=False`.

Departures, none of which changes numbers where batchelor's are well defined: values are stored in float32 (arithmetic
in float64); quantiles tied within 1e-13 count as equal; a correction vector of zeros stays zero, where R returns NaN;
k is lowered to the cells that a batch has and the alignment says so. Not offered: `restrict`, `prop.k`, `subset.row`
with `correct.all`, `auto.merge` and merge trees. Where distances tie at rank k (duplicated cells), scikit-learn
decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from schash._mnn_batches import Batch, check_batches, cosine_normalised, dense_values
from schash._mnn_kernel import GaussianSmoother, anchor_vectors, biological_span, without_biology
from schash._mnn_variance import stretched
from schash.errors import ConfigError, DataError

__all__ = ["Alignment", "Batch", "Merge", "MnnAligner", "mutual_neighbors"]


@dataclass(frozen=True)
class Merge:
    """One merge: `batch` was corrected towards all batches before it."""

    batch: str
    n_reference: int
    n_target: int
    k_reference: int
    k_target: int
    n_pairs: int
    note: str = ""


@dataclass(frozen=True)
class Alignment:
    """Corrected cells. batches : dense float32 (n_cells, n_genes) in the order given, the target last."""

    batches: tuple[np.ndarray, ...]
    merges: tuple[Merge, ...]

    @property
    def target(self) -> np.ndarray:
        return self.batches[-1]

    @property
    def reference(self) -> np.ndarray:
        """All reference batches below one another, in the order given."""
        return np.concatenate(self.batches[:-1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done otherwise than asked."""
        return tuple(merge.note for merge in self.merges if merge.note)


def mutual_neighbors(
    reference: np.ndarray, target: np.ndarray, *, k_reference: int, k_target: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (r, t) of cells, each among the nearest of the other.

    r is among the k_reference nearest reference cells of t, and t among the k_target nearest target cells of r. Returns
    the rows of the reference and of the target, (n_pairs,) each, sorted by target, then by reference.
    """
    of_target = _nearest(reference, target, k_reference)
    of_reference = _nearest(target, reference, k_target)
    n_reference = len(reference)
    forward = (np.arange(len(target))[:, None] * n_reference + of_target).ravel()
    backward = (of_reference * n_reference + np.arange(n_reference)[:, None]).ravel()
    mutual = np.intersect1d(forward, backward, assume_unique=True)
    return mutual % n_reference, mutual // n_reference


def _nearest(database: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    search = NearestNeighbors(n_neighbors=k, algorithm="brute", metric="euclidean")
    return search.fit(database).kneighbors(queries, return_distance=False).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class MnnAligner:
    """Settings of one correction; the defaults are those of mnnCorrect.

    k : mutual nearest neighbours on both sides; sigma : bandwidth, which divides the squared distance;
    svd_dim : dimensions of the biological subspace of either side that vectors lose, 0 for none
    """

    k: int = 20
    sigma: float = 0.1
    cos_norm_in: bool = True
    cos_norm_out: bool = True
    svd_dim: int = 0
    var_adj: bool = True

    def __post_init__(self) -> None:
        _check_whole("k", self.k, least=1)
        _check_whole("svd_dim", self.svd_dim, least=0)
        is_number = isinstance(self.sigma, int | float | np.number) and not isinstance(self.sigma, bool)
        if not (is_number and np.isfinite(self.sigma) and self.sigma > 0):
            message = f"sigma must be a finite number above 0, got {self.sigma!r}"
            raise ConfigError(message)

    def align(self, references: Sequence[Batch], target: Batch) -> Alignment:
        """Correct the references, one after the other, towards the first, and the target towards all of them.

        Raises
        ------
        DataError
            if there is no reference, batches differ in genes, hold NaN or infinities or no cells, share a name, or a
            batch has no mutual nearest neighbour in the others
        """
        batches = [*references, target]
        check_batches(batches)
        cells = [self._scales_of(batch) for batch in batches]
        merges = []
        for i in range(1, len(batches)):
            reference = tuple(_stacked([done[scale] for done in cells[:i]]) for scale in range(len(cells[0])))
            merges.append(self._merge(reference, cells[i], batches[i].name))
        return Alignment(tuple(scales[-1] for scales in cells), tuple(merges))

    def _scales_of(self, batch: Batch) -> tuple[np.ndarray, ...]:
        """The cells on the input scale and, where it is another, on the output scale."""
        values = dense_values(batch)
        if self.cos_norm_in == self.cos_norm_out:
            return (cosine_normalised(values) if self.cos_norm_in else values,)
        normalised = cosine_normalised(values)
        return (normalised, values) if self.cos_norm_in else (values, normalised)

    def _merge(self, reference: tuple[np.ndarray, ...], target: tuple[np.ndarray, ...], name: str) -> Merge:
        """Correct the target in place, on every scale."""
        k_reference, k_target = min(self.k, len(reference[0])), min(self.k, len(target[0]))
        pairs = mutual_neighbors(reference[0], target[0], k_reference=k_reference, k_target=k_target)
        if not len(pairs[0]):
            message = (
                f"batch {name!r} has no mutual nearest neighbours (k = {self.k}) in the batches before it"
            )
            raise DataError(message)
        anchors = np.unique(pairs[1])
        smoother = GaussianSmoother(target[0], anchors, sigma=self.sigma)
        corrections = [
            self._correction(smoother, cells, moved, pairs, anchors)
            for cells, moved in zip(reference, target, strict=True)
        ]
        for moved, correction in zip(target, corrections, strict=True):
            moved += correction
        note = _note(self.k, k_reference, k_target, name)
        return Merge(name, len(reference[0]), len(target[0]), k_reference, k_target, len(pairs[0]), note)

    def _correction(
        self,
        smoother: GaussianSmoother,
        reference: np.ndarray,
        target: np.ndarray,
        pairs: tuple[np.ndarray, np.ndarray],
        anchors: np.ndarray,
    ) -> np.ndarray:
        """One vector a target cell, (n_target, n_genes) float32."""
        vectors = smoother.smooth(anchor_vectors(reference, target, pairs=pairs, anchors=anchors))
        if self.svd_dim:
            paired = (reference[np.unique(pairs[0])], target[anchors])
            vectors = without_biology(
                vectors, tuple(biological_span(cells, self.svd_dim) for cells in paired)
            )
        return stretched(reference, target, vectors, sigma=self.sigma) if self.var_adj else vectors


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _note(k: int, k_reference: int, k_target: int, name: str) -> str:
    if k_reference == k_target == k:
        return ""
    return f"batch {name!r}: k lowered from {k} to {k_reference} reference and {k_target} target cells"


def _check_whole(name: str, value: int, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        message = f"{name} must be a whole number of at least {least}, got {value!r}"
        raise ConfigError(message)
