"""The databases that retrieval is scored on, and what a search of all training cells says of each.

`db80`, all training cells of a fold: four fifths of the cells where there are 5 folds. `db60`, a seeded three quarters
of the cells of each type, thus 60% of all: its mean number of cells a type is what scDeepHash's Table 2 takes for k
("about 90" and "about 600"). The method is still fitted on the 80%; its lists are filtered.
"""

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.methods.contract import NearestCells
from schash.neighbors import NO_NEIGHBOR

DATABASES = {"db80": 1.0, "db60": 0.75}
"""Share of the training cells of each."""


def database_rows(types: np.ndarray, share: float, *, seed: int) -> np.ndarray:
    """Ascending rows of a share of the cells of each type, drawn at random; at least one cell of each.

    types : (n_train,) str
    """
    order = np.random.default_rng(seed).permutation(len(types))
    drawn = pd.Series(types[order])
    place = drawn.groupby(drawn).cumcount()
    wanted = (drawn.map(drawn.value_counts()) * share + 0.5).astype(int).clip(lower=1)
    return np.sort(order[place < wanted])


def restrict(
    found: NearestCells, rows: np.ndarray, n_train: int, *, as_found: bool = False, width: int = 0
) -> NearestCells:
    """The lists on some of the training cells, as if only those had been searched; ids count among `rows`.

    Lists that end before the database does keep different numbers of cells. All are cut to the shortest of them, since
    nothing is known of what follows.

    rows : (n,) int64, ascending rows of the training cells
    as_found : the lists are all that the method ranked; they are padded to `width`

    Raises
    ------
    DataError
        if a list does not fit the training cells, or has none of these cells
    """
    if found.ids.max(initial=NO_NEIGHBOR) >= n_train:
        message = f"row {found.ids.max()} was found, but there are {n_train} training cells"
        raise DataError(message)
    place = np.full(n_train + 1, NO_NEIGHBOR, dtype=np.int64)  # the last stands for NO_NEIGHBOR itself
    place[rows] = np.arange(len(rows))
    ids = place[found.ids]
    kept = ids != NO_NEIGHBOR
    n_kept = kept.sum(axis=1)
    depth = found.ids.shape[1]
    ended = as_found | (found.ids[:, -1] == NO_NEIGHBOR)
    shown = int(n_kept.max() if ended.all() else n_kept[~ended].min())
    if as_found:
        shown = max(shown, min(width, len(rows)))
    if shown == 0:
        message = f"a list of {depth} cells has none of the {len(rows)} of this database; search deeper"
        raise DataError(message)
    filled = np.arange(max(depth, shown)) < n_kept[:, None]
    packed = np.full(filled.shape, NO_NEIGHBOR, dtype=np.int64)
    distances = np.full(filled.shape, np.inf, dtype=np.float32)
    packed[filled], distances[filled] = ids[kept], found.distances[kept]
    return NearestCells(packed[:, :shown], distances[:, :shown])
