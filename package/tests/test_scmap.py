"""scmap-cell and scmap-cluster: rules by hand, similarities by other libraries, and real cells."""

import os
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from scipy import sparse, stats
from scipy.spatial.distance import cosine
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from schash._numba import JIT_DISABLED
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.dropout_selection import select_by_dropout
from schash.errors import ConfigError, DataError
from schash.methods import scmap
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.scmap import ScmapCell, ScmapCluster
from schash.metrics.annotation import UNASSIGNED, accuracy
from schash.neighbors import NO_NEIGHBOR
from schash.preprocess import log1p_counts

MIRROR = os.environ.get("SCHASH_MIRROR")
REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
LOCAL = os.environ.get("SCHASH_LOCAL")
QUANTISED = Path(LOCAL or ".") / "baron_human_pq.h5ad"


@pytest.fixture
def cells(planted):
    """Training cells and query cells of 4 planted types, and the types of the latter."""
    X, y, genes = planted
    asked = np.arange(len(y)) % 4 == 0
    return (
        TrainingCells(X[~asked], y[~asked], genes, "counts"),
        QueryCells(X[asked], genes, "counts"),
        y[asked],
    )


def on_axes(rows, labels):
    """Cells of few genes whose values are taken as they are: training cells."""
    X = np.asarray(rows, np.float32)
    return TrainingCells(X, np.array(labels), np.array([f"g{i}" for i in range(X.shape[1])]), "lognorm")


def asked_of(train, rows):
    return QueryCells(np.asarray(rows, np.float32), train.genes, train.values)


EXACT = {"n_chunks": 1, "n_centroids": 1000}
"""A centroid for each cell: no loss."""


# scmap-cell


@pytest.mark.parametrize(("variant", "least"), [("as_written", 1), ("as_coded", 0.9)])
def test_cell_finds_planted_types(cells, variant, least):
    train, query, truth = cells
    model = ScmapCell(variant=variant).fit(train)
    found = model.predict(query)
    assigned = found.labels != UNASSIGNED
    assert assigned.mean() >= least
    np.testing.assert_array_equal(found.labels[assigned], truth[assigned])
    assert np.mean(train.y[model.search(query, 20).ids] == truth[:, None]) >= least
    assert np.all(found.margin[assigned] > 0.5)
    assert np.all(found.margin <= 1 + 1e-6)


def test_cell_is_exact_with_a_centroid_for_each_cell(cells):
    train, query, _ = cells
    model = ScmapCell(n_features=30, n_chunks=3, n_centroids=len(train.y)).fit(train)
    logged = [log1p_counts(part.X).toarray() for part in (train, query)]
    genes = select_by_dropout(log1p_counts(train.X), 30)
    exact = NearestNeighbors(metric="cosine", algorithm="brute").fit(logged[0][:, genes])
    distances, ids = exact.kneighbors(logged[1][:, genes], n_neighbors=15)
    found = model.search(query, 15)
    np.testing.assert_allclose(found.distances, distances, atol=2e-6)
    assert (found.ids == ids).mean() > 0.99  # the rest are pairs at one distance
    np.testing.assert_allclose(model.predict(query).margin, 1 - distances[:, 0], atol=2e-6)


def test_search_pads_and_its_answers_are_prefixes_of_each_other(cells):
    train, query, truth = cells
    model = ScmapCell().fit(train)
    most = model.search(query, len(train.y) + 5)
    most.check(len(truth), len(train.y) + 5, len(train.y))
    assert (most.ids[:, -5:] == NO_NEIGHBOR).all()
    assert (np.sort(most.ids[:, :-5], axis=1) == np.arange(len(train.y))).all()
    for k in (0, 1, 7):
        np.testing.assert_array_equal(model.search(query, k).ids, most.ids[:, :k])


def test_ties_go_to_the_smaller_row():
    train = on_axes([[1, 0], [0, 1], [2, 0], [0, 3], [4, 0]], ["a", "b", "a", "b", "a"])
    found = ScmapCell(**EXACT).fit(train).search(asked_of(train, [[5, 0]]), 5)
    np.testing.assert_array_equal(found.ids, [[0, 2, 4, 1, 3]])
    np.testing.assert_allclose(found.distances, [[0, 0, 0, 1, 1]], atol=1e-6)


