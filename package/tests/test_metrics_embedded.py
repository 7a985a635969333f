"""Purity and silhouette: by hand, against a slow twin, ties averaged, single cells."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from schash.errors import ConfigError, DataError
from schash.metrics.embedded import neighborhood_purity, silhouettes


def slow_purity(X, labels, k):
    """Every order of the other cells that respects their distances counts the same."""
    found = []
    for i in range(len(X)):
        others = [j for j in range(len(X)) if j != i]
        n_nearest = min(k, sum(labels[j] == labels[i] for j in others))
        distances = {j: np.abs(X[j] - X[i]).sum() for j in others}
        shares = []
        for order in itertools.permutations(others):
            if [distances[j] for j in order] == sorted(distances.values()):
                shares.append(sum(labels[j] == labels[i] for j in order[:n_nearest]) / n_nearest)
        found.append(np.mean(shares))
    return found


def test_purity_by_hand():
    X = np.array([[0.0], [1], [2], [3], [10]])
    labels = ["a", "a", "b", "b", "a"]
    # the cell at 1 has one a and one b at distance 1: the two nearest; the one at 10 sees b and b
    np.testing.assert_allclose(neighborhood_purity(X, labels, k=2), [0.5, 0.5, 0.5, 1, 0])
    # k beyond the others of the type: an a looks at two cells, a b at one (two of them tied for the cell at 2)
    np.testing.assert_allclose(neighborhood_purity(X, labels, k=9), [0.5, 0.5, 0.5, 1, 0])
    np.testing.assert_allclose(neighborhood_purity(X, labels, k=1), [1, 0.5, 0.5, 1, 0])


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_ties_are_averaged_over_all_orders(rng, k):
    X = rng.integers(0, 2, (7, 3)).astype(np.float32)  # codes that tie a lot
    labels = np.array(list("aaabbbb"))
    np.testing.assert_allclose(
        neighborhood_purity(X, labels, k=k, distance="cityblock"), slow_purity(X, labels, k)
    )


def test_apart_is_one_and_mixed_is_the_share_of_the_type(rng):
    labels = np.repeat(["a", "b"], [30, 20])
    apart = np.where(labels == "a", 0.0, 100.0)[:, None] + rng.normal(size=(50, 1))
    assert np.all(neighborhood_purity(apart, labels) == 1)
    same = np.zeros((50, 4), np.float32)
    np.testing.assert_allclose(neighborhood_purity(same, labels), np.where(labels == "a", 29 / 49, 19 / 49))


def test_order_of_cells_and_names_of_types_do_not_matter(rng):
    X, labels = rng.normal(size=(40, 5)), rng.choice(list("abc"), 40)
    order = rng.permutation(40)
    for measure in (neighborhood_purity, silhouettes):
        values = measure(X, labels)
        np.testing.assert_allclose(measure(X[order], labels[order]), values[order], atol=1e-12)
        np.testing.assert_allclose(measure(X, np.char.add("z", labels)), values)


def test_distances_in_several_blocks(rng, monkeypatch):
    import sklearn

    X, labels = rng.normal(size=(300, 5)), rng.choice(list("abc"), 300)
    whole = neighborhood_purity(X, labels)
    with sklearn.config_context(working_memory=0.1):
        np.testing.assert_allclose(neighborhood_purity(X, labels), whole)


def test_a_cell_alone_of_its_type():
    X = np.array([[0.0], [1], [5], [6], [9]])
    labels = list("aabbc")
    assert np.isnan(neighborhood_purity(X, labels)).tolist() == [False] * 4 + [True]
    assert silhouettes(X, labels)[4] == 0
    assert np.isnan(silhouettes(X[::2], list("abc"))).all()


def test_mean_silhouette_is_that_of_scikit_learn(rng):
    X, labels = rng.integers(0, 2, (60, 16)), rng.choice(list("abc"), 60)
    ours = silhouettes(X, labels, distance="cityblock").mean()
    assert ours == pytest.approx(silhouette_score(X.astype(bool), labels, metric="hamming"))


@pytest.mark.parametrize(
    ("X", "labels", "said"),
    [
        (np.zeros((3, 2)), ["a", "b"], r"\(3, 2\), labels of \(2,\)"),
        (np.zeros((1, 2)), ["a"], "at least two cells"),
        (np.zeros(3), ["a", "b", "a"], r"cells of shape \(3,\)"),
    ],
)
def test_bad_input(X, labels, said):
    for measure in (neighborhood_purity, silhouettes):
        with pytest.raises(DataError, match=said):
            measure(X, labels)


def test_bad_k_and_a_single_type():
    X = np.zeros((3, 2))
    with pytest.raises(ConfigError, match="k must be at least 1, got 0"):
        neighborhood_purity(X, list("aab"), k=0)
    with pytest.raises(DataError, match="at least two types"):
        silhouettes(X, list("aaa"))
