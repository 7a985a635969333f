"""Learned anchors: their loss by hand, what they learn, types that share one, and that nothing else changes."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone

from schash import DeepHash
from schash._learned_anchors import AnchorNetwork, check_distinct, expected_distances, separation_loss
from schash._network import HashNetwork, Shape
from schash.anchors import describe_anchors
from schash.errors import ConfigError
from schash.hamming import hamming_distances, unpack_bits
from schash.methods.contract import TrainingCells
from schash.methods.deephash import DeepHashAnnotator
from schash.tables import HISTORY_COLUMNS, conform

QUICK = {"projection": 16, "hidden": (32,), "n_members": 2, "steps": 80, "batch_size": 64, "progress": False}
LEARNED = {**QUICK, "anchors": "learned"}
SHORT = {name: value for name, value in QUICK.items() if name != "progress"} | {"steps": 10}
PAPER = {"preset": "paper", "hidden": (32, 16), "learning_rate": 3e-3, "epochs": 40, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cells():
    """Counts of 4 types, 40 cells each: X (160, 60) CSR, y."""
    rng = np.random.default_rng(0)
    profile = np.full((4, 60), 0.3)
    for i in range(4):
        profile[i, 10 * i : 10 * i + 10] = 8
    types = np.repeat(np.arange(4), 40)
    X = sparse.csr_matrix(rng.poisson(profile[types]).astype(np.float32))
    return X, np.array([f"type {name}" for name in "ABCD"])[types]


@pytest.fixture(scope="module")
def alike(cells):
    """The same cells, but half of type A's are called E, at random: nothing tells A and E apart."""
    X, y = cells
    y = y.copy()
    y[np.random.default_rng(1).permutation(40)[:20]] = "type E"
    return X, y


@pytest.fixture(scope="module")
def fitted(cells):
    return DeepHash(**LEARNED).fit(*cells)


# --- the loss ---------------------------------------------------------------------------------------------------


def test_expected_distance_of_bits_is_hamming_and_of_an_undecided_bit_half():
    rng = np.random.default_rng(0)
    h, anchors = rng.integers(0, 2, (5, 9)), rng.integers(0, 2, (3, 9))
    found = expected_distances(torch.tensor(h).float(), torch.tensor(anchors).float())
    np.testing.assert_allclose(found, cdist(h, anchors, "cityblock"))
    assert expected_distances(torch.tensor([[0.5, 0.25]]), torch.tensor([[1.0, 0.5]])).item() == 1.0


def by_hand(h, anchors, kind, weight, margin):
    """L_S of one cell, from its formula."""
    n_bits = len(h)
    distance = lambda a, b: sum(x * (1 - y) + (1 - x) * y for x, y in zip(a, b, strict=True))  # noqa: E731
    p = [math.exp(-8 * distance(h, a) / n_bits) for a in anchors]
    nearest = min(distance(anchors[kind], a) for j, a in enumerate(anchors) if j != kind)
    guard = 8 * max(0, margin - nearest / n_bits)
    return weight * n_bits * (-math.log(p[kind] / sum(p)) + guard)


