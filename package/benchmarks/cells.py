"""Real cells, of which `schash.upsampling` makes as many as wanted."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from schash.data.cells import LabelledCells
from schash.data.fetch import fetch_source
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.data.simulate import simulate
from schash.upsampling import Originals
from schash.values import ValuesKind

ROOT = Path(__file__).parents[2]
REAL = "zheng_sorted"
EMBEDDED = "pbmc68k_reduced"


@dataclass(frozen=True, eq=False)
class BaseCells(Originals):
    """Cells to draw from, with their types.

    labels : (n,) str
    """

    labels: np.ndarray
    values: ValuesKind

    def part(self, rows: np.ndarray) -> "BaseCells":
        """Some of them."""
        return BaseCells(self.name, self.X[rows], self.genes, self.labels[rows], self.values)


def counted_cells() -> BaseCells:
    """Real counts where SCHASH_MIRROR says where they are, else the simulator's."""
    if "SCHASH_MIRROR" in os.environ:
        return _registered(REAL)
    return _base("simulated cells", simulate(4000, 5000, 12, seed=0))


def labelled_cells() -> BaseCells:
    """Real cells with types: those of the mirror, else the 700 log-normalised ones that are always there."""
    return _registered(REAL if "SCHASH_MIRROR" in os.environ else EMBEDDED)


def _registered(name: str) -> BaseCells:
    registry = load_registry(ROOT / "config/datasets.yaml")
    source = registry.source_of(name)
    files = {}
    if source is not None:
        mirror = os.environ.get("SCHASH_MIRROR")
        fetched = fetch_source(source, cache_dir=ROOT / "results/downloads", mirror=mirror, progress=False)
        files = {one.file: Path(one.path) for one in fetched}
    loaded = load_dataset(registry.dataset(name), files)
    assert isinstance(loaded, LabelledCells)
    return _base(name, loaded)


def _base(name: str, loaded: LabelledCells) -> BaseCells:
    known = np.flatnonzero(loaded.labels.notna())
    cells = loaded.cells[known]
    X = sparse.csr_matrix(cells.X)
    return BaseCells(
        name,
        X,
        cells.var_names.to_numpy(str),
        pd.Series(loaded.labels.iloc[known]).to_numpy(str),
        cells.uns["values"],
    )
