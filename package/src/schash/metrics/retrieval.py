"""Scores of ranked cells: average precision at k and precision at N.

Conventions, used everywhere:

* A retrieved cell is relevant if it has the query's type. AP@k is the sum of the precisions at the ranks of the hits in
  the top k, over a denominator: `min_k_r`, min(k, R) for R relevant cells in the database, is the standard one; `hits`,
  the hits found in the top k, is what scDeepHash's released code divides by, so that 50 right and then 50 wrong cells
  score 1; `k` cannot reach 1 where R < k.
* P@N is the share of relevant cells among the first N; ranks without a neighbour count as wrong.
* Queries without a relevant cell in the database are NaN, left out of means and counted. Those without a hit score 0.
* Ties: `by_row` ranks equal distances by database row, as every search does. `averaged` is the exact expected value
  over all orders of the cells at equal distances, including those that the cut at k leaves outside. With `hits` the
  denominator is random itself: it is the expected ratio, not the ratio of expectations.
* Means are over `queries`, or over `types`: first within each type, so that each type weighs the same (as in
  scDeepHash's Fig. 3a).
"""

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from schash.errors import ConfigError, DataError
from schash.metrics._retrieval_kernels import expected_hits, expected_precision_sums, precision_sums
from schash.metrics.ranked import RankedRelevance

Denominator = Literal["hits", "min_k_r", "k"]
Ties = Literal["by_row", "averaged"]
DENOMINATORS: tuple[Denominator, ...] = get_args(Denominator)
TIES: tuple[Ties, ...] = get_args(Ties)

RETRIEVAL_COLUMNS = {
    "metric": "str",
    "denominator": "str",
    "k": "int64",
    "ties": "str",
    "average": "str",
    "value": "float64",
    "ceiling": "float64",
    "n": "int64",
    "n_types": "int64",
    "n_left_out": "int64",
}
"""One metric a row: `map_at_k`, or `precision_at_n` with N in column k and no denominator. `average` is "queries" or
"types"; n queries of n_types types were scored; `ceiling` is what the perfect ranking of the same queries reaches."""


def average_precision_at_k(
    relevant: np.ndarray, k: int, *, n_relevant: np.ndarray, denominator: Denominator = "min_k_r"
) -> np.ndarray:
    """AP@k of each query in the given order: (n_query,), NaN where the database has no relevant cell.

    relevant : (n_query, width) bool in rank order, width >= k; n_relevant : (n_query,), relevant cells in the database

    Raises
    ------
    ConfigError
        for k < 1 or an unknown denominator
    DataError
        if k is beyond the width, or more cells are relevant in a list than in the database
    """
    relevant = _check_relevant(relevant)
    _check_rank(k, relevant.shape[1], "k")
    n_relevant = _check_totals(relevant, n_relevant)
    sums, hits = np.empty(len(relevant)), np.empty(len(relevant), np.int64)
    precision_sums(relevant, k, sums, hits)
    scores = (
        sums / np.maximum(hits, 1) if denominator == "hits" else sums / _divisor(n_relevant, k, denominator)
    )
    return _leave_out(scores, n_relevant)


def precision_at_n(
    relevant: np.ndarray, n: int | Sequence[int], *, n_relevant: np.ndarray | None = None
) -> np.ndarray:
    """P@N of each query in the given order: (n_query,), or (n_query, len(n)) for several N.

    relevant : (n_query, width) bool in rank order; n_relevant : (n_query,), relevant cells in the database, to mark
    with NaN the queries that have none

    Raises as `average_precision_at_k` does.
    """
    relevant = _check_relevant(relevant)
    ns = _check_ranks(n, relevant.shape[1])
    scores = np.stack([np.count_nonzero(relevant[:, :each], axis=1) / each for each in ns], axis=1)
    if n_relevant is not None:
        scores = _leave_out(scores, _check_totals(relevant, n_relevant))
    return scores[:, 0] if np.ndim(n) == 0 else scores


