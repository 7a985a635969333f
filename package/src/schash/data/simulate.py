"""Simulated cells for what needs several studies or many types and must run without a network.

Counts are negative binomial (Gamma-Poisson): a cell of type t in study s has, in gene g,

    mean = library size of the cell x share of g in (base of g x programme of t x effect of s)

- Types come in pairs. Both of a pair carry the pair's marker genes; the second differs from the first by
  markers of its own, the more the smaller the pair: large types are hard to tell apart, small ones hard to learn.
- Sizes decay geometrically; the smallest common type has exactly 11 cells, the least that the benchmarks keep
  (types with MORE than 10). `rare_cells` makes one further type of the `n_types` smaller than that.
- A study multiplies each gene by its own factor, has its own depth, and lacks a few genes altogether (all 0).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from schash.data.cells import LabelledCells, make_cells
from schash.data.options import SimulateOptions
from schash.data.registry import Dataset
from schash.errors import DataError

SMALLEST_COMMON_TYPE = 11
DECAY = 0.85
"""Each type has this share of the size of the one before it."""
PAIR_MARKERS = 30
OWN_MARKERS = (12, 36)
"""Markers of the second of a pair: in the first pair, the largest types, and in the last."""
LOG_FOLD = (1.0, 2.5)
STUDY_SD = 0.25
"""Standard deviation of a study's log effect on a gene."""
STUDY_DEPTH_SD = 0.3
"""Standard deviation of the log depth of studies."""
STUDY_MISSING = 0.03
"""Share of the genes that a study lacks."""
BASE_SD = 1.8
"""Standard deviation of the log base shares: the highest of 1,000 genes has some 150 times the median."""
COUNTS_PER_GENE = 1.0
"""Median library size over the number of genes; gives 70 to 80% zeros."""
LIBRARY_SD = 0.35
DISPERSION = 0.4
BLOCK = 4096


def simulate(
    n_cells: int,
    n_genes: int,
    n_types: int,
    n_studies: int = 1,
    *,
    seed: int,
    rare_cells: int = 0,
    dataset: str = "simulated",
    stand_in_for: str | None = None,
) -> LabelledCells:
    """Draw labelled cells; the same arguments give the same cells.

    n_cells : at least 11 a type; types are named type01.. from the largest, studies study1..
    rare_cells : size (1 to 10) of the last type, or 0 for none so small
    Genes are named GENE0001.. . obs holds `batch` and `study`, which are the same.
    """
    rng = np.random.default_rng(seed)
    sizes = type_sizes(n_cells, n_types, rare_cells)
    type_of = rng.permutation(np.repeat(np.arange(n_types), sizes))
    study_of = _studies(type_of, n_studies, rng)
    log_profile = rng.normal(0, BASE_SD, n_genes) + _programmes(n_genes, n_types, rng)
    effect = _study_effects(n_genes, n_studies, rng)
    depth = np.exp(rng.normal(0, STUDY_DEPTH_SD, n_studies)) if n_studies > 1 else np.ones(1)
    library = COUNTS_PER_GENE * n_genes * depth[study_of] * np.exp(rng.normal(0, LIBRARY_SD, n_cells))
    X = _draw(np.exp(log_profile), effect, type_of, study_of, library, rng)
    width = max(4, len(str(n_genes)))
    studies = [f"study{study + 1}" for study in study_of]
    return make_cells(
        X,
        [f"CELL{cell + 1:06d}" for cell in range(n_cells)],
        [f"GENE{gene + 1:0{width}d}" for gene in range(n_genes)],
        labels=[f"type{label + 1:02d}" for label in type_of],
        obs={"batch": studies, "study": studies},
        dataset=dataset,
        values="counts",
        stand_in_for=stand_in_for,
    )