@pytest.mark.parametrize("margin", [0.0, 0.25, 0.9])
def test_separation_loss_is_its_formula(margin):
    rng = np.random.default_rng(2)
    h, anchors = rng.random((2, 3, 8)), rng.random((4, 8))
    types, weights = rng.integers(0, 4, (2, 3)), rng.random((2, 3))
    arguments = torch.tensor(h), torch.tensor(anchors), torch.tensor(types), torch.tensor(weights), margin
    found = separation_loss(*arguments)
    expected = [
        [by_hand(h[i, j], anchors, types[i, j], weights[i, j], margin) for j in range(3)] for i in range(2)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(separation_loss(*arguments, reduction="mean"), found / 8, rtol=1e-6)


def test_guard_ends_at_the_margin():
    anchors = torch.tensor([[0.0, 0, 0, 0, 1, 1, 1, 1], [0.0, 0, 0, 0, 1, 1, 0, 0]])
    loss = lambda margin: separation_loss(  # noqa: E731
        anchors, anchors, torch.tensor([0, 1]), torch.ones(2), margin
    )
    torch.testing.assert_close(loss(0.25), loss(0.0))  # 2 of 8 bits apart
    torch.testing.assert_close(loss(0.375), loss(0.0) + 8 * 8 * 0.125)


def test_guard_pushes_anchors_apart_that_are_the_same_code():
    rng = np.random.default_rng(0)
    code = rng.choice([-2.0, 2.0], 16)
    raw = torch.tensor(code + 0.01 * rng.standard_normal((3, 16)), requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.1)
    h = torch.full((3, 16), 0.5, dtype=torch.float64)  # cells that say nothing
    for _ in range(100):
        loss = separation_loss(h, torch.sigmoid(raw), torch.arange(3), torch.ones(3), 0.5).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert describe_anchors((raw > 0).numpy()).min_distance >= 4  # without Eq. 2 some bits stay undecided


# --- the network ------------------------------------------------------------------------------------------------


def test_anchor_network_starts_undecided_by_its_seed_alone():
    before = torch.get_rng_state()
    first = AnchorNetwork(5, 16, seed=1)()
    assert first.shape == (5, 16)
    assert 0.1 < first.min() < 0.5 < first.max() < 0.9
    torch.testing.assert_close(AnchorNetwork(5, 16, seed=1)(), first)
    assert not torch.equal(AnchorNetwork(5, 16, seed=2)(), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_settled_anchors_are_the_rounded_ones_and_stay():
    shape = Shape(5, (4,), 1, sparse_input=False, head="linear", sharpness=1.0, dropout=0.0, n_dropout=0)
    network = HashNetwork(shape, np.zeros((3, 8), dtype=bool), seed=0)
    names = set(network.state_dict())
    network.anchor_network = AnchorNetwork(3, 8, seed=0)
    assert len(list(network.parameters())) == 8  # trained jointly
    relaxed = network.targets().detach()
    bits = network.settle_anchors()
    np.testing.assert_array_equal(bits, relaxed > 0.5)
    torch.testing.assert_close(network.anchors, torch.tensor(bits).float())
    torch.testing.assert_close(network.targets(), network.anchors)
    assert set(network.state_dict()) == names


# --- the estimator ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        LEARNED,
        {**LEARNED, "n_bits": 64},
        {**LEARNED, "variant": "as_coded"},
        {**LEARNED, "anchor_margin": 0.0},
        {**LEARNED, "label_smoothing": 0.0},
        {**PAPER, "anchors": "learned"},
    ],
)
def test_learns_separated_types_and_anchors(cells, options):
    X, y = cells
    order = np.random.default_rng(1).permutation(len(y))
    train, query = order[:120], order[120:]
    model = DeepHash(**options).fit(X[train], y[train])
    assert np.mean(model.predict(X[query]) == y[query]) >= 0.95
    for column in ("loss", "separation", "cell_anchor"):
        assert model.history_[column].iloc[-1] < model.history_[column].iloc[0]
    report = describe_anchors(unpack_bits(model.anchors_))
    assert report.n_bits == {"paper": 8}.get(options.get("preset"), model.options_.n_bits or 8)
    assert report.min_distance >= report.n_bits * options.get("anchor_margin", 0.25)


def test_history_has_every_part_of_the_loss(fitted):
    history = fitted.history_
    assert list(history) == [
        "step", "loss", "cell_anchor", "quantisation", "separation", "validation_median_f1",
    ]  # fmt: skip
    total = history["cell_anchor"] + 1e-4 * history["quantisation"] + history["separation"]
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)


def test_anchors_depend_on_the_cells_and_are_those_that_cells_are_compared_with(cells, fitted):
    X, y = cells
    others = DeepHash(**LEARNED).fit(X, np.roll(y, 20))
    assert not np.array_equal(fitted.anchors_.words, others.anchors_.words)
    distances = hamming_distances(fitted.encode(X), fitted.anchors_)
    np.testing.assert_array_equal(fitted.decision_distances(X), distances)
    assert fitted._network.anchor_network is None


