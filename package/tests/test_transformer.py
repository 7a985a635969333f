"""HammingTransformer keeps scikit-learn's contract, finds the nearest codes, and Scanpy draws a UMAP of its graph."""

import warnings

import naive
import numpy as np
import pytest
import scanpy as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from schash._transformer_kernels import nearest_of_candidates
from schash.errors import ConfigError, DataError
from schash.hamming import unpack_bits
from schash.transformer import METRICS, HammingTransformer

ESTIMATORS = [
    HammingTransformer(n_neighbors=3),
    HammingTransformer(n_neighbors=3, mode="connectivity"),
    HammingTransformer(n_neighbors=3, metric="euclidean"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture
def points(rng):
    centres = rng.standard_normal((5, 12)) * 3
    return (centres[rng.integers(0, 5, 150)] + rng.standard_normal((150, 12))).astype(np.float32)


def entries(graph):
    """Column numbers and values of a graph with equally many in each row, in the order in which they are stored."""
    width = graph.indptr[1]
    np.testing.assert_array_equal(graph.indptr, np.arange(0, graph.nnz + 1, width))
    return graph.indices.reshape(-1, width), graph.data.reshape(-1, width)


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_graph_has_the_form_of_scikit_learns(points, mode, metric):
    ours = HammingTransformer(7, 64, mode=mode, metric=metric)
    theirs = KNeighborsTransformer(n_neighbors=7, mode=mode)
    for transform in (
        lambda t: t.fit_transform(points),
        lambda t: t.fit(points[:100]).transform(points[100:]),
    ):
        expected, got = transform(theirs), transform(ours)
        assert (got.format, got.shape, got.nnz) == (expected.format, expected.shape, expected.nnz)
        assert got.dtype == np.float64
        ids, values = entries(got)
        assert all(len(set(row)) == len(row) for row in ids.tolist())
        assert (values == 1).all() if mode == "connectivity" else (np.diff(values, axis=1) >= 0).all()
    assert list(ours.get_feature_names_out())[:2] == ["hammingtransformer0", "hammingtransformer1"]
    assert len(ours.get_feature_names_out()) == 100


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(9, 40),
    n_bits=st.sampled_from([8, 13, 64, 100]),
    k=st.integers(1, 8),
    seed=st.integers(0, 99),
    distinct=st.integers(1, 40),
)
def test_neighbours_are_those_of_a_naive_search(n, n_bits, k, seed, distinct):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((distinct, 6)).astype(np.float32)[rng.integers(0, distinct, n)]
    transformer = HammingTransformer(k, n_bits, metric="hamming", seed=seed)
    ids, values = entries(transformer.fit_transform(X))
    bits = unpack_bits(transformer.hash_.encode(X - transformer.mean_))
    distances = naive.hamming_distances(bits, bits)
    for i in range(n):
        others = sorted((distances[i, j], j) for j in range(n) if j != i)[:k]
        assert ids[i, 0] == i
        assert values[i].tolist() == [0, *[d for d, _ in others]]
        assert ids[i, 1:].tolist() == [j for _, j in others]
    ids, values = entries(transformer.transform(X[: n // 2]))
    for i in range(n // 2):
        nearest = sorted((distances[i, j], j) for j in range(n))[: k + 1]
        assert list(zip(values[i].tolist(), ids[i].tolist(), strict=True)) == nearest


def test_codes_are_the_signs_of_centred_projections(points):
    transformer = HammingTransformer(n_bits=40).fit(points + 5)
    centred = (points + 5) - (points + 5).mean(axis=0)
    sides = centred @ transformer.hash_.normals.T
    clear = np.abs(sides) > 1e-4
    assert (unpack_bits(transformer.index_.codes) == (sides >= 0))[clear].all()


def test_the_angle_is_the_estimate_from_the_bits(points):
    bits, angles = (
        HammingTransformer(9, 128, metric=metric).fit_transform(points) for metric in ("hamming", "angle")
    )
    np.testing.assert_array_equal(bits.indices, angles.indices)
    np.testing.assert_allclose(angles.data, np.pi * bits.data / 128)
    # and estimates it: a standard error of at most pi / 2 / sqrt(n_bits) for independent bits
    wide = HammingTransformer(149, 8192).fit_transform(points).toarray()
    centred = points - points.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    exact = np.arccos(np.clip(unit @ unit.T, -1, 1))
    assert np.abs(wide - exact).mean() < np.pi / 2 / np.sqrt(8192)


def test_euclidean_with_all_candidates_is_the_exact_search(points):
    exact, ids = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(points).kneighbors(points)
    got, distances = entries(
        HammingTransformer(10, 8, metric="euclidean", oversample=150).fit_transform(points)
    )
    np.testing.assert_array_equal(got, ids)
    np.testing.assert_allclose(distances, exact, atol=1e-3)
    again, _ = entries(
        HammingTransformer(10, 8, metric="euclidean", oversample=150).fit(points).transform(points)
    )
    np.testing.assert_array_equal(again, ids)


@given(n=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 50))
def test_nearest_candidates_are_those_of_a_naive_sort(n, width, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (15, 2)).astype(np.float32)  # many ties
    queries = rng.integers(-2, 3, (n, 2)).astype(np.float32)
    candidates = np.array([rng.permutation(15)[:12] for _ in range(n)])
    ids, distances = np.empty((n, width), np.int64), np.empty((n, width))
    nearest_of_candidates(queries, rows, candidates, ids, distances, 0, n)
    for i in range(n):
        expected = sorted((float(np.linalg.norm(queries[i] - rows[j])), j) for j in candidates[i])[:width]
        assert ids[i].tolist() == [j for _, j in expected]
        np.testing.assert_allclose(distances[i], [d for d, _ in expected])


def test_rows_of_equal_exact_distance_come_by_their_number():
    X = np.array([[0.0], [1.0], [-1.0]])
    for seed in range(4):  # whichever of the two shares more bits with the first
        ids, _ = entries(HammingTransformer(2, 9, metric="euclidean", seed=seed).fit_transform(X))
        assert ids[0].tolist() == [0, 1, 2]


def test_a_row_is_its_own_first_neighbour_among_any_number_of_equal_rows(points):
    equal = np.concatenate([np.repeat(points[:1], 20, axis=0), points[:30]])
    for metric in METRICS:
        graph = HammingTransformer(4, 64, metric=metric).fit_transform(equal)
        ids, values = entries(graph)
        np.testing.assert_array_equal(ids[:, 0], np.arange(50))
        assert (values[:, 0] == 0).all()
        assert all(len(set(row)) == 5 for row in ids.tolist())
        assert (values[:20] == 0).all()


def test_moving_all_rows_moves_no_neighbour(points):
    near = HammingTransformer(10, 256, metric="hamming").fit_transform(points)
    far = HammingTransformer(10, 256, metric="hamming").fit_transform(points + 1000)
    assert _recall(entries(near)[0], entries(far)[0]) > 0.98  # but for the rounding of large numbers


def test_the_seed_decides(points):
    graphs = [HammingTransformer(5, 64, seed=seed).fit_transform(points) for seed in (0, 0, 1)]
    assert (graphs[0] != graphs[1]).nnz == 0
    assert (graphs[0] != graphs[2]).nnz > 0


def test_threads_change_nothing(points):
    one, two = (HammingTransformer(5, 64, n_threads=n).fit_transform(points) for n in (1, 2))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.data, two.data)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"metric": "cosine"}, "metric='cosine' is not known; allowed: angle, hamming, euclidean"),
        ({"mode": "graph"}, "mode='graph' is not known; allowed: distance, connectivity"),
        ({"n_neighbors": 0}, "n_neighbors must be an integer of at least 1, got 0"),
        ({"n_bits": 7}, "n_bits must be an integer of at least 8, got 7"),
        ({"oversample": 1.5}, "oversample must be an integer of at least 1, got 1.5"),
    ],
)
def test_parameters_that_are_none_say_so(points, parameters, words):
    with pytest.raises(ConfigError, match=words):
        HammingTransformer(**parameters).fit(points)


