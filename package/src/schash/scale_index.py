"""CellFishing built stage by stage, with the seconds of each: several widths and indexes of one decomposition.

The steps are those of `CellFishing.fit`, in its order; what is learned before the codes is the same for every width,
and is learned once.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schash._cellfishing_fit import fit_reduction, hash_cells, make_hashes, make_indexes
from schash._cellfishing_options import check_options
from schash._reduction import Reduction
from schash._selected_cells import SelectedCells
from schash._threads import numba_threads
from schash.cellfishing import CellFishing
from schash.hamming import BitCodes
from schash.lsh import SignHash
from schash.methods.contract import few_cells
from schash.scale_cells import Stream
from schash.timing_runs import TimingSettings

CELLFISHING = "schash.methods.cellfishing"
"""Module of the methods that these timings are about."""
NOT_OF_THE_INDEX = ("n_neighbors", "n_threads")
"""Parameters of a method's row that `CellFishing` does not have, or that the job decides."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Preprocessing of a database and its selected counts. Seconds: of the ranges of the genes (the first pass over the
    counts), of selecting and scaling (the second), and of the decomposition; none has the reading in it."""

    reduction: Reduction
    cells: SelectedCells
    select_s: float
    preprocess_s: float
    svd_s: float

    @property
    def seconds(self) -> float:
        return self.select_s + self.preprocess_s + self.svd_s


@dataclass(frozen=True, eq=False)
class Hashed:
    """Codes of a database, and the seconds of projecting and hashing it."""

    hashes: list[SignHash]
    codes: list[BitCodes]
    seconds: float


def cellfishing_of(settings: TimingSettings, threads: int, **changes: Any) -> CellFishing:
    """The index of a method's row, with the seed that its run has on fold 0."""
    kept = {k: v for k, v in settings.row.parameters.items() if k not in NOT_OF_THE_INDEX}
    return CellFishing(**{**kept, **changes}, seed=settings.method_seed, n_threads=threads)


def warm_up(widths: Mapping[int, int], layouts: Sequence[str]) -> None:
    """Load the compiled loops of these widths and indexes."""
    few, query = few_cells()
    for n_bits, n_hashes in widths.items():
        for layout in layouts:
            model = CellFishing(n_bits, n_hashes, n_dims=10, layout=layout, min_features=40)
            model.fit(few.X, genes=few.genes).search(query.X, genes=query.genes)


def learn(model: CellFishing, stream: Stream) -> Learned:
    """What `model` learns from the counts before it hashes."""
    check_options(model)
    chunks = stream.chunks()
    start, read_before = time.perf_counter(), stream.seconds
    assert chunks.genes is not None
    with numba_threads(model.n_threads):
        reduction, cells = fit_reduction(model, chunks, chunks.genes)
    end = time.perf_counter()
    (first, read_first), (second, read_second) = stream.passes[-2:]
    return Learned(
        reduction,
        cells,
        select_s=first - start - (read_first - read_before),
        preprocess_s=second - first - (read_second - read_first),
        svd_s=end - second,
    )


def hashed(model: CellFishing, learned: Learned) -> Hashed:
    """Codes of the width and number that `model` has."""
    start = time.perf_counter()
    with numba_threads(model.n_threads):
        hashes = make_hashes(model)
        codes = hash_cells(learned.reduction, hashes, learned.cells)
    return Hashed(hashes, codes, time.perf_counter() - start)


def build(model: CellFishing, learned: Learned, codes: Hashed) -> float:
    """Make `model` what its `fit` would have made it; return the seconds of its indexes."""
    start = time.perf_counter()
    with numba_threads(model.n_threads):
        indexes: list[Any] = make_indexes(model, codes.codes)
    seconds = time.perf_counter() - start
    model._reduction, model._hashes, model._indexes = learned.reduction, codes.hashes, indexes
    model._layout = model.layout
    model.genes_, model.n_cells_ = learned.reduction.genes, learned.cells.shape[0]
    model.singular_values_ = learned.reduction.singular_values
    return seconds