RULE = on_axes(
    [[1, 0, 0], [9, 1, 0], [0, 1, 0], [1, 9, 0], [2, 9, 0], [0, 0, 1]], ["a", "a", "b", "b", "b", "c"]
)


@pytest.mark.parametrize(
    ("cell", "strict", "lenient", "similarity"),
    [
        ([0, 1, 0], "b", "b", 1.0),  # rows 2, 3, 4
        ([1, 0, 0], UNASSIGNED, "a", 1.0),  # rows 0, 1, then one of b
        ([0, 0.6, 0.8], UNASSIGNED, "b", 0.8),  # c is nearest, then two of b
        ([0, 0.5, -0.9], UNASSIGNED, "b", 0.5 / np.sqrt(1.06)),  # three of b, but none nearer than 0.486
        ([0, 0, 0], UNASSIGNED, "a", 0.0),  # rows 0, 1, 2: all at 0
    ],
)
def test_rule_of_the_cell_by_hand(cell, strict, lenient, similarity):
    for threshold, label in ((0.5, strict), (None, lenient)):
        found = ScmapCell(**EXACT, threshold=threshold).fit(RULE).predict(asked_of(RULE, [cell]))
        assert found.labels[0] == label
        np.testing.assert_allclose(found.margin, [similarity], atol=1e-6)


def test_three_types_among_three_cells_give_the_nearest():
    train = on_axes([[0, 0, 1], [0, 1, 0], [1, 0, 0]], ["a", "b", "c"])
    query = asked_of(train, [[3, 2, 1], [1, 3, 2], [1, 2, 3]])
    assert ScmapCell(**EXACT, threshold=None).fit(train).predict(query).labels.tolist() == ["c", "b", "a"]


def test_the_threshold_must_be_exceeded_and_votes_may_be_more_or_fewer():
    train = on_axes([[1, 0], [1, 0], [1, 0], [0, 1]], ["a", "a", "a", "b"])
    query = asked_of(train, [[1, 1]])
    similarity = float(ScmapCell(**EXACT).fit(train).predict(query).margin[0])
    for threshold, label in ((similarity, UNASSIGNED), (np.nextafter(similarity, 0), "a"), (-1, "a")):
        assert ScmapCell(**EXACT, threshold=threshold).fit(train).predict(query).labels[0] == label
    for n_votes, label in ((1, "a"), (3, "a"), (4, UNASSIGNED), (9, UNASSIGNED)):
        assert ScmapCell(**EXACT, n_votes=n_votes).fit(train).predict(query).labels[0] == label
    for variant in ("as_written", "as_coded"):
        majority = ScmapCell(**EXACT, n_votes=9, threshold=None, variant=variant).fit(train)
        assert majority.predict(query).labels[0] == "a"


def naive_as_coded(model, train, query, genes):
    """Similarities and voters of the released code, cell by cell."""
    q = log1p_counts(query.X).toarray()[:, genes].astype(np.float64)
    index = model._quantizer
    assert np.allclose(np.linalg.norm(index.centroids_, axis=2).round(5), 1)
    labels, margins = [], []
    for cell in q:
        similarities = []
        for codes in index.codes_:
            parts = [
                cell[index.edges_[m] : index.edges_[m + 1]] @ index.centroids_[m, c]
                for m, c in enumerate(codes)
            ]
            similarities.append(sum(parts) / (np.sqrt(len(codes)) * np.linalg.norm(cell)))
        held = list(range(10))
        for r in range(10, len(similarities)):
            least = min(held, key=lambda i: similarities[i])
            if similarities[r] > similarities[least]:
                held[held.index(least)] = r
        types = {str(train.y[i]) for i in held[:3]}
        sure = max(similarities) > 0.5 and len(types) == 1
        labels.append(types.pop() if sure else UNASSIGNED)
        margins.append(max(similarities))
    return labels, margins


def test_as_coded_is_the_released_code_written_out(cells):
    train, query, _ = cells
    X = train.X.toarray()
    X[:, 20:] = 2 + X[:, 20:] % 3  # two of the four types look alike, no chunk is empty
    train, query = replace(train, X=X), replace(query, X=query.X.toarray() + 1)
    model = ScmapCell(variant="as_coded", n_chunks=6).fit(train)
    genes = select_by_dropout(log1p_counts(train.X), 500)
    labels, margins = naive_as_coded(model, train, query, genes)
    found = model.predict(query)
    np.testing.assert_allclose(found.margin, margins, atol=1e-5)
    assert np.mean(found.labels == np.array(labels)) > 0.95  # cells at one distance may change places
    assert 0 < np.mean(found.labels == UNASSIGNED) < 1
    nearest_first = ScmapCell(variant="as_written", n_chunks=6).fit(train).predict(query)
    assert not np.array_equal(nearest_first.labels, found.labels)