def test_rows_that_cannot_be_used_say_so(points):
    with pytest.raises(
        DataError, match=r"n_neighbors = 16, n_samples_fit = 15 .*one more for the row itself"
    ):
        HammingTransformer(15).fit_transform(points[:15])
    HammingTransformer(15, mode="connectivity").fit_transform(points[:15])
    with pytest.raises(DataError, match="expecting 12 features"):
        HammingTransformer().fit(points).transform(points[:, :3])
    points[3, 2] = np.nan
    with pytest.raises(DataError, match="NaN"):
        HammingTransformer().fit(points)


def test_it_stands_in_a_pipeline_of_precomputed_neighbours(points):
    from sklearn.neighbors import KNeighborsClassifier

    y = (points[:, 0] > 0).astype(int)
    pipeline = make_pipeline(
        HammingTransformer(9, 512), KNeighborsClassifier(n_neighbors=5, metric="precomputed")
    )
    assert pipeline.fit(points, y).score(points, y) > 0.8


@pytest.fixture(scope="module")
def cells():
    """700 real cells, with the 50 principal components that come with them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is in anndata's oldest format
        return sc.datasets.pbmc68k_reduced()


@pytest.mark.parametrize(("metric", "least"), [("angle", 0.6), ("hamming", 0.6), ("euclidean", 0.97)])
def test_scanpys_neighbours_and_umap_of_real_cells(cells, metric, least):
    exact, ours = cells.copy(), cells.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of umap and numba, whatever the neighbours
        sc.pp.neighbors(exact, n_neighbors=15, use_rep="X_pca", transformer="sklearn")
        sc.pp.neighbors(ours, use_rep="X_pca", transformer=HammingTransformer(15, metric=metric))
        sc.tl.umap(ours, maxiter=20)
    assert ours.obsp["distances"].shape == (700, 700)
    assert ours.uns["neighbors"]["params"]["n_neighbors"] == 15
    assert np.isfinite(ours.obsm["X_umap"]).all()
    found = [set(row.indices) - {i} for i, row in enumerate(ours.obsp["distances"])]
    true = [set(row.indices) - {i} for i, row in enumerate(exact.obsp["distances"])]
    # scanpy counts the cell itself among its n_neighbors: 14 others
    assert np.mean([len(a & b) / len(b) for a, b in zip(found, true, strict=True)]) > least
    # types that the exact graph keeps together stay together
    labels = ours.obs["bulk_labels"].to_numpy()
    agreement = [
        np.mean([np.mean(labels[list(others)] == labels[i]) for i, others in enumerate(neighbours)])
        for neighbours in (found, true)
    ]
    assert agreement[0] > agreement[1] - 0.03


def _recall(found, true):
    return np.mean(
        [len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), true.tolist(), strict=True)]
    )
