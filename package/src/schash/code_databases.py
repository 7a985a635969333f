"""Searches over binary codes that are timed side by side: each index of DeepHash's codes and of CellFishing's, and the
linear scan that their answers are held against.

Both learn from training cells and hash any others; a database of any size is a number of codes. `AnchorIndex` searches
the buckets of the nearest anchors alone (scDeepHash, section 3.3); all others are exact.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from schash._cellfishing_fit import make_indexes
from schash.anchor_index import AnchorIndex
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.errors import ConfigError
from schash.hamming import BitCodes
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex
from schash.neighbors import Neighbors

Codes: TypeAlias = list[BitCodes]
"""One a hash: one of DeepHash, several of CellFishing."""

ANCHOR, MULTI, LINEAR, FAISS = "anchor", "multi", "linear", "faiss"
EXACT = (MULTI, LINEAR, FAISS)
INSTALL_FAISS = "faiss is not installed (pip install 'schash[oracle]' brings faiss-cpu)"


@dataclass(frozen=True, eq=False)
class Database:
    """A built index. `search(queries, k, n_threads)`; `nbytes` is everything that it keeps."""

    search: Callable[[Codes, int, int], Neighbors]
    nbytes: int


@dataclass(frozen=True, eq=False)
class Hasher:
    """A fitted hash function with its indexes. `build(index, codes)` makes one of `indexes`; the first is its own."""

    encode: Callable[[CellChunks], Codes]
    build: Callable[[str, Codes], Database]
    indexes: tuple[str, ...]


def has_faiss() -> bool:
    return find_spec("faiss") is not None


def deephash_hasher(model: Any) -> Hasher:
    """`model`: a fitted `schash.deephash.DeepHash`.

    Raises
    ------
    ConfigError
        if its codes are floats, which none of these indexes holds
    """
    if model.options_.distance != "hamming":
        message = (
            f"codes compared by {model.options_.distance} cannot be indexed; only those by hamming distance"
        )
        raise ConfigError(message)
    n_bits = model.anchors_.n_bits

    def encode(chunks: CellChunks) -> Codes:
        words = [model.encode(block, genes=chunks.genes).words for block in chunks]
        return [BitCodes(np.concatenate(words), n_bits)]

    def build(index: str, codes: Codes) -> Database:
        return _one_code(index, codes[0], model.anchors_)

    return Hasher(encode, build, (ANCHOR, MULTI, LINEAR, *([FAISS] if has_faiss() else [])))


def cellfishing_hasher(model: CellFishing) -> Hasher:
    """Its own index is multi-index hashing for each hash; "linear" scans all codes of each instead."""

    def encode(chunks: CellChunks) -> Codes:
        return model.encode(chunks)

    def build(index: str, codes: Codes) -> Database:
        other = copy.copy(model)
        other.layout = "linear" if index == LINEAR else "fast"
        other._indexes, other.n_cells_ = make_indexes(other, codes), len(codes[0])

        def search(queries: Codes, k: int, n_threads: int) -> Neighbors:
            other.n_threads = n_threads
            return other.search_codes(queries, k)

        return Database(search, sum(one.nbytes for one in other._indexes))

    return Hasher(encode, build, (MULTI, LINEAR))


def _one_code(index: str, codes: BitCodes, anchors: BitCodes) -> Database:
    if index == FAISS:
        return _faiss_flat(codes)
    built: Any = {
        ANCHOR: lambda: AnchorIndex(codes, anchors),
        MULTI: lambda: MultiIndex(codes),
        LINEAR: lambda: LinearIndex(codes),
    }[index]()
    return Database(
        lambda queries, k, n_threads: built.search(queries[0], k, n_threads=n_threads), built.nbytes
    )


def _faiss_flat(codes: BitCodes) -> Database:
    import faiss

    index = faiss.IndexBinaryFlat(8 * -(-codes.n_bits // 8))
    index.add(_as_bytes(codes))

    def search(queries: Codes, k: int, n_threads: int) -> Neighbors:
        faiss.omp_set_num_threads(n_threads)
        distances, ids = index.search(_as_bytes(queries[0]), k)
        none = np.zeros(len(ids), np.int64)
        return Neighbors(ids.astype(np.int64), distances.astype(np.int32), none, none)

    return Database(search, len(codes) * (-(-codes.n_bits // 8)))


def _as_bytes(codes: BitCodes) -> np.ndarray:
    """(n, ceil(bits / 8)) uint8."""
    whole = np.ascontiguousarray(codes.words).astype("<u8", copy=False).view(np.uint8)
    return np.ascontiguousarray(whole[:, : -(-codes.n_bits // 8)])


def recall(found: Neighbors, exact: Neighbors) -> float:
    """Mean share of the k answers that are as near as the exact k-th: of equal distances, any will do."""
    hits = (found.ids >= 0) & (found.distances <= exact.distances[:, -1:])
    return float(hits.mean()) if hits.size else 1.0


def first_rows(codes: Sequence[BitCodes], n: int) -> Codes:
    return [one[:n] for one in codes]