def type_sizes(n_cells: int, n_types: int, rare_cells: int = 0) -> np.ndarray:
    """Sizes (n_types,) int64 that sum to `n_cells`, in falling order: geometric, the last common one 11."""
    n_common = n_types - (1 if rare_cells else 0)
    spare = n_cells - rare_cells - SMALLEST_COMMON_TYPE * n_common
    if n_common < 1 or not 0 <= rare_cells < SMALLEST_COMMON_TYPE or spare < 0:
        least = rare_cells + SMALLEST_COMMON_TYPE * max(n_common, 1)
        message = (
            f"{n_types} types with rare_cells={rare_cells} need at least {least} cells and "
            f"0 <= rare_cells <= 10, came n_cells={n_cells}"
        )
        raise DataError(message)
    sizes = np.full(n_common, SMALLEST_COMMON_TYPE, dtype=np.int64)
    if n_common == 1:
        sizes[0] += spare
    else:
        weights = DECAY ** np.arange(n_common - 1)
        sizes[:-1] += np.floor(spare * weights / weights.sum()).astype(np.int64)
        sizes[0] += n_cells - rare_cells - sizes.sum()
    return np.append(sizes, rare_cells) if rare_cells else sizes


def _studies(type_of: np.ndarray, n_studies: int, rng: np.random.Generator) -> np.ndarray:
    """A study for each cell (n_cells,): of unequal sizes, each type in all of them if it has the cells."""
    weights = np.linspace(1.5, 0.5, n_studies) if n_studies > 1 else np.ones(1)
    study_of = rng.choice(n_studies, size=len(type_of), p=weights / weights.sum())
    for label in np.unique(type_of):
        cells = np.flatnonzero(type_of == label)[:n_studies]
        study_of[cells] = np.arange(len(cells))
    return study_of


def _programmes(n_genes: int, n_types: int, rng: np.random.Generator) -> np.ndarray:
    """Log fold changes (n_types, n_genes) of each type against the base."""
    programme = np.zeros((n_types, n_genes))
    n_pairs = (n_types + 1) // 2
    own = np.linspace(*OWN_MARKERS, n_pairs).round().astype(int)
    for pair in range(n_pairs):
        first, second = 2 * pair, 2 * pair + 1
        markers = rng.choice(n_genes, size=min(PAIR_MARKERS, n_genes), replace=False)
        programme[first : second + 1, markers] += rng.uniform(*LOG_FOLD, len(markers))
        if second < n_types:
            markers = rng.choice(n_genes, size=min(own[pair], n_genes), replace=False)
            programme[second, markers] += rng.uniform(*LOG_FOLD, len(markers))
    return programme


def _study_effects(n_genes: int, n_studies: int, rng: np.random.Generator) -> np.ndarray:
    """Factors (n_studies, n_genes) on each gene; 0 where the study lacks it."""
    if n_studies == 1:
        return np.ones((1, n_genes))
    effect = np.exp(rng.normal(0, STUDY_SD, (n_studies, n_genes)))
    effect[rng.random((n_studies, n_genes)) < STUDY_MISSING] = 0
    return effect


def _draw(
    profile: np.ndarray,
    effect: np.ndarray,
    type_of: np.ndarray,
    study_of: np.ndarray,
    library: np.ndarray,
    rng: np.random.Generator,
) -> sp.csr_matrix:
    """Counts (n_cells, n_genes) CSR, drawn a block of cells at a time."""
    blocks = []
    for start in range(0, len(type_of), BLOCK):
        cells = slice(start, start + BLOCK)
        share = profile[type_of[cells]] * effect[study_of[cells]]  # (block, n_genes)
        mean = share / share.sum(axis=1, keepdims=True) * library[cells, None]
        rate = rng.gamma(1 / DISPERSION, mean * DISPERSION)
        blocks.append(sp.csr_matrix(rng.poisson(rate)))
    return sp.vstack(blocks, format="csr")


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """The data set that a registry row describes; it needs no files."""
    options = SimulateOptions.model_validate(dataset.options)
    return simulate(**options.model_dump(), dataset=dataset.id, stand_in_for=dataset.stand_in_for)
