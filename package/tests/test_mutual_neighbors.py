"""MNN correction: against slow twins, the numbers of mnnCorrect, cases made by hand and planted shifts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from schash import _mnn_blocks
from schash import mutual_neighbors as module
from schash._mnn_batches import cosine_normalised
from schash._mnn_blocks import squared_distances, squared_lengths
from schash._mnn_kernel import GaussianSmoother, anchor_vectors, biological_span, without_biology
from schash._mnn_variance import stretched
from schash.errors import ConfigError, DataError
from schash.mutual_neighbors import Batch, MnnAligner, mutual_neighbors

MNN_R = Path(__file__).parent / "data" / "mnn_r"

SETTINGS = {
    "default": {},
    "k5": {"k": 5},
    "no_var_adj": {"k": 5, "var_adj": False},
    "svd_dim2": {"k": 5, "svd_dim": 2, "sigma": 0.3},
    "log_out": {"k": 5, "cos_norm_out": False},
    "cosine_out": {"k": 5, "cos_norm_in": False, "sigma": 0.8},
    "no_cosine": {"k": 8, "cos_norm_in": False, "cos_norm_out": False, "sigma": 2},
}
"""As in data/mnn_r/make.R."""


def batch(name, X):
    return Batch(name, X, np.array([f"g{i}" for i in range(np.shape(X)[1])]))


def align(*cells, **settings):
    """Align bare matrices, the last to those before it."""
    batches = [batch(f"batch {i}", X) for i, X in enumerate(cells)]
    return MnnAligner(**settings).align(batches[:-1], batches[-1])


# slow, obvious twins


def slow_mutual_neighbors(reference, target, k_reference, k_target):
    distances = cdist(reference, target)
    pairs = []
    for t in range(len(target)):
        for r in range(len(reference)):
            near_t = np.sum(distances[:, t] < distances[r, t]) < k_reference
            near_r = np.sum(distances[r] < distances[r, t]) < k_target
            if near_t and near_r:
                pairs.append((r, t))
    return pairs


def slow_smooth(target, anchors, vectors, sigma):
    def kernel(a, b):
        return np.exp(-np.sum((target[a] - target[b]) ** 2) / sigma)

    density = {m: sum(kernel(m, other) for other in anchors) for m in anchors}
    smoothed = []
    for cell in range(len(target)):
        weights = [kernel(m, cell) / density[m] for m in anchors]
        smoothed.append(np.average(vectors, axis=0, weights=weights))
    return np.array(smoothed)


def slow_scale(reference, target, cell, vector, sigma):
    reference, target, vector = (np.asarray(x, dtype=np.float64) for x in (reference, target, vector))
    length = np.linalg.norm(vector)
    line = vector / length

    def weight(x):
        off_line = (x - target[cell]) - line * ((x - target[cell]) @ line)
        return np.exp(-np.sum(off_line**2) / sigma)

    position = target[cell] @ line
    own = np.array([weight(x) for x in target])
    below = np.array([i == cell or x @ line <= position for i, x in enumerate(target)])
    quantile = own[below].sum() / own.sum()
    weights = np.array([weight(x) for x in reference])
    ends = reference @ line
    for end in np.sort(ends):
        if weights[ends <= end].sum() / weights.sum() >= quantile - 1e-13:
            return max(1, (end - position) / length)
    raise AssertionError


@pytest.mark.parametrize(("k_reference", "k_target"), [(1, 1), (3, 3), (2, 9), (9, 2), (25, 18)])
def test_mutual_neighbors_like_slow_twin(rng, k_reference, k_target):
    reference, target = rng.normal(size=(25, 6)), rng.normal(size=(18, 6))
    in_reference, in_target = mutual_neighbors(reference, target, k_reference=k_reference, k_target=k_target)
    expected = slow_mutual_neighbors(reference, target, k_reference, k_target)
    assert list(zip(in_reference.tolist(), in_target.tolist(), strict=True)) == expected


def test_all_neighbours_are_all_pairs(rng):
    in_reference, in_target = mutual_neighbors(
        rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), k_reference=4, k_target=5
    )
    assert in_reference.tolist() == list(range(4)) * 5
    assert in_target.tolist() == np.repeat(range(5), 4).tolist()


@pytest.mark.parametrize("block", [3, 512])
@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_smoothing_like_slow_twin(rng, monkeypatch, block, sigma):
    monkeypatch.setattr(_mnn_blocks.blocks, "__defaults__", (block,))
    monkeypatch.setattr(_mnn_blocks, "WIDE_BLOCK_BYTES", block * 40)
    target = rng.normal(scale=0.3, size=(20, 5)).astype(np.float32)
    anchors, vectors = np.array([1, 4, 5, 17]), rng.normal(size=(4, 7)).astype(np.float32)
    smoothed = GaussianSmoother(target, anchors, sigma=sigma).smooth(vectors)
    np.testing.assert_allclose(smoothed, slow_smooth(target, anchors, vectors, sigma), atol=1e-5)


def test_density_protects_the_rare():
    """Many anchors at one spot weigh together as much as one alone at the other."""
    target = np.array([[0.0]] * 9 + [[1.0]] + [[0.5]], dtype=np.float32)
    vectors = np.array([[1.0]] * 9 + [[3.0]], dtype=np.float32)
    smoothed = GaussianSmoother(target, np.arange(10), sigma=0.1).smooth(vectors)
    np.testing.assert_allclose(smoothed[-1], [2.0], atol=1e-2)


def test_far_cell_takes_the_vector_of_its_nearest_anchor():
    target = np.array([[0.0], [1.0], [1000.0]], dtype=np.float32)
    vectors = np.array([[-1.0], [5.0]], dtype=np.float32)
    smoothed = GaussianSmoother(target, np.array([0, 1]), sigma=0.1).smooth(vectors)
    np.testing.assert_allclose(smoothed[2], [5.0], rtol=1e-6)


def test_anchor_vectors_are_mean_differences(rng):
    reference, target = rng.normal(size=(2, 6, 3)).astype(np.float32)
    pairs = (np.array([0, 4, 5, 2]), np.array([1, 1, 1, 3]))
    vectors = anchor_vectors(reference, target, pairs=pairs, anchors=np.array([1, 3]))
    expected = [(reference[0] + reference[4] + reference[5]) / 3 - target[1], reference[2] - target[3]]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


@pytest.mark.parametrize("block", [3, 512])
@pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
def test_variance_adjustment_like_slow_twin(rng, monkeypatch, block, sigma):
    monkeypatch.setattr(_mnn_blocks.blocks, "__defaults__", (block,))
    monkeypatch.setattr(_mnn_blocks, "WIDE_BLOCK_BYTES", block * 40)
    reference = rng.normal(loc=2, size=(30, 4)).astype(np.float32)
    target = rng.normal(size=(25, 4)).astype(np.float32)
    vectors = rng.uniform(size=(25, 4)).astype(np.float32)
    expected = [slow_scale(reference, target, i, vectors[i], sigma) for i in range(25)]
    adjusted = stretched(reference, target, vectors, sigma=sigma)
    np.testing.assert_allclose(adjusted, vectors * np.array(expected)[:, None], rtol=1e-4)
    assert np.mean(np.array(expected) > 1) > 0.5


def test_variance_adjustment_leaves_zero_vectors(rng):
    reference, target = rng.normal(size=(2, 8, 3)).astype(np.float32)
    vectors = np.zeros((8, 3), dtype=np.float32)
    np.testing.assert_array_equal(stretched(reference, target, vectors, sigma=0.1), vectors)


@pytest.mark.parametrize("block", [7, 512])
def test_own_quantiles_are_ties(rng, monkeypatch, block):
    """Against itself a batch needs no stretching: every cell is found at its own quantile, rounding or not."""
    monkeypatch.setattr(_mnn_blocks.blocks, "__defaults__", (block,))
    cells, vectors = rng.normal(size=(2, 300, 5)).astype(np.float32)
    vectors *= 1e-4  # any step to the next cell would be a stretch
    np.testing.assert_array_equal(stretched(cells, cells, vectors, sigma=1.0), vectors)


def test_cells_level_with_a_cell_count_below_it():
    reference = np.array([[0.0], [2.0], [4.0]], np.float32)
    target = np.array([[10.0], [10.0], [12.0]], np.float32)
    adjusted = stretched(reference, target, -np.ones((3, 1), np.float32), sigma=1.0)
    np.testing.assert_allclose(adjusted, [[-10], [-10], [-8]], rtol=1e-6)


def test_reference_far_off_the_line_still_counts():
    """The nearer of two far cells takes all the weight, though both weigh 0 in floating point."""
    reference = np.array([[5.0, 101.0], [3.0, 100.0]], np.float32)
    adjusted = stretched(reference, np.zeros((1, 2), np.float32), np.array([[1, 0]], np.float32), sigma=0.1)
    np.testing.assert_allclose(adjusted, [[3, 0]], rtol=1e-6)


def uneven(rng, shape):
    """Cells whose genes lie on very different scales, so that no dot product is exact."""
    return (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 5, size=shape[-1])).astype(np.float32)


def test_cell_weighs_one_to_itself_under_any_bandwidth(rng):
    """Rounding puts a cell at some distance from itself, on either side of 0, which a tiny bandwidth would blow up."""
    reference, target, vectors = uneven(rng, (3, 50, 40))
    assert np.isfinite(stretched(reference, target, vectors, sigma=1e-12)).all()
    on_a_line = (vectors[:1].astype(np.float64) * np.arange(50)[:, None]).astype(np.float32)
    assert np.isfinite(stretched(on_a_line, on_a_line, vectors[[0] * 50], sigma=1e-12)).all()


def test_distances_of_near_cells_far_from_the_origin(rng):
    cells = (300 + rng.normal(scale=0.01, size=(40, 30))).astype(np.float32)
    found = squared_distances(cells.astype(np.float64), cells, squared_lengths(cells))
    np.testing.assert_allclose(found, cdist(cells, cells, "sqeuclidean"), atol=1e-8)
    cells = uneven(rng, (100, 40))
    assert squared_distances(cells.astype(np.float64), cells, squared_lengths(cells)).min() >= 0


def test_clouds_mix_rather_than_touch(rng):
    """Unit clouds 5 apart, paired only where they face each other: the middles must meet, not the surfaces."""
    reference, target = rng.normal(size=(2, 300, 2))
    target[:, 0] += 5
    settings = {"k": 10, "cos_norm_in": False, "cos_norm_out": False, "sigma": 1.0}
    touching = align(reference, target, var_adj=False, **settings).target
    mixed = align(reference, target, **settings).target
    assert touching[:, 0].mean() > 1
    assert abs(mixed[:, 0].mean()) < 0.4


# by hand


def test_two_cells_each_by_hand():
    """A shift of (0, 0.5) without cosine normalisation: each cell pairs with its like, and returns to it exactly."""
    reference = np.array([[0.0, 0.0], [4.0, 0.0]], dtype=np.float32)
    shift = np.array([[0.0, 0.5]], dtype=np.float32)
    result = align(reference, reference + shift, k=1, cos_norm_in=False, cos_norm_out=False, var_adj=False)
    np.testing.assert_allclose(result.target, reference, atol=1e-6)
    assert result.merges[0].n_pairs == 2


def test_two_cells_each_cosine_by_hand():
    """Cells (4, 3) and (0, 2) lie on the unit circle at (0.8, 0.6) and (0, 1); the target's (5, 0) and (0, 7) at (1, 0)
    and (0, 1). With k = 1, (0, 1) pairs with itself (vector 0), and (1, 0) with (0.8, 0.6) (vector -0.2, 0.6). Their
    squared distance is 2, so that with sigma = 2 each weighs 1 at home and 1/e abroad, both at one density.
    """
    result = align([[4.0, 3.0], [0.0, 2.0]], [[5.0, 0.0], [0.0, 7.0]], k=1, sigma=2.0, var_adj=False)
    away = np.exp(-1) / (1 + np.exp(-1))
    vector = np.array([-0.2, 0.6])
    expected = [np.array([1, 0]) + (1 - away) * vector, np.array([0, 1]) + away * vector]
    np.testing.assert_allclose(result.reference, [[0.8, 0.6], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(result.target, expected, atol=1e-6)


def test_variance_adjustment_by_hand():
    """On a line, reference 0 and 4, target 10 and 12, vectors (-1): the upper quantile along -1 is that of target 10.

    It has share 1 of the weight below it (projections -12, -10), so it goes to the last reference projection, -0: scale
    10. Target 12 has share 1/2 and goes to -4: scale 8.
    """
    reference, target = np.array([[0.0], [4.0]], np.float32), np.array([[10.0], [12.0]], np.float32)
    adjusted = stretched(reference, target, -np.ones((2, 1), np.float32), sigma=1.0)
    np.testing.assert_allclose(adjusted, [[-10], [-8]], rtol=1e-6)


def test_vectors_are_never_shortened():
    reference, target = np.array([[0.0], [4.0]], np.float32), np.array([[10.0], [12.0]], np.float32)
    vectors = np.full((2, 1), -50, np.float32)
    np.testing.assert_array_equal(stretched(reference, target, vectors, sigma=1.0), vectors)


def test_biology_is_taken_out(rng):
    cells = rng.normal(size=(30, 5)) * [9, 5, 1, 1, 1]
    span = biological_span(cells.astype(np.float32), 2)
    _, _, directions = np.linalg.svd(cells - cells.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(span.T @ directions[:2].T), np.eye(2), atol=1e-5)
    left = without_biology(rng.normal(size=(7, 5)).astype(np.float32), (span,))
    np.testing.assert_allclose(left @ span, 0, atol=1e-5)


def test_biological_span_is_no_wider_than_the_cells(rng):
    cells = np.repeat(rng.normal(size=(2, 5)), 4, axis=0).astype(np.float32)  # one direction in all
    assert biological_span(cells, 3).shape == (5, 1)
    assert biological_span(np.ones((3, 5), np.float32), 2).shape == (5, 0)


# numbers of mnnCorrect


@pytest.mark.parametrize("setting", SETTINGS)
def test_numbers_of_mnn_correct(setting):
    cells = pd.read_csv(MNN_R / "input.csv")
    expected = pd.read_csv(MNN_R / f"{setting}.csv")
    pairs = pd.read_csv(MNN_R / "pairs.csv").query("setting == @setting")
    names = cells["batch"].unique()
    batches = [batch(name, cells[cells["batch"] == name].iloc[:, 1:].to_numpy()) for name in names]
    result = MnnAligner(**SETTINGS[setting]).align(batches[:-1], batches[-1])
    for name, corrected in zip(names, result.batches, strict=True):
        theirs = expected[expected["batch"] == name].iloc[:, 1:].to_numpy()
        np.testing.assert_allclose(corrected, theirs, atol=2e-6)
    assert [merge.n_pairs for merge in result.merges] == pairs["n_pairs"].tolist()
    assert [merge.batch for merge in result.merges] == pairs["batch"].tolist()


def test_settings_are_those_of_the_r_script():
    names = pd.read_csv(MNN_R / "pairs.csv")["setting"].unique()
    assert names.tolist() == list(SETTINGS)


# planted batch effects


def planted_study(rng, types, shift):
    """Log values of cells of three types on 60 genes, plus a shift a gene: X, y."""
    profile = np.full((3, 60), 0.3)
    for i in range(3):
        profile[i, 20 * i : 20 * i + 10] = 2.5
    y = np.array(types)
    X = profile[y] + shift + rng.normal(scale=0.3, size=(len(y), 60))
    return np.maximum(X, 0).astype(np.float32), y


@pytest.fixture
def studies(rng):
    """A reference with all types and a target without type 1; the shift makes type 0 look like type 2."""
    shift = rng.uniform(0, 0.6, size=60)
    shift[40:50] += 2.5
    shift[0:10] = 0
    reference = planted_study(rng, [0] * 80 + [1] * 50 + [2] * 60, 0)
    target = planted_study(rng, [0] * 70 + [2] * 50, shift)
    return reference, target


def classified(train, y, query):
    return KNeighborsClassifier(5).fit(train, y).predict(query)


@pytest.mark.parametrize("cos_norm_out", [True, False])
def test_planted_shift_is_removed(studies, cos_norm_out):
    (reference, y), (target, truth) = studies
    before = classified(cosine_normalised(reference), y, cosine_normalised(target))
    assert np.mean(before == truth) < 0.7
    var_adj = cos_norm_out  # mnnCorrect's adjustment overshoots on log output, see the module
    result = align(reference, target, cos_norm_out=cos_norm_out, var_adj=var_adj)
    after = classified(result.reference, y, result.target)
    assert np.mean(after == truth) > 0.95


def test_type_of_one_batch_alone_stays_alone(rng):
    """The target's type 1 is in no reference: it must stay apart from the types that are."""
    shift = rng.uniform(0, 0.6, size=60)
    reference, y = planted_study(rng, [0] * 80 + [2] * 60, 0)
    target, truth = planted_study(rng, [0] * 70 + [1] * 40 + [2] * 50, shift)
    result = align(reference, target)
    alone, known = result.target[truth == 1], np.concatenate([result.reference, result.target[truth != 1]])
    within = np.median(cdist(alone, alone))
    assert cdist(alone, known).min() > 1.5 * within
    assert np.mean(classified(result.reference, y, result.target[truth != 1]) == truth[truth != 1]) > 0.95