def test_rejection_only_takes_labels_away(cells):
    train, query, _ = cells
    X = query.X.toarray()
    X[::4] = X[::4].mean(axis=0)
    query = replace(query, X=X)
    for variant in ("as_written", "as_coded"):
        lenient = ScmapCell(variant=variant, threshold=None).fit(train).predict(query)
        threshold = float(np.quantile(lenient.margin, 0.2))
        strict = ScmapCell(variant=variant, threshold=threshold).fit(train).predict(query)
        rejected = strict.labels == UNASSIGNED
        assert 0 < rejected.mean() < 1
        assert not np.any(lenient.labels == UNASSIGNED)
        np.testing.assert_array_equal(strict.labels[~rejected], lenient.labels[~rejected])
        np.testing.assert_array_equal(strict.margin, lenient.margin)


def test_a_seed_decides(cells):
    train, query, _ = cells
    first, again, other = (ScmapCell(seed=seed).fit(train).predict(query).margin for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_distance_is_negative(cells):
    train, _, _ = cells
    model = ScmapCell(n_chunks=6, n_centroids=len(train.y)).fit(train)
    query = QueryCells(train.X, train.genes, "counts")
    assert model.predict(query).margin.max() > 1  # by rounding
    assert model.search(query, 3).distances.min() == 0


def test_settings_of_the_quantiser_follow_scmap(rng):
    X = sparse.csr_matrix(rng.poisson(0.7, (150, 1300)).astype(np.float32))
    train = TrainingCells(X, np.repeat(["a", "b"], 75), np.array([f"g{i}" for i in range(1300)]), "counts")
    for parameters, shape in (
        ({}, (50, 12, 10)),  # floor(sqrt(150)) centroids
        ({"n_features": 600}, (60, 12, 10)),
        ({"n_features": 1200}, (100, 12, 12)),
        ({"n_features": 7}, (1, 12, 7)),
        ({"n_features": 505}, (50, 12, 11)),
        ({"n_features": 20, "n_chunks": 50}, (20, 12, 1)),
        ({"n_centroids": 5}, (50, 5, 10)),
    ):
        index = ScmapCell(**parameters).fit(train)._quantizer
        assert index.centroids_.shape[0] == shape[0], parameters
        assert index.centroids_.shape[2] == shape[2], parameters
        assert index.centroids_.shape[1] <= shape[1], parameters  # a chunk may have fewer distinct subvectors
        assert index.edges_[-1] == parameters.get("n_features", 500)


def test_large_sets_are_taken_in_blocks(cells, monkeypatch):
    train, query, _ = cells
    models = [ScmapCell().fit(train), ScmapCell(variant="as_coded").fit(train), ScmapCluster().fit(train)]
    before = [model.predict(query) for model in models]
    near = models[0].search(query, 9)
    monkeypatch.setattr(scmap, "_BLOCK_BYTES", 4 * 7 * len(train.y))
    monkeypatch.setattr(scmap, "_CLUSTER_BLOCK", 7)
    for model, expected in zip(models, before, strict=True):
        found = model.predict(query)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.margin, expected.margin)
    np.testing.assert_array_equal(models[0].search(query, 9).ids, near.ids)


@pytest.mark.parametrize("method", [ScmapCell, ScmapCluster])
def test_the_base_of_the_logarithm_does_not_matter(cells, method):
    train, query, _ = cells
    natural = method(n_features=40, threshold=0.8).fit(train).predict(query)

    def base_two(part):
        return replace(part, X=np.log2(1 + part.X.toarray()), values="lognorm")

    found = method(n_features=40, threshold=0.8).fit(base_two(train)).predict(base_two(query))
    np.testing.assert_array_equal(found.labels, natural.labels)
    np.testing.assert_allclose(found.margin, natural.margin, atol=1e-4)


