"""Types put on an embedding: purity and silhouette of every query cell, and a control. Sees the solution.

Metrics (means over the query cells of the fold)
    purity[k=10,before], purity[k=10,tsne_before]      among the nearest in the space, and on its map
    silhouette[before], silhouette[tsne_before]        likewise; also of relaxed and codes
    purity[k=10,control], silhouette[control]          the anchors of the true types in place of the codes: 1, or the
                                                       scoring is wrong and the job fails
    perplexity                                         of the maps
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

from schash.embedding import SPACES, Embedding
from schash.errors import DataError
from schash.metrics.embedded import Distance, neighborhood_purity, silhouettes
from schash.tables import SCORE_COLUMNS

K = 10
N_FAMILIES = 8
DISTANCES: dict[str, Distance] = {"before": "euclidean", "relaxed": "euclidean", "codes": "cityblock"}
MEASURES = ("purity", "map_purity", "silhouette", "map_silhouette")
CONTROL = "control"

CELL_COLUMNS = {
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "fold": "int16",
    "row": "int64",
    "type": "str",
    "number": "int64",
    "family": "int64",
    "space": "str",
    "n_dimensions": "int64",
    "x": "float32",
    "y": "float32",
    **dict.fromkeys(MEASURES, "float64"),
}
"""One query cell in one space a row. Types are numbered from 1 so that similar ones are neighbours, families likewise:
`order_types`. NaN where a cell is alone of its type."""


def score_embedding(
    embedding: Embedding, solution: pd.DataFrame, host: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores (SCORE_COLUMNS) and cells (CELL_COLUMNS without dataset, scheme and method).

    solution : fold, row, label of every query cell

    Raises
    ------
    DataError
        if the embedding does not hold exactly the query cells of its fold, or the control falls short of 1
    """
    types = true_types(embedding, solution)
    control = control_scores(embedding, types)
    ordered = order_types(embedding.spaces["before"], types)
    parts = []
    for space in SPACES:
        X, plane, distance = embedding.spaces[space], embedding.maps[space], DISTANCES[space]
        values = {
            "type": types,
            "row": embedding.rows,
            "x": plane[:, 0],
            "y": plane[:, 1],
            "purity": neighborhood_purity(X, types, k=K, distance=distance),
            "map_purity": neighborhood_purity(plane, types, k=K),
            "silhouette": silhouettes(X, types, distance=distance),
            "map_silhouette": silhouettes(plane, types),
        }
        parts.append(pd.DataFrame(values).assign(space=space, n_dimensions=X.shape[1]))
    cells = pd.concat(parts, ignore_index=True).assign(fold=np.int16(embedding.fold))
    cells = cells.merge(ordered, left_on="type", right_index=True, how="left")
    costs: dict[str, Any] = {**embedding.costs, "host": host}
    run = {**costs, "fold": str(embedding.fold), "status": "ok", "reason": "", "n": len(types)}
    scores = {**_means(cells), **control, "perplexity": embedding.perplexity}
    table = pd.DataFrame({"metric": list(scores), "value": list(scores.values())}).assign(**run)
    columns = [name for name in CELL_COLUMNS if name in cells]
    return table[list(SCORE_COLUMNS)].astype(SCORE_COLUMNS), cells[columns]


def purity_metric(space: str) -> str:
    """The id of a mean purity; maps are tsne_before, tsne_relaxed and tsne_codes."""
    return f"purity[k={K},{space}]"


def silhouette_metric(space: str) -> str:
    """The id of a mean silhouette."""
    return f"silhouette[{space}]"


def _means(cells: pd.DataFrame) -> dict[str, float]:
    means = cells.groupby("space", sort=False)[list(MEASURES)].mean()
    scores: dict[str, float] = {}
    for space, row in means.iterrows():
        scores |= {
            purity_metric(str(space)): row["purity"],
            purity_metric(f"tsne_{space}"): row["map_purity"],
            silhouette_metric(str(space)): row["silhouette"],
            silhouette_metric(f"tsne_{space}"): row["map_silhouette"],
        }
    return scores


def true_types(embedding: Embedding, solution: pd.DataFrame) -> np.ndarray:
    """Type of every cell of an embedding, (n_cells,) str; `DataError` where the two hold other cells."""
    known = solution[solution["fold"] == embedding.fold].set_index("row")["label"]
    if sorted(known.index) != sorted(embedding.rows):
        message = (
            f"fold {embedding.fold}: an embedding of {len(embedding.rows)} cells does not hold exactly its "
            f"{len(known)} query cells"
        )
        raise DataError(message)
    return known.loc[embedding.rows].to_numpy(str)


def control_scores(embedding: Embedding, types: np.ndarray) -> dict[str, float]:
    """Means with the anchors of the true types in place of the codes; `DataError` where a cell's is not 1.

    A cell alone of its type is left out: it has no purity, and by convention the silhouette 0.
    """
    places = {name: place for place, name in enumerate(embedding.classes)}
    missing = sorted(set(types) - set(places))
    if missing:
        message = f"no anchor for {', '.join(missing)}: the hash function was fitted without them"
        raise DataError(message)
    perfect = embedding.anchors[[places[name] for name in types]].astype(np.float32)
    values = {
        purity_metric(CONTROL): neighborhood_purity(perfect, types, k=K, distance="cityblock"),
        silhouette_metric(CONTROL): silhouettes(perfect, types, distance="cityblock"),
    }
    names, counts = np.unique(types, return_counts=True)
    shared = np.isin(types, names[counts > 1])
    for metric, of_cells in values.items():
        n_short = np.count_nonzero(of_cells[shared] != 1)
        if n_short or not shared.any():
            message = (
                f"{metric}: with the anchors of the true types in place of the codes, {n_short} of {len(types)} "
                "cells do not reach 1; trust no number"
            )
            raise DataError(message)
    return {metric: float(of_cells[shared].mean()) for metric, of_cells in values.items()}


def order_types(X: np.ndarray, types: np.ndarray) -> pd.DataFrame:
    """Number (from 1) and family (from 0) of every type, by name: similar types are neighbours and share a family.

    Ward's clustering of the types' centroids in X, its leaves in the order with the smallest steps; at most eight
    families, numbered by their first type.
    """
    names = np.unique(types)
    if len(names) < 2:
        return pd.DataFrame({"number": 1, "family": 0}, index=names)
    centroids = np.array([X[types == name].mean(axis=0) for name in names])
    tree = linkage(centroids, method="ward", optimal_ordering=True)
    leaves = leaves_list(tree)
    clusters = fcluster(tree, N_FAMILIES, criterion="maxclust")[leaves]
    families = pd.factorize(clusters)[0]
    table = pd.DataFrame({"number": np.arange(1, len(names) + 1), "family": families}, index=names[leaves])
    return table
