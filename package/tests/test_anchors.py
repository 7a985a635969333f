"""Anchors: golden values by hand, the paper's distance, and scipy's Hadamard matrix as an oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import hadamard

from schash.anchors import (
    bits_by_rule,
    check_anchors,
    describe_anchors,
    make_anchors,
    sylvester_hadamard,
)
from schash.errors import ConfigError


@pytest.mark.parametrize("order", [1, 2, 4, 8, 64, 256])
def test_hadamard_equals_scipys(order):
    np.testing.assert_array_equal(sylvester_hadamard(order), hadamard(order))


@pytest.mark.parametrize("order", [0, -4, 3, 12])
def test_hadamard_of_other_orders_is_refused(order):
    with pytest.raises(ConfigError, match="orders 1, 2, 4, 8"):
        sylvester_hadamard(order)


@pytest.mark.parametrize(
    ("n_types", "n_bits"),
    [
        (1, 8),
        (4, 8),
        (8, 8),
        (9, 16),
        (13, 16),
        (16, 16),
        (17, 32),
        (37, 64),
        (55, 64),
        (92, 128),
        (128, 128),
    ],
)
def test_rule_gives_the_smallest_power_of_two_and_at_least_8(n_types, n_bits):
    assert bits_by_rule(n_types) == n_bits
    assert make_anchors(n_types).shape == (n_types, n_bits)


def test_first_rows_by_hand():
    expected = ["11111111", "10101010", "11001100", "10011001"]
    anchors = make_anchors(4, 8, scheme="first_rows")
    assert ["".join(map(str, row)) for row in anchors.astype(int)] == expected


def test_first_rows_beyond_k_are_complements():
    anchors = make_anchors(93, 64, scheme="first_rows")  # AMB as coded
    np.testing.assert_array_equal(anchors[64:], ~anchors[:29])
    with pytest.raises(ConfigError, match="at least 65 bits"):
        make_anchors(129, 64, scheme="first_rows")


def test_as_coded_baron_has_16_distinct_bits_of_64():
    report = describe_anchors(make_anchors(13, 64, scheme="first_rows"))
    assert (report.n_types, report.n_bits, report.min_distance, report.n_distinct_bits) == (13, 64, 32, 16)


@given(n_types=st.integers(2, 64), seed=st.integers(0, 1000))
def test_sampled_anchors_are_columns_half_apart(n_types, seed):
    anchors = make_anchors(n_types, 64, seed=seed)
    columns = {column.tobytes() for column in (hadamard(64) > 0).T.copy()}
    assert all(row.tobytes() in columns for row in anchors.copy())
    distances = (anchors[:, None, :] != anchors[None]).sum(axis=2)
    assert set(distances[~np.eye(n_types, dtype=bool)]) == {32}


def test_sampling_depends_on_the_seed_alone():
    np.testing.assert_array_equal(make_anchors(9, seed=3), make_anchors(9, seed=3))
    assert not np.array_equal(make_anchors(9, seed=3), make_anchors(9, seed=4))


@pytest.mark.parametrize("n_bits", [9, 11, 24, 48, 65, 100])
@pytest.mark.parametrize("scheme", ["sampled", "first_rows"])
def test_any_width_gives_different_anchors(n_bits, scheme):
    anchors = make_anchors(7, n_bits, scheme=scheme)
    assert anchors.shape == (7, n_bits)
    report = describe_anchors(anchors)
    assert report.min_distance >= (n_bits // 4 if scheme == "sampled" else 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_types": 17, "n_bits": 16}, "n_bits >= 17 .the rule gives 32.*first_rows"),
        ({"n_types": 3, "n_bits": 7}, "at least 8 bits"),
        ({"n_types": 3, "scheme": "learned"}, "allowed: sampled, first_rows"),
        ({"n_types": 0, "n_bits": 8}, "at least 1 type"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        make_anchors(**arguments)


def test_given_anchors_are_checked():
    good = make_anchors(3, 8)
    np.testing.assert_array_equal(check_anchors(good.astype(int), 3), good)
    with pytest.raises(ConfigError, match="one row per type"):
        check_anchors(good, 4)
    with pytest.raises(ConfigError, match="only 0 and 1"):
        check_anchors(good * 2, 3)
    with pytest.raises(ConfigError, match="same anchor"):
        check_anchors(good[[0, 0, 1]], 3)


def test_one_anchor_has_no_pair():
    assert describe_anchors(make_anchors(1)).min_distance == 9