def test_same_seed_same_anchors_and_global_generators_untouched(cells, fitted):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = DeepHash(**LEARNED).fit(*cells)
    np.testing.assert_array_equal(again.anchors_.words, fitted.anchors_.words)
    np.testing.assert_array_equal(again.relaxed_codes(cells[0]), fitted.relaxed_codes(cells[0]))
    pd.testing.assert_frame_equal(again.history_, fitted.history_)
    assert torch.equal(torch.get_rng_state(), before)
    other = DeepHash(seed=1, **LEARNED).fit(*cells)
    assert not np.array_equal(other.anchors_.words, fitted.anchors_.words)


def test_held_out_cells_are_scored_against_the_bits_of_their_epoch(cells, monkeypatch):
    X, y = cells
    seen = []
    score = "schash._training.nearest_distances"
    original = DeepHash.fit.__globals__["nearest_distances"]
    monkeypatch.setattr(score, lambda h, anchors, how: seen.append(anchors) or original(h, anchors, how))
    model = DeepHash(validation_fraction=0.25, validate_every=5, **LEARNED).fit(X, y)
    scores = model.history_["validation_median_f1"].dropna().to_numpy()
    assert len(scores) == len(seen) > 3
    best = seen[int(np.argmax(scores))]  # the first of the best
    np.testing.assert_array_equal(unpack_bits(model.anchors_), best)
    assert not all(np.array_equal(seen[0], anchors) for anchors in seen)


def test_a_saved_model_is_the_same(cells, fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    loaded = DeepHash.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.anchors_.words, fitted.anchors_.words)
    np.testing.assert_array_equal(loaded.relaxed_codes(cells[0]), fitted.relaxed_codes(cells[0]))
    np.testing.assert_array_equal(loaded.predict(cells[0]), fitted.predict(cells[0]))
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    assert loaded.get_params()["anchors"] == "learned"
    assert loaded.options_ == fitted.options_
    assert clone(loaded).get_params()["anchors"] == "learned"


# --- the compared method ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "n_bits", "n_distinct", "nearest"),
    [
        ({"n_bits": 32, "anchors": "first_rows"}, 32, 4, 16),  # 4 rows of 4 bits, 8 times over
        ({"n_bits": 8, "anchors": np.eye(4, 8)}, 8, 5, 2),
        ({"anchors": "learned"}, 8, None, None),
    ],
)
def test_history_of_the_method_says_what_its_anchors_are(cells, options, n_bits, n_distinct, nearest):
    X, y = cells
    method = DeepHashAnnotator(**{**SHORT, **options})
    history = method.fit(TrainingCells(X, y, np.array([f"g{i}" for i in range(60)]), "counts")).history()
    assert list(history) == ["step", "metric", "value"]
    said = history[history["metric"].str.startswith("anchors_")].set_index("metric")
    report = describe_anchors(unpack_bits(method._model.anchors_))
    expected = {
        "anchors_n_bits": n_bits,
        "anchors_n_distinct_bits": n_distinct or report.n_distinct_bits,
        "anchors_min_distance": nearest or report.min_distance,
    }
    assert said["value"].to_dict() == expected
    assert set(said["step"]) == {history["step"].max()} == {10}
    losses = history[~history["metric"].str.startswith("anchors_")]
    assert ("separation" in set(losses["metric"])) == (n_distinct is None)
    assert losses["value"].notna().all()
    conform(history.assign(fold=0), HISTORY_COLUMNS, name="history")


# --- types that share an anchor ---------------------------------------------------------------------------------


def test_guard_keeps_types_apart_that_no_cell_tells_apart(alike):
    model = DeepHash(**{**LEARNED, "steps": 200}).fit(*alike)
    assert describe_anchors(unpack_bits(model.anchors_)).min_distance >= 2  # 1/4 of 8 bits


