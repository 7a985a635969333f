"""The product quantiser, against sums written out, scikit-learn's exact neighbours and its own reconstruction."""

import re

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_info, threadpool_limits

from schash import product_quantizer
from schash._product_quantizer_kernels import add_up, first_of_buffer
from schash._threads import numba_threads
from schash.errors import ConfigError, DataError
from schash.methods.nearest import nearest_rows
from schash.product_quantizer import ProductQuantizer


def naive_cosine(model, queries, *, unit):
    """Sum over chunks of inner products, divided by the two lengths."""
    similarities = np.zeros((len(queries), len(model.codes_)))
    for q, query in enumerate(queries.astype(np.float64)):
        for r, codes in enumerate(model.codes_):
            product, square = 0.0, 0.0
            for m, code in enumerate(codes):
                start, end = model.edges_[m], model.edges_[m + 1]
                centroid = model.centroids_[m, code, : end - start].astype(np.float64)
                product += query[start:end] @ centroid
                square += 1 if unit else centroid @ centroid
            length = np.linalg.norm(query) * np.sqrt(square)
            similarities[q, r] = product / length if length > 0 else 0
    return similarities


@pytest.fixture
def vectors(rng):
    """Points around 6 centres with zeros: (90, 23) float32."""
    centres = rng.gamma(1.0, 1.0, (6, 23))
    points = centres[rng.integers(6, size=90)] + rng.normal(0, 0.2, (90, 23))
    return (points * (rng.random((90, 23)) < 0.8)).astype(np.float32)


@pytest.fixture
def queries(rng):
    return rng.gamma(1.0, 1.0, (7, 23)).astype(np.float32)


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize(("n_chunks", "n_centroids"), [(1, 3), (5, 4), (23, 2), (4, 200)])
def test_similarities_equal_the_sums_written_out(vectors, queries, n_chunks, n_centroids, unit):
    vectors[3, :6] = 0  # a centroid of zeros, where there is one for each subvector
    model = ProductQuantizer(n_chunks=n_chunks, n_centroids=n_centroids, unit_centroids=unit).fit(vectors)
    found = model.cosine(queries)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, naive_cosine(model, queries, unit=unit), atol=2e-6)
    if not unit:
        np.testing.assert_allclose(found, cosine_similarity(queries, model.reconstruct()), atol=2e-6)


@pytest.mark.parametrize("n_centroids", [90, 1000])
def test_with_a_centroid_for_each_subvector_nothing_is_lost(vectors, queries, n_centroids):
    vectors[3], vectors[50:55] = 0, vectors[49]
    model = ProductQuantizer(n_chunks=5, n_centroids=n_centroids).fit(vectors)
    np.testing.assert_array_equal(model.reconstruct(), vectors)
    exact = NearestNeighbors(metric="cosine", algorithm="brute").fit(vectors)
    distances, _ = exact.kneighbors(queries, n_neighbors=90)
    found = nearest_rows(1 - model.cosine(queries), 90)
    np.testing.assert_allclose(found.distances, distances, atol=2e-6)
    np.testing.assert_allclose(
        np.take_along_axis(1 - cosine_similarity(queries, vectors), found.ids, 1), distances, atol=2e-6
    )


def test_many_vectors_and_queries_are_taken_in_blocks(rng):
    vectors = rng.normal(size=(1500, 200)).astype(np.float32)
    model = ProductQuantizer(n_chunks=200, n_centroids=3).fit(vectors)
    assert model.codes_.nbytes > 2 * (1 << 17)
    queries = rng.normal(size=(40, 200)).astype(np.float32)
    np.testing.assert_allclose(
        model.cosine(queries), cosine_similarity(queries, model.reconstruct()), atol=2e-6
    )


