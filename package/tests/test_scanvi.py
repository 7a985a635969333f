"""scANVI: scvi-tools run by hand, genes by training cells alone, and a process that is left as it was."""

import logging
import os
import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scanpy as sc
import torch
from anndata import AnnData
from scipy import sparse
from scvi.model import SCANVI, SCVI

from schash.errors import ConfigError, DataError
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.scanvi import LOGGERS, ScAnvi, variable_genes, whole_batches
from schash.preprocess import scaled_log1p

N_GENES = 120
GENES = np.array([f"GENE{i:03d}" for i in range(N_GENES)])
TYPES = np.array(
    ["alpha", "beta", "unlabelled"]
)  # the last on purpose: it is what a library would call the query


def draw(n, seed):
    """Counts of three types with 15 markers each, of the mean of the other genes: X (n, N_GENES), y (n,)."""
    rng = np.random.default_rng(seed)
    profile = np.full((3, N_GENES), 3.0)
    profile[:, :45] = 0.1
    for i in range(3):
        profile[i, 15 * i : 15 * i + 15] = 8.8
    type_of = rng.permutation(np.arange(n) % 3)
    return sparse.csr_matrix(rng.poisson(profile[type_of]).astype(np.float32)), TYPES[type_of]


def training(n=150):
    X, y = draw(n, 1)
    return TrainingCells(X, y, GENES, "counts")


def queries(n=90, seed=2):
    X, y = draw(n, seed)
    return QueryCells(X, GENES, "counts"), y


def quick(**given):
    return ScAnvi(**{"n_genes": 60, "max_epochs": 2, "max_epochs_scanvi": 1, "seed": 3, **given})


@pytest.fixture(scope="module")
def fitted():
    return quick(max_epochs=25, max_epochs_scanvi=10).fit(training(), unlabelled=queries()[0])


def test_finds_the_types_also_one_that_is_called_unlabelled(fitted):
    query, truth = queries()
    found = fitted.predict(query)
    assert np.mean(found.labels == truth) >= 0.97
    assert found.margin.dtype == np.float32
    assert np.all((found.margin >= 0) & (found.margin <= 1))


def by_hand(train, query, *, epochs, seed):
    """Probabilities of the types for all cells, by scvi-tools alone, on all genes."""
    X = np.concatenate([train.X.toarray(), query.X.toarray()])
    labels = np.append(train.y, ["unlabelled_"] * query.X.shape[0])
    cells = AnnData(X, obs={"labels": labels})
    options = {"accelerator": "cpu", "devices": 1, "train_size": 1.0, "shuffle_set_split": False}
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        SCVI.setup_anndata(cells, labels_key="labels")
        first = SCVI(cells)
        first.train(epochs[0], enable_progress_bar=False, **options)
        second = SCANVI.from_scvi_model(first, unlabeled_category="unlabelled_")
        second.train(epochs[1], enable_progress_bar=False, **options)
        return second.predict(soft=True)


@pytest.fixture
def one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def two_threads(one_thread):
    torch.set_num_threads(2)


def test_is_what_scvi_tools_does_with_the_same_cells(one_thread):
    train, (query, _) = training(), queries()
    model = ScAnvi(n_genes=N_GENES, max_epochs=7, max_epochs_scanvi=3, seed=11)
    found = model.fit(train, unlabelled=query).predict(query)
    expected = by_hand(train, query, epochs=(4, 3), seed=11).iloc[150:]
    np.testing.assert_array_equal(found.labels, expected.idxmax(axis=1))
    top_two = np.sort(expected.to_numpy(), axis=1)[:, -2:]
    np.testing.assert_allclose(found.margin, top_two[:, 1] - top_two[:, 0], atol=1e-4)


def test_takes_cells_that_it_was_not_shown_and_each_by_itself(fitted):
    other, truth = queries(30, seed=9)
    together = fitted.predict(other)
    assert np.mean(together.labels == truth) >= 0.97
    for cell in (0, 17):
        alone = fitted.predict(replace(other, X=other.X[cell : cell + 1]))
        assert alone.labels[0] == together.labels[cell]
        np.testing.assert_allclose(alone.margin[0], together.margin[cell], rtol=1e-4, atol=1e-5)


def test_learns_from_the_unlabelled_cells():
    train, (query, _) = training(), queries()
    other = queries(90, seed=5)[0]
    margins = [quick().fit(train, unlabelled=shown).predict(query).margin for shown in (query, other, query)]
    np.testing.assert_array_equal(margins[0], margins[2])
    assert not np.allclose(margins[0], margins[1])