def test_without_the_guard_they_share_one_and_the_first_type_gets_the_cells(alike):
    X, y = alike
    model = DeepHash(anchor_margin=0.0, **{**LEARNED, "steps": 200}).fit(X, y)
    anchors = unpack_bits(model.anchors_)
    np.testing.assert_array_equal(anchors[0], anchors[4])
    assert describe_anchors(anchors).min_distance == 0
    predicted = model.predict(X)
    assert "type E" not in predicted
    assert np.mean(predicted[:40] == "type A") > 0.9


def test_a_shared_anchor_despite_the_guard_is_named_with_ways_out(alike):
    with pytest.raises(ConfigError, match=r"same anchor of 8 bits: 'type A' and 'type E'.*anchor_margin=0"):
        DeepHash(anchor_margin=1e-6, **{**LEARNED, "steps": 200}).fit(*alike)


def test_shared_anchors_are_counted_and_three_are_named():
    anchors = np.eye(3, 8, dtype=bool)
    check_distinct(anchors, np.array(["a", "b", "c"]))
    message = "8 bits: 'a' and 'c', 'b' and 'd', 'a' and 'e' and others (4 of 6 anchors are repetitions)"
    with pytest.raises(ConfigError, match=re.escape(message)):
        check_distinct(anchors[[0, 1, 0, 1, 0, 0]], np.array(list("abcdef")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchors": "taught"}, "anchors='taught' is not known; allowed: sampled, first_rows, learned"),
        ({"anchors": "learned", "n_bits": 7}, "at least 8 bits"),
        ({"anchors": "learned", "head": "mixture"}, "learned anchors need head='linear'"),
        ({"anchors": "learned", "anchor_margin": 1.0}, r"anchor_margin must be in \[0, 1\)"),
        ({"anchors": "learned", "anchor_margin": -0.1}, r"anchor_margin must be in \[0, 1\)"),
    ],
)
def test_bad_options_are_named(cells, options, message):
    with pytest.raises(ConfigError, match=message):
        DeepHash(**{**QUICK, **options}).fit(*cells)


# --- everything else as before ----------------------------------------------------------------------------------


def test_the_hash_function_starts_as_with_predefined_anchors(cells, monkeypatch):
    starts = []

    def keep(network, *rest, **options):
        starts.append({name: value.clone() for name, value in network.state_dict().items()})
        raise InterruptedError

    monkeypatch.setattr("schash.deephash.train", keep)
    for anchors, seed in (("learned", 0), ("sampled", 0), ("learned", 1)):
        with pytest.raises(InterruptedError):
            DeepHash(**{**QUICK, "anchors": anchors}, seed=seed).fit(*cells)
    learned, sampled, other = starts
    assert not torch.equal(learned["anchor_network.out.weight"], other["anchor_network.out.weight"])
    assert all(torch.equal(learned[name], value) for name, value in sampled.items())
    assert {name.split(".")[0] for name in set(learned) - set(sampled)} == {"anchor_network"}


@pytest.mark.parametrize("anchors", ["sampled", "first_rows"])
def test_predefined_anchors_know_no_margin(cells, anchors):
    X, y = cells
    first, second = (
        DeepHash(**{**QUICK, "anchors": anchors}, anchor_margin=m).fit(X, y) for m in (0.25, 0.9)
    )
    np.testing.assert_array_equal(first.relaxed_codes(X), second.relaxed_codes(X))
    given = DeepHash(**{**QUICK, "anchors": unpack_bits(first.anchors_)}).fit(X, y)
    np.testing.assert_array_equal(first.relaxed_codes(X), given.relaxed_codes(X))
    assert list(first.history_) == ["step", "loss", "cell_anchor", "quantisation", "validation_median_f1"]


@pytest.mark.parametrize(
    ("variant", "losses"),
    [
        ("as_written", [0.188917, 0.176552, 0.113469, 0.097534]),
        ("as_coded", [0.906494, 0.810338, 0.414363, 0.348947]),
    ],
)
def test_losses_with_predefined_anchors_are_those_before_any_were_learned(cells, variant, losses):
    model = DeepHash(**{**QUICK, "steps": 60}, variant=variant).fit(*cells)
    np.testing.assert_allclose(model.history_["loss"].iloc[[0, 9, 29, 59]], losses, rtol=1e-3)
