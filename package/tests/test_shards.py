"""Shards merged are one index: the same ids and distances, ties included."""

from dataclasses import replace

import numpy as np
import pytest

from schash import BitCodes, CellFishing, LinearIndex, MultiIndex, merge_neighbors, merge_nominations
from schash.errors import ConfigError, DataError
from schash.neighbors import NO_NEIGHBOR

CUTS = ([0], [0, 1], [0, 37, 40, 90], [0, 3, 5, 6, 7, 8], list(range(0, 100, 10)))


def codes(rng, n, n_bits=24, n_distinct=30):
    """Codes of which many are the same, so that most distances tie."""
    distinct = rng.integers(0, 1 << n_bits, n_distinct, dtype=np.uint64)
    return BitCodes(rng.choice(distinct, n)[:, None], n_bits)


def of_rows(X, firsts, n):
    return [X[a:b] for a, b in zip(firsts, [*firsts[1:], n], strict=True)]


@pytest.mark.parametrize("firsts", CUTS)
@pytest.mark.parametrize("k", [1, 5, 30, 120])
@pytest.mark.parametrize("index", [LinearIndex, MultiIndex])
def test_hamming_neighbours_of_shards_are_those_of_all(rng, firsts, k, index):
    database, queries = codes(rng, 100), codes(rng, 15)
    whole = index(database).search(queries, k)
    shards = [
        index(BitCodes(words, database.n_bits)).search(queries, k)
        for words in of_rows(database.words, firsts, 100)
    ]
    merged = merge_neighbors(shards, firsts)
    np.testing.assert_array_equal(merged.ids, whole.ids)
    np.testing.assert_array_equal(merged.distances, whole.distances)
    assert merged.distances.dtype == whole.distances.dtype
    assert merged.ids.dtype == whole.ids.dtype
    np.testing.assert_array_equal(merged.n_candidates, np.sum([each.n_candidates for each in shards], axis=0))


def test_merges_may_be_merged(rng):
    database, queries, firsts = codes(rng, 100), codes(rng, 15), [0, 20, 50, 80]
    shards = [
        LinearIndex(BitCodes(words, 24)).search(queries, 7) for words in of_rows(database.words, firsts, 100)
    ]
    left, right = merge_neighbors(shards[:2], [0, 20]), merge_neighbors(shards[2:], [0, 30])
    merged = merge_neighbors([left, right], [0, 50])
    np.testing.assert_array_equal(merged.ids, merge_neighbors(shards, firsts).ids)


@pytest.fixture
def cells(planted):
    X, _, genes = planted
    return X, genes


def fitted(X, genes, **options):
    return CellFishing(16, 3, n_dims=6, min_features=40, **options).fit(X, genes=genes)


@pytest.mark.parametrize("firsts", [[0], [0, 1], [0, 60, 90], [0, 10, 20, 30, 150]])
@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("layout", ["compact", "linear"])
def test_cells_of_shards_are_those_of_one_index(cells, firsts, k, layout):
    X, genes = cells
    whole = fitted(X, genes, layout=layout)
    queries = whole.encode(X[:50] * 2, genes=genes)
    shards = [whole.same_hashes_over(part, genes=genes) for part in of_rows(X, firsts, X.shape[0])]
    assert sum(shard.n_cells_ for shard in shards) == whole.n_cells_
    merged = merge_nominations([shard.nominate(queries, k) for shard in shards], firsts).nearest()
    expected = whole.search_codes(queries, k)
    np.testing.assert_array_equal(merged.ids, expected.ids)
    np.testing.assert_array_equal(merged.distances, expected.distances)


def test_rankings_alone_could_not_be_merged(cells):
    """Why hashes' nominations are merged, and not what shards return: those rank cells that one index never sees."""
    X, genes = cells
    whole = fitted(X, genes)
    queries, firsts = whole.encode(X, genes=genes), list(range(0, 160, 8))
    shards = [whole.same_hashes_over(part, genes=genes) for part in of_rows(X, firsts, X.shape[0])]
    merged = merge_neighbors([shard.search_codes(queries, 5) for shard in shards], firsts)
    expected = whole.search_codes(queries, 5)
    assert (merged.distances <= expected.distances).all(), "they see more cells"
    assert (merged.distances < expected.distances).any()


