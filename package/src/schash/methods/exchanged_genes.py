"""CellFishing and scmap-cell, each on the genes that the other selects (CellFishing.jl, "Self-mapping evaluation").

Everything but the choice of genes is the method's own. scmap-cell's genes are 500 by dropout of log counts, those of
CellFishing all of high maximum (`schash.dropout_selection`, `schash.gene_selection`); both are chosen on the training
cells alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from schash.cell_chunks import as_chunks
from schash.cellfishing import CellFishing
from schash.dropout_selection import select_by_dropout
from schash.gene_selection import gene_ranges, select_genes
from schash.methods.cellfishing import CellFishingAnnotator
from schash.methods.contract import TrainingCells
from schash.methods.scmap import ScmapCell
from schash.preprocess import log1p_counts


class CellFishingOnDropoutGenes(CellFishingAnnotator):
    """`CellFishingAnnotator` on the genes that scmap-cell selects.

    n_features : how many; other parameters are those of `CellFishingAnnotator`
    """

    def __init__(self, *, n_features: int = 500, seed: int = 0, **parameters: Any) -> None:
        super().__init__(seed=seed, **parameters)
        self.n_features = n_features
        self._seed = seed

    def fit(self, train: TrainingCells) -> "CellFishingOnDropoutGenes":
        chosen = select_by_dropout(log1p_counts(train.X, values=train.values), self.n_features)
        kept = on_genes(train, chosen)
        # all of them: its own rule would keep a tenth
        options = {**self._parameters, "include_genes": kept.genes.tolist()}
        self._index = CellFishing(seed=self._seed, **options)
        super().fit(kept)
        return self


class ScmapCellOnHighGenes(ScmapCell):
    """`ScmapCell` on the genes that CellFishing selects, whose number is the data's.

    min_features : of `schash.CellFishing`; other parameters are those of `ScmapCell`
    """

    def __init__(self, *, min_features: int | None = None, seed: int = 0, **parameters: Any) -> None:
        super().__init__(seed=seed, **parameters)
        self.min_features = min_features

    def fit(self, train: TrainingCells) -> "ScmapCellOnHighGenes":
        ranges = gene_ranges(as_chunks(train.X, train.genes), len(train.genes))
        chosen = np.flatnonzero(select_genes(ranges, min_features=self.min_features))
        self.n_features = len(chosen)
        super().fit(on_genes(train, chosen))
        return self


def on_genes(train: TrainingCells, columns: np.ndarray) -> TrainingCells:
    """The same cells with only those genes."""
    return replace(train, X=train.X[:, columns], genes=train.genes[columns])