def test_reference_is_unchanged(studies):
    (reference, _), (target, _) = studies
    np.testing.assert_array_equal(align(reference, target).reference, cosine_normalised(reference))
    np.testing.assert_array_equal(align(reference, target, cos_norm_out=False).reference, reference)


def test_input_is_not_written_to(studies):
    (reference, _), (target, _) = studies
    given = target.copy()
    align(reference, target, cos_norm_in=False, cos_norm_out=False, sigma=5.0)
    np.testing.assert_array_equal(target, given)


def test_batch_aligned_to_itself_hardly_moves(studies):
    (reference, _), (target, _) = studies
    result = align(reference, reference, k=1)
    np.testing.assert_array_equal(result.target, result.reference)
    moved = np.linalg.norm(align(reference, reference).target - result.reference, axis=1)
    shifted = np.linalg.norm(align(reference, target).target - cosine_normalised(target), axis=1)
    assert np.median(moved) < 0.25 * np.median(shifted)


def test_target_changes_no_reference(studies):
    """Merging a third batch leaves the first merge as it was; the second merge sees both."""
    (reference, _), (target, _) = studies
    two = align(reference[:90], reference[90:] + 0.2)
    three = align(reference[:90], reference[90:] + 0.2, target)
    np.testing.assert_array_equal(three.reference, np.concatenate(two.batches))
    assert [merge.n_reference for merge in three.merges] == [90, len(reference)]
    assert [merge.n_target for merge in three.merges] == [len(reference) - 90, len(target)]


