"""Retrieval scores: golden values by hand, all orders of ties enumerated, properties, outside oracles."""

from itertools import groupby, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score

from schash import metrics
from schash.digests import closure
from schash.errors import ConfigError, DataError
from schash.hamming import hamming_distances, pack_bits
from schash.linear_index import LinearIndex
from schash.metrics import _retrieval_kernels, ranked
from schash.metrics.ranked import UNKNOWN, RankedRelevance, rank_by_distance, rank_neighbors
from schash.metrics.retrieval import (
    DENOMINATORS,
    RETRIEVAL_COLUMNS,
    average_precision_at_k,
    ceiling_at_k,
    expected_average_precision_at_k,
    expected_precision_at_n,
    precision_at_n,
    retrieval_scores,
)
from schash.neighbors import NO_NEIGHBOR

# --- Slow, obvious twins -----------------------------------------------------------------------------------------


def naive_average_precision(relevant, k, n_relevant, denominator):
    """One query, as the definition reads."""
    if n_relevant == 0:
        return np.nan
    hits = 0
    total = 0.0
    for rank, right in enumerate(relevant[:k], start=1):
        if right:
            hits += 1
            total += hits / rank
    if hits == 0:
        return 0.0
    return total / {"hits": hits, "min_k_r": min(k, n_relevant), "k": k}[denominator]


def all_orders(distances, relevant):
    """The relevance of every cell of the database in each order that the distances allow."""
    order = sorted(range(len(distances)), key=lambda row: distances[row])
    groups = [list(rows) for _, rows in groupby(order, key=lambda row: distances[row])]
    for choice in product(*(permutations(rows) for rows in groups)):
        yield [relevant[row] for group in choice for row in group]


def naive_expectation_at_cut(before, group_size, group_relevant, k):
    """E[sum / hits] of one query by scipy's hypergeometric; `before`: (relevance, ...) of untied cells in front."""
    h, n, t = sum(before), len(before), k - len(before)
    front = sum(sum(before[: i + 1]) / (i + 1) for i in range(n) if before[i])
    x = np.arange(min(t, group_relevant) + 1)
    p = stats.hypergeom.pmf(x, group_size, group_relevant, t)
    j = np.arange(1, t + 1)
    expected = []
    for hits in x:
        others = (j - 1) * (hits - 1) / (t - 1) if t > 1 else 0 * j
        total = front + np.sum(hits / t * (h + 1 + others) / (n + j))
        expected.append(total / (h + hits) if h + hits else 0.0)
    return p @ np.array(expected)


def ranking(distances, relevant, width):
    """Ranked relevance of one query whose own type is "a"."""
    labels = np.where(relevant, "a", "b")
    return rank_by_distance(np.array([distances]), width, database_labels=labels, query_labels=["a"])


small_database = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=7)

# --- Golden values -----------------------------------------------------------------------------------------------


def test_fifty_right_then_fifty_wrong():
    relevant = np.repeat([[True, False]], 50, axis=1)
    scores = {
        name: average_precision_at_k(relevant, 100, n_relevant=np.array([100]), denominator=name)[0]
        for name in DENOMINATORS
    }
    assert scores == {"hits": 1.0, "min_k_r": 0.5, "k": 0.5}
    # with no more than 50 relevant cells nothing was missed
    assert average_precision_at_k(relevant, 100, n_relevant=np.array([50]))[0] == 1.0
    assert average_precision_at_k(relevant, 100, n_relevant=np.array([80]))[0] == 50 / 80


def test_average_precision_by_hand():
    # hits at ranks 1, 3, 4: precisions 1, 2/3, 3/4, their sum 29/12
    relevant = np.array([[1, 0, 1, 1, 0, 1]], dtype=bool)
    seven = np.array([7])
    assert average_precision_at_k(relevant, 5, n_relevant=seven, denominator="hits") == pytest.approx(29 / 36)
    assert average_precision_at_k(relevant, 5, n_relevant=seven) == pytest.approx(29 / 60)
    assert average_precision_at_k(relevant, 5, n_relevant=np.array([4])) == pytest.approx(29 / 48)
    assert average_precision_at_k(relevant, 5, n_relevant=seven, denominator="k") == pytest.approx(29 / 60)


