"""Every exact index against the naive twin and faiss: sizes, widths, k, ties, duplicates, parts, bad input."""

from itertools import pairwise

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schash.errors import ConfigError, DataError
from schash.hamming import BitCodes, pack_bits
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex

EXACT = {
    "linear": (lambda codes: LinearIndex(codes), {}),
    "auto": (lambda codes: MultiIndex(codes), {}),
    "clusters": (lambda codes: MultiIndex(codes), {"strategy": "clusters"}),
    "tables": (lambda codes: MultiIndex(codes), {"strategy": "tables"}),
    "compact tables": (lambda codes: MultiIndex(codes, layout="compact"), {"strategy": "tables"}),
    "paper's tables": (lambda codes: MultiIndex(codes, "cellfishing"), {"strategy": "tables"}),
    "one table": (lambda codes: MultiIndex(codes, 1), {"strategy": "tables"}),
    "five tables": (lambda codes: MultiIndex(codes, 5), {"strategy": "tables", "n_threads": 1}),
}


def clustered_bits(n, n_bits, *, seed=0, repeats=1, n_centers=4, noise=0.1):
    """Bits of `n` codes around a few centres; with `repeats` > 1 most of them come many times."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(n_bits).random((n_centers, n_bits)) < 0.5
    bits = centers[rng.integers(n_centers, size=n)] ^ (rng.random((n, n_bits)) < noise)
    return bits if repeats == 1 or n == 0 else bits[rng.integers(max(1, n // repeats), size=n)]


def assert_nearest(found, codes, queries, k):
    ids, distances = naive.nearest(codes, queries, k)
    np.testing.assert_array_equal(found.distances, distances)
    np.testing.assert_array_equal(found.ids, ids)
    assert (found.ids.dtype, found.distances.dtype) == (np.int64, np.int32)
    assert found.ids.shape == found.distances.shape == (len(queries), k)
    assert found.n_candidates.shape == found.n_lookups.shape == (len(queries),)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("n_bits", [8, 13, 64, 100, 128, 256, 512])
@pytest.mark.parametrize(("n", "repeats"), [(0, 1), (1, 1), (9, 1), (300, 1), (300, 30)])
def test_equals_the_naive_twin(name, n, repeats, n_bits):
    build, options = EXACT[name]
    codes, queries = clustered_bits(n, n_bits, repeats=repeats), clustered_bits(6, n_bits, seed=1)
    index = build(pack_bits(codes))
    for k in (1, 7, 400):
        assert_nearest(index.search(pack_bits(queries), k, **options), codes, queries, k)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("n_bits", "repeats"), [(64, 1), (128, 1), (256, 1), (128, 20)])
def test_distances_equal_faiss(name, n_bits, repeats):
    faiss = pytest.importorskip("faiss")
    build, options = EXACT[name]
    codes = pack_bits(clustered_bits(3000, n_bits, repeats=repeats, n_centers=20))
    queries = pack_bits(clustered_bits(150, n_bits, seed=1, n_centers=20))
    flat = faiss.IndexBinaryFlat(n_bits)
    flat.add(codes.words.view(np.uint8))
    distances, _ = flat.search(queries.words.view(np.uint8), 10)
    np.testing.assert_array_equal(build(codes).search(queries, 10, **options).distances, distances)


@given(
    n=st.integers(0, 120),
    n_bits=st.integers(8, 140),
    n_tables=st.integers(1, 8),
    k=st.integers(0, 15),
    repeats=st.sampled_from([1, 4, 40]),
    noise=st.sampled_from([0.02, 0.2, 0.5]),
    layout=st.sampled_from(["fast", "compact"]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_any_codes_and_tables(n, n_bits, n_tables, k, repeats, noise, layout, seed):
    codes = clustered_bits(n, n_bits, seed=seed, repeats=repeats, noise=noise)
    queries = clustered_bits(4, n_bits, seed=seed + 1, noise=noise)
    index = MultiIndex(pack_bits(codes), n_tables, layout)
    for strategy in ("tables", "clusters"):
        assert_nearest(index.search(pack_bits(queries), k, strategy=strategy), codes, queries, k)


def test_ties_go_to_the_smaller_row_across_repeated_codes():
    a, b = np.zeros(16, bool), np.ones(16, bool)
    a[0], b[1] = True, False  # a query of zeros has distance 1 to a; one of ones has distance 1 to b
    codes = np.array([b, a, b, a, a, b] * 20)
    query = np.zeros((1, 16), bool)
    query[0, :8] = True  # 7 bits from a, 9 from b
    for build, options in EXACT.values():
        found = build(pack_bits(codes)).search(pack_bits(query), 70, **options)
        assert_nearest(found, codes, query, 70)
        assert found.ids[0, :3].tolist() == [1, 3, 4]


@pytest.mark.parametrize("make", [LinearIndex, MultiIndex])
@pytest.mark.parametrize("sizes", [(50, 1, 1, 1), (5, 100), (0, 7, 0, 3), (64, 30, 10, 200)])
def test_added_codes_are_found_as_if_they_had_been_there(make, sizes):
    codes, queries = clustered_bits(sum(sizes), 100), clustered_bits(9, 100, seed=2)
    ends = np.cumsum(sizes)
    index = make(pack_bits(codes[: sizes[0]]) if sizes[0] else BitCodes(np.empty((0, 2), np.uint64), 100))
    for start, end in pairwise(ends):
        index.add(pack_bits(codes[start:end]))
    assert len(index) == len(codes)
    assert index.codes == pack_bits(codes)
    some = np.random.default_rng(0).integers(len(codes), size=40)
    assert index.take(some) == pack_bits(codes[some])
    assert_nearest(index.search(pack_bits(queries), 12), codes, queries, 12)


def test_adding_builds_only_what_is_small():
    index = MultiIndex(pack_bits(clustered_bits(4000, 64)))
    large = index._parts[0]
    index.add(pack_bits(clustered_bits(100, 64, seed=3)))
    assert index._parts[0] is large
    for seed in range(40):
        index.add(pack_bits(clustered_bits(10, 64, seed=seed)))
    assert len(index._parts) < 10


@pytest.mark.parametrize("make", [LinearIndex, MultiIndex])
def test_learned_codes_are_searched_once_each(make):
    codes = clustered_bits(5000, 64, repeats=500)
    index = make(pack_bits(codes))
    n_distinct = len(np.unique(codes, axis=0))
    found = index.search(pack_bits(codes[:20]), 5)
    assert (found.n_candidates <= n_distinct).all()
    assert index.nbytes < 5000 * 16 + n_distinct * 1000


@pytest.mark.parametrize("make", [LinearIndex, MultiIndex])
def test_a_query_has_the_same_answer_alone_and_in_any_batch(make):
    index = make(pack_bits(clustered_bits(2000, 128, n_centers=9)))
    queries = pack_bits(clustered_bits(130, 128, seed=5, n_centers=9))
    together = index.search(queries, 6, n_threads=2)
    for i in (0, 64, 129):
        alone = index.search(queries[i], 6, n_threads=1)
        np.testing.assert_array_equal(alone.ids[0], together.ids[i])
    np.testing.assert_array_equal(index.search(queries, 6, n_threads=1).ids, together.ids)


@pytest.mark.parametrize("make", [LinearIndex, MultiIndex])
def test_what_is_refused(make):
    index = make(pack_bits(clustered_bits(20, 64)))
    with pytest.raises(DataError, match="queries have 128 bits, the codes of this index 64"):
        index.search(pack_bits(clustered_bits(1, 128)), 1)
    for rows in ([-1], [0, 20]):
        with pytest.raises(DataError, match="rows must lie from 0 to 19"):
            index.take(rows)
    with pytest.raises(DataError, match="added codes have 13 bits"):
        index.add(pack_bits(clustered_bits(1, 13)))
    with pytest.raises(ConfigError, match="k must be a number of neighbours, 0 or more, got -1"):
        index.search(pack_bits(clustered_bits(1, 64)), -1)
    with pytest.raises(ConfigError, match="n_threads must be at least 1"):
        index.search(pack_bits(clustered_bits(1, 64)), 1, n_threads=0)


@pytest.mark.parametrize("make", [LinearIndex, MultiIndex])
def test_no_queries_and_no_neighbors_wanted(make):
    index = make(pack_bits(clustered_bits(20, 64)))
    assert index.search(BitCodes(np.empty((0, 1), np.uint64), 64), 3).ids.shape == (0, 3)
    assert index.search(pack_bits(clustered_bits(2, 64)), 0).ids.shape == (2, 0)


@pytest.mark.parametrize("strategy", ["clusters", "tables"])
def test_ties_at_the_edge_of_what_is_read(strategy):
    """All codes of 11 bits in any order: much lies just at the limit, on the way from the query to a pivot."""
    rng = np.random.default_rng(0)
    codes = (rng.permutation(2048)[:, np.newaxis] >> np.arange(11)) & 1 == 1
    queries = rng.random((40, 11)) < 0.5
    found = MultiIndex(pack_bits(codes)).search(pack_bits(queries), 20, strategy=strategy)
    assert_nearest(found, codes, queries, 20)


def test_an_addition_that_fails_leaves_the_index_as_it_was(monkeypatch):
    codes = pack_bits(clustered_bits(50, 64))
    index = MultiIndex(codes)
    monkeypatch.setattr(MultiIndex, "_engine", lambda self, words: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        index.add(codes)
    assert index.codes == codes
