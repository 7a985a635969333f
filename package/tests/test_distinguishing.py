"""Genes that set a cell apart: by hand, calibrated under the model, planted genes found, bad input named."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, sparse, stats
from scipy.special import gammaln

from schash.distinguishing import COLUMNS, distinguishing_genes, log_tails
from schash.errors import ConfigError, DataError
from schash.neighbors import Neighbors


def everything(query, reference, ids, **options):
    genes = [f"g{i}" for i in range(query.shape[1])]
    options = {"genes": genes, "max_q": 1.0, **options}
    return distinguishing_genes(query, reference, ids, **options)


def test_by_hand():
    # The query has 10 counts, its neighbours 20 and 5: exposures 2 and 0.5
    query = np.array([[6, 4, 0]])
    reference = np.array([[1, 1, 1], [4, 14, 2], [0, 5, 0]])
    table = everything(query, reference, np.array([[1, 2]])).set_index("gene")
    b = 1e-3 + 2.5
    for gene, y, total in (("g0", 6, 4), ("g1", 4, 19), ("g2", 0, 2)):
        a = 0.1 + total
        assert table.loc[gene, "expected"] == pytest.approx(a / b)
        assert table.loc[gene, "log2_fold_change"] == pytest.approx(np.log2((y + 0.5) / (a / b + 0.5)))
        pmf = [
            np.exp(gammaln(a + n) - gammaln(a) - gammaln(n + 1) + a * np.log(b / (b + 1)) - n * np.log(b + 1))
            for n in range(400)
        ]
        assert sum(pmf) == pytest.approx(1)
        above, below = sum(pmf[y:]), sum(pmf[: y + 1])
        assert table.loc[gene, "log_p_above"] == pytest.approx(np.log(above), abs=1e-9)
        assert table.loc[gene, "log_p_below"] == pytest.approx(np.log(below), abs=1e-9)
        assert table.loc[gene, "p_value"] == pytest.approx(min(1, 2 * min(above, below)))
    assert table.loc["g0", "direction"] == "above"
    assert table.loc["g1", "direction"] == "below"
    p = table["p_value"].sort_values()
    adjusted = np.minimum.accumulate((p * 3 / [1, 2, 3])[::-1])[::-1]
    for gene, q in adjusted.items():
        assert table.loc[gene, "q_value"] == pytest.approx(q)


def test_the_predictive_distribution_is_the_posterior_mixture_of_poissons():
    a, b = 4.1, 2.501
    for y in (0, 3, 9):
        density = stats.gamma(a, scale=1 / b).pdf
        mixture = integrate.quad(lambda r: density(r) * stats.poisson.pmf(y, r), 0, 60)[0]  # noqa: B023
        above, below = log_tails(np.array([float(y)]), np.array([a]), b / (b + 1))
        assert np.exp(above) + np.exp(below) - 1 == pytest.approx(mixture, abs=1e-9)


def test_finddegs_scales_the_neighbours_counts():
    query, reference = np.array([[6, 4, 0]]), np.array([[4, 14, 2], [0, 5, 0]])
    table = everything(query, reference, np.array([[0, 1]]), exposure="scaled_counts").set_index("gene")
    scaled = reference / reference.sum(1, keepdims=True) * 10
    for i, gene in enumerate(("g0", "g1", "g2")):
        assert table.loc[gene, "expected"] == pytest.approx((0.1 + scaled[:, i].sum()) / 2.001)
    same = np.array([[4, 5, 1], [2, 8, 0]])
    pd.testing.assert_frame_equal(
        everything(query, same, np.array([[0, 1]]), exposure="scaled_counts"),
        everything(query, same, np.array([[0, 1]])),
    )


def test_tails_that_are_too_small_for_a_double():
    a, p = np.array([1.1, 1.1, 5000.5]), 0.5
    above, below = log_tails(np.array([5000.0, 900.0, 3.0]), a, p)
    with np.errstate(divide="ignore"):
        assert stats.nbinom.logsf(4999, 1.1, p) == -np.inf  # what scipy makes of it
    more = 5000 + np.arange(200)
    assert above[0] == pytest.approx(np.logaddexp.reduce(stats.nbinom.logpmf(more, 1.1, p)), rel=1e-10)
    assert above[1] == pytest.approx(stats.nbinom.logsf(899, 1.1, p))
    assert below[2] == pytest.approx(
        np.logaddexp.reduce(stats.nbinom.logpmf(np.arange(4), 5000.5, p)), rel=1e-10
    )
    assert np.isfinite(above).all()
    assert np.isfinite(below).all()
    assert np.all(log_tails(np.zeros(3), a, p)[0] == 0)


def test_calibrated_under_the_model():
    # Rates from the prior, counts from Poissons: the tails must be at most as small as their names say
    rng = np.random.default_rng(1)
    n_genes = 20_000
    rates = rng.gamma(0.1, 1e3, n_genes)
    exposures = np.array([0.5, 1, 2.0])
    y = rng.poisson(rates).astype(float)
    near = rng.poisson(exposures[:, None] * rates)
    b = 1e-3 + exposures.sum()
    above, below = log_tails(y, 0.1 + near.sum(0), b / (b + 1))
    for level in (0.2, 0.05, 0.01):
        allowed = level + 4 * np.sqrt(level / n_genes)
        assert (np.exp(above) <= level).mean() <= allowed
        assert (np.exp(below) <= level).mean() <= allowed
    # Where counts are large the tails are nearly continuous, hence nearly uniform
    large = rates > 200
    assert stats.kstest(np.exp(above[large]), "uniform").pvalue > 0.001
    assert (np.exp(above[large]) <= 0.05).mean() == pytest.approx(0.05, abs=0.012)


def test_planted_genes_are_found_and_few_others():
    rng = np.random.default_rng(2)
    profile = rng.gamma(0.7, 4, 2000)
    reference = rng.poisson(profile * rng.uniform(0.5, 2, (20, 1)))
    changed = profile.copy()
    high = np.argsort(profile)[1000:1010]
    low = np.argsort(profile)[-10:]
    changed[high] *= 30
    changed[low] = 0
    query = rng.poisson(np.vstack([changed, profile]))
    table = everything(
        sparse.csr_matrix(query), sparse.csr_matrix(reference), np.tile(np.arange(20), (2, 1)), max_q=0.05
    )
    first = table[table["query"] == 0]
    above = set(first.loc[first["direction"] == "above", "gene"])
    below = set(first.loc[first["direction"] == "below", "gene"])
    assert above >= {f"g{i}" for i in high}
    assert below >= {f"g{i}" for i in low}
    assert len(first) <= 24
    assert (table["query"] == 1).sum() <= 3
    assert (first["q_value"] <= 0.05).all()
    assert first["p_value"].is_monotonic_increasing


def test_neighbours_of_a_search_missing_ones_and_empty_cells():
    query = np.array([[6, 4, 0], [0, 0, 0], [1, 2, 3]])
    reference = np.array([[4, 14, 2], [0, 0, 0], [9, 0, 9]])
    ids = np.array([[0, -1, 1], [0, -1, -1], [1, -1, -1]])
    found = Neighbors(ids, np.zeros((3, 3), np.int32), np.zeros(3, int), np.zeros(3, int))
    table = everything(query, reference, found)
    pd.testing.assert_frame_equal(table, everything(query[:1], reference, np.array([[0]])))
    assert list(table.columns) == list(COLUMNS)
    empty = everything(query[1:], reference, ids[1:])
    assert len(empty) == 0
    assert (empty.dtypes == table.dtypes).all()
    assert len(everything(np.empty((0, 3)), reference, np.empty((0, 2), int))) == 0


def test_genes_without_any_count_are_not_significant_and_not_listed():
    query, reference = np.array([[60, 0, 1]]), np.array([[4, 0, 20]])
    table = everything(query, reference, np.array([[0]]))
    assert sorted(table["gene"]) == ["g0", "g2"]
    p = table["p_value"].to_numpy()
    np.testing.assert_allclose(
        table["q_value"], [min(3 * p[0], 1.5 * p[1]), 1.5 * p[1]]
    )  # 3 genes were tested
    _, below = log_tails(np.zeros(1), np.array([0.1]), 1e-3 / 1.001)
    assert 2 * np.exp(below) >= 1  # the least rate that there is


def test_the_reference_is_matched_by_name():
    query, reference = np.array([[6, 4, 1]]), np.array([[4, 14, 2]])
    expected = everything(query, reference, np.array([[0]]))
    other = everything(query, reference[:, ::-1], np.array([[0]]), reference_genes=["g2", "g1", "g0"])
    pd.testing.assert_frame_equal(other, expected)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"query": np.array([[0.5, 1, 2]])}, DataError, "whole numbers"),
        ({"query": np.array([[-1, 1, 2]])}, DataError, "X_query must hold counts"),
        ({"reference": np.array([[np.nan, 1, 2]])}, DataError, "X_reference must hold counts"),
        ({"reference": np.array([[1, 2]])}, DataError, "has 2 genes, the query 3"),
        ({"ids": np.array([[1]])}, DataError, "0 to 0, or -1; got 1 to 1"),
        ({"ids": np.array([[-2]])}, DataError, "or -1; got -2"),
        ({"ids": np.array([0])}, DataError, "one row per query cell"),
        ({"genes": ["a", "a", "b"]}, DataError, "more than once: a"),
        ({"genes": ["a", "b"]}, DataError, "3 columns"),
        ({"exposure": "none"}, ConfigError, "library_size, scaled_counts"),
        ({"max_q": 2}, ConfigError, "max_q"),
    ],
)
def test_what_cannot_be_is_refused(change, error, words):
    given = {
        "query": np.array([[6, 4, 0]]),
        "reference": np.array([[4, 14, 2]]),
        "ids": np.array([[0]]),
        **change,
    }
    with pytest.raises(error, match=words):
        everything(given.pop("query"), given.pop("reference"), given.pop("ids"), **given)
