"""SingleCellNet: a random forest on which gene of a pair is the larger within a cell (Tan & Cahan 2019).

What follows is the paper's top-pair classifier as its R code has it (functions findClassyGenes, ptGetTop and
sc_makeClassifier), with the settings of Abdelaal 2019, which are the defaults of those functions:

1. class genes: counts scaled to 10,000 a cell, what is below 0.25 set to 0, ln(1 + x); genes that enough cells have;
   of these, for each type, the 25 that correlate with it most and the 25 that do so least (`schash.top_pairs`)
2. top pairs: of all pairs of class genes, for each type the 50 whose order correlates with it most, each gene in at
   most 3; a pair is compared in the order in which its genes were found
3. features: 1 where the first gene of a pair exceeds the second, else 0. Neither scaling nor logarithm changes that
4. 70 random profiles, made by shuffling the features, stand for a cell of none of the types
5. random forest: 2,000 trees, bootstrap samples, sqrt(p) features a split, leaves down to one cell: the defaults of
   R's randomForest. A cell takes the type with most votes, and is unassigned where the random profiles have more

Cells a type: the authors train on a balanced sample (100 cells a type in their example), Abdelaal on all cells of the
training folds, as is the default here. `cells_per_type` gives the authors' protocol, and keeps the forest small on many
cells. The R code can also draw as many cells of each type for each tree; it leaves that off, and so does this.

Departures
    - a tree has one vote, as in R; it goes to the first type by name where a leaf holds equally many of two (R: drawn)
    - where all features drawn at a split are constant, scikit-learn draws on, and R stops
    - random profiles are drawn with replacement. They are the last class, so that they lose every tie
    - class genes are found among types by name, not in the order in which the cells have them; constant features are
      never chosen; where there are fewer genes or pairs than asked for, all are taken (R stops)
    - a gene that the query lacks counts as 0 (R stops); Abdelaal's wrapper found class genes on unscaled counts
    - values that are not counts are taken as they are in step 1

Memory: trees x leaves of a tree x types x 16 bytes; 0.5 GB for 2,000 cells of 37 types.
"""

import numpy as np
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier

from schash.errors import ConfigError, DataError
from schash.methods.contract import Predictions, QueryCells, TrainingCells
from schash.metrics.annotation import UNASSIGNED
from schash.preprocess import TARGET_SUM, scaled_log1p
from schash.timing import available_threads
from schash.top_pairs import class_genes, pair_features, shuffled_profiles, top_pairs
from schash.values import LINEAR, ValuesKind

LEAST = 0.25
"""Counts a cell, once scaled to 10,000, below which a gene counts as absent when class genes are sought."""
BLOCK = 4096
"""Query cells at a time: each has a leaf in every tree."""


class SingleCellNet:
    """Top-pair random forest. Margin: share of the trees that vote for the best type."""

    def __init__(
        self,
        *,
        n_genes: int = 25,
        n_pairs: int = 50,
        n_random: int = 70,
        n_trees: int = 2000,
        cells_per_type: int | None = None,
        reject: bool = True,
        seed: int = 0,
    ) -> None:
        sizes = {"n_genes": n_genes, "n_pairs": n_pairs, "n_random": n_random, "n_trees": n_trees}
        if cells_per_type is not None:
            sizes["cells_per_type"] = cells_per_type
        for name, value in sizes.items():
            least = 0 if name == "n_random" and not reject else 1
            if not isinstance(value, int) or value < least:
                message = f"singlecellnet: {name} must be a whole number of at least {least}, got {value!r}"
                raise ConfigError(message)
        self.n_genes = n_genes
        self.n_pairs = n_pairs
        self.n_random = n_random
        self.n_trees = n_trees
        self.cells_per_type = cells_per_type
        self.reject = reject
        self.seed = seed

    def fit(self, train: TrainingCells) -> "SingleCellNet":
        rng = np.random.default_rng(self.seed)
        self._types, type_of = np.unique(train.y, return_inverse=True)
        X = train.X
        if self.cells_per_type is not None:
            rows = _at_most(type_of, self.cells_per_type, rng)
            X, type_of = X[rows], type_of[rows]
        columns = class_genes(_for_class_genes(X, train.values), type_of, self.n_genes)
        values = X[:, columns].toarray()
        self._genes = train.genes[columns]
        self._pairs = top_pairs(values, type_of, self.n_pairs)
        if not len(self._pairs):
            message = (
                f"singlecellnet: no pair of genes tells the types apart; {len(columns)} of {X.shape[1]:,} genes are "
                "detected in enough cells and differ between types"
            )
            raise DataError(message)
        features = pair_features(values, self._pairs)
        random = shuffled_profiles(features, self.n_random, rng)
        classes = np.append(type_of, np.repeat(len(self._types), self.n_random))
        self._forest = RandomForestClassifier(
            self.n_trees, max_features="sqrt", random_state=self.seed, n_jobs=available_threads()
        ).fit(np.concatenate([features, random]), classes)
        self._class_of_leaf = [tree.tree_.value[:, 0].argmax(axis=1) for tree in self._forest.estimators_]
        return self

    def predict(self, query: QueryCells) -> Predictions:
        X = query.on(self._genes).X
        votes = np.concatenate([self._votes(X[i : i + BLOCK]) for i in range(0, X.shape[0], BLOCK)])
        best = votes[:, : len(self._types)].argmax(axis=1)
        top = votes[np.arange(len(votes)), best]
        labels = self._types.astype(object)[best]
        if self.reject:
            labels[votes[:, -1] > top] = UNASSIGNED
        return Predictions.of(labels, top / self.n_trees)

    def _votes(self, X: sparse.csr_matrix) -> np.ndarray:
        """Trees that vote for each type, and last for the random profiles: (n_cells, n_types + 1).

        Whole votes: scikit-learn's mean of probabilities would depend on the order in which threads add them up.
        """
        self._forest.set_params(n_jobs=available_threads())
        leaves = self._forest.apply(pair_features(X.toarray(), self._pairs))
        votes = np.zeros((X.shape[0], len(self._types) + 1), np.int32)
        cells = np.arange(X.shape[0])
        for tree, class_of_leaf in enumerate(self._class_of_leaf):
            votes[cells, class_of_leaf[leaves[:, tree]]] += 1
        return votes


def _for_class_genes(X: sparse.csr_matrix, values: ValuesKind) -> sparse.csr_matrix:
    """Step 1's values: scaled, without what is too little, ln(1 + x); of other kinds than counts, as they are."""
    scaled = scaled_log1p(X, values=values, target_sum=TARGET_SUM)
    if values not in LINEAR:
        return scaled
    kept = np.where(scaled.data < np.log1p(np.float32(LEAST)), np.float32(0), scaled.data)
    return sparse.csr_matrix((kept, scaled.indices, scaled.indptr), shape=scaled.shape)


def _at_most(type_of: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a sample of at most n cells of each type, ascending."""
    rows = [np.flatnonzero(type_of == one) for one in range(type_of.max() + 1)]
    return np.sort(np.concatenate([rng.choice(own, min(n, len(own)), replace=False) for own in rows]))
