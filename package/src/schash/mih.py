"""Multi-index hashing (Norouzi, Punjani, Fleet 2014; CellFishing.jl, "Indexing hash values"), exact.

The bits of a code are cut into `n_tables` sub-codes, each the key of a table of buckets. Codes near a query agree with
it nearly or wholly in some sub-code, so the buckets around the query's sub-codes are visited with growing radius until
nothing nearer can be left: `schash._mih_kernels` states the rule and its proof.
"""

from math import log2
from typing import Any, Literal, get_args

import numpy as np

from schash.clustered import Clustered, cluster_codes
from schash.errors import ConfigError
from schash.hamming import BitCodes
from schash.hamming_index import HammingIndex
from schash.mih_engine import (
    CLUSTERED_ARRAYS,
    TABLE_ARRAYS,
    Layout,
    MultiEngine,
    Strategy,
    Tables,
    build_tables,
    check_arrays,
)
from schash.neighbors import Neighbors

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
CELLFISHING = "cellfishing"


def cellfishing_tables(n: int, n_bits: int) -> int:
    """CellFishing's number of tables: sub-codes of clamp(round(log2 n), 2, 32) bits, as many as fit (at least 1)."""
    size = min(max(round(log2(max(n, 1))), 2), 32)
    return max(1, n_bits // size)


def sub_codes(n: int, n_bits: int, n_tables: int) -> tuple[np.ndarray, np.ndarray]:
    """(first bit, number of bits) of each table's sub-code, two (n_tables,) int64.

    The bits are shared out evenly, one more for the first tables where that leaves a rest. No sub-code has more bits
    than twice as many buckets as codes ask for; bits beyond are in no table, which the stopping rule allows.
    """
    widest = min(32, max(2, round(log2(max(n, 2))) + 1))
    return _in_a_row([min(n_bits // n_tables + (a < n_bits % n_tables), widest) for a in range(n_tables)])


def default_sub_codes(n: int, n_bits: int, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Sub-codes of log2 n - 4 bits, 4 to 24: buckets of about 16 codes where codes are random.

    Fewer bits and the buckets are long, more and there are too many of them to visit (measured). The compact layout
    leaves out one table in eight, and with it some bits: the clusters answer what the tables then find too slowly.
    """
    size = min(max(round(log2(max(n, 1))) - 4, 4), 24, n_bits)
    n_tables = n_bits // size
    if layout == "compact":
        return _in_a_row([size] * max(1, n_tables * 7 // 8))
    return sub_codes(n, n_bits, n_tables)


def _in_a_row(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64), np.array(sizes, np.int64)


class MultiIndex(HammingIndex):
    """The k nearest codes by multi-index hashing, with a clustered scan where that is faster.

    Parameters
    ----------
    codes
        the database; any width from 1 bit on
    n_tables
        None for a number that is fast, "cellfishing" for the paper's rule, or any number from 1 to n_bits
    layout
        "fast" copies the codes in bucket order into every table; "compact" keeps them once

    Raises
    ------
    ConfigError
        if n_tables or the layout is not allowed
    """

    FORMAT = "schash.MultiIndex"

    def __init__(
        self, codes: BitCodes, n_tables: int | Literal["cellfishing"] | None = None, layout: Layout = "fast"
    ) -> None:
        if layout not in LAYOUTS:
            message = f"layout is one of {', '.join(LAYOUTS)}, got {layout!r}"
            raise ConfigError(message)
        if n_tables is not None and n_tables != CELLFISHING:
            whole = isinstance(n_tables, int | np.integer) and not isinstance(n_tables, bool)
            if not whole or not 1 <= int(n_tables) <= codes.n_bits:
                message = f"n_tables is None, {CELLFISHING!r} or a number from 1 to {codes.n_bits}, got {n_tables!r}"
                raise ConfigError(message)
        self.layout: Layout = layout
        self._n_tables = n_tables
        super().__init__(codes)

    @property
    def n_tables(self) -> int:
        """Tables of the first and largest part."""
        return len(self._parts[0].engine.tables.sizes if self._parts else self._sub_codes(0)[1])

    def search(
        self, queries: BitCodes, k: int, *, n_threads: int | None = None, strategy: Strategy = "auto"
    ) -> Neighbors:
        """As `HammingIndex.search`. `strategy` "tables" or "clusters" keeps to one way; the answers are the same."""
        if strategy not in STRATEGIES:
            message = f"strategy is one of {', '.join(STRATEGIES)}, got {strategy!r}"
            raise ConfigError(message)
        return self._search(queries, k, n_threads, strategy=strategy)

    def _sub_codes(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        if self._n_tables is None:
            return default_sub_codes(n, self.n_bits, self.layout)
        n_tables = (
            cellfishing_tables(n, self.n_bits) if self._n_tables == CELLFISHING else int(self._n_tables)
        )
        return sub_codes(n, self.n_bits, n_tables)

    def _options(self) -> dict[str, Any]:
        n_tables = self._n_tables
        return {
            "n_tables": int(n_tables) if isinstance(n_tables, np.integer) else n_tables,
            "layout": self.layout,
        }

    def _engine(self, words: np.ndarray) -> "MultiEngine":
        clustered = cluster_codes(words, self.n_bits)
        return MultiEngine(
            clustered, build_tables(words, clustered, self._sub_codes(len(words)), self.layout)
        )

    def _restore_engine(self, arrays: dict[str, np.ndarray], n_codes: int) -> "MultiEngine":
        clustered = Clustered(**{name: arrays[name] for name in CLUSTERED_ARRAYS}, n_bits=self.n_bits)
        tables = Tables(**{name: arrays[name] for name in TABLE_ARRAYS})
        check_arrays(clustered, tables)
        return MultiEngine(clustered, tables)