def test_finer_quantisers_come_closer_to_the_exact_cosine(vectors, queries):
    exact = cosine_similarity(queries, vectors)
    errors = [
        np.abs(ProductQuantizer(n_chunks=5, n_centroids=k).fit(vectors).cosine(queries) - exact).mean()
        for k in (2, 8, 32)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 3


def test_a_centroid_is_the_mean_of_its_vectors_by_hand():
    # 0 once, 1 three times, 10 once: whatever the start, the two clusters are {0, 1, 1, 1} and {10}
    model = ProductQuantizer(n_chunks=1, n_centroids=2).fit(np.array([[0], [1], [1], [10], [1]], np.float32))
    assert sorted(model.centroids_[0, :, 0]) == [0.75, 10]
    np.testing.assert_allclose(model.reconstruct()[:, 0], [0.75, 0.75, 0.75, 10, 0.75])
    unit = ProductQuantizer(n_chunks=1, n_centroids=2, unit_centroids=True).fit(
        np.array([[3, 4], [0, 0]], np.float32)
    )
    np.testing.assert_allclose(unit.reconstruct(), [[0.6, 0.8], [0, 0]], atol=1e-7)


def test_k_means_of_a_chunk_is_as_good_as_one_start_of_scikit_learn(rng):
    columns = rng.normal(size=(600, 4)).astype(np.float32)
    model = ProductQuantizer(n_chunks=1, n_centroids=20).fit(columns)
    inertia = ((model.reconstruct() - columns) ** 2).sum()
    with threadpool_limits(1):
        starts = [
            KMeans(20, init="random", n_init=1, max_iter=50, random_state=seed).fit(columns).inertia_
            for seed in range(10)
        ]
    assert 0.97 * min(starts) < inertia < 1.03 * max(starts)
    distances = ((columns[:, np.newaxis] - model.centroids_[0]) ** 2).sum(axis=2)
    chosen = np.take_along_axis(distances, model.codes_.astype(np.int64), axis=1)[:, 0]
    np.testing.assert_allclose(chosen, distances.min(axis=1), rtol=1e-5)


def test_copies_of_a_vector_count_as_often_as_they_stand_there(rng):
    few = rng.normal(size=(40, 3)).astype(np.float32)
    times = rng.integers(1, 6, 40)
    model = ProductQuantizer(n_chunks=1, n_centroids=5).fit(np.repeat(few, times, axis=0))
    for code in range(5):
        members = np.repeat(few, times, axis=0)[model.codes_[:, 0] == code]
        np.testing.assert_allclose(model.centroids_[0, code], members.mean(axis=0), atol=1e-5)


def test_chunks_that_do_not_divide_evenly_differ_by_one_and_keep_every_column(vectors):
    model = ProductQuantizer(n_chunks=5, n_centroids=90).fit(vectors)
    np.testing.assert_array_equal(model.edges_, [0, 5, 10, 15, 19, 23])
    assert model.centroids_.shape == (5, 90, 5)
    assert (model.centroids_[3:, :, 4] == 0).all()


def test_codes_take_the_smallest_type(rng):
    points = rng.normal(size=(257, 2)).astype(np.float32)
    for n_centroids, dtype in ((256, np.uint8), (257, np.uint16)):
        model = ProductQuantizer(n_chunks=2, n_centroids=n_centroids).fit(points)
        assert model.codes_.dtype == dtype
        assert model.codes_.shape == (257, 2)
        if n_centroids == 257:
            np.testing.assert_array_equal(model.reconstruct(), points)
        np.testing.assert_allclose(model.cosine(points), naive_cosine(model, points, unit=False), atol=2e-6)


def test_zeros_are_similar_to_nothing(vectors, queries):
    vectors[3], queries[2] = 0, 0
    for unit in (False, True):
        found = ProductQuantizer(n_chunks=5, n_centroids=90, unit_centroids=unit).fit(vectors).cosine(queries)
        assert (found[:, 3] == 0).all()
        assert (found[2] == 0).all()


def test_a_seed_decides_and_threads_do_not(vectors, queries):
    def similarities(seed):
        return ProductQuantizer(n_chunks=5, n_centroids=6, seed=seed).fit(vectors).cosine(queries)

    with numba_threads(1):
        one = similarities(1)
    with numba_threads(2):
        np.testing.assert_array_equal(similarities(1), one)
    assert not np.array_equal(similarities(2), one)


def test_chunks_draw_their_own_first_centroids(vectors):
    twice = np.hstack([vectors[:, :4], vectors[:, :4]])
    model = ProductQuantizer(n_chunks=2, n_centroids=6).fit(twice)
    assert not np.array_equal(model.centroids_[0], model.centroids_[1])


def test_threads_and_generators_of_the_process_are_left_as_they_were(vectors):
    def state():
        threads = sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info())
        return threads, np.random.get_state()[1].tolist()  # noqa: NPY002

    before = state()
    ProductQuantizer(n_chunks=23, n_centroids=6).fit(vectors)
    assert state() == before


OWN = re.compile(r"/(scikit_learn|numpy|scipy)\.libs/")
"""Threads that a k-means takes; other tests have loaded others."""


