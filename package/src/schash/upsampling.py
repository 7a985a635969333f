"""As many cells as wanted, made of a few.

A cell is drawn with replacement and each of its molecules kept with a probability of that copy's own (binomial
thinning: what a shallower run of the same cell would have seen), so that no two copies are the same. Values that are no
counts have no molecules to leave out: their copies are plain. Blocks are made when they are asked for; a million cells
never lie in memory as counts.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from schash._upsampling_kernels import thin_rows
from schash.cell_chunks import CellChunks
from schash.seeds import derive_seed
from schash.values import ValuesKind

KEPT = (0.5, 0.9)
"""A copy keeps each molecule with a probability from this range."""
BLOCK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Originals:
    """Cells to draw from.

    name : of the data set, which the draws depend on; X : (n, n_genes) CSR; genes : (n_genes,) str
    """

    name: str
    X: sparse.csr_matrix
    genes: np.ndarray


@dataclass(eq=False)
class Upsampled:
    """n cells made of a few. Rows come in blocks of BLOCK_ROWS, each the same whenever it is asked for.

    thin : False for plain copies
    seconds : spent making cells so far
    passes : (clock, seconds) at the end of each pass over the cells
    """

    base: Originals
    n: int
    seed: int
    thin: bool = True
    seconds: float = 0.0
    passes: list[tuple[float, float]] = field(default_factory=list)

    def chunks(self) -> CellChunks:
        """As an index takes them."""
        shape = (self.n, self.base.X.shape[1])
        return CellChunks(self.read, shape, genes=self.base.genes, chunk_rows=BLOCK_ROWS)

    def matrix(self) -> sparse.csr_matrix:
        """All in memory at once."""
        blocks = [self.read(start, stop) for start, stop in self._blocks()]
        return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))

    def originals(self) -> np.ndarray:
        """(n,) rows of the base that the cells are copies of."""
        return np.concatenate([self._drawn(start, stop)[0] for start, stop in self._blocks()])

    def _blocks(self) -> list[tuple[int, int]]:
        return [(start, min(self.n, start + BLOCK_ROWS)) for start in range(0, self.n, BLOCK_ROWS)]

    def _drawn(self, start: int, stop: int) -> tuple[np.ndarray, np.random.Generator]:
        rng = np.random.default_rng(derive_seed("bench", self.base.name, self.seed, start))
        return rng.integers(0, self.base.X.shape[0], stop - start), rng

    def read(self, start: int, stop: int) -> sparse.csr_matrix:
        """Cells start to stop - 1; `start` in whole blocks, since a block has a seed of its own."""
        began = time.perf_counter()
        rows, rng = self._drawn(start, stop)
        block = self.base.X[rows]
        if self.thin:
            block = thinned(block, rng.uniform(*KEPT, stop - start), rng)
        now = time.perf_counter()
        self.seconds += now - began
        if stop == self.n:
            self.passes.append((now, self.seconds))
        return block


def can_thin(values: ValuesKind) -> bool:
    """Whether these values are numbers of molecules."""
    return values == "counts"


def thinned(X: sparse.csr_matrix, kept: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    """Counts of which row i keeps each molecule with probability kept[i]; X is written over."""
    thin_rows(X.data, X.indptr, kept, rng)
    X.eliminate_zeros()
    return X
