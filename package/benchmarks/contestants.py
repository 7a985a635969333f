"""What is compared: our indexes, faiss and usearch, behind one small interface. Peers that are not installed are left
out by `missing`, with a reason.

Each is built with all threads that the benchmark may use, and timed building.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np

from schash._version import __version__
from schash.anchor_index import AnchorIndex
from schash.hamming import BitCodes
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex
from schash.neighbors import NO_NEIGHBOR, Neighbors

Search = Callable[[BitCodes, int, int], Neighbors]
"""search(queries, k, n_threads)."""

FLAT = "faiss_flat"
"""The yardstick: its distances are what others must give, its time what they are divided into."""
TITLES = {
    "multi_fast": "MultiIndex, fast",
    "multi_compact": "MultiIndex, compact",
    "multi_tables": "MultiIndex, fast, tables only",
    "linear": "LinearIndex",
    "anchor": "AnchorIndex",
    FLAT: "faiss IndexBinaryFlat",
    "faiss_hnsw_16": "faiss IndexBinaryHNSW, efSearch 16",
    "faiss_hnsw_64": "faiss IndexBinaryHNSW, efSearch 64",
    "faiss_hnsw_256": "faiss IndexBinaryHNSW, efSearch 256",
    "usearch_64": "usearch, expansion 64",
    "usearch_256": "usearch, expansion 256",
}
APPROXIMATE = ("anchor", "faiss_hnsw_16", "faiss_hnsw_64", "faiss_hnsw_256", "usearch_64", "usearch_256")
HNSW_LINKS = 16
"""Links a node of the graphs, the common default."""
EXACT = ("multi_fast", "multi_compact", "multi_tables", "linear", FLAT)
PEERS = ("faiss_hnsw_16", "faiss_hnsw_64", "faiss_hnsw_256", "usearch_64", "usearch_256")
_PACKAGES = {"faiss": "faiss-cpu", "usearch": "usearch"}


@dataclass(frozen=True, eq=False)
class Contestant:
    """A built index.

    n_bytes : of memory, of everything it keeps
    version : of the package
    """

    name: str
    search: Search
    n_bytes: float
    build_s: float
    version: str

    @property
    def is_exact(self) -> bool:
        return self.name not in APPROXIMATE


def missing(names: Iterable[str]) -> dict[str, str]:
    """Those of `names` that cannot run, with the reason."""
    reasons = {}
    for name in names:
        package = name.split("_")[0]
        if package in _PACKAGES and find_spec(package) is None:
            reasons[name] = f"{_PACKAGES[package]} is not installed (pip install {_PACKAGES[package]})"
    return reasons


def build(
    names: Iterable[str], codes: BitCodes, *, n_threads: int, anchors: BitCodes | None = None
) -> list[Contestant]:
    """Build those of `names` that are installed. Two that search one structure share it, and its time of building."""
    absent = missing(names)
    built: dict[str, tuple[Any, float]] = {}
    contestants = []
    for name in (name for name in names if name not in absent):
        structure = _structure_of(name)
        if structure not in built:
            start = time.perf_counter()
            index = _BUILDERS[structure](codes, n_threads, anchors)
            built[structure] = index, time.perf_counter() - start
        index, seconds = built[structure]
        contestants.append(_contestant(name, index, seconds, codes))
    return contestants


def _structure_of(name: str) -> str:
    if name == "multi_tables":
        return "multi_fast"
    head, _, tail = name.rpartition("_")
    return head if tail.isdigit() else name


def _contestant(name: str, index: Any, seconds: float, codes: BitCodes) -> Contestant:
    package = name.split("_")[0]
    if package in _PACKAGES:
        version = f"{_PACKAGES[package]} {metadata.version(_PACKAGES[package])}"
        search = _faiss_search(name, index) if package == "faiss" else _usearch_search(name, index)
        return Contestant(name, search, _peer_bytes(name, index, codes), seconds, version)
    options = {"strategy": "tables"} if name == "multi_tables" else {}

    def run(queries: BitCodes, k: int, n_threads: int) -> Neighbors:
        found: Neighbors = index.search(queries, k, n_threads=n_threads, **options)
        return found

    return Contestant(name, run, float(index.nbytes), seconds, f"schash {__version__}")


def _peer_bytes(name: str, index: Any, codes: BitCodes) -> float:
    if name == FLAT:
        return float(codes_as_bytes(codes).nbytes)
    if name.startswith("faiss"):
        import faiss

        return float(len(faiss.serialize_index_binary(index)))  # it does not tell its memory
    return float(index.memory_usage)


def codes_as_bytes(codes: BitCodes) -> np.ndarray:
    """(n, ceil(bits / 8)) uint8, as faiss and usearch take them."""
    as_bytes = np.ascontiguousarray(codes.words).astype("<u8", copy=False).view(np.uint8)
    return np.ascontiguousarray(as_bytes[:, : -(-codes.n_bits // 8)])


def _build_anchor(codes: BitCodes, n_threads: int, anchors: BitCodes | None) -> Any:
    assert anchors is not None
    return AnchorIndex(codes, anchors)


def _build_flat(codes: BitCodes, n_threads: int, anchors: BitCodes | None) -> Any:
    import faiss

    index = faiss.IndexBinaryFlat(codes_as_bytes(codes).shape[1] * 8)
    index.add(codes_as_bytes(codes))
    return index


def _build_hnsw(codes: BitCodes, n_threads: int, anchors: BitCodes | None) -> Any:
    import faiss

    faiss.omp_set_num_threads(n_threads)
    index = faiss.IndexBinaryHNSW(codes_as_bytes(codes).shape[1] * 8, HNSW_LINKS)
    index.add(codes_as_bytes(codes))
    return index


def _build_usearch(codes: BitCodes, n_threads: int, anchors: BitCodes | None) -> Any:
    from usearch.index import Index, MetricKind, ScalarKind

    packed = codes_as_bytes(codes)
    index = Index(
        ndim=packed.shape[1] * 8, metric=MetricKind.Hamming, dtype=ScalarKind.B1, connectivity=HNSW_LINKS
    )
    index.add(np.arange(len(packed)), packed, threads=n_threads)
    return index


_BUILDERS: dict[str, Callable[[BitCodes, int, BitCodes | None], Any]] = {
    "multi_fast": lambda codes, n_threads, anchors: MultiIndex(codes),
    "multi_compact": lambda codes, n_threads, anchors: MultiIndex(codes, layout="compact"),
    "linear": lambda codes, n_threads, anchors: LinearIndex(codes),
    "anchor": _build_anchor,
    FLAT: _build_flat,
    "faiss_hnsw": _build_hnsw,
    "usearch": _build_usearch,
}


def _faiss_search(name: str, index: Any) -> Search:
    import faiss

    def run(queries: BitCodes, k: int, n_threads: int) -> Neighbors:
        faiss.omp_set_num_threads(n_threads)
        if name != FLAT:
            index.hnsw.efSearch = int(name.rpartition("_")[2])
        distances, ids = index.search(codes_as_bytes(queries), k)
        return _uncounted(ids, distances)

    return run


def _usearch_search(name: str, index: Any) -> Search:
    def run(queries: BitCodes, k: int, n_threads: int) -> Neighbors:
        index.expansion_search = int(name.rpartition("_")[2])
        found = index.search(codes_as_bytes(queries), k, threads=n_threads)
        ids, distances = np.atleast_2d(found.keys), np.atleast_2d(found.distances)
        return _uncounted(ids.astype(np.int64), distances)

    return run


def _uncounted(ids: np.ndarray, distances: np.ndarray) -> Neighbors:
    """What a peer found; it tells no numbers of candidates."""
    untold = np.full(len(ids), NO_NEIGHBOR, np.int64)
    return Neighbors(ids, distances.astype(np.int32), untold, untold)
