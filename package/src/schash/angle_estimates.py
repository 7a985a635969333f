"""How well codes estimate angles (CellFishing.jl, section "Similarity estimation using bit vectors", Fig. 3).

The angle theta between two cells in the reduced space of CellFishing, 50 dimensions, is estimated from the Hamming
distance d of codes of T bits as pi d / T. Normals of the hyperplanes are either drawn independently (plain) or made
orthogonal in groups of as many as there are dimensions, which CellFishing does (`schash.lsh`).

Angles
    All pairs among N_CELLS random cells, for N_SEEDS draws of the hyperplanes. Bias: mean of estimate - theta.
    Variance: that of a pair's estimate over the draws, mean over pairs. Standard errors are over draws: pairs share
    hyperplanes and are not independent, draws are.
Recall
    For each draw N_CELLS random cells of their own, the paper's experiment once: the share of them whose nearest other
    cell by exact cosine is among the ten nearest others by Hamming distance, in the order of (distance, row);
    `averaged`: as expected if equal distances came in random order, since short codes tie often.

The first T bits of a code of 512 are a code of T bits, orthogonal or not: QR goes normal by normal, from the first on.

Controls: the exact cosine search is the reference of the recall. Plain codes are a binomial experiment, so that their
bias must be 0 and their variance theta (pi - theta) / T within errors; orthogonal normals are each as random as plain
ones, so that their bias must be 0 as well. Otherwise the job fails.
"""

import platform
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.folds import RunFiles
from schash.hamming import WORD_BITS, BitCodes, hamming_distances
from schash.lsh import SignHash, estimated_angles, random_hyperplanes
from schash.methods.catalogue import build_method
from schash.seeds import derive_seed
from schash.timing import measured, pin_threads
from schash.timing_runs import TimingSettings, on_all_cells
from schash.timing_table import Scores

BITS = (64, 128, 256, 512)
N_CELLS = 100
N_SEEDS = 50
DEPTH = 10
"""Nearest codes among which the nearest cell is looked for."""
N_BINS = 18
"""Of angles, 10 degrees each."""

ORTHOGONAL, PLAIN = "orthogonal", "plain"
BIAS, VARIANCE, RECALL = "angle_bias", "angle_variance", "top10_recall"
ANGLE, CHANCE = "angle_true", "top10_recall_by_chance"
MOST_ERRORS = 5.0
"""Standard errors that a control may be away from what it must be."""


class Estimates(NamedTuple):
    """angles : (n_pairs,) true ones; estimates : (n_seeds, len(BITS), n_pairs), both in radians"""

    angles: np.ndarray
    estimates: np.ndarray


def named(metric: str, kind: str, n_bits: int) -> str:
    """Metric id; what CellFishing does, orthogonal normals, goes without saying."""
    return f"{metric}_{kind}_{n_bits}bits" if kind == PLAIN else f"{metric}_{n_bits}bits"


def binned(metric: str, kind: str, n_bits: int, place: int) -> str:
    """Metric id of the pairs in one bin of true angles."""
    return f"{metric}[{kind},bits={n_bits},bin={place}]"


