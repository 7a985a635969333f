"""ACTINN: its genes and its training are the published ones, step by step, and nothing of the query gets into them."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from schash.errors import ConfigError, DataError
from schash.methods import actinn
from schash.methods.actinn import Actinn, ActinnSettings, make_network, train_network, usual_genes
from schash.methods.contract import QueryCells, TrainingCells

QUICK = {"hidden": (16, 8), "learning_rate": 1e-2, "epochs": 10, "batch_size": 32}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(planted):
    return TrainingCells(*planted, "counts")


def log2_dense(X: sparse.csr_matrix) -> np.ndarray:
    dense = X.toarray().astype(float)
    totals = dense.sum(axis=1, keepdims=True)
    return np.log2(1 + dense / np.where(totals == 0, 1, totals) * 1e4)


# Genes


def genes_one_by_one(L: np.ndarray, low: float, high: float) -> list[int]:
    """What the paper says, gene after gene, on dense values; genes without expression left out."""
    total = {j: L[:, j].sum() for j in range(L.shape[1]) if L[:, j].sum() > 0}
    first, last = np.percentile(list(total.values()), [low, high])
    usual = [j for j in total if first <= total[j] <= last]
    variation = {j: np.sqrt(((L[:, j] - L[:, j].mean()) ** 2).mean()) / L[:, j].mean() for j in usual}
    first, last = np.percentile(list(variation.values()), [low, high])
    return [j for j in usual if first <= variation[j] <= last]


@pytest.mark.parametrize("percentiles", [(1, 99), (20, 70), (0, 100)])
def test_usual_genes_are_those_of_the_definition(rng, percentiles):
    X = sparse.random(80, 150, density=0.3, format="csr", random_state=rng, dtype=np.float32)
    level = rng.gamma(0.3, size=150)
    level[[5, 17]] = 0
    X = sparse.csr_matrix(X.multiply(level).astype(np.float32))
    chosen = usual_genes(X, percentiles)
    assert chosen.tolist() == genes_one_by_one(X.toarray().astype(float), *percentiles)
    assert not {5, 17} & set(chosen)


def test_both_ends_of_both_filters_by_hand():
    # totals 4, 8, 8, 8, 8, 12, 0: the first and sixth gene go. Of the four left, variations 0, 1/2, 1, sqrt(3)
    X = np.array(
        [
            [1, 2, 1, 4, 8, 3, 0],
            [1, 2, 1, 4, 0, 3, 0],
            [1, 2, 3, 0, 0, 3, 0],
            [1, 2, 3, 0, 0, 3, 0],
        ],
        dtype=np.float32,
    )
    assert usual_genes(sparse.csr_matrix(X), (10, 90)).tolist() == [2, 3]
    assert usual_genes(sparse.csr_matrix(X), (0, 100)).tolist() == [0, 1, 2, 3, 4, 5]


def test_silent_genes_do_not_move_the_percentiles(rng):
    X = rng.poisson(rng.gamma(1, size=40) + 0.2, size=(50, 40)).astype(np.float32)
    padded = np.concatenate([np.zeros((50, 400), np.float32), X], axis=1)
    assert np.array_equal(
        usual_genes(sparse.csr_matrix(padded), (1, 99)) - 400, usual_genes(sparse.csr_matrix(X), (1, 99))
    )


def test_genes_are_chosen_on_scaled_log_counts(train):
    model = Actinn(**QUICK).fit(train)
    assert model._kept.tolist() == genes_one_by_one(log2_dense(train.X), 1, 99)


@pytest.mark.parametrize("X", [np.zeros((4, 9)), np.array([[1, 3], [2, 5]])])
def test_no_gene_left(X):
    with pytest.raises(DataError, match=r"no gene is left of the (0|2) that the training cells express"):
        usual_genes(sparse.csr_matrix(X.astype(np.float32)), (1, 99))


# Network and training


def test_xavier_uniform_weights_and_no_bias():
    widths = (3000, 40, 5)
    network = make_network(widths, torch.Generator().manual_seed(3))
    linear = network[0], network[2]
    assert len(network) == 3
    for layer, n_in, n_out in zip(linear, widths, widths[1:], strict=False):
        bound = np.sqrt(6 / (n_in + n_out))
        assert layer.weight.abs().max().item() <= bound
        assert layer.weight.abs().max().item() > 0.9 * bound
        assert not layer.bias.any()
    assert linear[0].weight.std().item() == pytest.approx(np.sqrt(2 / 3040), rel=0.02)
    assert abs(linear[0].weight.mean().item()) < 1e-3


def train_by_hand(
    parameters: list[np.ndarray],
    X: np.ndarray,
    kind: np.ndarray,
    batches: list[np.ndarray],
    settings: ActinnSettings,
) -> list[float]:
    """Back-propagation and Adam as they stand in the textbook, float64, in place. parameters : W1, b1, W2, b2, ...

    Return the loss, penalty and all, before each step.
    """
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    losses = []
    for t, rows in enumerate(batches, start=1):
        activations = [X[rows]]
        for W, b in zip(parameters[::2], parameters[1::2], strict=True):
            z = activations[-1] @ W.T + b
            activations.append(np.maximum(z, 0) if len(activations) < len(parameters) // 2 else z)
        exponential = np.exp(activations[-1])
        p = exponential / exponential.sum(axis=1, keepdims=True)
        penalty = sum((W**2).sum() / 2 for W in parameters[::2])
        losses.append(-np.log(p[np.arange(len(rows)), kind[rows]]).mean() + settings.l2 * penalty)
        delta = (p - np.eye(p.shape[1])[kind[rows]]) / len(rows)
        gradients: list[np.ndarray] = []
        for i in range(len(parameters) - 2, -1, -2):
            a = activations[i // 2]
            gradients = [delta.T @ a + settings.l2 * parameters[i], delta.sum(axis=0), *gradients]
            delta = (delta @ parameters[i]) * (a > 0)
        rate = settings.learning_rate * settings.decay ** ((t - 1) // settings.decay_steps)
        for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            p -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return losses


def test_training_is_the_textbooks(rng):
    X = sparse.random(50, 12, density=0.6, format="csr", random_state=rng, dtype=np.float32)
    kind = rng.integers(0, 3, 50)
    settings = ActinnSettings(
        hidden=(6, 4), learning_rate=3e-3, decay=0.5, decay_steps=7, epochs=6, batch_size=16, l2=0.2
    )
    network = make_network((12, 6, 4, 3), torch.Generator().manual_seed(1))
    parameters = [p.detach().numpy().astype(float) for p in network.parameters()]
    orders = torch.Generator().manual_seed(2)
    batches = [
        order[i : i + 16]
        for order in [torch.randperm(50, generator=orders).numpy() for _ in range(6)]
        for i in range(0, 50, 16)
    ]
    assert [len(rows) for rows in batches[:5]] == [16, 16, 16, 2, 16]
    losses = train_by_hand(parameters, X.toarray().astype(float), kind, batches, settings)
    history = train_network(network, X, kind, settings, torch.Generator().manual_seed(2))
    assert history["step"].tolist() == list(range(1, 25))
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    for ours, by_hand in zip(network.parameters(), parameters, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), by_hand, rtol=1e-3, atol=2e-5)


def test_published_settings():
    settings = Actinn().settings
    assert (settings.hidden, settings.epochs, settings.batch_size) == ((100, 50, 25), 50, 128)
    assert (settings.learning_rate, settings.decay, settings.decay_steps) == (1e-4, 0.95, 1000)
    assert (settings.l2, settings.target_sum, settings.percentiles) == (0.005, 1e4, (1, 99))


@pytest.mark.parametrize("hidden", [(100, 50, 25), (7,), ()])
def test_layers_are_those_asked_for(train, hidden):
    network = Actinn(epochs=1, hidden=hidden).fit(train)._network
    assert [layer.out_features for layer in network if hasattr(layer, "out_features")] == [*hidden, 4]


def test_history_is_long_and_about_a_hundred_steps(train):
    model = Actinn(**{**QUICK, "epochs": 47}).fit(train)  # every second of 235 steps, and the last
    history = model.history()
    assert list(history.columns) == ["step", "metric", "value"]
    table = history.pivot(index="step", columns="metric", values="value")
    assert set(table.columns) == {"loss", "cross_entropy"}
    assert table.index[-1] == 47 * 5
    assert 100 <= len(table) <= 130
    assert (table["loss"] > table["cross_entropy"]).all()
    assert table["cross_entropy"].iloc[-1] < 0.1 * table["cross_entropy"].iloc[0]


# Prediction


def test_margin_is_the_log_ratio_of_the_two_best_probabilities(train):
    model = Actinn(**QUICK).fit(train)
    predictions = model.predict(QueryCells(train.X, train.genes, "counts"))
    X = torch.from_numpy(log2_dense(train.X)[:, model._kept].astype(np.float32))
    with torch.no_grad():
        p = torch.softmax(model._network(X).double(), dim=1).numpy()
    best = np.sort(p, axis=1)
    assert np.array_equal(predictions.labels, np.unique(train.y)[p.argmax(axis=1)])
    np.testing.assert_allclose(predictions.margin, np.log(best[:, -1] / best[:, -2]), rtol=1e-3, atol=1e-4)
    assert (predictions.labels == train.y).mean() > 0.95


def test_blocks_of_query_cells_do_not_matter(train, monkeypatch):
    model = Actinn(**QUICK).fit(train)
    query = QueryCells(train.X, train.genes, "counts")
    whole = model.predict(query)
    monkeypatch.setattr(actinn, "ROWS_AT_ONCE", 53)
    blocks = model.predict(query)
    assert np.array_equal(whole.labels, blocks.labels)
    np.testing.assert_allclose(whole.margin, blocks.margin, rtol=1e-4, atol=1e-5)


def test_depth_of_a_cell_does_not_matter(train):
    model = Actinn(**QUICK).fit(train)
    shallow = model.predict(QueryCells(train.X, train.genes, "counts"))
    deep = model.predict(QueryCells(train.X * 3, train.genes, "noninteger"))
    assert np.array_equal(shallow.labels, deep.labels)
    np.testing.assert_allclose(shallow.margin, deep.margin, rtol=1e-3, atol=1e-4)


def test_query_genes_in_another_order_or_missing(train):
    model = Actinn(**QUICK).fit(train)
    order = np.arange(60)[::-1]
    turned = QueryCells(train.X[:, order], train.genes[order], "counts")
    expected = model.predict(QueryCells(train.X, train.genes, "counts"))
    np.testing.assert_allclose(model.predict(turned).margin, expected.margin, rtol=1e-4, atol=1e-5)
    silenced = train.X.toarray()
    silenced[:, 45:] = 0
    expected = model.predict(QueryCells(silenced, train.genes, "counts"))
    fewer = model.predict(QueryCells(train.X[:, :45], train.genes[:45], "counts"))
    np.testing.assert_allclose(fewer.margin, expected.margin, rtol=1e-4, atol=1e-5)


def test_values_after_a_logarithm_are_taken_as_they_are(train):
    logged = sparse.csr_matrix(log2_dense(train.X).astype(np.float32))
    on_counts = Actinn(**QUICK).fit(train)
    on_logs = Actinn(**QUICK).fit(TrainingCells(logged, train.y, train.genes, "lognorm"))
    a = on_counts.predict(QueryCells(train.X, train.genes, "counts"))
    b = on_logs.predict(QueryCells(logged, train.genes, "lognorm"))
    np.testing.assert_allclose(a.margin, b.margin, rtol=1e-2, atol=1e-2)
    assert np.array_equal(a.labels, b.labels)


def test_target_sum_is_the_total_of_a_cell(train):
    model = Actinn(**QUICK, target_sum=50)
    scaled = model._log2(train)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose((2 ** scaled.toarray() - 1).sum(axis=1), 50, rtol=1e-4)


def test_a_silent_training_cell_and_a_silent_query_cell(train):
    X = train.X.copy().tolil()
    X[3] = 0
    model = Actinn(**QUICK).fit(TrainingCells(X.tocsr(), train.y, train.genes, "counts"))
    predictions = model.predict(QueryCells(X.tocsr()[2:5], train.genes, "counts"))
    assert predictions.labels[1] in set(train.y)
    assert np.isfinite(predictions.margin).all()


def test_seed_and_nothing_else_draws_the_numbers(train):
    query = QueryCells(train.X, train.genes, "counts")
    numpy_state, torch_state = np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    first = Actinn(seed=5, **QUICK).fit(train)
    assert all(np.array_equal(a, b) for a, b in zip(numpy_state, np.random.get_state(), strict=True))  # noqa: NPY002
    assert torch.equal(torch_state, torch.random.get_rng_state())
    torch.rand(3)
    again, other = Actinn(seed=5, **QUICK).fit(train), Actinn(seed=6, **QUICK).fit(train)
    assert np.array_equal(first.predict(query).margin, again.predict(query).margin)
    pd.testing.assert_frame_equal(first.history(), again.history())
    assert not np.array_equal(first.predict(query).margin, other.predict(query).margin)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"hidden": (100, 0)}, "hidden.1"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"decay": 1.5}, "decay"),
        ({"decay_steps": 0}, "decay_steps"),
        ({"l2": -1}, "l2"),
        ({"target_sum": 0}, "target_sum"),
        ({"percentiles": (99, 1)}, "0 to 100, the lower first"),
        ({"percentiles": (1, 101)}, "0 to 100, the lower first"),
        ({"epoch": 3}, "did you mean 'epochs'"),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(ConfigError, match=words):
        Actinn(**parameters)