@pytest.mark.parametrize("method", [ScmapCell, ScmapCluster])
def test_no_query_cells(cells, method):
    train, query, _ = cells
    found = method().fit(train).predict(replace(query, X=query.X[:0]))
    assert found.labels.shape == found.margin.shape == (0,)


def test_no_query_cells_to_search(cells):
    train, query, _ = cells
    assert ScmapCell().fit(train).search(replace(query, X=query.X[:0]), 4).ids.shape == (0, 4)


# scmap-cluster


def naive_cluster(train, query, threshold):
    """Type by type with scipy: labels and similarities."""
    types = sorted(set(train.y))
    genes = select_by_dropout(log1p_counts(train.X), 500)
    logged = np.log2(1 + train.X.toarray().astype(np.float64))[:, genes]
    profiles = [[np.median(logged[train.y == each, gene]) for gene in range(len(genes))] for each in types]
    kept = [i for i, profile in enumerate(profiles) if any(profile)]
    labels, margins = [], []
    for cell in np.log2(1 + query.X.toarray().astype(np.float64))[:, genes]:
        values = similarities_of(cell, [profiles[i] for i in kept])
        named = values.argmax(axis=0)
        agreed = [each for each in set(named) if np.sum(named == each) >= 2]
        margin = max(values.max(axis=0)[named == agreed[0]]) if agreed else values[named[0], 0]
        label = types[kept[agreed[0] if agreed else named[0]]]
        sure = threshold is None or (bool(agreed) and margin >= threshold)
        labels.append(label if sure else UNASSIGNED)
        margins.append(margin)
    return labels, margins


@pytest.mark.parametrize("threshold", [0.7, 0.4, None])
def test_cluster_equals_the_rule_written_out(rng, threshold):
    profile = np.full((5, 60), 1.0)
    for i in range(5):
        profile[i, 6 * i : 6 * i + 12] = 3
    y = np.repeat([f"type {i}" for i in range(5)], 30)
    genes = np.array([f"g{i}" for i in range(60)])
    X = rng.poisson(profile[np.repeat(np.arange(5), 30)])
    train = TrainingCells(X, y, genes, "counts")
    query = QueryCells(
        rng.poisson(profile[np.repeat(np.arange(5), 40)] * rng.choice([0.3, 1], (200, 1))) + np.eye(200, 60),
        genes,
        "counts",
    )
    labels, margins = naive_cluster(train, query, threshold)
    found = ScmapCluster(threshold=threshold).fit(train).predict(query)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.margin, margins, atol=1e-6)
    assert (0 < np.mean(found.labels == UNASSIGNED) < 1) == (threshold is not None)


def test_cluster_finds_planted_types(cells):
    train, query, truth = cells
    np.testing.assert_array_equal(ScmapCluster().fit(train).predict(query).labels, truth)


def test_profiles_are_medians_and_zeros_are_left_out():
    train = on_axes(
        [[1, 0, 4], [3, 0, 4], [2, 9, 0], [0, 5, 0], [0, 0, 0], [0, 0, 1]], ["a", "a", "a", "b", "b", "b"]
    )
    model = ScmapCluster().fit(train)  # of b only zeros
    assert model._types.tolist() == ["a"]
    np.testing.assert_allclose(model._profiles, [[2, 0, 4]])
    assert model.predict(asked_of(train, [[1, 0, 2], [0, 1, 0]])).labels.tolist() == ["a", UNASSIGNED]
    with pytest.raises(DataError, match="median of each of the 3 genes chosen by dropout is 0 in every type"):
        ScmapCluster().fit(on_axes(np.vstack([np.eye(3), np.eye(3)]), ["a"] * 3 + ["b"] * 3))


def similarities_of(cell, profiles):
    """Cosine, Pearson and Spearman (columns) of a cell with each profile (rows), by scipy."""
    return np.array(
        [[1 - cosine(cell, p), stats.pearsonr(cell, p)[0], stats.spearmanr(cell, p)[0]] for p in profiles]
    )


def types_of_three(*profiles):
    """Three cells of each profile, called a, b, ..."""
    names = list("abc"[: len(profiles)])
    return on_axes(np.repeat(np.array(profiles), 3, axis=0), np.repeat(names, 3))