def test_the_seed_decides():
    train, (query, _) = training(), queries()
    one, two = (quick(seed=seed).fit(train, unlabelled=query).predict(query).margin for seed in (1, 2))
    assert not np.allclose(one, two)


def test_genes_are_chosen_among_training_cells_alone():
    train, (query, _) = training(), queries()
    loud = query.X.toarray()
    loud[::2, 100:] = 500
    chosen = [
        quick(n_genes=30).fit(train, unlabelled=shown)._genes for shown in (query, replace(query, X=loud))
    ]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert len(chosen[0]) == 30
    assert len(set(chosen[0]) & set(GENES[:45])) >= 27  # the markers, which alone differ between types


def test_variable_genes_are_those_of_scanpy():
    train = training()
    cells = AnnData(scaled_log1p(train.X))
    sc.pp.highly_variable_genes(cells, n_top_genes=30)
    np.testing.assert_array_equal(variable_genes(train, 30), np.flatnonzero(cells.var["highly_variable"]))


def test_variable_genes_by_hand():
    train = training()
    np.testing.assert_array_equal(variable_genes(train, 500), np.arange(N_GENES))
    X = train.X.toarray()
    X[:, 45:] = 0
    X[:, 7] = 0
    np.testing.assert_array_equal(
        variable_genes(replace(train, X=X), 60), np.setdiff1d(np.arange(45), [7])
    )  # genes that no cell has are left out
    one_each = sparse.identity(120, format="csr", dtype=np.float32)  # nothing to rank them by
    train = TrainingCells(one_each, np.tile(["a", "b"], 60), GENES, "counts")
    np.testing.assert_array_equal(variable_genes(train, 60), np.arange(60))
    with pytest.raises(DataError, match="no gene differs between the training cells"):
        variable_genes(replace(train, X=np.ones((120, N_GENES))), 60)