@pytest.mark.parametrize("settings", [{}, {"svd_dim": 2}, {"cos_norm_out": False, "var_adj": False}])
def test_order_of_cells_and_genes_does_not_matter(rng, studies, settings):
    (reference, _), (target, _) = studies
    r, t, g = rng.permutation(len(reference)), rng.permutation(len(target)), rng.permutation(60)
    plain = align(reference, target, **settings)
    shuffled = align(reference[r][:, g], target[t][:, g], **settings)
    np.testing.assert_allclose(shuffled.target, plain.target[t][:, g], atol=1e-5)
    np.testing.assert_allclose(shuffled.reference, plain.reference[r][:, g], atol=1e-6)
    assert shuffled.merges == plain.merges


def test_same_answer_twice_sparse_or_dense(studies):
    (reference, _), (target, _) = studies
    dense = align(reference, target)
    again = align(reference, target)
    as_csr = align(sparse.csr_matrix(reference), sparse.csr_matrix(target))
    np.testing.assert_array_equal(dense.target, again.target)
    np.testing.assert_array_equal(dense.target, as_csr.target)
    assert dense.target.dtype == dense.reference.dtype == np.float32
    assert dense.target.shape == target.shape


def test_depth_of_a_cell_does_not_matter_after_cosine(studies):
    (reference, _), (target, _) = studies
    np.testing.assert_allclose(
        align(reference, 3 * target).target, align(reference, target).target, atol=1e-5
    )