def test_two_of_three_similarities_decide_with_the_larger_of_theirs():
    profiles, cell = ([8, 5, 8, 6], [8, 1, 0, 0]), [2, 8, 1, 4]
    similar = similarities_of(cell, profiles)
    assert similar.argmax(axis=0).tolist() == [0, 1, 1]  # cosine says a, the two correlations say b
    assert similar[1, 2] > similar[1, 1]
    train = types_of_three(*profiles)
    for threshold, label in ((0.2, "b"), (0.22, UNASSIGNED), (None, "b")):
        found = ScmapCluster(threshold=threshold).fit(train).predict(asked_of(train, [cell]))
        assert found.labels[0] == label
        np.testing.assert_allclose(found.margin, [similar[1, 2]], atol=1e-6)


def test_a_similarity_equal_to_the_threshold_is_enough():
    train = types_of_three([8, 5, 8, 6], [8, 1, 0, 0])
    cell = np.array([[7.0, 2, 1, 1]])
    model = ScmapCluster().fit(train)
    (label,), (similarity,) = model._assign(cell, model._profiles)
    assert label == "b"
    model.threshold = similarity
    assert model._assign(cell, model._profiles)[0] == ["b"]
    model.threshold = np.nextafter(similarity, 2)
    assert model._assign(cell, model._profiles)[0] == [UNASSIGNED]


def test_three_different_answers_are_rejected_or_cosine_decides():
    profiles, cell = ([7, 2, 7, 0, 0], [5, 7, 8, 8, 3], [0, 6, 1, 0, 7]), [7, 6, 4, 6, 6]
    similar = similarities_of(cell, profiles)
    assert similar.argmax(axis=0).tolist() == [1, 2, 0]
    train = types_of_three(*profiles)
    query = asked_of(train, [cell])
    assert ScmapCluster(threshold=-1).fit(train).predict(query).labels[0] == UNASSIGNED
    found = ScmapCluster(threshold=None).fit(train).predict(query)
    assert found.labels[0] == "b"
    np.testing.assert_allclose(found.margin, [similar[1, 0]], atol=1e-6)


def test_a_similarity_that_is_not_defined_rejects():
    train = on_axes([[0, 1, 5]] * 3 + [[5, 5.2, 4.9]] * 3, ["a"] * 3 + ["b"] * 3)
    query = asked_of(train, [[2.3, 2.3, 2.3], [0, 0, 0]])  # constant: only the cosine is defined; empty: none
    assert ScmapCluster(threshold=-1).fit(train).predict(query).labels.tolist() == [UNASSIGNED] * 2
    found = ScmapCluster(threshold=None).fit(train).predict(query)
    assert found.labels.tolist() == ["b", "a"]
    np.testing.assert_allclose(found.margin, [1 - cosine([1, 1, 1], [5, 5.2, 4.9]), 0], atol=1e-6)


def test_genes_that_the_query_lacks_leave_the_comparison_with_types():
    train = on_axes([[1, 2, 3, 9]] * 3 + [[3, 1, 2, 0]] * 3, ["a"] * 3 + ["b"] * 3)
    query = QueryCells(np.array([[3, 1, 2]], np.float32), np.array(["g2", "g0", "g1"]), "lognorm")
    found = ScmapCluster().fit(train).predict(query)
    assert found.labels[0] == "a"
    np.testing.assert_allclose(found.margin, [1], atol=1e-6)
    with pytest.raises(DataError, match="shares no gene"):
        ScmapCluster().fit(train).predict(QueryCells(query.X, np.array(["x", "y", "z"]), "lognorm"))


# bad parameters


