"""The stages of a CellFishing query one after the other, each with its seconds (CellFishing.jl, Fig. 9).

    check      counts are finite, not negative, sorted
    select     which of a cell's counts are of selected genes
    normalise  to 10^4 a cell, and the logarithm
    project    standardise and project on the singular vectors
    hash       signs of the projections on the hyperplanes
    search     the nearest codes of each hash
    rank       those that the hashes nominate, by the sum of their distances

`CellFishing.search` runs select, normalise and project in one loop over the counts. Here the same compiled steps run
apart: normalise is the loop that selects and transforms, less the one that only selects.
"""

import time
from functools import partial
from typing import Any

import numpy as np

from schash._cellfishing_kernels import count_selected, reduce_selected, select_cells
from schash._ranking import rank_candidates
from schash._reduction import map_genes
from schash._threads import numba_threads, share_out
from schash._transforms import TRANSFORMS
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.hamming import BitCodes
from schash.neighbors import Neighbors

CHECK, SELECT, NORMALISE, PROJECT, HASH = "check", "select", "normalise", "project", "hash"
SEARCH, RANK = "search", "rank"
PREPROCESSING = (CHECK, SELECT, NORMALISE, PROJECT, HASH)
STAGES = (*PREPROCESSING, SEARCH, RANK)


class _Clock:
    """Seconds by stage; each `lap` ends a stage that began with the last one."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


def run_stages(
    model: CellFishing, X: Any, genes: np.ndarray, k: int
) -> tuple[Neighbors, np.ndarray, dict[str, float]]:
    """What `model.search` finds, the points in the reduced space (n, n_dims) that it finds it by, and the seconds of
    each of STAGES. For stats="database" alone, with at least k cells in the database."""
    clock = _Clock()
    with numba_threads(model.n_threads):
        chunks = CellChunks.from_matrix(X, genes=genes)
        blocks = list(chunks)
        clock.lap(CHECK)
        points = np.vstack([_points(model, block, genes, clock) for block in blocks])
        codes = [BitCodes(hash_.encode(points).words, hash_.n_bits) for hash_ in model._hashes]
        clock.lap(HASH)
    found = [
        index.search(queries, k, n_threads=model.n_threads)
        for index, queries in zip(model._indexes, codes, strict=True)
    ]
    clock.lap(SEARCH)
    with numba_threads(model.n_threads):
        nearest = rank_candidates(found, codes, model._indexes, k)
    clock.lap(RANK)
    return nearest, points, clock.seconds


def _points(model: CellFishing, block: Any, genes: np.ndarray, clock: _Clock) -> np.ndarray:
    """As `Reduction.points`, in three steps; the genes must come in the order of the selected ones."""
    reduction, n = model._reduction, block.shape[0]
    slots = map_genes(genes, reduction.genes).slots
    counts = block.indptr.astype(np.int64), block.indices.astype(np.int32, copy=False), block.data, slots
    n_found = np.empty(n, np.int64)
    before = clock.seconds[SELECT]
    share_out(partial(count_selected, *counts, n_found), n)
    indptr = np.concatenate([[0], np.cumsum(n_found)])
    clock.lap(SELECT)
    selecting = clock.seconds[SELECT] - before
    found_slots, values = np.empty(indptr[-1], np.uint16), np.empty(indptr[-1], np.float32)
    transform = len(reduction.genes), TRANSFORMS.index(reduction.transform)
    share_out(partial(select_cells, *counts, *transform, indptr, found_slots, values), n)
    clock.lap(NORMALISE)
    clock.seconds[NORMALISE] = max(
        0.0, clock.seconds[NORMALISE] - selecting
    )  # of a few cells the clock's noise
    weights, offset = reduction._weights(reduction.statistics, np.ones(len(reduction.genes), dtype=bool))
    points = np.empty((n, weights.shape[1]), np.float32)
    share_out(partial(reduce_selected, indptr, found_slots, values, weights, offset, points), n)
    clock.lap(PROJECT)
    return points[:, : reduction.n_dims]