def test_a_shard_hashes_as_the_first_and_is_saved(cells, tmp_path):
    X, genes = cells
    first = fitted(X[:100], genes)
    other = first.same_hashes_over(X[100:], genes=genes)
    for mine, codes_of_cells in zip(other._indexes, first.encode(X[100:], genes=genes), strict=True):
        np.testing.assert_array_equal(mine.take(np.arange(60)).words, codes_of_cells.words)
    assert (first.n_cells_, other.n_cells_) == (100, 60)
    other.save(tmp_path / "shard")
    loaded = CellFishing.load(tmp_path / "shard")
    queries = first.encode(X[:9], genes=genes)
    for name in ("ids", "distances", "totals"):
        np.testing.assert_array_equal(
            getattr(loaded.nominate(queries, 4), name), getattr(other.nominate(queries, 4), name)
        )


def test_fewer_cells_than_neighbours(cells):
    X, genes = cells
    whole = fitted(X, genes)
    shards = [whole.same_hashes_over(X[:3], genes=genes), whole.same_hashes_over(X[3:5], genes=genes)]
    queries = whole.encode(X[:4], genes=genes)
    merged = merge_nominations([shard.nominate(queries, 9) for shard in shards], [0, 3]).nearest()
    assert (np.sort(merged.ids[:, :5], axis=1) == np.arange(5)).all()
    assert (merged.ids[:, 5:] == NO_NEIGHBOR).all()
    assert (merged.distances[:, 5:] == 3 * 16 + 1).all()


@pytest.mark.parametrize("layout", ["compact", "linear"])
def test_empty_shards_and_no_queries(cells, layout):
    X, genes = cells
    whole = fitted(X, genes, layout=layout)
    firsts = [0, 0, 70, 70, 160]
    shards = [whole.same_hashes_over(part, genes=genes) for part in of_rows(X, firsts, X.shape[0])]
    for n_queries in (9, 0):
        queries = whole.encode(X[:n_queries], genes=genes)
        merged = merge_nominations([shard.nominate(queries, 4) for shard in shards], firsts).nearest()
        expected = whole.search_codes(queries, 4)
        np.testing.assert_array_equal(merged.ids, expected.ids)
        np.testing.assert_array_equal(merged.distances, expected.distances)


@pytest.mark.parametrize("first", [np.int32(1 << 30), np.uint64(1 << 33), (1 << 39) + 5])
def test_rows_of_all_cells_do_not_overflow_the_numbers_that_a_shard_has(rng, first):
    """Ids may have been sent in a smaller type."""
    found = LinearIndex(codes(rng, 10)).search(codes(rng, 3), 2)
    small = replace(found, ids=found.ids.astype(np.int32))
    one = merge_neighbors([small], [first])
    assert one.ids.dtype == np.int64
    np.testing.assert_array_equal(one.ids, found.ids + int(first))
    both = merge_neighbors([small, small], [0, first])
    assert set(both.ids.ravel().tolist()) <= {
        *found.ids.ravel().tolist(),
        *(found.ids + int(first)).ravel().tolist(),
    }


def test_shards_that_do_not_fit_together(rng, cells):
    database, queries = codes(rng, 10), codes(rng, 3)
    found = LinearIndex(database).search(queries, 2)
    with pytest.raises(DataError, match="there is no shard"):
        merge_neighbors([], [])
    with pytest.raises(DataError, match="the same queries with the same k"):
        merge_neighbors([found, LinearIndex(database).search(queries, 3)], [0, 10])
    for firsts in ([0], [5, 3], [-1, 3], [0, 1 << 40]):
        with pytest.raises(DataError, match="first_rows must go up"):
            merge_neighbors([found, found], firsts)
    with pytest.raises(DataError, match=r"first_rows must be whole numbers, got \[0, 10\.5\]"):
        merge_neighbors([found, found], [0, 10.5])
    last = int(found.ids.max())
    for firsts in ([0, last], [0, 0]):
        with pytest.raises(
            DataError, match=f"shard 0 has row {last}, .*the next shard begins at {firsts[1]}"
        ):
            merge_neighbors([found, found], firsts)
    X, genes = cells
    model = fitted(X, genes)
    one, other = model.nominate(model.encode(X[:2], genes=genes)), model.prefix(2)
    with pytest.raises(DataError, match="has 2 hashes, got the codes of 3"):
        other.nominate(model.encode(X[:2], genes=genes))
    narrow = CellFishing(8, 3, n_dims=6, min_features=40).fit(X, genes=genes)
    with pytest.raises(DataError, match="codes of 48, 24 bits"):
        merge_nominations([one, narrow.nominate(narrow.encode(X[:2], genes=genes))], [0, 160])
    with pytest.raises(ConfigError, match="stats='database'"):
        fitted(X, genes, stats="query").same_hashes_over(X, genes=genes)
