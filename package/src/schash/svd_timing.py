"""Genes that CellFishing selects, and three ways to the leading singular values of what it makes of them
(CellFishing.jl, section "Randomized SVD", Fig. 2): full (LAPACK), truncated (ARPACK) and randomised
(`schash.randomized_svd`).

The matrix A is that of `CellFishing.fit` on all cells of a data set: selected genes, 10^4 a cell, log, standardised.
All three get it as one array of float64, as in the paper. CellFishing itself never forms A (`schash._standardized`);
truncated and randomised decomposition are timed on that form as well, which is called sparse. One thread for all:
`randomized_svd` gives BLAS no more, so that its numbers do not depend on it, and CellFishing.jl has one. Right vectors
are computed by all of them, left ones by the full and the truncated; seconds are medians over repeats, each with a seed
of its own.

The full decomposition is the reference of the errors, |s - s_full| / s_full of each rank, and is itself held against
its own product. Checked besides: that a randomised value never exceeds the true one, and that dense and sparse agree.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg

from schash._cellfishing_fit import fit_reduction
from schash._standardized import StandardizedMatrix
from schash.cell_chunks import CellChunks
from schash.decompositions import Triple, as_operator, reconstruction_error, relative_errors, truncated_svd
from schash.errors import DataError
from schash.folds import RunFiles
from schash.methods.catalogue import build_method
from schash.randomized_svd import BlockMatrix, DenseMatrix, randomized_svd
from schash.seeds import derive_seed
from schash.timing import Measurement, measured, pin_threads
from schash.timing_runs import TimingSettings, on_all_cells
from schash.timing_table import Scores

TOP = 10
"""The largest singular values, in which the paper sees no large errors."""
N_SEEDS = 5
"""Of the randomised decomposition."""
N_REPEATS = 3
"""Of the others, whose seconds alone vary."""
LONG_S = 10.0
"""No further repeat of these once they took this long together."""

FULL, TRUNCATED, RANDOMIZED = "full", "truncated", "randomized"
DENSE, SPARSE = "dense", "sparse"
WAYS = (
    (FULL, DENSE),
    (TRUNCATED, DENSE),
    (TRUNCATED, SPARSE),
    (RANDOMIZED, DENSE),
    (RANDOMIZED, SPARSE),
)
"""Algorithm and form of the matrix."""

GENES, GENE_FRACTION = "genes_selected", "selected_gene_fraction"
DENSITY = "nonzero_fraction"
RECONSTRUCTION = "full_svd_reconstruction_error"
EXCESS = "randomized_svd_largest_excess"
DIFFERENCE = "randomized_svd_dense_sparse_difference"
CAPTURED, EXPLAINED = "randomized_svd_variance_captured", "full_svd_variance_explained"
"""Of the leading dimensions: by the randomised as a share of the exact ones, and by the exact ones of all variance."""
SPREAD: dict[str, Callable[..., np.ndarray]] = {"": np.mean, "_smallest": np.min, "_largest": np.max}
"""Of the errors of several seeds."""


class Timed(NamedTuple):
    """Singular values of every repeat, (n_repeats, n), what the last one gave, median seconds, highest memory."""

    values: np.ndarray
    last: Triple
    seconds: float
    peak_mb: float


def named(algorithm: str, form: str = DENSE) -> str:
    """What the metrics of a decomposition begin with."""
    return f"{algorithm}_svd" + (f"_{SPARSE}" if form == SPARSE else "")


def seconds_of(algorithm: str, form: str = DENSE) -> str:
    """Metric id of the seconds."""
    return f"{named(algorithm, form)}_s"


def error_of(algorithm: str, rank: int, of_seeds: str = "") -> str:
    """Metric id of the relative error at a rank, the mean over seeds or that of a key of SPREAD."""
    return f"{named(algorithm)}_relative_error{of_seeds}[rank={rank}]"


def worst_error(algorithm: str, n: int) -> str:
    """Metric id of the largest relative error of the n largest singular values, over all seeds."""
    return f"{named(algorithm)}_max_relative_error_of_top_{n}"


BOUNDS = {
    RECONSTRUCTION: 1e-10,
    worst_error(TRUNCATED, TOP): 1e-8,
    worst_error(RANDOMIZED, TOP): 1e-1,
    EXCESS: 1e-8,
    DIFFERENCE: 1e-8,
}
"""More than this, and what was measured is not what it is called."""


def time_svd(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS: genes selected, seconds and relative errors of each decomposition, speed-ups.

    Raises
    ------
    DataError
        if one of BOUNDS is exceeded
    """
    table = on_all_cells(time_decompositions, files, replace(settings, threads=1), seconds_of(FULL), say=say)
    check_errors(table, settings.dataset)
    return table


def check_errors(table: pd.DataFrame, what: str) -> None:
    """Raise `DataError` where a number of BOUNDS is above its bound or is not one."""
    numbers = table[table["status"] == "ok"].set_index("metric")["value"]
    wrong = [
        f"{name} is {numbers[name]:.3g}, more than {bound:g}"
        for name, bound in BOUNDS.items()
        if name in numbers and not numbers[name] <= bound
    ]
    if wrong:
        message = f"{what}: singular values are not what they should be: {'; '.join(wrong)}"
        raise DataError(message)


