"""What is particular to multi-index hashing: tables, the order of the work, memory. Exactness is in test_search."""

import naive
import numpy as np
import pytest
from test_search import clustered_bits

from schash.errors import ConfigError
from schash.hamming import pack_bits
from schash.mih import MultiIndex, cellfishing_tables, default_sub_codes, sub_codes


@pytest.mark.parametrize(
    ("n", "n_bits", "expected"), [(2**20, 128, 6), (2**13, 128, 9), (8569, 256, 19), (1, 64, 32), (0, 8, 4)]
)
def test_cellfishings_rule_by_hand(n, n_bits, expected):
    assert cellfishing_tables(n, n_bits) == expected


def test_sub_codes_share_out_the_bits_and_may_leave_some_out():
    firsts, sizes = sub_codes(2**20, 128, 6)
    assert sizes.tolist() == [21, 21, 21, 21, 21, 21]  # 126 of 128 bits; the last two are in no table
    assert firsts.tolist() == [0, 21, 42, 63, 84, 105]
    firsts, sizes = sub_codes(1000, 100, 9)
    assert sizes.sum() <= 100
    assert (np.diff(firsts) == sizes[:-1]).all()


def test_codes_that_differ_only_in_bits_of_no_table_are_told_apart():
    codes = np.zeros((200, 128), bool)
    codes[100:, 126:] = True
    index = MultiIndex(pack_bits(codes), 1, "compact")
    queries = codes[[0, 199]]
    ids, distances = naive.nearest(codes, queries, 150)
    found = index.search(pack_bits(queries), 150, strategy="tables")
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_array_equal(found.distances, distances)


def test_an_exact_repeat_is_found_by_one_lookup():
    rng = np.random.default_rng(0)
    codes = rng.random((20_000, 128)) < 0.5
    found = MultiIndex(pack_bits(codes)).search(pack_bits(codes[:5]), 1, strategy="tables")
    assert found.ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert (found.n_lookups == 1).all()
    assert (found.n_candidates < 200).all()


def test_uncertain_queries_are_given_to_the_clusters():
    """Random codes have no near neighbours: tables alone visit a multitude of buckets, `auto` scans."""
    rng = np.random.default_rng(0)
    index = MultiIndex(pack_bits(rng.random((4000, 128)) < 0.5))
    queries = pack_bits(rng.random((80, 128)) < 0.5)
    auto, tables = index.search(queries, 5), index.search(queries, 5, strategy="tables")
    np.testing.assert_array_equal(auto.ids, tables.ids)
    assert auto.n_lookups.mean() < tables.n_lookups.mean() / 10


def test_near_neighbors_among_random_codes_are_found_by_the_tables():
    rng = np.random.default_rng(0)
    codes = rng.random((50_000, 128)) < 0.5
    queries = codes[:100] ^ (rng.random((100, 128)) < 0.02)
    found = MultiIndex(pack_bits(codes)).search(pack_bits(queries), 1)
    assert (found.ids[:, 0] == np.arange(100)).all()
    assert found.n_lookups.mean() > 0
    assert found.n_candidates.mean() < 5000


@pytest.mark.parametrize("layout", ["fast", "compact"])
def test_nbytes_counts_everything(layout):
    index = MultiIndex(pack_bits(clustered_bits(6000, 128, n_centers=50, noise=0.2)), layout=layout)
    engine = index._parts[0].engine
    kept = [*vars(engine.tables).values(), *vars(engine.clustered).values()]
    assert index.nbytes == sum(array.nbytes for array in kept if isinstance(array, np.ndarray))
    assert engine.tables.copies.nbytes == (16 * 6000 * index.n_tables if layout == "fast" else 0)


def test_default_number_of_tables():
    assert default_sub_codes(2**20, 128, "fast")[1].tolist() == [16] * 8
    firsts, sizes = default_sub_codes(2**20, 128, "compact")
    assert (firsts.tolist(), sizes.tolist()) == ([0, 16, 32, 48, 64, 80, 96], [16] * 7)
    assert default_sub_codes(3, 8, "compact")[1].tolist() == [4]
    assert MultiIndex(pack_bits(clustered_bits(50, 64)), 7).n_tables == 7


@pytest.mark.parametrize("n_tables", [0, -1, 65, 2.5, "many", True])
def test_numbers_of_tables_that_are_refused(n_tables):
    with pytest.raises(ConfigError, match="n_tables is None, 'cellfishing' or a number from 1 to 64"):
        MultiIndex(pack_bits(clustered_bits(5, 64)), n_tables)


def test_layouts_and_strategies_that_are_refused():
    with pytest.raises(ConfigError, match="layout is one of fast, compact, got 'slow'"):
        MultiIndex(pack_bits(clustered_bits(5, 64)), layout="slow")
    with pytest.raises(ConfigError, match="strategy is one of auto, tables, clusters, got 'luck'"):
        MultiIndex(pack_bits(clustered_bits(5, 64))).search(
            pack_bits(clustered_bits(5, 64)), 1, strategy="luck"
        )
