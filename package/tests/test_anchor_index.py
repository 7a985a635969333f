"""scDeepHash's retrieval: buckets of the nearest anchors, against the naive twin; and how far it is from exact."""

from itertools import pairwise

import naive
import numpy as np
import pytest
from test_search import clustered_bits

from schash.anchor_index import AnchorIndex
from schash.errors import ConfigError, DataError
from schash.hamming import BitCodes, pack_bits
from schash.mih import MultiIndex


@pytest.mark.parametrize("n_bits", [8, 64, 100, 128])
@pytest.mark.parametrize(("n", "repeats"), [(0, 1), (1, 1), (200, 1), (200, 20)])
@pytest.mark.parametrize("n_anchors", [1, 5])
def test_equals_the_naive_twin(n, repeats, n_bits, n_anchors):
    codes, queries = clustered_bits(n, n_bits, repeats=repeats), clustered_bits(7, n_bits, seed=1)
    anchors = clustered_bits(n_anchors, n_bits, seed=2)
    index = AnchorIndex(pack_bits(codes), pack_bits(anchors))
    for k in (1, 10, 150, 250):
        ids, distances = naive.nearest_in_buckets(codes, anchors, queries, k)
        found = index.search(pack_bits(queries), k)
        np.testing.assert_array_equal(found.distances, distances)
        np.testing.assert_array_equal(found.ids, ids)


@pytest.mark.parametrize("sizes", [(100, 3, 2), (5, 80), (0, 10)])
def test_added_codes_are_found_as_if_they_had_been_there(sizes):
    codes, anchors, queries = (
        clustered_bits(sum(sizes), 64),
        clustered_bits(4, 64, seed=1),
        clustered_bits(8, 64, seed=2),
    )
    first = pack_bits(codes[: sizes[0]]) if sizes[0] else BitCodes(np.empty((0, 1), np.uint64), 64)
    index = AnchorIndex(first, pack_bits(anchors))
    ends = np.cumsum(sizes)
    for start, end in pairwise(ends):
        index.add(pack_bits(codes[start:end]))
    found = index.search(pack_bits(queries), 30)
    np.testing.assert_array_equal(found.ids, naive.nearest_in_buckets(codes, anchors, queries, 30)[0])
    assert index.bucket_sizes.sum() == len(codes)


def test_a_nearer_code_in_another_bucket_is_not_seen():
    anchors = np.array([[False] * 8, [True] * 8])
    codes = np.array([[False] * 8, [True] * 5 + [False] * 3])  # the second lies with the second anchor
    query = np.array([[True] * 4 + [False] * 4])  # a tie: the first anchor's; its own nearest is code 1
    index = AnchorIndex(pack_bits(codes), pack_bits(anchors))
    assert index.search(pack_bits(query), 1).ids.tolist() == [[0]]
    assert MultiIndex(pack_bits(codes)).search(pack_bits(query), 1).ids.tolist() == [[1]]
    spilled = index.search(pack_bits(query), 2)
    assert spilled.ids.tolist() == [[1, 0]]
    assert spilled.n_lookups.tolist() == [2]


def test_only_the_nearest_bucket_is_read():
    anchors = clustered_bits(4, 64, noise=0.0, seed=3)
    codes = clustered_bits(4000, 64)
    index = AnchorIndex(pack_bits(codes), pack_bits(np.unique(anchors, axis=0)))
    found = index.search(pack_bits(codes[:50]), 5)
    assert (found.n_lookups == 1).all()
    assert (found.n_candidates <= index.bucket_sizes.max()).all()


def test_what_is_refused():
    with pytest.raises(ConfigError, match="at least one anchor"):
        AnchorIndex(pack_bits(clustered_bits(5, 64)), BitCodes(np.empty((0, 1), np.uint64), 64))
    with pytest.raises(DataError, match="anchors have 13 bits, the codes of this index 64"):
        AnchorIndex(pack_bits(clustered_bits(5, 64)), pack_bits(clustered_bits(5, 13)))