def measure_angles(
    files: RunFiles, settings: TimingSettings, *, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """SCORE_COLUMNS: bias and variance of the estimates, over all pairs and by angle, and recall, by bits and kind.

    Raises
    ------
    DataError
        if a control is farther from what it must be than MOST_ERRORS standard errors
    """
    table = on_all_cells(estimate_all, files, settings, named(BIAS, ORTHOGONAL, BITS[0]), say=say)
    check_controls(table, settings.dataset)
    return table


def check_controls(table: pd.DataFrame, what: str) -> None:
    """Raise `DataError` where an estimate is biased, or a plain one has not the variance of a binomial experiment."""
    numbers = table[table["status"] == "ok"].set_index("metric")["value"]
    wrong = []
    for name in _controls():
        if name in numbers:
            errors = abs(numbers[name] - (_MUST_BE_ONE in name)) / numbers[f"{name}_se"]
            if not errors <= MOST_ERRORS:
                wrong.append(f"{name} is {numbers[name]:.4g}, {errors:.1f} standard errors off")
    if wrong:
        message = f"{what}: estimates of angles are not what they must be: {'; '.join(wrong)}"
        raise DataError(message)


_MUST_BE_ONE = "over_binomial"


def _controls() -> Iterator[str]:
    for n_bits in BITS:
        yield named(BIAS, ORTHOGONAL, n_bits)
        yield named(BIAS, PLAIN, n_bits)
        yield f"{VARIANCE}_{PLAIN}_{_MUST_BE_ONE}_{n_bits}bits"


def estimate_all(cells: Path, settings: TimingSettings, path: Path) -> None:
    """Called in a child."""
    from schash.data.cells import read_cells  # anndata: only the children need it

    threads = pin_threads(settings.threads)
    adata = read_cells(cells)
    method: Any = build_method(settings.row, seed=settings.method_seed)
    index, genes = method._index, adata.var_names.to_numpy(str)
    with measured() as fit:
        index.fit(adata.X, genes=genes)
        points = index.reduce(adata.X, genes=genes)
    common = {"threads": threads, "host": platform.node(), "fit_s": fit.seconds, "peak_mb": fit.peak_mb}
    scores = Scores(common, path)

    seeds = partial(derive_seed, "cf_fig3", settings.dataset, settings.seed)
    draws = [random_cells(len(points), seeds("cells", draw)) for draw in range(N_SEEDS)]
    nearest = [nearest_by_cosine(points, rows) for rows in draws]
    angles = pair_angles(points[draws[0]])
    scores.add(CHANCE, DEPTH / (len(points) - 1), len(points))
    found: dict[str, Estimates] = {}
    for kind in (ORTHOGONAL, PLAIN):
        estimates, recalls = [], []
        for draw, rows in enumerate(draws):
            codes = encode(points, kind, seeds("hyperplanes", draw))
            estimates.append([pair_estimates(part[draws[0]]) for part in prefixes(codes)])
            recalls.append([top_recall(part, rows, nearest[draw]) for part in prefixes(codes)])
        found[kind] = Estimates(angles, np.array(estimates))
        _add_recall(kind, np.array(recalls), scores)
    add_angles(found, scores)


def random_cells(n: int, seed: int) -> np.ndarray:
    """Rows of N_CELLS random cells of n, or of all of fewer."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:N_CELLS])


def encode(points: np.ndarray, kind: str, seed: int) -> BitCodes:
    """Codes of the most bits."""
    normals = random_hyperplanes(max(BITS), points.shape[1], seed=seed, orthogonalize=kind == ORTHOGONAL)
    return SignHash(normals).encode(points)


def prefixes(codes: BitCodes) -> Iterator[BitCodes]:
    """Codes of each of BITS."""
    for n_bits in BITS:
        yield BitCodes(np.ascontiguousarray(codes.words[:, : n_bits // WORD_BITS]), n_bits)


def nearest_by_cosine(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The other cell of largest cosine for each of some cells, the smaller row in a tie: (len(rows),)."""
    unit = _unit(points)
    cosines = unit[rows] @ unit.T
    cosines[np.arange(len(rows)), rows] = -np.inf
    nearest: np.ndarray = cosines.argmax(axis=1)
    return nearest


def pair_angles(points: np.ndarray) -> np.ndarray:
    """Angles in radians of all pairs of points, in the order of `np.triu_indices`."""
    unit = _unit(points)
    pairs = np.triu_indices(len(points), 1)
    angles: np.ndarray = np.arccos(np.clip((unit @ unit.T)[pairs], -1, 1))
    return angles


def pair_estimates(codes: BitCodes) -> np.ndarray:
    """Estimated angles of all pairs, in the order of `pair_angles`."""
    pairs = np.triu_indices(len(codes), 1)
    return estimated_angles(hamming_distances(codes, codes)[pairs], codes.n_bits)


def top_recall(codes: BitCodes, rows: np.ndarray, nearest: np.ndarray) -> tuple[float, float]:
    """Share of cells whose nearest other cell is among the DEPTH nearest others by Hamming distance: with equal
    distances in the order of their rows, and in random order.

    rows, nearest : (n,) cells, and the one that is to be found for each
    """
    distances = hamming_distances(codes[rows], codes)  # (n, n_cells)
    distances[np.arange(len(rows)), rows] = codes.n_bits + 1
    mine = distances[np.arange(len(rows)), nearest][:, np.newaxis]
    equal = distances == mine
    n_nearer = (distances < mine).sum(axis=1)
    n_equal_before = (equal & (np.arange(len(codes)) < nearest[:, np.newaxis])).sum(axis=1)
    by_row = np.mean(n_nearer + n_equal_before < DEPTH)
    averaged = np.mean(np.clip((DEPTH - n_nearer) / equal.sum(axis=1), 0, 1))
    return float(by_row), float(averaged)


def add_angles(found: dict[str, Estimates], scores: Scores) -> None:
    """Rows of bias and variance, over all pairs and by true angle."""
    angles = found[ORTHOGONAL].angles
    bins = np.minimum((angles / np.pi * N_BINS).astype(int), N_BINS - 1)
    for place in np.unique(bins):
        scores.add(f"{ANGLE}[bin={place}]", float(angles[bins == place].mean()), int(sum(bins == place)))
    for i, n_bits in enumerate(BITS):
        spreads: dict[str, np.ndarray] = {}
        for kind, (_, estimates) in found.items():
            errors = estimates[:, i] - angles  # (n_seeds, n_pairs)
            squares = (errors - errors.mean(axis=0)) ** 2 * (len(errors) / (len(errors) - 1))
            spreads[kind] = squares.mean(axis=1)
            _add_with_error(scores, named(BIAS, kind, n_bits), errors.mean(axis=1), len(angles))
            _add_with_error(scores, named(VARIANCE, kind, n_bits), spreads[kind], len(angles))
            for place in np.unique(bins):
                here = bins == place
                n = int(here.sum())
                _add_with_error(scores, binned(BIAS, kind, n_bits, place), errors[:, here].mean(axis=1), n)
                scores.add(binned(VARIANCE, kind, n_bits, place), float(squares[:, here].mean()), n)
        binomial = float(np.mean(angles * (np.pi - angles)) / n_bits)
        name = f"{VARIANCE}_{PLAIN}_{_MUST_BE_ONE}_{n_bits}bits"
        _add_with_error(scores, name, spreads[PLAIN] / binomial, len(angles))
        ratio = spreads[ORTHOGONAL].mean() / spreads[PLAIN].mean()
        # To first order, as of any ratio of means: both kinds come from the same draws
        off = (spreads[ORTHOGONAL] - ratio * spreads[PLAIN]) / spreads[PLAIN].mean()
        name = f"{VARIANCE}_{ORTHOGONAL}_over_{PLAIN}_{n_bits}bits"
        _add_with_error(scores, name, ratio + off, len(angles))


def _add_with_error(scores: Scores, metric: str, of_draws: np.ndarray, n: int) -> None:
    """The mean over draws and its standard error."""
    scores.add(metric, float(of_draws.mean()), n)
    name, bracket, rest = metric.partition("[")
    scores.add(f"{name}_se{bracket}{rest}", float(of_draws.std(ddof=1) / np.sqrt(len(of_draws))), n)


def _add_recall(kind: str, recalls: np.ndarray, scores: Scores) -> None:
    """recalls : (n_seeds, len(BITS), 2), by row and averaged over ties"""
    for i, n_bits in enumerate(BITS):
        by_row, averaged = recalls[:, i].T
        n = N_CELLS * len(recalls)
        scores.add(named(RECALL, kind, n_bits), float(by_row.mean()), n)
        scores.add(named(f"{RECALL}_sd", kind, n_bits), float(by_row.std(ddof=1)), n)
        scores.add(named(f"{RECALL}_averaged", kind, n_bits), float(averaged.mean()), n)


def _unit(points: np.ndarray) -> np.ndarray:
    exact = points.astype(np.float64)
    unit: np.ndarray = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return unit