def time_decompositions(cells: Path, settings: TimingSettings, path: Path) -> None:
    """Called in a child. The full decomposition comes last, so that the others are there if it takes too long."""
    threads = pin_threads(settings.threads)
    scores = Scores({"threads": threads, "host": platform.node()}, path)
    method: Any = build_method(settings.row, seed=settings.method_seed)
    index = method._index
    matrix = _standardized(index, cells, scores)
    n_cells, n_dims = matrix.shape[0], index.n_dims
    seeds = [derive_seed("cf_fig2", settings.dataset, settings.seed, i) for i in range(N_SEEDS)]
    found: dict[tuple[str, str], Timed] = {}

    def run(
        algorithm: str, form: str, decompose: Callable[[int], Triple], *, all_seeds: bool = False
    ) -> None:
        done = _timed(decompose, seeds, all_seeds=all_seeds)
        scores.add(seconds_of(algorithm, form), done.seconds, n_cells, peak_mb=done.peak_mb)
        found[algorithm, form] = done

    run(RANDOMIZED, SPARSE, lambda seed: _randomized(matrix, n_dims, seed), all_seeds=True)
    run(TRUNCATED, SPARSE, lambda seed: truncated_svd(as_operator(matrix), n_dims, seed=seed))
    array = matrix.toarray()
    dense = DenseMatrix(array)
    run(RANDOMIZED, DENSE, lambda seed: _randomized(dense, n_dims, seed), all_seeds=True)
    run(TRUNCATED, DENSE, lambda seed: truncated_svd(array, n_dims, seed=seed))
    run(FULL, DENSE, lambda _: linalg.svd(array, full_matrices=False))
    scores.add(RECONSTRUCTION, reconstruction_error(array, *found[FULL, DENSE].last), n_cells)
    _add_errors(found, n_dims, scores, n_cells)
    _add_speedups(found, scores, n_cells)


def _standardized(index: Any, cells: Path, scores: Scores) -> StandardizedMatrix:
    """The matrix that the index is fitted to; its genes are counted."""
    from schash.data.cells import read_cells  # anndata: only the children need it

    adata = read_cells(cells)
    names = adata.var_names.to_numpy(str)
    reduction, selected = fit_reduction(index, CellChunks.from_matrix(adata.X, genes=names), names)
    n_selected = len(reduction.genes)
    scores.add(GENES, n_selected, adata.n_obs)
    scores.add(GENE_FRACTION, n_selected / len(names), adata.n_obs)
    scores.add(DENSITY, selected.nnz / (adata.n_obs * n_selected), adata.n_obs)
    return StandardizedMatrix(selected, reduction.statistics)


def _randomized(matrix: BlockMatrix, n_dims: int, seed: int) -> Triple:
    V, s = randomized_svd(matrix, n_dims, seed=seed)
    return np.empty((0, n_dims)), s, V.T  # the left vectors are not needed, and not computed


def _timed(decompose: Callable[[int], Triple], seeds: Sequence[int], *, all_seeds: bool) -> Timed:
    """Repeat with one seed after the other: with all of them, or until the clock has seen enough."""
    clocks: list[Measurement] = []
    values = []
    for seed in seeds:
        with measured() as clock:
            last = decompose(seed)
        clocks.append(clock)
        values.append(last[1])
        if not all_seeds and (len(clocks) == N_REPEATS or sum(one.seconds for one in clocks) > LONG_S):
            break
    seconds = float(np.median([one.seconds for one in clocks]))
    return Timed(np.array(values), last, seconds, max(one.peak_mb for one in clocks))


def _add_errors(found: dict[tuple[str, str], Timed], n_dims: int, scores: Scores, n_cells: int) -> None:
    exact = found[FULL, DENSE].values[0]
    for algorithm in (TRUNCATED, RANDOMIZED):
        errors = relative_errors(found[algorithm, DENSE].values, exact[:n_dims])  # (n_repeats, n_dims)
        for of_seeds, reduce in SPREAD.items():
            for rank, error in enumerate(reduce(errors, axis=0), start=1):
                scores.add(error_of(algorithm, rank, of_seeds), float(error), n_cells)
        for n in (TOP, n_dims):
            scores.add(worst_error(algorithm, n), float(errors[:, :n].max()), n_cells)
    randomized, sparse = (found[RANDOMIZED, form].values for form in (DENSE, SPARSE))
    scores.add(EXCESS, float((randomized / exact[:n_dims]).max() - 1), n_cells)
    scores.add(DIFFERENCE, float(relative_errors(sparse, randomized).max()), n_cells)
    captured = (randomized**2).sum(axis=1) / (exact[:n_dims] ** 2).sum()
    scores.add(CAPTURED, float(captured.mean()), n_cells)
    scores.add(EXPLAINED, float((exact[:n_dims] ** 2).sum() / (exact**2).sum()), n_cells)


def _add_speedups(found: dict[tuple[str, str], Timed], scores: Scores, n_cells: int) -> None:
    """Of the randomised decomposition on either form; of the full one there is only the dense."""
    for form in (DENSE, SPARSE):
        mine = found[RANDOMIZED, form].seconds
        for other, other_form in ((FULL, DENSE), (TRUNCATED, form)):
            speedup = found[other, other_form].seconds / mine
            scores.add(f"{named(RANDOMIZED, form)}_speedup_over_{other}", speedup, n_cells)
