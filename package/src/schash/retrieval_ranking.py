"""The cells of one database in the order of a search, ready to be scored, and the ranks that they are scored at."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from schash.methods.contract import NearestCells
from schash.metrics.ranked import RankedRelevance, rank_neighbors
from schash.retrieval_databases import DATABASES, database_rows, restrict
from schash.retrieval_ids import MAP, MULTIPLES, PRECISION, WITHIN_TYPE
from schash.seeds import derive_seed

GRID = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
"""N of the curves: those up to GRID_END, or to the largest k that was given."""
GRID_END = 200


class FoldLabels(NamedTuple):
    """Types of a fold's training cells and of its query cells, each (n,) str, in the order of the fold's rows."""

    train: np.ndarray
    query: np.ndarray


class RetrievalOptions(NamedTuple):
    """What is scored, and how.

    ks : numbers in place of the multiples of the mean number of cells a type
    as_found : the lists are all that the method ranked, as with a search that only compares candidates
    measures : as in schash.retrieval_ids.MEASURES
    """

    dataset: str
    scheme: str
    seed: int = 0
    ks: tuple[int, ...] = ()
    as_found: bool = False
    measures: tuple[str, ...] = (MAP, PRECISION, WITHIN_TYPE)


class Ranking(NamedTuple):
    """The cells of one database in a method's order, and the k of AP@k and N of P@N, where they are measured."""

    database: str
    n_cells: int
    n_types: int
    ks: dict[str, int]
    ns: list[int]
    ranked: RankedRelevance


def fold_labels(
    rows: Mapping[int, Mapping[str, np.ndarray]], train_labels: pd.DataFrame, solution: pd.DataFrame
) -> dict[int, FoldLabels]:
    """Labels of every fold, in the order of its rows (schash.splits.read_rows)."""
    train, query = (table.set_index(["fold", "row"])["label"] for table in (train_labels, solution))
    return {
        fold: FoldLabels(
            train.loc[fold].loc[parts["train"]].to_numpy(str),
            query.loc[fold].loc[parts["query"]].to_numpy(str),
        )
        for fold, parts in rows.items()
    }


def rank_database(
    found: NearestCells, labels: FoldLabels, database: str, fold: int, options: RetrievalOptions
) -> Ranking:
    """Restrict the lists of a fold to a database, and say which of them are relevant.

    Raises
    ------
    DataError
        if a list does not fit the training cells
    """
    seed = derive_seed("database", database, options.dataset, options.scheme, fold, options.seed)
    kept = database_rows(labels.train, DATABASES[database], seed=seed)
    types = labels.train[kept]
    n_types = len(np.unique(types))
    ks = {str(k): int(k) for k in options.ks} or {
        name: max(1, round(factor * len(types) / n_types)) for name, factor in MULTIPLES.items()
    }
    ns = sorted({*(n for n in GRID if n <= max((GRID_END, *options.ks))), *ks.values()})
    here = restrict(found, kept, len(labels.train), as_found=options.as_found, width=ns[-1])
    ranked = rank_neighbors(
        here.ids,
        here.distances,
        database_labels=types,
        query_labels=labels.query,
        last_group="as_found" if options.as_found else "unknown",
    )
    if MAP not in options.measures:
        ks = {}
    if PRECISION not in options.measures:
        ns = []
    return Ranking(database, len(types), n_types, ks, ns, ranked)


def why_not(ranked: RankedRelevance, rank: int, ties: str) -> str:
    """Why there is no score at that rank; nothing where there is one."""
    if rank > ranked.width:
        return f"rank {rank} is beyond the {ranked.width} cells that every list has"
    unknown = np.count_nonzero(ranked.unknown_at(rank)) if ties == "averaged" else 0
    if unknown:
        return f"rank {rank} of {unknown} of {len(ranked)} lists is among ties that go on beyond the list"
    return ""