@pytest.mark.parametrize("name", ["n_features", "n_chunks", "n_centroids", "n_neighbors", "n_votes"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3"])
def test_numbers_must_be_whole_and_positive(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be a whole number of at least 1, got {value!r}"):
        ScmapCell(**{name: value})
    if name == "n_features":
        with pytest.raises(ConfigError, match="n_features must be a whole number"):
            ScmapCluster(n_features=value)


@pytest.mark.parametrize("method", [ScmapCell, ScmapCluster])
@pytest.mark.parametrize("threshold", [1.5, -2, float("nan"), "0.5", True])
def test_thresholds_are_similarities(method, threshold):
    with pytest.raises(
        ConfigError, match="threshold must be a similarity from -1 to 1, or None to label every cell"
    ):
        method(threshold=threshold)


def test_other_bad_parameters():
    with pytest.raises(ConfigError, match="variant='coded' is not known; allowed: as_written, as_coded"):
        ScmapCell(variant="coded")
    with pytest.raises(ConfigError, match="n_votes=11 cells cannot be among n_neighbors=10"):
        ScmapCell(n_votes=11)


# real cells


def fifth_of(X, y, genes):
    """Every fifth cell asks the others."""
    asked = np.arange(X.shape[0]) % 5 == 0
    return (
        TrainingCells(X[~asked], y[~asked], genes, "counts"),
        QueryCells(X[asked], genes, "counts"),
        y[asked],
    )


@pytest.fixture(scope="module")
def mouse():
    """Mouse pancreas of Baron et al. 2016, 1,886 cells: training cells, query cells, their types."""
    dataset = REGISTRY.dataset("baron_mouse")
    files = {
        file.name: Path(MIRROR) / dataset.source / file.name
        for file in REGISTRY.source_of("baron_mouse").files
    }
    loaded = load_dataset(dataset, files)
    return fifth_of(loaded.cells.X, loaded.labels.to_numpy(str), loaded.cells.var_names.to_numpy(str))


needs_mirror = pytest.mark.skipif(
    not MIRROR or JIT_DISABLED, reason="SCHASH_MIRROR is not set, or loops are plain"
)


@needs_mirror
@pytest.mark.parametrize(
    ("parameters", "measured"),
    [
        ({}, 0.62),
        ({"variant": "as_coded"}, 0.45),
        ({"n_centroids": 400}, 0.81),
        ({"n_chunks": 250}, 0.90),
    ],
)
def test_recall_of_exact_cosine_neighbours_in_mouse_pancreas(mouse, parameters, measured):
    train, query, _ = mouse
    genes = select_by_dropout(log1p_counts(train.X), 500)
    units = [normalize(log1p_counts(part.X)[:, genes]) for part in (train, query)]
    _, exact = NearestNeighbors(metric="cosine", algorithm="brute").fit(units[0]).kneighbors(units[1], 10)
    found = ScmapCell(**parameters).fit(train).search(query, 10).ids
    recall = (found[:, :, None] == exact[:, None]).any(axis=2).mean()
    assert recall > measured - 0.04


@needs_mirror
@pytest.mark.parametrize(
    ("method", "measured"),
    [
        (ScmapCell(), 0.950),
        (ScmapCell(threshold=None), 0.974),
        (ScmapCell(variant="as_coded"), 0.907),
        (ScmapCluster(), 0.823),
        (ScmapCluster(threshold=None), 0.966),
    ],
)
def test_accuracy_in_mouse_pancreas(mouse, method, measured):
    train, query, truth = mouse
    found = method.fit(train).predict(query)
    assert accuracy(truth, found.labels) > measured - 0.02


@pytest.mark.skipif(not QUANTISED.exists() or JIT_DISABLED, reason="no baron_human_pq.h5ad in SCHASH_LOCAL")
def test_human_pancreas_as_scmap_quantised_it():
    """8,569 cells of Baron et al. 2016 from scmap's own index: the nearest other cell by cosine has the cell's type in
    0.9694 of cases, and in 0.9769 where activated and quiescent stellate cells are one type."""
    cells = ad.read_h5ad(QUANTISED)
    X, types = sparse.csr_matrix(cells.X, dtype=np.float32), cells.obs["cell_type"].to_numpy(str)
    merged = np.where(np.char.endswith(types, "_stellate"), "stellate", types)
    genes = cells.var_names.to_numpy(str)
    similarity = normalize(X).toarray()
    similarity = similarity @ similarity.T
    np.fill_diagonal(similarity, -1)
    exact = similarity.argmax(axis=1)
    model = ScmapCell().fit(TrainingCells(X, types, genes, "compressed"))
    assert len(model._features) == 500  # no gene has a dropout, all are kept
    asked = np.arange(0, len(types), 3)
    found = model.search(QueryCells(X[asked], genes, "compressed"), 2).ids
    ours = np.where(found[:, 0] == asked, found[:, 1], found[:, 0])
    for y, known in ((types, 0.9694), (merged, 0.9769)):
        assert abs(np.mean(y[exact] == y) - known) < 1e-4
        assert abs(np.mean(y[ours] == y[asked]) - known) < 0.01
