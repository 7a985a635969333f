"""Ids of retrieval metrics, and the table of curves: what scoring writes and figures read.

map_at_k[k=1x,min_k_r,by_row,queries,db80]
    which k, denominator, ties (by_row, averaged), mean (over queries, types) and database: schash.metrics.retrieval.
    k is a multiple of the mean number of cells a type in the database, or a number
precision_at_n[n=10,by_row,types,db80]
    likewise; the curves have many more N
share_at_ceiling
    how many of all AP@k and P@N of the fold are what the perfect ranking scores: 1 for the positive control, else
    the scoring is wrong
recall_within_type[10], recall_within_type_chance[10]
    schash.metrics.within_type, on db80, mean over queries
cells_per_type[db80], k[1x,db80]
    numbers, no scores
"""

import pandas as pd

MAP, PRECISION, WITHIN_TYPE = "map_at_k", "precision_at_n", "recall_within_type"
MEASURES = {"table2": (MAP, WITHIN_TYPE), "fig3a": (PRECISION,), "variants": (MAP,)}
"""What each experiment scores of the searches, which the experiments share."""

MULTIPLES = {"0.5x": 0.5, "1x": 1.0, "2x": 2.0}
AVERAGES = ("queries", "types")
N_NEAREST = 10
SHARE_AT_CEILING = "share_at_ceiling"
RECALL_WITHIN_TYPE = f"{WITHIN_TYPE}[{N_NEAREST}]"
RECALL_WITHIN_TYPE_CHANCE = f"recall_within_type_chance[{N_NEAREST}]"

CURVE_COLUMNS = {
    "dataset": "str",
    "scheme": "str",
    "method": "str",
    "fold": "str",
    "database": "str",
    "average": "str",
    "ties": "str",
    "n": "int64",
    "precision": "float64",
    "ceiling": "float64",
    "chance": "float64",
}
"""P@N of one fold, and what the perfect ranking and one at random score. `n` is the N of P@N."""

_MAP = r"^map_at_k\[k=(?P<k>[^,]+),(?P<denominator>\w+),(?P<ties>\w+),(?P<average>\w+),(?P<database>\w+)\]$"
_K = r"^k\[(?P<k>[^,]+),(?P<database>\w+)\]$"


def map_metric(k: str, denominator: str, ties: str, average: str, database: str) -> str:
    """The id of a mean average precision; k is a name of MULTIPLES, or a number."""
    return f"{MAP}[k={k},{denominator},{ties},{average},{database}]"


def precision_metric(n: int, ties: str, average: str, database: str) -> str:
    """The id of a mean precision at N."""
    return f"{PRECISION}[n={n},{ties},{average},{database}]"


def cells_per_type_metric(database: str) -> str:
    """The id of the mean number of cells a type."""
    return f"cells_per_type[{database}]"


def k_metric(k: str, database: str) -> str:
    """The id of the number that a name of MULTIPLES stands for."""
    return f"k[{k},{database}]"


def map_parts(metrics: pd.Series) -> pd.DataFrame:
    """k, denominator, ties, average, database of every id of a mean average precision; NaN for other ids."""
    return metrics.str.extract(_MAP)


def k_parts(metrics: pd.Series) -> pd.DataFrame:
    """k and database of every id of a number k; NaN for other ids."""
    return metrics.str.extract(_K)
