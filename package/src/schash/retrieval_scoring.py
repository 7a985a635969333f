"""From the cells that a search found to retrieval scores. As with annotation, only here do query cells have types.

Databases
    `db80` and `db60`, see schash.retrieval_databases. Both are ranked by the model that was fitted on the 80%.
k
    of AP@k is 0.5, 1 and 2 times the mean number of cells a type in that database, named 0.5x, 1x and 2x; or is given
    as numbers. N of P@N runs over GRID and these k.
Ties
    A score averaged over ties needs to know how many cells stand at the distance of the k-th. It does where the lists
    hold the whole database, or go on beyond those ties, or are all that the method ranked (`as_found`: a search that
    only compares candidates). Else, and where k is beyond the lists, the metric has no value and its reason says why.
Metrics
    See schash.retrieval_ids. An experiment scores some of them, its measures; each has its share at the ceiling.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from schash.errors import ConfigError
from schash.methods.contract import NearestCells
from schash.metrics.retrieval import DENOMINATORS, TIES, retrieval_scores
from schash.metrics.within_type import MIN_CELLS_EXCLUSIVE, recall_within_type
from schash.retrieval_databases import DATABASES
from schash.retrieval_ids import (
    AVERAGES,
    CURVE_COLUMNS,
    MAP,
    MULTIPLES,
    N_NEAREST,
    PRECISION,
    RECALL_WITHIN_TYPE,
    RECALL_WITHIN_TYPE_CHANCE,
    SHARE_AT_CEILING,
    WITHIN_TYPE,
    cells_per_type_metric,
    k_metric,
    map_metric,
    precision_metric,
)
from schash.retrieval_ranking import FoldLabels, Ranking, RetrievalOptions, rank_database, why_not
from schash.tables import COST_COLUMNS, SCORE_COLUMNS, conform, empty

REPORTED_NS = (10, 100)
"""N of the precisions that are metrics, and not only points of a curve."""
CEILING_TOLERANCE = 1e-9
_POINT = {
    name: kind for name, kind in CURVE_COLUMNS.items() if name not in ("dataset", "scheme", "method", "fold")
}


def score_retrieval(
    find: Callable[[int], NearestCells],
    labels: Mapping[int, FoldLabels],
    status: pd.DataFrame,
    options: RetrievalOptions,
    *,
    exact: Callable[[int], NearestCells | None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the search of one run, one fold at a time.

    find : what was found in a fold that ran; ids are positions in its training rows
    status : one row a fold (STATUS_COLUMNS)
    exact : exact cosine neighbours of a fold, or None of it; without them there is no recall within types

    Returns
    -------
    scores : SCORE_COLUMNS; a fold that did not run has one row with no metric and its status. `n` counts the queries
        scored, or the cells that a number is of.
    curves : CURVE_COLUMNS without `method`, which the caller knows; empty where P@N is not measured

    Raises
    ------
    ConfigError
        if a k is no whole number of at least 1
    DataError
        if a list does not fit the training cells
    """
    if any(k < 1 or k != int(k) for k in options.ks):
        message = f"every k must be a whole number of at least 1, got {list(options.ks)}"
        raise ConfigError(message)
    parts, curves = [], []
    for record in status.to_dict("records"):
        fold, run = record["fold"], {name: record[name] for name in (*COST_COLUMNS, "status")}
        rows = [_row("", np.nan, 0, record["reason"])]
        if record["status"] == "ok":
            nearest = exact(fold) if exact else None
            rows, curve = _score_fold(find(fold), nearest, labels[fold], fold, options)
            curves.append(curve.assign(dataset=options.dataset, scheme=options.scheme, fold=str(fold)))
        parts.append(pd.DataFrame(rows).assign(**run, fold=str(fold)))
    columns = {name: kind for name, kind in CURVE_COLUMNS.items() if name != "method"}
    points = pd.concat(curves, ignore_index=True) if curves else empty(columns)
    scores = pd.concat(parts, ignore_index=True)
    return conform(scores, SCORE_COLUMNS, name="scores"), conform(points, columns, name="curves")