def test_variable_genes_of_few_cells_and_equal_means():
    """Where the fit behind seurat_v3 fails."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n_cells = int(rng.integers(4, 60))
        X = rng.poisson(10 ** rng.uniform(-1.5, 0), (n_cells, N_GENES)) * (rng.random(N_GENES) < 0.9)
        y = np.where(np.arange(n_cells) % 2, "a", "b")
        chosen = variable_genes(TrainingCells(X, y, GENES, "counts"), 60)
        n_varying = np.sum(np.ptp(scaled_log1p(X).toarray(), axis=0) > 0)
        assert len(chosen) == min(60, n_varying)
        assert np.all(np.diff(chosen) > 0)


def test_history_counts_epochs_through_both_stages(fitted):
    table = fitted.history()
    assert list(table.columns) == ["step", "metric", "value"]
    assert table["step"].dtype == np.int64
    assert table["value"].dtype == np.float64
    steps = {name: rows["step"].tolist() for name, rows in table.groupby("metric")}
    assert steps["scvi_train_loss"] == list(range(1, 16))
    assert steps["scanvi_train_loss"] == list(range(16, 26))
    assert steps["scanvi_train_classification_loss"] == list(range(16, 26))
    assert np.isfinite(table["value"]).all()
    loss = table.loc[table["metric"] == "scvi_reconstruction_loss_train", "value"].to_numpy()
    assert loss[-1] < 0.95 * loss[0]


def process_state():
    return (
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        np.random.get_state()[2],  # noqa: NPY002
        torch.random.get_rng_state().tolist(),
        torch.get_num_threads(),
        torch.backends.cudnn.benchmark,
        [logging.getLogger(name).level for name in LOGGERS],
        list(warnings.filters),
        dict(os.environ),
    )


def test_leaves_the_process_as_it_was(tmp_path, monkeypatch, capfd, two_threads):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    train, (query, _) = training(), queries()
    model = quick()
    before = process_state()
    model.fit(train, unlabelled=query).predict(query)
    assert process_state() == before
    assert list(tmp_path.iterdir()) == []
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")

    def fail(*args, **options):
        np.random.random()  # noqa: NPY002
        torch.rand(1)
        raise RuntimeError

    monkeypatch.setattr(SCVI, "train", fail)
    with pytest.raises(RuntimeError):
        model.fit(train, unlabelled=query)
    assert process_state() == before


def test_warm_up_is_no_part_of_the_model():
    train, (query, _) = training(), queries()
    cold = quick().fit(train, unlabelled=query).predict(query)
    warm = quick()
    warm.warm_up()
    assert not hasattr(warm, "_genes")
    np.testing.assert_array_equal(warm.fit(train, unlabelled=query).predict(query).margin, cold.margin)


def test_whole_batches_by_hand():
    assert whole_batches(128, 256, 200) == 128
    assert whole_batches(128, 129, 100) == 127  # 129 = 128 + 1 = 127 + 2
    assert whole_batches(128, 300, 257) == 127
    assert whole_batches(5, 1) == 5  # one cell is one cell, whatever the batch


@pytest.mark.parametrize(("n_train", "n_query"), [(100, 29), (129, 40), (60, 1)])
def test_trains_where_a_batch_would_be_a_single_cell(n_train, n_query):
    query, _ = queries(n_query)
    found = quick().fit(training(n_train), unlabelled=query).predict(query)
    assert np.isfinite(found.margin).all()


def test_empty_cells_and_rare_types():
    train, (query, _) = training(), queries()
    X, Q, y = train.X.toarray(), query.X.toarray(), train.y.astype("U20")
    X[:3], Q[1] = 0, 0
    y[y == "beta"] = np.append(["alone", "pair", "pair"], ["beta"] * (np.sum(y == "beta") - 3))
    model = quick(max_epochs=4).fit(TrainingCells(X, y, GENES, "counts"), unlabelled=replace(query, X=Q))
    found = model.predict(replace(query, X=Q))
    found.check(90, np.unique(y))
    assert np.isfinite(found.margin).all()
    assert np.isfinite(model.history()["value"]).all()


def test_missing_genes_are_zeros(fitted):
    query, _ = queries()
    zeroed = query.X.toarray()
    zeroed[:, ::3] = 0
    kept = np.setdiff1d(np.arange(N_GENES), np.arange(0, N_GENES, 3))
    fewer = QueryCells(query.X[:, kept], GENES[kept], "counts")
    np.testing.assert_array_equal(
        fitted.predict(fewer).margin, fitted.predict(replace(query, X=zeroed)).margin
    )
    quick().fit(training(), unlabelled=fewer)
    with pytest.raises(DataError, match="shares no gene"):
        quick().fit(training(), unlabelled=replace(query, genes=np.char.add("X", GENES)))


def test_one_process_under_slurm(monkeypatch, tmp_path):
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, value in {
        "JOB_ID": "7",
        "NTASKS": "4",
        "JOB_NAME": "fold",
        "PROCID": "3",
        "NNODES": "1",
    }.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    query, _ = queries()
    quick().fit(training(), unlabelled=query)


@pytest.mark.parametrize("kind", ["noninteger", "lognorm", "corrected", "compressed"])
def test_counts_alone(fitted, kind):
    train, (query, _) = training(), queries()
    for cells in (replace(train, values=kind), train):
        with pytest.raises(DataError, match=f"values must be counts, got '{kind}'"):
            quick().fit(cells, unlabelled=query if cells.values == kind else replace(query, values=kind))
    with pytest.raises(DataError, match="values must be counts"):
        fitted.predict(replace(query, values=kind))


@pytest.mark.parametrize("bad", [0.5, -1])
def test_counts_are_whole_numbers(fitted, bad):
    train, (query, _) = training(), queries()
    wrong = query.X.copy()
    wrong.data[3] = bad
    with pytest.raises(DataError, match="negative or not whole"):
        quick().fit(train, unlabelled=replace(query, X=wrong))
    with pytest.raises(DataError, match="negative or not whole"):
        fitted.predict(replace(query, X=wrong))
    wrong = train.X.copy()
    wrong.data[3] = bad
    with pytest.raises(DataError, match="negative or not whole"):
        quick().fit(replace(train, X=wrong), unlabelled=query)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_genes": 0}, "n_genes must be a whole number of at least 1, got 0"),
        ({"n_genes": 10.5}, "n_genes must be a whole number"),
        ({"max_epochs_scanvi": 0}, "max_epochs_scanvi must be a whole number of at least 1"),
        ({"max_epochs": 10}, "max_epochs must be a whole number of at least 11, got 10"),
        ({"max_epochs": "40"}, "max_epochs must be a whole number of at least 11, got '40'"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2"),
        ({"accelerator": "gpu"}, "accelerator must be cpu or auto, got 'gpu'"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ConfigError, match=message):
        ScAnvi(**given)


def test_defaults_are_the_published_ones():
    model = ScAnvi()
    assert (model.n_genes, model.max_epochs, model.max_epochs_scanvi) == (600, 200, 10)
    assert (model.batch_size, model.accelerator) == (128, "cpu")
