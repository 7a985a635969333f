"""DeepHash as a searcher: buckets of anchors stand in the order in which they are searched."""

import numpy as np
import pytest

from schash.anchor_index import AnchorIndex
from schash.hamming import hamming_distances, pack_bits
from schash.methods.deephash import by_bucket
from schash.methods.nearest import from_neighbors
from schash.neighbors import NO_NEIGHBOR


@pytest.fixture
def codes(rng):
    """Anchors, a database around them with many equal codes, and queries, of 16 bits."""
    anchors = rng.random((4, 16)) < 0.5
    near = [anchors[rng.integers(0, 4, n)] ^ (rng.random((n, 16)) < 0.1) for n in (90, 25)]
    return tuple(map(pack_bits, (anchors, *near)))


def slow_order(anchors, database, queries):
    """Rows of the database for each query: by bucket, then by distance, then by row."""
    to_anchors, between = hamming_distances(queries, anchors), hamming_distances(queries, database)
    bucket = hamming_distances(database, anchors).argmin(axis=1)
    rows = []
    for own, distances in zip(to_anchors, between, strict=True):
        place = {anchor: i for i, anchor in enumerate(sorted(range(len(own)), key=lambda a: (own[a], a)))}
        rows.append(sorted(range(len(bucket)), key=lambda c: (place[bucket[c]], distances[c], c)))
    return np.array(rows)


@pytest.mark.parametrize("k", [1, 7, 40, 90, 100])
def test_a_shorter_list_is_the_head_of_a_longer_one(codes, k):
    anchors, database, queries = codes
    found = by_bucket(
        from_neighbors(AnchorIndex(database, anchors).search(queries, k)), database, queries, anchors
    )
    found.check(len(queries), k, len(database))
    known = min(k, len(database))
    np.testing.assert_array_equal(found.ids[:, :known], slow_order(anchors, database, queries)[:, :known])
    assert (found.ids[:, known:] == NO_NEIGHBOR).all()
    assert np.isinf(found.distances[:, known:]).all()


def test_the_distance_is_that_of_the_codes_after_that_of_the_bucket(codes):
    anchors, database, queries = codes
    found = by_bucket(
        from_neighbors(AnchorIndex(database, anchors).search(queries, 90)), database, queries, anchors
    )
    between = np.take_along_axis(hamming_distances(queries, database), found.ids, axis=1)
    np.testing.assert_array_equal(found.distances % 17, between)
    np.testing.assert_array_equal(found.distances[:, 0] // 17, 0)
    assert found.distances.max() > 17


def test_a_list_of_all_cells_is_not_that_of_an_exact_search(codes):
    anchors, database, queries = codes
    given = from_neighbors(AnchorIndex(database, anchors).search(queries, 90))
    assert not np.array_equal(by_bucket(given, database, queries, anchors).ids, given.ids)
