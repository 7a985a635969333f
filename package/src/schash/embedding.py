"""Cells before and after hashing, in many dimensions and on a map of two: scDeepHash Fig. 2c. No labels but training's.

The paper maps "the raw and hashed cell data" and says neither which cells nor with what settings. Here:

Cells
    The query cells of one fold, which the hash function was not fitted on. Its own training cells lie at their anchors
    by construction and would flatter the map.
Before
    50 principal components of ln(1 + 10^4 x / sum x), fitted on the training cells of the fold.
After
    The relaxed codes h in [0, 1], and the binary codes, of the hash function that the benchmark fits on that fold: the
    same method, the same seed.
Maps
    t-SNE (scikit-learn) of each of the three, by Euclidean distance, which orders the neighbours of bits as the Hamming
    distance does. Perplexity 30, or a third of the other cells where they are few. It starts from the first two
    principal components and a little noise, without which cells with equal codes could never part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from schash.array_file import read_arrays, write_arrays
from schash.errors import ConfigError
from schash.folds import FoldInput, RunSettings, read_fold
from schash.hamming import unpack_bits
from schash.methods.catalogue import build_method
from schash.methods.contract import QueryCells, TrainingCells
from schash.preprocess import scaled_log1p
from schash.seeds import derive_seed
from schash.timing import measured, pin_threads

FORMAT, VERSION = "schash-embedding", 1
FOLD = 0
"""The fold that is shown."""
N_COMPONENTS = 50
PERPLEXITY = 30.0
START = 1e-4
"""Standard deviation of the first coordinate where t-SNE starts, as scikit-learn has it; the noise has a tenth."""
SPACES = ("before", "relaxed", "codes")


@dataclass(frozen=True, eq=False)
class Embedding:
    """Query cells of one fold in each of SPACES.

    rows : (n_cells,) int64, positions in the prepared cells; spaces : space to (n_cells, n_dimensions) float32; maps :
    space to (n_cells, 2) float32; anchors : (n_types, n_bits) bool of `classes`; costs : fit_s, predict_s (to encode),
    peak_mb, threads
    """

    fold: int
    rows: np.ndarray
    spaces: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    anchors: np.ndarray
    classes: tuple[str, ...]
    perplexity: float
    costs: dict[str, float]


def embed(
    given: FoldInput, settings: RunSettings, fold: int, *, say: Callable[[str], None] = print
) -> Embedding:
    """Fit the hash function on the training cells of a fold, as its benchmark run does, and map the query cells.

    Raises
    ------
    ConfigError
        if the method has no hash function (`model`, a `schash.DeepHash`)
    """
    threads = pin_threads(settings.threads)
    train, query = read_fold(given)
    seed = derive_seed(settings.dataset, fold, settings.row.seed_as or settings.method, settings.seed)
    method: Any = build_method(settings.row, seed=seed)
    if not hasattr(method, "model"):
        message = f"{settings.method} has no hash function to show; give a method of schash.methods.deephash"
        raise ConfigError(message)
    with measured() as fit:
        method.fit(train)
    with measured() as encode:
        relaxed = method.model.relaxed_codes(query.X, genes=query.genes)
    say(f"fitted in {fit.seconds:.1f} s; {relaxed.shape[0]} query cells of fold {fold + 1}")
    own_seed = derive_seed(settings.dataset, fold, "embedding", settings.seed)
    spaces = {
        "before": principal_components(train, query, seed=own_seed),
        "relaxed": relaxed,
        "codes": (relaxed > 0.5).astype(np.float32),
    }
    perplexity = perplexity_of(len(relaxed))
    return Embedding(
        fold=fold,
        rows=given.query_rows,
        spaces=spaces,
        maps={name: map_cells(X, perplexity=perplexity, seed=own_seed) for name, X in spaces.items()},
        anchors=unpack_bits(method.model.anchors_).astype(np.bool_),
        classes=tuple(str(name) for name in method.model.classes_),
        perplexity=perplexity,
        costs={
            "fit_s": fit.seconds,
            "predict_s": encode.seconds,
            "peak_mb": max(fit.peak_mb, encode.peak_mb),
            "threads": threads,
        },
    )


def principal_components(train: TrainingCells, query: QueryCells, *, seed: int) -> np.ndarray:
    """The query cells on the first components of the training cells, at most 50: (n_query, n_components) float32."""
    database, cells = (scaled_log1p(part.X, values=part.values) for part in (train, query))
    n_components = min(N_COMPONENTS, min(database.shape) - 1)
    found = PCA(n_components, svd_solver="arpack", random_state=seed).fit(database)
    projected: np.ndarray = found.transform(cells)
    return projected.astype(np.float32)


def perplexity_of(n_cells: int) -> float:
    """30, or a third of the other cells, the most that t-SNE can tell apart."""
    return min(PERPLEXITY, (n_cells - 1) / 3)


def map_cells(X: np.ndarray, *, perplexity: float, seed: int) -> np.ndarray:
    """t-SNE of cells: (n_cells, 2) float32."""
    first = PCA(2, svd_solver="full").fit_transform(X)
    spread = first[:, 0].std()
    noise = np.random.default_rng(seed).normal(0, START / 10, first.shape)
    start = first * (START / spread if spread > 0 else 0) + noise
    placed: np.ndarray = TSNE(
        perplexity=perplexity,
        init=start.astype(np.float32),
        learning_rate="auto",
        random_state=seed,
    ).fit_transform(X)
    return placed.astype(np.float32)


def write_embedding(path: str | Path, embedding: Embedding) -> None:
    """Write an embedding, whole or not at all."""
    arrays = {"rows": embedding.rows, "anchors": embedding.anchors}
    for name in SPACES:
        arrays |= {f"space_{name}": embedding.spaces[name], f"map_{name}": embedding.maps[name]}
    description = {name: getattr(embedding, name) for name in ("fold", "classes", "perplexity", "costs")}
    write_arrays(path, arrays, description, format=FORMAT, version=VERSION)


def read_embedding(path: str | Path) -> Embedding:
    """Read what `write_embedding` wrote; `ModelFileError` where the file is missing, foreign or damaged."""
    arrays, said = read_arrays(path, format=FORMAT, version=VERSION)
    return Embedding(
        fold=said["fold"],
        rows=arrays["rows"],
        spaces={name: arrays[f"space_{name}"] for name in SPACES},
        maps={name: arrays[f"map_{name}"] for name in SPACES},
        anchors=arrays["anchors"],
        classes=tuple(said["classes"]),
        perplexity=said["perplexity"],
        costs=said["costs"],
    )
