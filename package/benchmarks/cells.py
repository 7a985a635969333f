"""Real cells, and as many as wanted made of them.

A cell is drawn with replacement and each of its molecules kept with a probability of that copy's own (binomial
thinning: what a shallower run of the same cell would have seen), so that no two copies are the same. Blocks are made
when they are asked for; a million cells never lie in memory as counts.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks._cells_kernels import thin_rows
from schash.cell_chunks import CellChunks
from schash.data.cells import LabelledCells
from schash.data.fetch import fetch_source
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.data.simulate import simulate
from schash.seeds import derive_seed
from schash.values import ValuesKind

ROOT = Path(__file__).parents[2]
REAL = "zheng_sorted"
EMBEDDED = "pbmc68k_reduced"
KEPT = (0.5, 0.9)
"""A copy keeps each molecule with a probability from this range."""
BLOCK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class BaseCells:
    """Cells to draw from.

    name : of the data set; X : (n, n_genes) CSR; labels : (n,) str; genes : (n_genes,) str
    """

    name: str
    X: sparse.csr_matrix
    labels: np.ndarray
    genes: np.ndarray
    values: ValuesKind

    def part(self, rows: np.ndarray) -> "BaseCells":
        """Some of them."""
        return BaseCells(self.name, self.X[rows], self.labels[rows], self.genes, self.values)


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
    return _base(name, load_dataset(registry.dataset(name), files))


def _base(name: str, loaded: LabelledCells) -> BaseCells:
    known = np.flatnonzero(loaded.labels.notna())
    cells = loaded.cells[known]
    X = sparse.csr_matrix(cells.X)
    return BaseCells(
        name,
        X,
        pd.Series(loaded.labels.iloc[known]).to_numpy(str),
        cells.var_names.to_numpy(str),
        cells.uns["values"],
    )


@dataclass(eq=False)
class Upsampled:
    """n cells made of a few. Rows come in blocks of BLOCK_ROWS, each the same whenever it is asked for.

    seconds : spent making cells so far
    passes : (clock, seconds) at the end of each pass over the cells
    """

    base: BaseCells
    n: int
    seed: int
    seconds: float = 0.0
    passes: list[tuple[float, float]] = field(default_factory=list)

    def chunks(self) -> CellChunks:
        """As an index takes them."""
        shape = (self.n, self.base.X.shape[1])
        return CellChunks(self._read, shape, genes=self.base.genes, chunk_rows=BLOCK_ROWS)

    def matrix(self) -> sparse.csr_matrix:
        """All in memory at once."""
        starts = range(0, self.n, BLOCK_ROWS)
        blocks = [self._read(start, min(self.n, start + BLOCK_ROWS)) for start in starts]
        return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))

    def _read(self, start: int, stop: int) -> sparse.csr_matrix:
        began = time.perf_counter()
        rng = np.random.default_rng(derive_seed("bench", self.base.name, self.seed, start))
        drawn = self.base.X[rng.integers(0, self.base.X.shape[0], stop - start)]
        block = thinned(drawn, rng.uniform(*KEPT, stop - start), rng)
        now = time.perf_counter()
        self.seconds += now - began
        if stop == self.n:
            self.passes.append((now, self.seconds))
        return block


def thinned(X: sparse.csr_matrix, kept: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    """Counts of which row i keeps each molecule with probability kept[i]; X is written over."""
    thin_rows(X.data, X.indptr, kept, rng)
    X.eliminate_zeros()
    return X