def expected_average_precision_at_k(
    ranked: RankedRelevance, k: int, *, denominator: Denominator = "min_k_r"
) -> np.ndarray:
    """Expected value of AP@k over all orders of cells at equal distances: (n_query,), NaN as in the tie-broken score.

    Raises
    ------
    ConfigError
        for k < 1 or an unknown denominator
    DataError
        if k is beyond the width, or for some query inside a group of equal distance whose size is not known
    """
    _check_known(ranked, k, "k")
    sums, ratios = np.empty(len(ranked)), np.empty(len(ranked))
    expected_precision_sums(
        ranked.relevant, ranked.distances, ranked.tied_size, ranked.tied_relevant, k, sums, ratios
    )
    scores = ratios if denominator == "hits" else sums / _divisor(ranked.n_relevant, k, denominator)
    return _leave_out(scores, ranked.n_relevant)


def expected_precision_at_n(ranked: RankedRelevance, n: int | Sequence[int]) -> np.ndarray:
    """Expected value of P@N over all orders of cells at equal distances: (n_query,), or (n_query, len(n)).

    Raises as `expected_average_precision_at_k` does.
    """
    ns = _check_ranks(n, ranked.width)
    _check_known(ranked, int(ns.max()), "n")
    ascending, place = np.unique(ns, return_inverse=True)
    hits = np.empty((len(ranked), len(ascending)))
    expected_hits(ranked.relevant, ranked.distances, ranked.tied_size, ranked.tied_relevant, ascending, hits)
    scores = _leave_out((hits / ascending)[:, place], ranked.n_relevant)
    return scores[:, 0] if np.ndim(n) == 0 else scores


def ceiling_at_k(
    n_relevant: np.ndarray,
    k: int,
    *,
    metric: Literal["map_at_k", "precision_at_n"] = "map_at_k",
    denominator: Denominator = "min_k_r",
) -> np.ndarray:
    """What the perfect ranking, relevant cells first, scores with R relevant cells: (n_query,), NaN for R = 0.

    Its top k holds min(k, R) hits, each at precision 1: AP@k is 1 with `hits` and `min_k_r`, min(k, R) / k with `k`.
    P@N is min(N, R) / N.
    """
    _check_rank(k, None, "k")
    n_relevant = np.asarray(n_relevant, dtype=np.int64)
    found = np.minimum(k, n_relevant)
    if metric == "precision_at_n":
        return _leave_out(found / k, n_relevant)
    if metric != "map_at_k":
        message = f"metric must be 'map_at_k' or 'precision_at_n', got {metric!r}"
        raise ConfigError(message)
    divisor = found if denominator == "hits" else _divisor(n_relevant, k, denominator)
    return _leave_out(found / np.maximum(divisor, 1), n_relevant)


def retrieval_scores(
    ranked: RankedRelevance,
    *,
    ks: Sequence[int],
    ns: Sequence[int] = (),
    denominators: Sequence[Denominator] = DENOMINATORS,
    ties: Sequence[Ties] = TIES,
) -> pd.DataFrame:
    """Every retrieval metric of one set of queries, one a row (`RETRIEVAL_COLUMNS`); NaN where no query can be scored.

    ks, ns : ranks k of AP@k and N of P@N, all within the ranked width

    Raises as `expected_average_precision_at_k` does; without "averaged" among `ties`, no size of a group is needed.
    """
    scored = ranked.n_relevant > 0
    names, of_type = np.unique(ranked.types[scored], return_inverse=True)
    counts = {"n": len(of_type), "n_types": len(names), "n_left_out": int((~scored).sum())}
    rows = []
    for key, scores, ceilings in _all_scores(ranked, ks, ns, denominators, ties):
        values, most = _means(scores[scored], of_type), _means(ceilings[scored], of_type)
        rows += [
            {**key, "average": average, "value": values[average], "ceiling": most[average], **counts}
            for average in values
        ]
    table = pd.DataFrame(rows, columns=list(RETRIEVAL_COLUMNS))
    return table.astype(RETRIEVAL_COLUMNS)