def test_precision_by_hand():
    relevant = np.array([[1, 0, 1, 1], [0, 0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(precision_at_n(relevant, 3), [2 / 3, 0])
    np.testing.assert_array_equal(precision_at_n(relevant, [4, 1]), [[0.75, 1], [0.25, 0]])


def test_ties_by_hand():
    # one relevant cell and one other at the same distance: it comes first or second
    one = ranking([5, 5], [True, False], 2)
    assert expected_average_precision_at_k(one, 2)[0] == pytest.approx(3 / 4)  # (1 + 1/2) / 2
    assert expected_average_precision_at_k(one, 2, denominator="hits")[0] == pytest.approx(3 / 4)
    assert expected_average_precision_at_k(one, 2, denominator="k")[0] == pytest.approx(3 / 8)
    assert expected_average_precision_at_k(one, 1)[0] == pytest.approx(1 / 2)
    np.testing.assert_allclose(expected_precision_at_n(one, [1, 2]), [[0.5, 0.5]])
    # a hit, then one place for two relevant cells and one other: sums 2, 2, 1 over 2, 2, 1 hits
    two = ranking([1, 2, 2, 2], [True, True, True, False], 2)
    assert expected_average_precision_at_k(two, 2, denominator="hits")[0] == pytest.approx(1)
    assert expected_average_precision_at_k(two, 2)[0] == pytest.approx(5 / 6)
    assert expected_precision_at_n(two, 2)[0] == pytest.approx(5 / 6)


def test_the_expected_ratio_is_not_the_ratio_of_expectations():
    # two relevant of four tied cells, k = 2: orders RR 1/6, RN and NR 1/3 each, NN 1/6
    tied = ranking([0, 0, 0, 0], [True, True, False, False], 2)
    expected = 1 / 6 * 1 + 1 / 3 * 1 + 1 / 3 * 0.5 + 1 / 6 * 0
    assert expected_average_precision_at_k(tied, 2, denominator="hits")[0] == pytest.approx(expected)
    assert expected != pytest.approx((1 / 6 * 2 + 1 / 3 * 1.5) / 1)


# --- Against the twins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_average_precision_equals_its_naive_twin(rng, denominator):
    relevant = rng.random((30, 12)) < rng.random((30, 1))
    n_relevant = relevant.sum(axis=1) + rng.integers(0, 3, size=30)
    for k in (1, 5, 12):
        scores = average_precision_at_k(relevant, k, n_relevant=n_relevant, denominator=denominator)
        naive = [
            naive_average_precision(row, k, n, denominator)
            for row, n in zip(relevant, n_relevant, strict=True)
        ]
        np.testing.assert_allclose(scores, naive, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(database=small_database, data=st.data())
def test_expectations_equal_the_mean_over_all_orders(database, data):
    distances, relevant = (list(column) for column in zip(*database, strict=True))
    k = data.draw(st.integers(1, len(database)))
    width = data.draw(st.integers(k, len(database)))
    orders = list(all_orders(distances, relevant))
    tied = ranking(distances, relevant, width)
    n_relevant = sum(relevant)
    for denominator in DENOMINATORS:
        scores = [naive_average_precision(order, k, n_relevant, denominator) for order in orders]
        expected = expected_average_precision_at_k(tied, k, denominator=denominator)
        np.testing.assert_allclose(expected, [np.mean(scores)], rtol=1e-12)
    precision = np.mean([sum(order[:k]) / k for order in orders]) if n_relevant else np.nan
    np.testing.assert_allclose(expected_precision_at_n(tied, k), [precision], rtol=1e-12)


@pytest.mark.parametrize(
    ("size", "found", "taken"),
    [
        (40_000, 5_000, 900),
        (40_000, 39_999, 900),
        (40_000, 36_000, 900),
        (3_000, 2, 2_999),
        (50, 49, 48),
        (700, 100, 650),
        (9, 1, 1),
    ],
)
@pytest.mark.parametrize("before", [(), (True, False, True), (False,) * 5])
def test_large_groups_equal_scipys_hypergeometric(size, found, taken, before):
    k = len(before) + taken
    shown_relevant = max(0, found - (size - taken))  # as few as fit into what the list does not show
    tail = np.zeros(taken, dtype=bool)
    tail[:shown_relevant] = True
    distances = np.concatenate([np.arange(len(before)), np.full(taken, 99.0)])
    lists = RankedRelevance(
        types=["a"],
        relevant=np.concatenate([np.array(before, dtype=bool), tail])[None],
        distances=distances[None],
        n_relevant=[sum(before) + found],
        tied_size=[size],
        tied_relevant=[found],
    )
    expected = naive_expectation_at_cut(before, size, found, k)
    computed = expected_average_precision_at_k(lists, k, denominator="hits")[0]
    assert computed == pytest.approx(expected, rel=1e-9)


def test_ranking_equals_a_full_stable_sort(rng):
    distances = rng.integers(0, 5, size=(20, 30))
    database, query = rng.choice(list("abc"), size=30), rng.choice(list("abcd"), size=20)
    for width in (1, 7, 30):
        lists = rank_by_distance(distances, width, database_labels=database, query_labels=query)
        for i in range(20):
            order = np.argsort(distances[i], kind="stable")
            np.testing.assert_array_equal(lists.relevant[i], (database == query[i])[order][:width])
            np.testing.assert_array_equal(lists.distances[i], distances[i][order][:width])
            tied = distances[i] == distances[i][order][width - 1]
            assert lists.tied_size[i] == tied.sum()
            assert lists.tied_relevant[i] == (tied & (database == query[i])).sum()
            assert lists.n_relevant[i] == (database == query[i]).sum()
        assert list(lists.types) == list(query)


def test_blocks_change_nothing_and_stay_small(rng, monkeypatch):
    distances = rng.integers(0, 4, size=(23, 40))
    labels = {
        "database_labels": rng.choice(list("ab"), size=40),
        "query_labels": rng.choice(list("ab"), size=23),
    }
    whole = rank_by_distance(distances, 10, **labels)
    monkeypatch.setattr(ranked, "_DISTANCES", 200)
    asked = []

    def block(start, end):
        asked.append((start, end))
        return distances[start:end]

    pieces = rank_by_distance(block, 10, **labels)
    assert asked == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)]
    for name in ("relevant", "distances", "tied_size", "tied_relevant", "n_relevant"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))


def test_kernels_run_as_plain_python(rng):
    relevant, distances = rng.random((6, 9)) < 0.5, np.sort(rng.integers(0, 3, size=(6, 9)), axis=1) * 1.0
    last = distances == distances[:, -1:]
    size, found = last.sum(axis=1) + 4, (last & relevant).sum(axis=1) + 2
    for kernel, middle, n_out in (
        (_retrieval_kernels.expected_precision_sums, 7, (6,)),
        (_retrieval_kernels.expected_hits, np.array([1, 4, 9]), (6, 3)),
    ):
        outputs = []
        for run in (kernel, getattr(kernel, "py_func", kernel)):
            out = [np.full(n_out, np.nan) for _ in range(2 if len(n_out) == 1 else 1)]
            run(relevant, distances, size, found, middle, *out)
            outputs.append(out)
        np.testing.assert_array_equal(*outputs)


# --- Outside oracle ----------------------------------------------------------------------------------------------


def test_without_ties_and_over_all_cells_it_is_scikit_learns(rng):
    distances = rng.random((15, 40))
    database = np.append(rng.choice(list("abc"), size=39), "a")
    query = rng.choice(list("ab"), size=15)
    lists = rank_by_distance(distances, 40, database_labels=database, query_labels=query)
    theirs = [average_precision_score(database == query[i], -distances[i]) for i in range(15)]
    for denominator in ("min_k_r", "hits"):
        ours = average_precision_at_k(
            lists.relevant, 40, n_relevant=lists.n_relevant, denominator=denominator
        )
        np.testing.assert_allclose(ours, theirs)
        np.testing.assert_allclose(expected_average_precision_at_k(lists, 40, denominator=denominator), ours)


# --- Properties --------------------------------------------------------------------------------------------------


@pytest.fixture
def random_lists(rng):
    """30 queries of types a to d against 60 cells of types a to c at 5 distances."""
    database, query = (
        rng.choice(list("abc"), size=60),
        np.append(rng.choice(list("abcd"), size=28), ["c", "d"]),
    )
    distances = rng.integers(0, 5, size=(30, 60))
    return rank_by_distance(distances, 25, database_labels=database, query_labels=query)


def test_tie_order_moves_the_score_by_row_but_not_the_averaged_one():
    rng = np.random.default_rng(3)
    codes, query = pack_bits(rng.random((5000, 64)) < 0.5), pack_bits(rng.random((1, 64)) < 0.5)
    labels = rng.choice(list("abcdef"), size=5000)
    by_row, averaged = [], []
    for _ in range(300):
        order = rng.permutation(5000)
        lists = rank_by_distance(
            hamming_distances(query, codes[order]), 100, database_labels=labels[order], query_labels=["a"]
        )
        by_row.append(average_precision_at_k(lists.relevant, 100, n_relevant=lists.n_relevant)[0])
        averaged.append(expected_average_precision_at_k(lists, 100)[0])
    assert max(by_row) - min(by_row) > 0.01
    assert np.ptp(averaged) == 0
    assert min(by_row) < averaged[0] < max(by_row)
    assert abs(np.mean(by_row) - averaged[0]) < 4 * np.std(by_row) / np.sqrt(300)


@pytest.mark.parametrize("denominator", DENOMINATORS)
@pytest.mark.parametrize("k", [1, 6, 30])
def test_the_perfect_ranking_reaches_the_ceiling(denominator, k):
    database = np.repeat(["a", "b", "c"], [5, 20, 8])
    query = np.array(["a", "b", "c", "d"])
    perfect = (query[:, None] != database).astype(float)
    lists = rank_by_distance(perfect, 30, database_labels=database, query_labels=query)
    top = ceiling_at_k(lists.n_relevant, k, denominator=denominator)
    by_row = average_precision_at_k(lists.relevant, k, n_relevant=lists.n_relevant, denominator=denominator)
    np.testing.assert_allclose(by_row, top)
    np.testing.assert_allclose(expected_average_precision_at_k(lists, k, denominator=denominator), top)
    np.testing.assert_allclose(
        expected_precision_at_n(lists, k), ceiling_at_k(lists.n_relevant, k, metric="precision_at_n")
    )
    expected = {"hits": [1, 1, 1], "min_k_r": [1, 1, 1], "k": [min(k, r) / k for r in (5, 20, 8)]}
    np.testing.assert_allclose(top, [*expected[denominator], np.nan])


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_scores_lie_between_0_and_the_ceiling(random_lists, denominator):
    for k in (1, 10, 25):
        top = ceiling_at_k(random_lists.n_relevant, k, denominator=denominator)
        for scores in (
            average_precision_at_k(
                random_lists.relevant, k, n_relevant=random_lists.n_relevant, denominator=denominator
            ),
            expected_average_precision_at_k(random_lists, k, denominator=denominator),
        ):
            kept = ~np.isnan(scores)
            np.testing.assert_array_equal(kept, random_lists.n_relevant > 0)
            assert np.all(scores[kept] >= 0)
            assert np.all(scores[kept] <= top[kept] + 1e-12)


@settings(max_examples=60, deadline=None)
@given(
    relevant=st.lists(st.booleans(), min_size=2, max_size=12),
    place=st.integers(0, 10),
    k=st.integers(1, 12),
    denominator=st.sampled_from(DENOMINATORS),
)
def test_a_hit_that_moves_up_never_costs(relevant, place, k, denominator):
    place, k = min(place, len(relevant) - 2), min(k, len(relevant))
    better = list(relevant)
    better[place], better[place + 1] = max(relevant[place : place + 2]), min(relevant[place : place + 2])
    if denominator == "hits" and place == k - 1:
        return  # one more hit enters the top k and with it the denominator: the score may fall
    before, after = (
        average_precision_at_k(np.array([each]), k, n_relevant=np.array([12]), denominator=denominator)[0]
        for each in (relevant, better)
    )
    assert after >= before - 1e-15


def test_finding_more_can_lower_the_score_over_hits():
    # why `hits` is no standard: a third hit at rank 100 counts against the list
    relevant = np.zeros((2, 100), dtype=bool)
    relevant[:, :2] = True
    relevant[1, 99] = True
    few, more = average_precision_at_k(relevant, 100, n_relevant=np.array([9, 9]), denominator="hits")
    assert more < few == 1
    few, more = average_precision_at_k(relevant, 100, n_relevant=np.array([9, 9]))
    assert more > few


def test_queries_are_scored_one_by_one(random_lists, rng):
    order = rng.permutation(30)
    shuffled = RankedRelevance(
        random_lists.types[order],
        random_lists.relevant[order],
        random_lists.distances[order],
        random_lists.n_relevant[order],
        random_lists.tied_size[order],
        random_lists.tied_relevant[order],
    )
    for name in DENOMINATORS:
        np.testing.assert_array_equal(
            expected_average_precision_at_k(shuffled, 9, denominator=name),
            expected_average_precision_at_k(random_lists, 9, denominator=name)[order],
        )
    np.testing.assert_array_equal(
        expected_precision_at_n(shuffled, [9, 4]), expected_precision_at_n(random_lists, [9, 4])[order]
    )
    whole, again = (retrieval_scores(lists, ks=[9], ns=[4, 9]) for lists in (random_lists, shuffled))
    np.testing.assert_allclose(again["value"], whole["value"])


def test_averaging_changes_nothing_where_nothing_ties(rng):
    distances = rng.permuted(np.tile(np.arange(40.0), (12, 1)), axis=1)
    lists = rank_by_distance(
        distances, 15, database_labels=rng.choice(list("ab"), size=40), query_labels=np.repeat(["a"], 12)
    )
    for name in DENOMINATORS:
        np.testing.assert_allclose(
            expected_average_precision_at_k(lists, 15, denominator=name),
            average_precision_at_k(lists.relevant, 15, n_relevant=lists.n_relevant, denominator=name),
        )
    np.testing.assert_allclose(
        expected_precision_at_n(lists, [3, 15]), precision_at_n(lists.relevant, [3, 15])
    )


def test_a_query_without_a_hit_is_0_and_one_without_a_relevant_cell_is_left_out():
    lists = rank_by_distance(
        np.array([[0, 1, 2], [0, 1, 2]]), 2, database_labels=["b", "b", "a"], query_labels=["a", "z"]
    )
    for name in DENOMINATORS:
        np.testing.assert_array_equal(
            average_precision_at_k(lists.relevant, 2, n_relevant=lists.n_relevant, denominator=name),
            [0, np.nan],
        )
        np.testing.assert_array_equal(
            expected_average_precision_at_k(lists, 2, denominator=name), [0, np.nan]
        )
    np.testing.assert_array_equal(precision_at_n(lists.relevant, 2, n_relevant=lists.n_relevant), [0, np.nan])
    np.testing.assert_array_equal(expected_precision_at_n(lists, 2), [0, np.nan])
    np.testing.assert_array_equal(precision_at_n(lists.relevant, 2), [0, 0])


def test_ranks_without_a_neighbour_count_as_wrong():
    lists = rank_by_distance(np.array([[3, 3]]), 4, database_labels=["a", "a"], query_labels=["a"])
    np.testing.assert_array_equal(lists.distances, [[3, 3, np.inf, np.inf]])
    np.testing.assert_array_equal([lists.tied_size, lists.tied_relevant], [[2], [0]])
    np.testing.assert_allclose(expected_precision_at_n(lists, [2, 4]), [[1, 0.5]])
    np.testing.assert_allclose(expected_average_precision_at_k(lists, 4), [1])
    np.testing.assert_allclose(expected_average_precision_at_k(lists, 4, denominator="k"), [0.5])


# --- From found neighbours ---------------------------------------------------------------------------------------


@pytest.fixture
def searched(rng):
    """Codes of 12 bits of 80 cells and 10 queries, their types, all distances and the 20 nearest."""
    bits, asked = rng.random((80, 12)) < 0.5, rng.random((10, 12)) < 0.5
    codes, queries = pack_bits(bits), pack_bits(asked)
    database, query = rng.choice(list("abc"), size=80), rng.choice(list("abcz"), size=10)
    found = LinearIndex(codes).search(queries, 20)
    return found, hamming_distances(queries, codes), {"database_labels": database, "query_labels": query}


def test_neighbours_with_counts_by_type_equal_all_distances(searched):
    found, distances, labels = searched
    whole = rank_by_distance(distances, 20, **labels)
    tied = distances == found.distances[:, -1:]
    counts = np.stack([(tied & (labels["database_labels"] == name)).sum(axis=1) for name in "abc"], axis=1)
    lists = rank_neighbors(found.ids, found.distances, last_group=counts, **labels)
    for name in ("relevant", "distances", "tied_size", "tied_relevant", "n_relevant", "types"):
        np.testing.assert_array_equal(getattr(lists, name), getattr(whole, name))


def test_unknown_groups_are_refused_only_where_k_meets_them(searched):
    found, distances, labels = searched
    whole = rank_by_distance(distances, 20, **labels)
    lists = rank_neighbors(found.ids, found.distances, **labels)
    assert np.all(lists.tied_size == UNKNOWN)
    assert np.all(lists.unknown_at(20))
    first = int(
        (found.distances == found.distances[:, -1:]).argmax(axis=1).min()
    )  # of any query's last group
    np.testing.assert_array_equal(
        expected_average_precision_at_k(lists, first), expected_average_precision_at_k(whole, first)
    )
    assert lists.unknown_at(first + 1).sum() < 10
    for refused in (
        lambda: expected_average_precision_at_k(lists, first + 1),
        lambda: expected_precision_at_n(lists, [1, first + 1]),
        lambda: retrieval_scores(lists, ks=[20]),
    ):
        with pytest.raises(DataError, match="of 10 queries are cut inside a group of equal distance"):
            refused()
    by_row = retrieval_scores(lists, ks=[20], ns=[20], ties=["by_row"])
    expected = retrieval_scores(whole, ks=[20], ns=[20]).query("ties == 'by_row'")
    np.testing.assert_array_equal(by_row["value"], expected["value"])


def test_a_list_of_every_cell_and_one_that_ends_early_are_known(searched):
    found, distances, labels = searched
    order = np.argsort(distances, axis=1, kind="stable")
    everything = rank_neighbors(order, np.take_along_axis(distances, order, axis=1), **labels)
    whole = rank_by_distance(distances, 20, **labels)
    np.testing.assert_allclose(
        expected_average_precision_at_k(everything, 20), expected_average_precision_at_k(whole, 20)
    )
    ids, far = found.ids.copy(), found.distances.copy()
    ids[:, 15:], far[:, 15:] = NO_NEIGHBOR, 13
    early = rank_neighbors(ids, far, **labels)
    assert np.all(np.isinf(early.distances[:, 15:]))
    assert not early.relevant[:, 15:].any()
    assert not early.unknown_at(20).any()


def test_ties_as_found_are_those_of_the_list(searched):
    found, _, labels = searched
    lists = rank_neighbors(found.ids, found.distances, last_group="as_found", **labels)
    last = found.distances == found.distances[:, -1:]
    np.testing.assert_array_equal(lists.tied_size, last.sum(axis=1))
    np.testing.assert_array_equal(lists.tied_relevant, (last & lists.relevant).sum(axis=1))
    # all of the list is taken, so its number of hits is certain
    np.testing.assert_allclose(expected_precision_at_n(lists, 20)[0], precision_at_n(lists.relevant, 20)[0])


def test_float32_distances_tie_as_they_are_stored():
    close = np.array([[1.0, np.nextafter(np.float32(1), np.float32(2))]], dtype=np.float32)
    labels = {"database_labels": ["b", "a"], "query_labels": ["a"]}
    for lists in (rank_neighbors(np.array([[0, 1]]), close, **labels), rank_by_distance(close, 2, **labels)):
        assert expected_average_precision_at_k(lists, 2)[0] == 0.5


@pytest.mark.parametrize(
    "close", [np.array([[1, 1 + 1e-12]]), np.array([[2**24, 2**24 + 1]])], ids=["float64", "integers"]
)
def test_distances_that_float32_cannot_tell_apart_do_not_tie(close):
    labels = {"database_labels": ["a", "b"], "query_labels": ["a"]}
    for lists in (rank_neighbors(np.array([[0, 1]]), close, **labels), rank_by_distance(close, 2, **labels)):
        assert expected_average_precision_at_k(lists, 2)[0] == 1


# --- The table ---------------------------------------------------------------------------------------------------


def test_means_over_queries_and_over_types_by_hand():
    # three queries of a with P@1 = 1, 1, 0 and one of b with 0; z has no relevant cell
    distances = np.array([[0, 1, 2], [0, 1, 2], [1, 0, 2], [0, 1, 2], [0, 1, 2]])
    lists = rank_by_distance(
        distances, 2, database_labels=["a", "b", "a"], query_labels=["a", "a", "a", "b", "z"]
    )
    table = retrieval_scores(lists, ks=[2], ns=[1, 2])
    assert dict(table.dtypes.astype(str)) == {
        name: kind.replace("str", "object") for name, kind in RETRIEVAL_COLUMNS.items()
    }
    assert len(table) == 2 * (3 + 2) * 2
    assert not table.duplicated(["metric", "denominator", "k", "ties", "average"]).any()
    assert (table[["n", "n_types", "n_left_out"]].drop_duplicates().to_numpy() == [[4, 2, 1]]).all()
    value = table.set_index(["metric", "denominator", "k", "ties", "average"])["value"]
    top = table.set_index(["metric", "denominator", "k", "ties", "average"])["ceiling"]
    for ties in ("by_row", "averaged"):
        assert value["precision_at_n", "", 1, ties, "queries"] == pytest.approx(1 / 2)
        assert value["precision_at_n", "", 1, ties, "types"] == pytest.approx((2 / 3 + 0) / 2)
        # a: sums 1, 1, 1/2; b: 1/2
        assert value["map_at_k", "hits", 2, ties, "queries"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
        assert value["map_at_k", "min_k_r", 2, ties, "queries"] == pytest.approx((0.5 + 0.5 + 0.25 + 0.5) / 4)
        assert value["map_at_k", "k", 2, ties, "types"] == pytest.approx((1.25 / 3 + 0.25) / 2)
        # R is 2 for a and 1 for b
        assert top["map_at_k", "k", 2, ties, "queries"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
        assert top["map_at_k", "k", 2, ties, "types"] == pytest.approx(0.75)
        assert top["map_at_k", "min_k_r", 2, ties, "types"] == 1
        assert top["precision_at_n", "", 1, ties, "queries"] == 1
        assert top["precision_at_n", "", 2, ties, "queries"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)


def test_the_table_holds_the_scores_of_the_functions(random_lists):
    table = retrieval_scores(random_lists, ks=[3, 20], ns=[20, 5], denominators=["hits", "k"])
    rows = table[table["average"] == "queries"].set_index(["metric", "denominator", "k", "ties"])["value"]
    assert len(rows) == 2 * (2 * 2 + 2)
    for k in (3, 20):
        for name in ("hits", "k"):
            averaged = np.nanmean(expected_average_precision_at_k(random_lists, k, denominator=name))
            by_row = np.nanmean(
                average_precision_at_k(
                    random_lists.relevant, k, n_relevant=random_lists.n_relevant, denominator=name
                )
            )
            assert rows["map_at_k", name, k, "averaged"] == pytest.approx(averaged)
            assert rows["map_at_k", name, k, "by_row"] == pytest.approx(by_row)
    for n in (20, 5):
        averaged = np.nanmean(expected_precision_at_n(random_lists, n))
        assert rows["precision_at_n", "", n, "averaged"] == pytest.approx(averaged)
        kept = random_lists.relevant[random_lists.n_relevant > 0]
        assert rows["precision_at_n", "", n, "by_row"] == pytest.approx(precision_at_n(kept, n).mean())


def test_no_query_to_score_is_no_number():
    lists = rank_by_distance(np.array([[0, 1]]), 2, database_labels=["a", "a"], query_labels=["z"])
    table = retrieval_scores(lists, ks=[2], ns=[2])
    assert table[["value", "ceiling"]].isna().all(axis=None)
    assert (table[["n", "n_types", "n_left_out"]].drop_duplicates().to_numpy() == [[0, 0, 1]]).all()
    assert retrieval_scores(lists, ks=[]).empty


# --- Bad input ---------------------------------------------------------------------------------------------------

GOOD = {
    "types": ["a", "a"],
    "relevant": np.array([[True, False], [False, True]]),
    "distances": np.array([[0.0, 1], [1, 1]]),
    "n_relevant": [2, 1],
    "tied_size": [3, 2],
    "tied_relevant": [1, 1],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relevant": np.ones((2, 2))}, "bool"),
        ({"relevant": np.ones((2, 0), dtype=bool)}, "bool"),
        ({"distances": np.array([[0, 1], [1, 1]])}, "float32 or float64"),
        ({"distances": np.zeros((2, 3))}, "must be .2, 2."),
        ({"distances": np.array([[1.0, 0], [1, 1]])}, "must not decrease"),
        ({"distances": np.array([[0.0, np.nan], [1, 1]])}, "nor be NaN"),
        ({"distances": np.array([[0.0, 1], [1, np.inf]])}, "infinite distance"),
        ({"types": ["a"]}, "types must be"),
        ({"n_relevant": [2]}, "n_relevant must be"),
        ({"n_relevant": [1, 1]}, "query 0: 2 relevant cells are ranked"),
        ({"tied_size": [3, 1]}, "query 1: 1 relevant of 1 cells"),
        ({"tied_relevant": [3, 1]}, "query 0: 3 relevant of 3 cells"),
        ({"tied_relevant": [1, 0]}, "query 1: 0 relevant of 2 cells"),
    ],
)
def test_contradicting_rankings_are_refused(change, message):
    RankedRelevance(**GOOD)
    with pytest.raises(DataError, match=message):
        RankedRelevance(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("ids", "distances", "message"),
    [
        ([[1, 0]], [[2, 2]], "query 0 has row 0 at 2 behind row 1 at 2"),
        ([[0, 1]], [[2, 1]], "query 0 has row 1 at 1 behind row 0 at 2"),
        ([[0, 0]], [[2, 2]], "order of"),
        ([[0, 9]], [[1, 2]], "has 3 cells"),
        ([[-2, 1]], [[1, 2]], "has 3 cells"),
        ([[-1, 1]], [[1, 2]], "must stand last"),
        ([[0, 1]], [[1, np.nan]], "finite"),
        ([[0, 1]], [[1, np.inf]], "finite"),
        ([[0, 1]], [[1]], "ids and distances"),
        ([[]], [[]], "ids and distances"),
        ([[0], [1]], [[1], [1]], "1 queries"),
    ],
)
def test_neighbours_out_of_order_are_refused(ids, distances, message):
    with pytest.raises(DataError, match=message):
        rank_neighbors(
            np.array(ids), np.array(distances), database_labels=["a", "b", "a"], query_labels=["a"]
        )


def test_bad_arguments_of_the_rankings_are_refused():
    labels = {"database_labels": ["a", "b", "a"], "query_labels": ["a"]}
    row = np.array([[0.0, 1, 2]])
    with pytest.raises(ConfigError, match="'unknown', 'as_found'"):
        rank_neighbors(np.array([[0]]), row[:, :1], last_group="all", **labels)
    for counts in (np.array([[1, 1, 1]]), np.array([[3, 0]]), np.array([[-1, 0]])):
        with pytest.raises(DataError, match="queries x types"):
            rank_neighbors(np.array([[0]]), row[:, :1], last_group=counts, **labels)
    with pytest.raises(ConfigError, match="at least 1"):
        rank_by_distance(row, 0, **labels)
    for bad in (row[:, :2], np.array([[0, np.nan, 1]]), np.array([[0, np.inf, 1]])):
        with pytest.raises(DataError, match="finite numbers"):
            rank_by_distance(bad, 2, **labels)
    with pytest.raises(DataError, match="a row for each of 1 queries"):
        rank_by_distance(np.repeat(row, 2, axis=0), 2, **labels)
    with pytest.raises(DataError, match="not empty"):
        rank_by_distance(row, 2, database_labels=["a", "b", "a"], query_labels=[])


def test_bad_arguments_of_the_scores_are_refused(random_lists):
    relevant, n_relevant = random_lists.relevant, random_lists.n_relevant
    with pytest.raises(ConfigError, match="hits, min_k_r, k"):
        average_precision_at_k(relevant, 3, n_relevant=n_relevant, denominator="R")
    with pytest.raises(ConfigError, match="hits, min_k_r, k"):
        expected_average_precision_at_k(random_lists, 3, denominator="R")
    with pytest.raises(ConfigError, match="by_row, averaged"):
        retrieval_scores(random_lists, ks=[3], ties=["random"])
    with pytest.raises(ConfigError, match="'map_at_k' or"):
        ceiling_at_k(n_relevant, 3, metric="ndcg")
    for k in (0, -1, 2.5):
        with pytest.raises(ConfigError, match="whole number"):
            average_precision_at_k(relevant, k, n_relevant=n_relevant)
        with pytest.raises(ConfigError, match="whole number"):
            expected_precision_at_n(random_lists, [2, k])
    for score in (average_precision_at_k, precision_at_n):
        with pytest.raises(DataError, match="26 is beyond the 25"):
            score(relevant, 26, n_relevant=n_relevant)
        with pytest.raises(DataError, match="relevant cells are ranked"):
            score(relevant, 3, n_relevant=np.zeros(30))
        with pytest.raises(DataError, match="n_relevant must be"):
            score(relevant, 3, n_relevant=n_relevant[:3])
        with pytest.raises(DataError, match="bool"):
            score(relevant.astype(int), 3, n_relevant=n_relevant)
    with pytest.raises(ConfigError, match="list of ranks"):
        precision_at_n(relevant, [])


# --- Where it is imported ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", metrics.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(metrics, name) is not None
    assert name in dir(metrics)


def test_a_method_does_not_depend_on_the_code_of_retrieval_scores():
    assert set(metrics._WHERE) < set(metrics.__all__)
    modules = {path.stem for path in closure("schash.methods.contract")}
    assert "annotation" in modules
    assert modules.isdisjoint({"retrieval", "ranked", "_retrieval_kernels"})
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = metrics.nothing
