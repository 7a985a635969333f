"""What all exact indexes share: checks, parts that make `add` cheap, threads, files.

An index is a list of parts, each built once from some of the codes. `add` builds a part of the new codes alone and then
joins parts of similar size, so that a code is built in O(log n) times however it came in. A search goes through the
parts, the largest first; what one found limits how far the next must look.
"""

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from schash._array_streams import Compression
from schash._collect_kernels import ROW_BITS
from schash._expand_kernels import expand
from schash.array_file import read_arrays, write_arrays
from schash.distinct import Distinct, distinct_codes
from schash.errors import ConfigError, DataError, ModelFileError
from schash.hamming import BitCodes, words_for
from schash.neighbors import NO_NEIGHBOR, Neighbors
from schash.parallel import check_threads

VERSION = 1
PARTS_ERRORS = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What may go wrong where the arrays of a file do not make what its header says."""
_JOIN = 2
"""Parts are joined while the earlier one has fewer than this many times the rows of the later one."""


class Engine(Protocol):
    """An exact search over codes that are all different, or count as such."""

    def search(
        self, queries: np.ndarray, k: int, *, limits: np.ndarray, weights: np.ndarray, n_threads: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(keys (n_query, k) ascending, how many count, candidates, lookups); see `schash._collect_kernels`."""

    def words(self) -> np.ndarray:
        """The codes in order, (n_codes, n_words) uint64."""

    def take(self, codes: np.ndarray) -> np.ndarray:
        """Some of them, (m, n_words) uint64."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All that the engine keeps, by name."""


