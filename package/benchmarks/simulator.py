"""Codes as clustered cells give them, of a difficulty that one number sets.

Points are drawn around 60 Gaussian centres in 50 dimensions whose variance decays, more slowly within a cluster than
between the centres, as principal components of cells do; their codes are orthogonalised signed random projections
(`schash.lsh`). The noise within a cluster sets d10, the mean distance of a query's 10th neighbour, which decides how
much of the database any exact search has to look at.
"""

from dataclasses import dataclass

import numpy as np

from schash.hamming import BitCodes, words_for
from schash.lsh import SignHash, random_hyperplanes
from schash.seeds import derive_seed

N_CLUSTERS = 60
N_DIMS = 50
CENTRE_DECAY = 0.97
NOISE_DECAY = 0.99
"""Factor from one dimension's standard deviation to the next."""
_BLOCK = 1 << 16
QUERIES_FROM = 1 << 40
"""Number of the first query, beyond those of any database."""


@dataclass(frozen=True)
class Level:
    """A difficulty.

    name : d10 at 2^20 codes of 128 bits, about
    noise : standard deviation within a cluster, in units of that between centres, in the first dimension; None for
        random codes without any structure
    """

    name: str
    noise: float | None


LEVELS = {
    level.name: level
    for level in (
        Level("2", 0.09),
        Level("6", 0.17),
        Level("13", 0.33),
        Level("21", 0.54),
        Level("25", 0.70),
        Level("30", 1.05),
        Level("uniform", None),
    )
}


def simulated_codes(
    level: Level, n: int, widths: tuple[int, ...], *, seed: int = 0, queries: bool = False, hash_seed: int = 0
) -> dict[int, BitCodes]:
    """Codes of the same n points for each width; `queries` are other points of the same clusters.

    The first points do not depend on n, so that a small database is a part of a large one.
    """
    hashes = {bits: SignHash(random_hyperplanes(bits, N_DIMS, seed=hash_seed)) for bits in widths}
    words = {bits: np.empty((n, words_for(bits)), np.uint64) for bits in widths}
    for start in range(0, n, _BLOCK):
        part = (seed, start + queries * QUERIES_FROM) + ((hash_seed,) if level.noise is None else ())
        rng = np.random.default_rng(derive_seed("bench", level.name, *part))
        points = _points(level, seed, rng)
        for bits in widths:
            drawn = _random_words(bits, rng) if points is None else hashes[bits].encode(points).words
            words[bits][start : start + _BLOCK] = drawn[: n - start]
    return {bits: BitCodes(words[bits], bits) for bits in widths}


def _points(level: Level, seed: int, rng: np.random.Generator) -> np.ndarray | None:
    """(_BLOCK, N_DIMS) float32, or None where codes have no points. The centres are those of the seed."""
    if level.noise is None:
        return None
    dims = np.arange(N_DIMS)
    centres = np.random.default_rng(derive_seed("bench", "centres", seed)).standard_normal(
        (N_CLUSTERS, N_DIMS)
    )
    around = (centres * CENTRE_DECAY**dims).astype(np.float32)[rng.integers(0, N_CLUSTERS, _BLOCK)]
    spread = (level.noise * NOISE_DECAY**dims).astype(np.float32)
    points: np.ndarray = around + spread * rng.standard_normal((_BLOCK, N_DIMS), dtype=np.float32)
    return points


def _random_words(bits: int, rng: np.random.Generator) -> np.ndarray:
    words = rng.integers(0, 1 << 64, (_BLOCK, words_for(bits)), dtype=np.uint64)
    rest = bits % 64
    if rest:
        words[:, -1] &= np.uint64((1 << rest) - 1)
    return words