def test_empty_cells_and_silent_genes_are_carried(studies):
    (reference, _), (target, _) = studies
    reference, target = reference.copy(), target.copy()
    reference[3], target[5], target[:, 7], reference[:, 7] = 0, 0, 0, 0
    result = align(reference, target, svd_dim=2)
    assert np.isfinite(result.target).all()
    np.testing.assert_array_equal(result.reference[3], 0)


def test_single_cells_align():
    result = align([[1.0, 0.0]], [[0.0, 2.0]], k=1)
    np.testing.assert_allclose(result.target, [[1, 0]], atol=1e-6)


# what is refused or said


def test_small_batches_lower_k_and_say_so(studies):
    (reference, _), (target, _) = studies
    result = align(reference, target[:7], k=20)
    merge = result.merges[0]
    assert (merge.k_reference, merge.k_target) == (20, 7)
    assert result.notes == ("batch 'batch 1': k lowered from 20 to 20 reference and 7 target cells",)
    merge = align(reference[:6], target, k=20).merges[0]
    assert (merge.k_reference, merge.k_target) == (6, 20)
    assert align(reference, target).notes == ()


def test_no_pairs_is_an_error(monkeypatch, studies):
    (reference, _), (target, _) = studies
    nothing = np.array([], dtype=np.int64)
    monkeypatch.setattr(module, "mutual_neighbors", lambda *_, **__: (nothing, nothing))
    with pytest.raises(DataError, match="'batch 1' has no mutual nearest neighbours"):
        align(reference, target)