class Part:
    """An engine over distinct codes, and the rows that hold each."""

    def __init__(self, engine: Any, distinct: Distinct, n_rows: int) -> None:
        self.engine, self.n_rows = engine, n_rows
        self.starts, self.rows, self.weights = distinct.starts, distinct.rows, distinct.weights
        self._code_of = np.empty(len(self.rows), np.uint32)
        self._code_of[self.rows] = np.repeat(np.arange(len(self.weights), dtype=np.uint32), self.weights)

    @property
    def n_codes(self) -> int:
        return len(self.weights) if len(self.starts) else self.n_rows

    def words(self) -> np.ndarray:
        """The codes in row order, (n_rows, n_words)."""
        words = self.engine.words()
        if not len(self.starts):
            return words
        return words[self._code_of]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The codes of some rows, (m, n_words)."""
        return self.engine.take(self._code_of[rows].astype(np.int64) if len(self.starts) else rows)

    def arrays(self) -> dict[str, np.ndarray]:
        return {**self.engine.arrays(), "row_starts": self.starts, "rows": self.rows}

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (*self.arrays().values(), self.weights, self._code_of))

    def search(
        self, queries: np.ndarray, k: int, *, limits: np.ndarray, offset: int, n_bits: int, **options: Any
    ) -> Neighbors:
        n_query = len(queries)
        keys, sizes, candidates, lookups = self.engine.search(
            queries, min(k, self.n_rows), limits=limits, weights=self.weights, **options
        )
        ids = np.full((n_query, k), NO_NEIGHBOR, np.int64)
        distances = np.full((n_query, k), n_bits + 1, np.int32)
        expand(keys, sizes, self.starts, self.rows, offset, ids, distances, 0, n_query)
        return Neighbors(ids, distances, candidates, lookups)


class HammingIndex:
    """Base of the exact indexes."""

    FORMAT: ClassVar[str]

    def __init__(self, codes: BitCodes) -> None:
        self.n_bits = codes.n_bits
        self._parts: list[Part] = []
        if len(codes):
            self._parts.append(self._new_part(codes.words))

    def _engine(self, words: np.ndarray) -> Any:
        """Build the `Engine` of one part."""
        raise NotImplementedError

    def _restore_engine(self, arrays: dict[str, np.ndarray], n_codes: int) -> Any:
        """The `Engine` that `arrays` were taken from."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """What the constructor was given besides the codes."""
        return {}

    def _new_part(self, words: np.ndarray) -> Part:
        distinct = distinct_codes(np.ascontiguousarray(words))
        return Part(self._engine(distinct.words), distinct, len(words))

    def __len__(self) -> int:
        return sum(part.n_rows for part in self._parts)

    @property
    def nbytes(self) -> int:
        """Memory of everything the index keeps."""
        return sum(part.nbytes for part in self._parts)

    @property
    def codes(self) -> BitCodes:
        """The codes, in the order in which they came."""
        words = [part.words() for part in self._parts] or [np.empty((0, words_for(self.n_bits)), np.uint64)]
        return BitCodes(np.concatenate(words), self.n_bits)

    def take(self, rows: np.ndarray) -> BitCodes:
        """The codes of some rows, (m,) integers.

        Raises
        ------
        DataError
            if there is no such row
        """
        rows = np.asarray(rows)
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(self):
            message = f"rows must lie from 0 to {len(self) - 1}, got {rows.min()} to {rows.max()}"
            raise DataError(message)
        words, offset = np.empty((len(rows), words_for(self.n_bits)), np.uint64), 0
        for part in self._parts:
            own = np.flatnonzero((rows >= offset) & (rows < offset + part.n_rows))
            words[own] = part.take(rows[own] - offset)
            offset += part.n_rows
        return BitCodes(words, self.n_bits)

    def add(self, codes: BitCodes) -> Self:
        """Append codes; their rows follow those that are there.

        Raises
        ------
        DataError
            if they have another width
        """
        check_width(codes, self.n_bits, "added codes")
        if len(codes):
            words, kept = codes.words, len(self._parts)
            while kept and self._parts[kept - 1].n_rows < _JOIN * len(words):
                kept -= 1
                words = np.concatenate([self._parts[kept].words(), words])
            self._parts[kept:] = [self._new_part(words)]  # built first: a failure leaves the index as it was
        return self

    def search(self, queries: BitCodes, k: int, *, n_threads: int | None = None) -> Neighbors:
        """The k nearest rows of each query, exactly, ties to the smaller row.

        Parameters
        ----------
        queries : codes of the same width
        k : at least 0; beyond the number of rows the result is padded
        n_threads : by default as many as numba was given

        Raises
        ------
        DataError
            if the widths differ
        ConfigError
            if k is negative or n_threads below 1
        """
        return self._search(queries, k, n_threads)

    def _search(self, queries: BitCodes, k: int, n_threads: int | None, **options: Any) -> Neighbors:
        """`search`, with what an engine may be told besides."""
        check_width(queries, self.n_bits, "queries")
        if k < 0 or int(k) != k:
            message = f"k must be a number of neighbours, 0 or more, got {k}"
            raise ConfigError(message)
        threads = check_threads(n_threads)
        if len(queries) == 0 or k == 0 or not self._parts:
            return _no_neighbors(len(queries), int(k), self.n_bits)
        return self._search_parts(queries, int(k), threads, **options)

    def _search_parts(self, queries: BitCodes, k: int, n_threads: int, **options: Any) -> Neighbors:
        words, offset = np.ascontiguousarray(queries.words), 0
        best = _no_neighbors(len(queries), k, self.n_bits)
        for part in self._parts:
            limits = np.minimum(best.distances[:, -1].astype(np.int64), self.n_bits)
            found = part.search(
                words, k, limits=limits, offset=offset, n_bits=self.n_bits, n_threads=n_threads, **options
            )
            best = found if offset == 0 else _merge(best, found)
            offset += part.n_rows
        return best

    def save(self, path: str | Path, *, compression: Compression | None = None) -> None:
        """Write the index, tables and all, to one file that `load` maps into memory."""
        arrays, description = self._to_arrays()
        write_arrays(path, arrays, description, format=self.FORMAT, version=VERSION, compression=compression)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ModelFileError
            if the file is missing, damaged, of another kind or from a newer version
        """
        arrays, description = read_arrays(path, format=cls.FORMAT, version=VERSION)
        try:
            return cls._from_arrays(arrays, description)
        except PARTS_ERRORS as error:
            message = (
                f"{path}: its content does not make an index ({type(error).__name__}: {str(error)[:500]})"
            )
            raise ModelFileError(message) from error

    def _to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {f"{i}.{name}": a for i, part in enumerate(self._parts) for name, a in part.arrays().items()}
        return arrays, {
            "n_bits": self.n_bits,
            "options": self._options(),
            "n_rows": [part.n_rows for part in self._parts],
        }

    @classmethod
    def _empty(cls, codes: BitCodes, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Self:
        """An index without codes, as its file describes it."""
        return cls(codes, **options)

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> Self:
        n_bits = int(description["n_bits"])
        codes = BitCodes(np.empty((0, words_for(n_bits)), np.uint64), n_bits)
        index = cls._empty(codes, arrays, description["options"])
        for i, n_rows in enumerate(description["n_rows"]):
            own = {name.split(".", 1)[1]: a for name, a in arrays.items() if name.startswith(f"{i}.")}
            distinct = Distinct(np.empty((0, 0), np.uint64), own["row_starts"], own["rows"])
            n_codes = len(distinct.starts) - 1 if len(distinct.starts) else n_rows
            check_rows(distinct, n_rows)
            index._parts.append(Part(index._restore_engine(own, n_codes), distinct, n_rows))
        return index


def _no_neighbors(n_query: int, k: int, n_bits: int) -> Neighbors:
    """Nothing found, by no work."""
    return Neighbors(
        np.full((n_query, k), NO_NEIGHBOR, np.int64),
        np.full((n_query, k), n_bits + 1, np.int32),
        np.zeros(n_query, np.int64),
        np.zeros(n_query, np.int64),
    )


def check_width(codes: BitCodes, n_bits: int, what: str) -> None:
    """Raise `DataError` for codes of another width than the index."""
    if codes.n_bits != n_bits:
        message = f"{what} have {codes.n_bits} bits, the codes of this index {n_bits}"
        raise DataError(message)


def check_rows(distinct: Distinct, n_rows: int) -> None:
    """Raise `ValueError` where the rows of each code, read from a file, are not those of `n_rows` rows."""
    starts, rows = distinct.starts, distinct.rows
    if starts.dtype != np.uint32 or rows.dtype != np.uint32:
        message = f"rows of type {starts.dtype} and {rows.dtype}, expected uint32"
        raise ValueError(message)
    if not len(starts) and not len(rows) and n_rows > 0:
        return
    if len(rows) != n_rows or starts[-1] != n_rows or not np.array_equal(np.sort(rows), np.arange(n_rows)):
        message = f"the rows of {len(starts) - 1} codes are not those of {n_rows} cells"
        raise ValueError(message)


def _merge(one: Neighbors, other: Neighbors) -> Neighbors:
    """The k nearest of both; rows of `other` come after those of `one`."""
    ids = np.concatenate([one.ids, other.ids], axis=1)
    distances = np.concatenate([one.distances, other.distances], axis=1)
    rows = np.where(ids == NO_NEIGHBOR, (1 << ROW_BITS) - 1, ids)
    order = np.argsort((distances.astype(np.int64) << ROW_BITS) | rows, axis=1, kind="stable")[:, : one.k]
    return Neighbors(
        np.take_along_axis(ids, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
        one.n_candidates + other.n_candidates,
        one.n_lookups + other.n_lookups,
    )
