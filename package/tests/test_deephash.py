"""The estimator: it learns, its distances are what they say, every option is one, bad input is named."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from schash import DeepHash, _training
from schash._features import fit_features
from schash._genes import align_genes
from schash._network import HashNetwork, Shape, SparseBatch, SparseLinear, dropout
from schash._presets import COMBINATIONS, PRESETS, VARIANTS, Options, resolve
from schash.errors import ConfigError, DataError
from schash.hamming import hamming_distances, unpack_bits

QUICK = {"projection": 16, "hidden": (32,), "n_members": 2, "steps": 60, "batch_size": 64, "progress": False}
SMALL_PAPER = {"preset": "paper", "hidden": (32, 16), "learning_rate": 3e-3, "epochs": 40, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cells():
    """Counts of 4 types, 40 cells each: X (160, 60) CSR, y, genes."""
    rng = np.random.default_rng(0)
    profile = np.full((4, 60), 0.3)
    for i in range(4):
        profile[i, 10 * i : 10 * i + 10] = 8
    types = np.repeat(np.arange(4), 40)
    X = sparse.csr_matrix(rng.poisson(profile[types]).astype(np.float32))
    return (
        X,
        np.array([f"type {name}" for name in "ABCD"])[types],
        np.array([f"GENE{i:03d}" for i in range(60)]),
    )


@pytest.fixture(scope="module")
def fitted(cells):
    X, y, genes = cells
    return DeepHash(**QUICK).fit(X, y, genes=genes)


@pytest.mark.parametrize(
    "options",
    [
        QUICK,
        {**QUICK, "variant": "as_coded"},
        {**QUICK, "label_smoothing": 0.0},
        {**QUICK, "head": "linear"},
        {**QUICK, "head": "mixture"},
        {**QUICK, "n_bits": 24},
        {**QUICK, "n_bits": 64, "anchors": "first_rows"},
        {**QUICK, "distance": "l1"},
        SMALL_PAPER,
        {**SMALL_PAPER, "input": "log1p+scaled_log"},
        {**SMALL_PAPER, "variant": "as_coded", "learning_rate": 3e-3},
    ],
)
def test_learns_separated_types_under_every_combination(cells, options):
    X, y, _ = cells
    order = np.random.default_rng(1).permutation(len(y))
    train, query = order[:120], order[120:]
    model = DeepHash(**options).fit(X[train], y[train])
    assert np.mean(model.predict(X[query]) == y[query]) >= 0.95
    losses = model.history_["loss"]
    assert losses.iloc[-1] < losses.iloc[0]


def test_distances_codes_and_predictions_agree(cells, fitted):
    X, _, _ = cells
    h = fitted.relaxed_codes(X)
    codes = fitted.encode(X)
    assert h.min() >= 0
    assert h.max() <= 1
    np.testing.assert_array_equal(unpack_bits(codes), h > 0.5)
    distances = fitted.decision_distances(X)
    assert distances.dtype == np.int32
    np.testing.assert_array_equal(distances, hamming_distances(codes, fitted.anchors_))
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[distances.argmin(axis=1)])
    assert fitted.anchors_.n_bits == 8  # the rule: 4 types, at least 8 bits
    assert len(fitted.anchors_) == 4


def test_as_coded_distance_is_l1_of_the_tanh(cells):
    X, y, _ = cells
    model = DeepHash(variant="as_coded", **QUICK).fit(X, y)
    assert model.anchors_.n_bits == 64
    anchors = unpack_bits(model.anchors_)
    assert anchors[0].all()  # row 0 of H
    tanh = 2 * model.relaxed_codes(X) - 1
    by_hand = np.abs(tanh[:, None, :] - (2.0 * anchors - 1)[None]).sum(axis=2)
    np.testing.assert_allclose(model.decision_distances(X), by_hand, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(unpack_bits(model.encode(X)), tanh > 0)


def test_ties_go_to_the_first_type(cells, fitted, monkeypatch):
    X, _, _ = cells
    monkeypatch.setattr(
        type(fitted), "decision_distances", lambda self, X, genes=None: np.full((X.shape[0], 4), 3)
    )
    assert set(fitted.predict(X)) == {"type A"}


def test_same_seed_same_numbers_and_global_generators_untouched(cells):
    X, y, _ = cells
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002  (that it stays untouched is the point)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (DeepHash(seed=3, **QUICK).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.relaxed_codes(X), second.relaxed_codes(X))
    pd.testing.assert_frame_equal(first.history_, second.history_)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    other = DeepHash(seed=4, **QUICK).fit(X, y)
    assert not np.array_equal(first.relaxed_codes(X), other.relaxed_codes(X))


@pytest.mark.parametrize(("small", "threads"), [(10**9, 1), (0, 2)])
def test_only_a_small_network_is_trained_on_one_thread(cells, monkeypatch, small, threads):
    seen = []
    losses = _training._losses
    monkeypatch.setattr(_training, "SMALL", small)
    monkeypatch.setattr(
        _training, "_losses", lambda *a: (seen.append(torch.get_num_threads()), losses(*a))[1]
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        DeepHash(**QUICK).fit(*cells[:2])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {threads}


def test_dense_csr_int_and_frame_are_the_same_cells(cells, fitted):
    X, y, genes = cells
    expected = fitted.relaxed_codes(X)
    np.testing.assert_array_equal(fitted.relaxed_codes(X.toarray()), expected)
    np.testing.assert_array_equal(fitted.relaxed_codes(X.toarray().astype(np.int64)), expected)
    np.testing.assert_array_equal(fitted.relaxed_codes(X.tocsc()), expected)
    frame = pd.DataFrame(X.toarray(), columns=genes)
    model = DeepHash(**QUICK).fit(frame, y)
    assert list(model.feature_names_in_) == list(genes)
    np.testing.assert_array_equal(model.relaxed_codes(frame), expected)


def test_cells_do_not_depend_on_their_batch(cells, fitted):
    X, _, _ = cells
    together = fitted.relaxed_codes(X)
    np.testing.assert_allclose(fitted.relaxed_codes(X[7:8]), together[7:8], atol=1e-5)
    assert fitted.relaxed_codes(X[:0]).shape == (0, 8)
    assert len(fitted.predict(X[:0])) == 0


def test_query_genes_are_matched_by_name(cells, fitted):
    X, _, genes = cells
    expected = fitted.decision_distances(X)
    order = np.random.default_rng(2).permutation(len(genes))
    np.testing.assert_array_equal(fitted.decision_distances(X[:, order], genes=genes[order]), expected)
    # genes that the model does not know change nothing; genes that the query lacks count 0
    extra = sparse.hstack([X, X[:, :3]]).tocsr()
    names = np.concatenate([genes, ["new 1", "new 2", "new 3"]])
    np.testing.assert_array_equal(fitted.decision_distances(extra, genes=names), expected)
    without = X.toarray().copy()
    without[:, 5:] = 0
    np.testing.assert_array_equal(
        fitted.relaxed_codes(X[:, :5], genes=genes[:5]), fitted.relaxed_codes(sparse.csr_matrix(without))
    )


def test_aligning_equals_selecting_columns_by_hand(cells):
    X, _, genes = cells
    wanted = np.array(["GENE007", "unknown", "GENE003"])
    aligned = align_genes(X, genes, wanted).toarray()
    np.testing.assert_array_equal(aligned[:, [0, 2]], X.toarray()[:, [7, 3]])
    assert not aligned[:, 1].any()


@pytest.mark.parametrize("kind", ["lognorm", "compressed", "corrected"])
def test_transformed_kinds_pass_unchanged(cells, kind):
    X, y, _ = cells
    shifted = X.log1p().toarray() - (0.5 if kind == "corrected" else 0.0)
    as_given = DeepHash(**QUICK).fit(shifted, y, values=kind)
    raw = DeepHash(input="raw", **QUICK).fit(shifted, y, values=kind)
    np.testing.assert_array_equal(as_given.relaxed_codes(shifted), raw.relaxed_codes(shifted))
    assert as_given.values_ == kind
    assert np.mean(as_given.predict(shifted) == y) > 0.95


def test_validation_cells_come_from_the_training_cells_and_choose_the_epoch(cells):
    X, y, _ = cells
    model = DeepHash(validation_fraction=0.25, validate_every=5, **QUICK).fit(X, y)
    scores = model.history_["validation_median_f1"].dropna()
    assert len(scores) == 6  # 60 steps, 2 an epoch, every 5 epochs
    assert scores.between(0, 1).all()
    with pytest.raises(DataError, match="rarest type has 1 cells"):
        DeepHash(validation_fraction=0.25, **QUICK).fit(X[:41], y[:41])


def test_projected_training_cells_have_mean_0_and_mean_square_1(cells):
    X, _, _ = cells
    options = resolve("compact", "as_written", {"projection": 20})
    inputs = fit_features(X, "counts", options, seed=0)(X)
    assert inputs.shape == (160, 20)
    for view in (inputs[:, :10], inputs[:, 10:]):  # log1p and scaled_log
        np.testing.assert_allclose(view.mean(axis=0), 0, atol=1e-5)
        assert np.square(view).mean() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(("head", "sharpness"), [("linear", 1.0), ("linear", 2.0), ("mixture", 1.0)])
def test_relaxed_codes_are_those_of_the_averaged_members(head, sharpness):
    anchors = np.eye(3, 8, dtype=bool)
    shape = Shape(5, (4,), 3, sparse_input=False, head=head, sharpness=sharpness, dropout=0.5, n_dropout=1)
    network = HashNetwork(shape, anchors, seed=0).eval()
    x = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0))
    z = network.outputs(x).detach().numpy().mean(axis=0)  # (6, K or M)
    if head == "linear":
        expected = 1 / (1 + np.exp(-sharpness * z))
    else:
        expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) @ anchors
    np.testing.assert_allclose(network.codes(x).detach().numpy(), expected, rtol=1e-5)
    assert network(x).shape == (3, 6, 8)


def test_as_coded_takes_tanh_as_its_code(cells):
    X, y, _ = cells
    coded = DeepHash(variant="as_coded", **QUICK).fit(X, y)
    assert coded._network.shape.sharpness == 2.0  # sigmoid(2 z) = (tanh z + 1) / 2


def test_sparse_first_layer_equals_a_dense_one(cells):
    X, _, _ = cells
    layer = SparseLinear(60, 7, torch.Generator().manual_seed(0))
    expected = torch.from_numpy(X.toarray()) @ layer.weight + layer.bias
    torch.testing.assert_close(layer(SparseBatch.of(X, torch.device("cpu")))[0], expected)


# --- options ----------------------------------------------------------------------------------------------------


def test_variants_differ_in_every_row_of_the_table():
    written, coded = resolve("compact", "as_written", {}), resolve("compact", "as_coded", {})
    for name in (
        "input",
        "code",
        "distance",
        "quantisation",
        "reduction",
        "class_weight",
        "lambda_",
        "n_bits",
    ):
        assert getattr(written, name) != getattr(coded, name), name
    assert (written.anchors, coded.anchors) == ("sampled", "first_rows")
    assert (written.lambda_, coded.lambda_) == (1e-4, 1e-3)


def test_paper_preset_is_the_published_network():
    written, coded = resolve("paper", "as_written", {}), resolve("paper", "as_coded", {})
    assert written.hidden == coded.hidden == (9000, 3150, 900, 450, 200)
    assert (written.learning_rate, written.weight_decay, written.beta) == (1e-5, 5e-4, 0.9999)
    assert (coded.learning_rate, coded.weight_decay, coded.schedule) == (1.2e-5, 1e-4, "halving")
    assert (written.input, coded.input) == ("log1p", "raw")
    assert written.n_dropout == 3
    assert written.projection is None


def test_tables_name_only_options():
    known = set(Options.__dataclass_fields__)
    for table in (*VARIANTS.values(), *PRESETS.values(), *COMBINATIONS.values()):
        assert set(table) <= known


def test_any_option_can_be_given_on_its_own():
    options = resolve("compact", "as_coded", {"code": "sigmoid_bits", "n_bits": None, "anchors": "sampled"})
    assert (options.code, options.distance, options.n_bits, options.anchors) == (
        "sigmoid_bits",
        "l1",
        64,
        "sampled",
    )
    assert resolve("compact", "as_written", {"epochs": 3}).steps is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "huge"}, "preset='huge' is not known; allowed: compact, paper"),
        ({"variant": "as_said"}, "allowed: as_written, as_coded"),
        ({"input": "sqrt"}, "input='sqrt' is not known; allowed: raw, log1p, scaled_log"),
        ({"distance": "cosine"}, "allowed: hamming, l1"),
        ({"gamma": 0.0}, "gamma must be above 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"beta": 1.0}, r"beta must be in \[0, 1\)"),
        ({"hidden": ()}, "one or more layers"),
        ({"n_members": 2, "projection": None}, "needs a projection"),
        ({"n_bits": 7}, "at least 8 bits"),
        ({"anchors": "taught"}, "allowed: sampled, first_rows, learned"),
        ({"anchors": np.eye(3, 8)}, "one row per type"),
        ({"anchors": np.eye(4, 8), "n_bits": 16}, "anchors given have 8 bits"),
        ({"device": "abacus"}, "not a torch device"),
    ],
)
def test_bad_options_are_named(cells, options, message):
    X, y, _ = cells
    with pytest.raises(ConfigError, match=message):
        DeepHash(**{**QUICK, **options}).fit(X, y)


def test_unknown_overrides_are_refused_at_once():
    with pytest.raises(ConfigError, match=r"no option lambda; allowed: input, code,"):
        DeepHash(**{"lambda": 1})
    with pytest.raises(ConfigError, match="no option depth"):
        DeepHash().set_params(depth=3)


def test_parameters_can_be_read_set_and_cloned():
    model = DeepHash(n_bits=32, gamma=2.0, hidden=(8, 4))
    assert model.get_params()["gamma"] == 2.0
    assert clone(model).get_params() == model.get_params()
    model.set_params(gamma=3.0, lambda_=0.5, seed=9)
    assert {name: model.get_params()[name] for name in ("gamma", "lambda_", "seed", "n_bits")} == {
        "gamma": 3.0, "lambda_": 0.5, "seed": 9, "n_bits": 32,
    }  # fmt: skip
    assert "gamma=3.0" in repr(model)


def test_given_anchors_are_used(cells):
    X, y, _ = cells
    anchors = np.repeat(np.eye(4, dtype=bool), 3, axis=1)
    model = DeepHash(anchors=anchors, **QUICK).fit(X, y)
    np.testing.assert_array_equal(unpack_bits(model.anchors_), anchors)


# --- bad cells --------------------------------------------------------------------------------------------------


def changed(X, value):
    X = X.toarray()
    X[3, 4] = value
    return X


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, genes: (changed(X, np.nan), y, genes), "NaN"),
        (lambda X, y, genes: (changed(X, np.inf), y, genes), "infinity"),
        (lambda X, y, genes: (changed(X, -1), y, genes), "'counts' cannot be below 0, found -1"),
        (lambda X, y, genes: (X[:40], y[:40], genes), "at least 2 types, found 1 class: 'type A'"),
        (lambda X, y, genes: (X, y[:50], genes), "160 cells, 50 labels"),
        (lambda X, y, genes: (X, np.where(y == "type A", None, y), genes), r"40 missing label"),
        (lambda X, y, genes: (X, None, genes), "y is None"),
        (lambda X, y, genes: (X, y, genes[:5]), "60 columns, got shape .5,"),
        (
            lambda X, y, genes: (X, y, np.where(genes == "GENE001", "GENE002", genes)),
            "more than once: GENE002",
        ),
        (lambda X, y, genes: (X * 0, y, genes), "no gene is seen in 3 of the 160"),
    ],
)
def test_bad_training_cells_are_named(cells, change, message):
    X, y, genes = change(*cells)
    with pytest.raises(DataError, match=message):
        DeepHash(**QUICK).fit(X, y, genes=genes)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (lambda X, genes: (X[:, :9], None), "X has 9 features, but DeepHash is expecting 60"),
        (lambda X, genes: (changed(X, np.nan), None), "NaN"),
        (
            lambda X, genes: (X, np.char.lower(genes)),
            "share no gene: 60 query genes such as 'gene000', 60 model",
        ),
        (
            lambda X, genes: (X, np.repeat(genes[:30], 2)),
            r"more than once: GENE000, GENE001, GENE002 \(30 in all\)",
        ),
    ],
)
def test_bad_queries_are_named(cells, fitted, query, message):
    X, genes = query(cells[0], cells[2])
    with pytest.raises(DataError, match=message):
        fitted.predict(X, genes=genes)


def test_genes_for_the_query_alone_are_refused(cells):
    X, y, genes = cells
    with pytest.raises(DataError, match="not to fit"):
        DeepHash(**QUICK).fit(X, y).predict(X, genes=genes)


def test_unknown_kind_of_values_is_named(cells):
    with pytest.raises(DataError, match="allowed: counts, noninteger"):
        DeepHash(**QUICK).fit(cells[0], cells[1], values="reads")


# --- scikit-learn's own checks ----------------------------------------------------------------------------------

EXPECTED_FAILURES = {
    "check_no_attributes_set_in_init": "the overrides are kept in one dict, self.overrides",
    "check_do_not_raise_errors_in_init_or_set_params": "an unknown override is refused where it is given",
}


@parametrize_with_checks(
    [DeepHash(**{**QUICK, "steps": 100})], expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learns_conventions(estimator, check):
    check(estimator)


def test_dropout_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    h = torch.ones(40, 1000, 5)
    dropped = dropout(h, 0.3)
    assert dropped.unique().tolist() == [0.0, pytest.approx(256 / 179)]
    assert float((dropped == 0).float().mean()) == pytest.approx(77 / 256, abs=0.005)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.01)
    # neighbours share a random word and must still be independent
    zero = (dropped == 0).float().flatten()
    assert abs(float(torch.corrcoef(torch.stack([zero[:-1], zero[1:]]))[0, 1])) < 0.01
    torch.manual_seed(0)
    assert torch.equal(dropout(h, 0.3), dropped)
    assert torch.equal(dropout(h, 0.0), h)