def test_other_genes_are_refused():
    cells = np.ones((4, 3))
    first = Batch("first", cells, np.array(["a", "b", "c"]))
    for genes, words in [
        (["a", "b", "d"], r"'second' has 2 of the 3 genes of 'first'"),
        (["b", "a", "c"], "'second' has the same genes in another order"),
    ]:
        with pytest.raises(DataError, match=words):
            MnnAligner().align([first], Batch("second", cells, np.array(genes)))
    with pytest.raises(DataError, match="2 of the 3 genes"):
        MnnAligner().align([first], Batch("second", cells[:, :2], np.array(["a", "b"])))


def test_bad_batches_are_refused():
    good = batch("good", np.ones((4, 3)))
    with_nan, with_infinity = np.ones((4, 3)), sparse.csr_matrix(np.eye(4, 3))
    with_nan[1, 1], with_infinity[0, 0] = np.nan, np.inf
    for bad, words in [
        (batch("bad", with_nan), "found 1 NaN"),
        (batch("bad", with_infinity), "found 1 NaN or infinite"),
        (batch("bad", np.ones((0, 3))), "'bad' is empty"),
        (Batch("bad", np.ones((4, 2)), good.genes), "must be cells x 3 genes"),
        (Batch("bad", np.ones(3), good.genes), "must be cells x 3 genes"),
        (batch("good", np.ones((2, 3))), "names of their own"),
    ]:
        with pytest.raises(DataError, match=words):
            MnnAligner().align([good], bad)
    with pytest.raises(DataError, match="at least two batches"):
        MnnAligner().align([], good)


@pytest.mark.parametrize(
    "settings",
    [{"k": 0}, {"k": 2.5}, {"k": True}, {"svd_dim": -1}, {"sigma": 0}, {"sigma": np.nan}, {"sigma": "0.1"}],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        MnnAligner(**settings)