def _score_fold(
    found: NearestCells,
    exact: NearestCells | None,
    labels: FoldLabels,
    fold: int,
    options: RetrievalOptions,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    rows, tables, curves = [], [], []
    for database in DATABASES:
        ranking = rank_database(found, labels, database, fold, options)
        why: dict[tuple[int, str], str] = {
            (rank, ties): why_not(ranking.ranked, rank, ties)
            for rank in {*ranking.ks.values(), *ranking.ns}
            for ties in TIES
        }
        table = _scores(ranking, why)
        rows += [*_numbers(ranking), *_metrics(ranking, table, why)]
        tables.append(table.dropna(subset="value"))
        curves.append(_curve(ranking, table) if ranking.ns else empty(_POINT))
    scored = pd.concat(tables)
    reached = (scored["ceiling"] - scored["value"]).abs() <= CEILING_TOLERANCE
    rows.append(_row(SHARE_AT_CEILING, reached.mean(), len(labels.query)))
    if WITHIN_TYPE in options.measures:
        rows += _within_type(found, exact, labels, options.as_found)
    return rows, pd.concat(curves, ignore_index=True)


def _scores(ranking: Ranking, why: Mapping[tuple[int, str], str]) -> pd.DataFrame:
    """What can be scored: schash.metrics.retrieval.RETRIEVAL_COLUMNS."""
    parts = []
    for ties in TIES:
        ks = sorted({k for k in ranking.ks.values() if not why[k, ties]})
        ns = [n for n in ranking.ns if not why[n, ties]]
        parts.append(retrieval_scores(ranking.ranked, ks=ks, ns=ns, ties=[ties]))
    return pd.concat(parts, ignore_index=True)


def _numbers(ranking: Ranking) -> list[dict[str, Any]]:
    database, n_cells = ranking.database, ranking.n_cells
    ks = {k_metric(name, database): k for name, k in ranking.ks.items() if name in MULTIPLES}
    numbers = {cells_per_type_metric(database): n_cells / ranking.n_types, **ks}
    return [_row(metric, value, n_cells) for metric, value in numbers.items()]


def _metrics(
    ranking: Ranking, table: pd.DataFrame, why: Mapping[tuple[int, str], str]
) -> list[dict[str, Any]]:
    """AP@k at every k, and P@N at some N, in the order of their ids."""
    keys = ["metric", "denominator", "k", "ties", "average"]
    values = table.drop_duplicates(keys).set_index(keys)["value"]
    n = int(np.count_nonzero(ranking.ranked.n_relevant > 0))
    wanted = [
        (
            map_metric(name, denominator, ties, average, ranking.database),
            (MAP, denominator, k, ties, average),
        )
        for name, k in ranking.ks.items()
        for denominator in DENOMINATORS
        for ties in TIES
        for average in AVERAGES
    ] + [
        (precision_metric(k, ties, average, ranking.database), (PRECISION, "", k, ties, average))
        for k in REPORTED_NS
        if ranking.ns
        for ties in TIES
        for average in AVERAGES
    ]
    return [_row(metric, values.get(key, np.nan), n, why[key[2], key[3]]) for metric, key in wanted]


def _curve(ranking: Ranking, table: pd.DataFrame) -> pd.DataFrame:
    ranked = ranking.ranked
    scored = ranked.n_relevant > 0
    share = pd.Series(ranked.n_relevant[scored] / ranking.n_cells)
    chance = {"queries": share.mean(), "types": share.groupby(ranked.types[scored]).mean().mean()}
    points = table[table["metric"] == PRECISION].drop(columns="n")
    points = points.rename(columns={"k": "n", "value": "precision"}).assign(database=ranking.database)
    points["chance"] = points["average"].map(chance)
    return points[list(_POINT)]


def _within_type(
    found: NearestCells, exact: NearestCells | None, labels: FoldLabels, as_found: bool
) -> list[dict[str, Any]]:
    names = [RECALL_WITHIN_TYPE, RECALL_WITHIN_TYPE_CHANCE]
    if exact is None:
        return [
            _row(name, np.nan, 0, "there are no exact cosine neighbours to compare with") for name in names
        ]
    recall, chance = recall_within_type(
        found,
        exact,
        database_labels=labels.train,
        query_labels=labels.query,
        n_nearest=N_NEAREST,
        as_found=as_found,
    )
    part = ~np.isnan(chance)
    n, unknown = int(part.sum()), int(np.isnan(recall[part]).sum())
    if n == 0:
        why = f"no query has {N_NEAREST} known exact neighbours of a type of more than {MIN_CELLS_EXCLUSIVE} cells"
        return [_row(name, np.nan, 0, why) for name in names]
    why = (
        f"{unknown} of {n} lists do not show the first {N_NEAREST} cells of the query's type"
        if unknown
        else ""
    )
    value = np.nan if unknown else recall[part].mean()
    return [_row(names[0], value, n, why), _row(names[1], chance[part].mean(), n)]


def _row(metric: str, value: float, n: int, reason: str = "") -> dict[str, Any]:
    return {"metric": metric, "value": value, "n": n, "reason": reason}