def test_each_k_means_runs_on_one_thread_whatever_the_others_set(vectors, monkeypatch):
    seen = []

    class Watched(KMeans):
        def fit(self, *args, **kwargs):
            seen.extend(pool["num_threads"] for pool in threadpool_info() if OWN.search(pool["filepath"]))
            return super().fit(*args, **kwargs)

    monkeypatch.setattr(product_quantizer, "KMeans", Watched)
    with threadpool_limits(2):
        ProductQuantizer(n_chunks=23, n_centroids=6).fit(vectors)
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}
    assert set(seen) == {1}


def test_a_query_has_the_same_similarities_alone_as_among_others(vectors, rng):
    model = ProductQuantizer(n_chunks=5, n_centroids=6).fit(vectors)
    many = rng.gamma(1.0, 1.0, (40, 23)).astype(np.float32)
    together = model.cosine(many)
    for q in (0, 17, 39):
        np.testing.assert_array_equal(model.cosine(many[q : q + 1])[0], together[q])
    np.testing.assert_allclose(model.cosine(many * 7), together, atol=1e-6)


def test_no_queries(vectors):
    model = ProductQuantizer(n_chunks=5, n_centroids=6).fit(vectors)
    assert model.cosine(np.empty((0, 23), np.float32)).shape == (0, 90)


def test_a_chunk_whose_clusters_empty_warns_of_nothing(monkeypatch):
    class Warning(KMeans):
        def fit(self, *args, **kwargs):
            import warnings

            from sklearn.exceptions import ConvergenceWarning

            warnings.warn(
                "Number of distinct clusters found smaller than n_clusters", ConvergenceWarning, stacklevel=1
            )
            return super().fit(*args, **kwargs)

    monkeypatch.setattr(product_quantizer, "KMeans", Warning)
    ProductQuantizer(n_chunks=1, n_centroids=2).fit(np.array([[0], [1], [2]], np.float32))


@pytest.mark.parametrize(("name", "value"), [("n_chunks", 0), ("n_centroids", 0)])
def test_bad_parameters(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be at least 1, got 0"):
        ProductQuantizer(**{"n_chunks": 2, "n_centroids": 2, name: value})


@pytest.mark.parametrize("shape", [(10, 4), (0, 8)])
def test_bad_vectors(shape):
    with pytest.raises(
        DataError, match=f"5 chunks need at least as many dimensions and a vector, got {shape[0]} of"
    ):
        ProductQuantizer(n_chunks=5, n_centroids=2).fit(np.zeros(shape, np.float32))


def naive_buffer(similarities, width):
    """The buffer of scmap's search: rows in the order in which they came to lie there."""
    rows = []
    for row in similarities:
        held = list(range(width))
        for r in range(width, len(row)):
            values = [row[i] for i in held]
            least = values.index(min(values))
            if row[r] > values[least]:
                held[least] = r
        rows.append(held)
    return np.array(rows)


@pytest.mark.parametrize(("n", "width"), [(50, 10), (10, 10), (3, 3), (30, 1)])
def test_the_buffer_holds_the_most_similar_rows_in_the_order_they_came(rng, n, width):
    similarities = rng.integers(0, 12, (9, n)).astype(np.float32)  # with ties
    rows = np.empty((9, width), np.int64)
    first_of_buffer(similarities, width, width, rows)
    np.testing.assert_array_equal(rows, naive_buffer(similarities, width))
    best = -np.sort(-similarities, axis=1)[:, :width]
    np.testing.assert_array_equal(-np.sort(-np.take_along_axis(similarities, rows, 1), axis=1), best)
    first = np.empty((9, 1), np.int64)
    first_of_buffer(similarities, width, 1, first)
    np.testing.assert_array_equal(first, rows[:, :1])


def test_loops_run_as_plain_python_too(vectors, queries, monkeypatch):
    model = ProductQuantizer(n_chunks=5, n_centroids=6).fit(vectors)
    compiled = model.cosine(queries)
    monkeypatch.setattr(product_quantizer, "add_up", getattr(add_up, "py_func", add_up))
    np.testing.assert_array_equal(model.cosine(queries), compiled)
    rows = np.empty((2, 7, 3), np.int64)
    first_of_buffer(compiled, 10, 3, rows[0])
    getattr(first_of_buffer, "py_func", first_of_buffer)(compiled, 10, 3, rows[1])
    np.testing.assert_array_equal(rows[0], rows[1])