def _all_scores(
    ranked: RankedRelevance,
    ks: Sequence[int],
    ns: Sequence[int],
    denominators: Sequence[Denominator],
    ties: Sequence[Ties],
) -> Iterator[tuple[dict[str, str | int], np.ndarray, np.ndarray]]:
    """What identifies each metric, its scores and its ceilings, both (n_query,)."""
    for rule in ties:
        if rule not in TIES:
            message = f"ties must be among {', '.join(TIES)}, got {rule!r}"
            raise ConfigError(message)
        for k in ks:
            for name in denominators:
                if rule == "averaged":
                    scores = expected_average_precision_at_k(ranked, k, denominator=name)
                else:
                    scores = average_precision_at_k(
                        ranked.relevant, k, n_relevant=ranked.n_relevant, denominator=name
                    )
                key: dict[str, str | int] = {"metric": "map_at_k", "denominator": name, "k": k, "ties": rule}
                yield key, scores, ceiling_at_k(ranked.n_relevant, k, denominator=name)
        if len(ns) == 0:
            continue
        if rule == "averaged":
            table = expected_precision_at_n(ranked, ns)
        else:
            table = precision_at_n(ranked.relevant, ns, n_relevant=ranked.n_relevant)
        for n, scores in zip(ns, table.T, strict=True):
            key = {"metric": "precision_at_n", "denominator": "", "k": n, "ties": rule}
            yield key, scores, ceiling_at_k(ranked.n_relevant, n, metric="precision_at_n")


def _means(scores: np.ndarray, of_type: np.ndarray) -> dict[str, float]:
    """Over queries, and over types: of_type numbers them from 0, without a gap."""
    if len(scores) == 0:
        return {"queries": float("nan"), "types": float("nan")}
    by_type = np.bincount(of_type, scores) / np.bincount(of_type)
    return {"queries": float(scores.mean()), "types": float(by_type.mean())}


def _divisor(n_relevant: np.ndarray, k: int, denominator: Denominator) -> np.ndarray:
    """Denominators that do not depend on the ranking; 1 stands in where there is no relevant cell."""
    if denominator == "min_k_r":
        return np.maximum(np.minimum(k, n_relevant), 1)
    if denominator == "k":
        return np.full(len(n_relevant), k)
    message = f"denominator must be among {', '.join(DENOMINATORS)}, got {denominator!r}"
    raise ConfigError(message)


def _leave_out(scores: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    scores[n_relevant == 0] = np.nan
    return scores


def _check_relevant(relevant: np.ndarray) -> np.ndarray:
    relevant = np.ascontiguousarray(relevant)
    if relevant.ndim != 2 or relevant.dtype != np.bool_:
        message = f"relevant must be (n_query, width) bool, got {relevant.shape} {relevant.dtype}"
        raise DataError(message)
    return relevant


def _check_totals(relevant: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    n_relevant = np.asarray(n_relevant, dtype=np.int64)
    if n_relevant.shape != (len(relevant),):
        message = f"n_relevant must be ({len(relevant)},), got {n_relevant.shape}"
        raise DataError(message)
    ranked = np.count_nonzero(relevant, axis=1)
    if np.any(ranked > n_relevant):
        query = int(np.flatnonzero(ranked > n_relevant)[0])
        message = f"query {query}: {ranked[query]} relevant cells are ranked, but the database has {n_relevant[query]}"
        raise DataError(message)
    return n_relevant


def _check_rank(k: int, width: int | None, name: str) -> None:
    if k < 1 or k != int(k):
        message = f"{name} must be a whole number of at least 1, got {k}"
        raise ConfigError(message)
    if width is not None and k > width:
        message = f"{name} = {k} is beyond the {width} cells ranked for each query"
        raise DataError(message)


def _check_ranks(n: int | Sequence[int], width: int) -> np.ndarray:
    ns = np.atleast_1d(np.asarray(n))
    if ns.ndim != 1 or len(ns) == 0:
        message = f"n must be a rank or a list of ranks, got {n!r}"
        raise ConfigError(message)
    for each in ns:
        _check_rank(each, width, "n")
    return ns.astype(np.int64)


def _check_known(ranked: RankedRelevance, k: int, name: str) -> None:
    _check_rank(k, ranked.width, name)
    unknown = np.count_nonzero(ranked.unknown_at(k))
    if unknown:
        message = (
            f"{name} = {k}: {unknown} of {len(ranked)} queries are cut inside a group of equal distance whose size is "
            "not known; rank by all distances, or more neighbours, or give the last group's counts, or use ties by_row"
        )
        raise DataError(message)
