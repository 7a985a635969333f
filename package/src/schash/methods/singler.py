"""SingleR: Spearman correlation of each cell with reference cells, then fine-tuning between close types (Aran 2019).

Runs the package `singler`, the Python front of the C++ code that today's R package runs too. For each ordered pair of
types, marker genes; on the union of them, the correlation of a query cell with every training cell; a type's score is
the 0.8 quantile of the correlations with its cells. Types whose score is within 0.05 of the best are compared again on
their own markers alone, until one is left or no more fall out. Settings are the defaults of `singler` and of the R
package; the first release of 2019, which Abdelaal 2019 ran, took the 0.9 quantile.

"classic" markers are those of the paper: for types a and b the 500 (2/3)^log2(M) genes whose median in a exceeds that
in b the most. They were made for bulk references: a gene that most cells of a type lack has a median of 0. Abdelaal ran
the method so, hence the default here. `markers="auc"` and `"cohens_d"` take the 10 best genes a pair by rank or by
standardised difference, as the method's authors now advise for single cells. They need the package `scranpy`.

Departures
    - markers come from counts scaled to 10,000 a cell and ln(1 + x), as the method's manual asks; Abdelaal's wrapper
      handed over raw counts. Query cells are taken as they are, since only ranks within a cell count
    - nothing is pruned: every cell gets a type, as in Abdelaal's run
    - the package can also average the reference cells of a type, for speed; it then fails on types of a few cells, and
      is not offered

Where a query lacks genes, the markers are chosen again among those that it has, as SingleR does, from the training
cells alone. Time grows with training cells times query cells times markers.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import singler
from scipy import sparse

from schash.errors import ConfigError, DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.timing import available_threads

Markers = Literal["classic", "auc", "cohens_d"]


@dataclass(frozen=True, eq=False)
class _Reference:
    """What `singler` built, and the genes that it wants the query on."""

    built: singler.TrainedSingleReference
    genes: np.ndarray


class SingleR:
    """SingleR with the training cells as its reference.

    quantile : of a type's correlations, its score
    fine_tune : types within this of the best score are compared again; 0 takes the best at once
    markers, n_markers : how genes are chosen for a pair of types, and how many (None: as many as the method's authors)

    Margin: score of the best type minus that of the next, in the last round that the cell went through.
    """

    def __init__(
        self,
        *,
        quantile: float = 0.8,
        fine_tune: float = 0.05,
        markers: Markers = "classic",
        n_markers: int | None = None,
        seed: int = 0,
    ) -> None:
        _check(quantile, fine_tune, markers, n_markers)
        self.quantile = quantile
        self.fine_tune = fine_tune
        self.markers = markers
        self.n_markers = n_markers
        self.seed = seed  # nothing here is random; the contract hands every method a seed

    def fit(self, train: TrainingCells) -> "SingleR":
        self._genes = train.genes
        self._X = scaled_log1p(train.X, values=train.values)
        self._y = train.y.tolist()
        self._reference = self._build(np.arange(len(train.genes)))
        return self

    def predict(self, query: QueryCells) -> Predictions:
        query = _with_known_genes(query, self._genes)
        reference = self._reference
        if len(query.genes) < len(self._genes):
            reference = self._build(np.flatnonzero(np.isin(self._genes, query.genes)))
        result = singler.classify_single(
            _genes_by_cells(query.on(reference.genes).X),
            reference.built,
            quantile=self.quantile,
            fine_tune_threshold=self.fine_tune,
            num_threads=available_threads(),
        )
        return Predictions.of(np.array(result["best"], dtype=str), result["delta"])

    def _build(self, columns: np.ndarray) -> _Reference:
        """The reference on some of the training genes."""
        X, genes = self._X[:, columns], self._genes[columns]
        options: dict[str, Any] = {"marker_method": self.markers, "num_de": self.n_markers}
        if self.markers == "classic":
            # The package looks up the genes of each pair of types among all genes. With 37 types and 22,262 genes that
            # is most of the training time, so it is shown only those that are a marker of any pair.
            markers, chosen = self._classic_markers(X, genes)
            X, genes, options = X[:, chosen], genes[chosen], {"markers": markers}
        built = singler.train_single(
            _genes_by_cells(X),
            self._y,
            genes.tolist(),
            check_missing=False,
            num_threads=available_threads(),
            **options,
        )
        if built.num_markers() == 0:
            hint = "; markers: auc does not go by medians" if self.markers == "classic" else ""
            message = f"singler: none of {len(columns):,} genes is a {self.markers} marker of any type{hint}"
            raise DataError(message)
        return _Reference(built, genes)

    def _classic_markers(
        self, X: sparse.csr_matrix, genes: np.ndarray
    ) -> tuple[dict[str, dict[str, list]], np.ndarray]:
        """Markers of each ordered pair of types, and a mask of the genes that are one."""
        markers = singler.get_classic_markers(
            _genes_by_cells(X),
            self._y,
            genes.tolist(),
            check_missing=False,
            num_de=self.n_markers,
            num_threads=available_threads(),
        )
        used = {gene for others in markers.values() for names in others.values() for gene in names}
        return markers, np.isin(genes, sorted(used))


def _genes_by_cells(X: sparse.csr_matrix) -> sparse.csc_matrix:
    """(n_genes, n_cells), the layout of the package, each index once and ascending; no copy where X has them so."""
    turned = sparse.csc_matrix(X.T)
    if not turned.has_canonical_format:
        turned = turned.copy()
        turned.sum_duplicates()
    return turned


def _with_known_genes(query: QueryCells, genes: np.ndarray) -> QueryCells:
    """The query on those of `genes` that it has, in the order of `genes`."""
    shared = genes[np.isin(genes, query.genes)]
    return query.on(shared if len(shared) else genes)  # which says what is wrong where they share none


def _check(quantile: float, fine_tune: float, markers: str, n_markers: int | None) -> None:
    if not isinstance(quantile, int | float) or not 0 <= quantile <= 1:
        message = f"singler: quantile must be from 0 to 1, got {quantile!r}"
        raise ConfigError(message)
    if not isinstance(fine_tune, int | float) or not fine_tune >= 0:
        message = f"singler: fine_tune must be a difference of scores of at least 0, got {fine_tune!r}"
        raise ConfigError(message)
    if markers not in get_args(Markers):
        message = f"singler: markers {markers!r} is not known; allowed: {', '.join(get_args(Markers))}"
        raise ConfigError(message)
    if n_markers is not None and (not isinstance(n_markers, int) or n_markers < 1):
        message = f"singler: n_markers must be a whole number of at least 1, or none, got {n_markers!r}"
        raise ConfigError(message)
    if markers != "classic" and importlib.util.find_spec("scranpy") is None:
        message = f"singler: markers: {markers} needs the package scranpy; pip install scranpy"
        raise ConfigError(message)
