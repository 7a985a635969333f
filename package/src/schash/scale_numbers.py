"""What the numbers of CellFishing's growth are called, and those that its paper has (Table 3), made of them.

A number of one size is `name[what,n=8192]`: `what` is the width and, where it is not CellFishing's own index in the
layout that is its default, which search it is: `128bits`, `128bits-linear`, `128bits-fast`, `128bits-1thread`. The
paper's numbers are those of one thread, as its program has.
"""

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any

import pandas as pd

from schash.folds import NOT_APPLICABLE
from schash.timing_table import Scores, by_size, slope, together

WIDTHS = {128: 4, 256: 4, 512: 1}
"""Bits of a code, and codes of a cell: the paper's four; one of 512 bits, as many in all as four of 128."""
QUERY, ENCODE, SEARCH = "query_ms", "encode_ms", "search_ms"
INDEX, HASH, TABLES = "index_s", "hash_s", "build_s"
BYTES, PEAK = "bytes_per_cell", "index_peak_mb"
RECALL, IDENTICAL = "recall_of_linear_scan", "same_as_linear_scan"
CONSISTENCY, SHARED, COPIED = "consistency", "queries_in_database", "copied"
TOOK = "size_s"
"""All that was done at one size, compiling apart."""
NAMED = {
    "select": "select_genes_s",
    "preprocess": "preprocess_s",
    "svd": "svd_s",
    "reading": "reading_s",
    "before": "before_mb",
    "beyond": "beyond_index_mb",
    "file": "temporary_file_mb",
}
"""Of indexing at one size. `before_mb` is resident before it, `beyond_index_mb` the peak less that and the index."""
COUNTS = {
    "genes": "genes",
    "selected genes": "genes_selected",
    "a cell": "counts_per_cell",
    "selected a cell": "selected_counts_per_cell",
    "a query": "counts_per_query",
    "selected a query": "selected_counts_per_query",
}
SMALL, LARGE = 1 << 13, 1 << 20
"""Sizes that the paper's numbers are about."""
COUNTS_BYTES = 4000
"""Of a cell as 1,000 counts of 32 bits, which the paper compares with."""

Values = Mapping[tuple[str, str, int], float]
"""By name, what and size."""


def what_of(bits: int, search: str = "") -> str:
    """The middle part of a metric."""
    return f"{bits}bits-{search}" if search else f"{bits}bits"


def join_sizes(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """SCORE_COLUMNS of all sizes of a method, with the paper's numbers, which are made of several."""
    table = together(tables)
    if table["status"].eq(NOT_APPLICABLE).any():
        return table.drop_duplicates(["metric", "status"], ignore_index=True)
    first = table.iloc[0]
    common = {"threads": int(first["threads"]), "host": str(first["host"])}
    return together([table, add_published(table, common)])


def add_published(table: pd.DataFrame, common: Mapping[str, Any]) -> pd.DataFrame:
    """SCORE_COLUMNS of the paper's numbers that these sizes have. `table`: SCORE_COLUMNS of all sizes."""
    rows = by_size(table)
    ran = rows[rows["status"] == "ok"]
    keys = zip(ran["name"], ran["what"], ran["size"], strict=True)
    values: Values = dict(zip(keys, ran["value"], strict=True))
    scores = Scores({**common, "threads": 1})
    for bits in WIDTHS:
        for name, value in (_slopes(values, bits) | _at_sizes(values, bits)).items():
            scores.add(f"{name}_{bits}bits", value, _largest(values))
    return scores.table()


def _largest(values: Values) -> int:
    return max((n for _, _, n in values), default=0)


def _slopes(values: Values, bits: int) -> dict[str, float]:
    """Of log over log, over all sizes."""
    found = {}
    series = {
        "query_slope": (QUERY, what_of(bits, "1thread"), 1),
        "index_slope": (INDEX, what_of(bits), 1),
        "bytes_slope": (BYTES, what_of(bits), None),
    }
    for name, (metric, what, power) in series.items():
        points = sorted((n, value) for (a, b, n), value in values.items() if (a, b) == (metric, what))
        if len(points) > 1:
            sizes = [n for n, _ in points]
            totals = [value if power else value * n for n, value in points]
            found[name] = slope(sizes, totals)
    return found


def _at_sizes(values: Values, bits: int) -> dict[str, float]:
    """At 2^13 and 2^20 cells; what was not measured is left out."""
    own, one_thread, linear = what_of(bits), what_of(bits, "1thread"), what_of(bits, "linear")

    def at(name: str, what: str, n: int = LARGE) -> float:
        return values.get((name, what, n), float("nan"))

    def gap(n: int) -> float:
        return at(QUERY, linear, n) / at(QUERY, own, n)

    found = {
        f"throughput_{_power(LARGE)}": 1e3 / at(QUERY, one_thread),
        f"query_ms_{_power(LARGE)}": at(QUERY, one_thread),
        f"query_growth_{_power(SMALL)}_to_{_power(LARGE)}": at(QUERY, one_thread)
        / at(QUERY, one_thread, SMALL),
        f"bytes_per_cell_{_power(LARGE)}": at(BYTES, own),
        f"bytes_saved_over_1000_counts_{_power(LARGE)}": COUNTS_BYTES / at(BYTES, own),
        f"bytes_indexed_over_linear_{_power(LARGE)}": at(BYTES, own) / at(BYTES, linear),
        f"consistency_{_power(SMALL)}": at(CONSISTENCY, own, SMALL),
        f"consistency_{_power(LARGE)}": at(CONSISTENCY, own),
        f"consistency_indexed_minus_linear_{_power(LARGE)}": at(CONSISTENCY, own) - at(CONSISTENCY, linear),
        f"index_time_indexed_over_linear_{_power(LARGE)}": at(INDEX, own) / at(INDEX, linear),
        f"linear_over_indexed_query_time_growth_{_power(SMALL)}_to_{_power(LARGE)}": gap(LARGE) / gap(SMALL),
        f"query_time_indexed_over_linear_{_power(LARGE)}": at(QUERY, own) / at(QUERY, linear),
        f"recall_of_linear_scan_{_power(LARGE)}": at(RECALL, own),
    }
    return {name: value for name, value in found.items() if value == value}


def _power(n: int) -> str:
    return f"2p{round(log2(n))}"
