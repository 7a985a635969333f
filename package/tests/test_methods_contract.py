"""One contract for every row of config/methods.yaml: what any compared method must do, whatever it is inside."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from schash.data.cells import make_cells, write_cells
from schash.errors import ConfigError, DataError
from schash.folds import FoldInput, RunSettings, run_fold
from schash.methods.catalogue import build_method, load_catalogue
from schash.methods.contract import NearestCells, QueryCells, TrainingCells
from schash.metrics.annotation import UNASSIGNED
from schash.seeds import derive_seed

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "config" / "methods.yaml")
CONTROLS = {"true_labels", "majority", "random"}
"""They ignore the cells on purpose; the positive one has a contract of its own in test_folds."""
IN_SMALL = {
    # the published width is for a GPU; the network is the same at any width
    "deephash_paper": {"hidden": [64, 32], "steps": 150, "learning_rate": 1e-3},
    "scanvi": {"max_epochs": 15},
    "cf_deephash": {"steps": 150, "n_members": 2},
    "cf_both_codes": {"steps": 150, "n_members": 2},
}
BLIND_TO_FEW = {"knn50", "castle", "castle_counts"}
"""Methods that cannot find a type of 11 cells by their published settings: it has no majority among 50 neighbours, and
min_child_weight 10 asks for 40 cells on either side of CaSTLe's first split."""
FEW_GENES = {"castle", "castle_counts"}
"""Methods that lean on a gene or two a type, and fall when those are among the missing: above chance is asked."""
ASKS_THE_BATCH = {"cf_stats_query", "cf_stats_both"}
"""They standardise a query by the others of its batch, as two versions of CellFishing.jl do."""
METHODS = [
    name
    for name, row in CATALOGUE.methods.items()
    if name not in CONTROLS
    # the variants of scDeepHash are rows of one class, tested there
    and (row.seed_as is None or name.startswith("cf_"))
]
N_GENES, N_MARKERS = 700, 60
SIZES = {"B cell": 70, "T cell": 60, "mast": 40, "rare": 11}


def draw(sizes, seed):
    """Counts of types with markers of their own: X (n, N_GENES) CSR, y (n,) str, in random order."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(1).gamma(0.7, 1.2, N_GENES)
    profile = np.tile(base, (len(sizes), 1))
    for i in range(len(sizes)):
        profile[i, N_MARKERS * i : N_MARKERS * (i + 1)] += 10
    type_of = rng.permutation(np.repeat(np.arange(len(sizes)), list(sizes.values())))
    depth = rng.lognormal(0, 0.2, len(type_of))[:, None]
    X = rng.poisson(profile[type_of] * depth).astype(np.float32)
    return sparse.csr_matrix(X), np.array(list(sizes))[type_of]


GENES = np.array([f"GENE{i:04d}" for i in range(N_GENES)])


def training(sizes=SIZES, seed=2):
    X, y = draw(sizes, seed)
    return TrainingCells(X, y, GENES, "counts")


def queries(sizes=SIZES, seed=3):
    X, y = draw(sizes, seed)
    return QueryCells(X, GENES, "counts"), y


def row_of(name):
    row = CATALOGUE.row(name)
    return row.model_copy(update={"parameters": {**row.parameters, **IN_SMALL.get(name, {})}})


def fit(name, train, query, seed=0):
    """Fit a method as the benchmark does: only the transductive ones are shown the query cells."""
    row = row_of(name)
    method = build_method(row, seed=seed)
    method.fit(train, **({"unlabelled": query} if row.transductive else {}))
    return method


@pytest.fixture(scope="module", params=METHODS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return fit(name, training(), queries()[0])


def agreement(labels, truth):
    return np.mean(labels == truth)


def test_recovers_well_separated_types(name, fitted):
    query, truth = queries()
    predictions = fitted.predict(query)
    predictions.check(len(truth), np.unique(truth))
    assigned = predictions.labels != UNASSIGNED
    if name in BLIND_TO_FEW:
        assigned &= truth != "rare"
    assert agreement(predictions.labels[assigned], truth[assigned]) >= 0.97
    # a rejecting method may leave some of them out, the others may not
    if CATALOGUE.row(name).rejects:
        assert assigned.mean() >= 0.8
    else:
        assert not np.any(predictions.labels == UNASSIGNED)
    assert np.isfinite(predictions.margin).all()


def test_is_deterministic_and_leaves_the_global_generators_alone(name, fitted):
    query, _ = queries()
    before = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    again = fit(name, training(), query).predict(query)
    after = random.getstate(), np.random.get_state()[1], torch.random.get_rng_state()  # noqa: NPY002
    first = fitted.predict(query)
    np.testing.assert_array_equal(again.labels, first.labels)
    np.testing.assert_array_equal(again.margin, first.margin)
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
    assert torch.equal(before[2], after[2])


def test_a_cell_is_predicted_the_same_alone_as_among_others(name, fitted):
    if CATALOGUE.row(name).transductive:
        pytest.skip("flagged transductive: it learns from the query cells")
    if name in ASKS_THE_BATCH:
        pytest.skip("standardised by the statistics of the query batch")
    query, _ = queries()
    together = fitted.predict(query)
    for cell in (0, 7, 100):
        alone = fitted.predict(replace(query, X=query.X[cell : cell + 1]))
        assert alone.labels[0] == together.labels[cell]
        np.testing.assert_allclose(alone.margin[0], together.margin[cell], rtol=1e-4, atol=1e-5)


def test_takes_dense_and_other_types_of_numbers(name, fitted):
    query, _ = queries()
    expected = fitted.predict(query).labels
    for X in (query.X.toarray(), query.X.astype(np.float64), query.X.tocsc(), query.X.astype(np.int64)):
        np.testing.assert_array_equal(fitted.predict(replace(query, X=X)).labels, expected)


def test_genes_in_another_order_change_nothing(name, fitted):
    query, _ = queries()
    order = np.random.default_rng(4).permutation(N_GENES)
    shuffled = QueryCells(query.X[:, order], GENES[order], "counts")
    np.testing.assert_array_equal(fitted.predict(shuffled).labels, fitted.predict(query).labels)


def test_copes_with_missing_and_unknown_genes(name, fitted):
    query, truth = queries()
    kept = np.sort(np.random.default_rng(5).choice(N_GENES, 560, replace=False))
    X = sparse.hstack([query.X[:, kept], np.full((len(truth), 1), 3, np.float32)]).tocsr()
    found = fitted.predict(QueryCells(X, np.append(GENES[kept], "NOT A GENE"), "counts"))
    found.check(len(truth), np.unique(truth))
    assigned = found.labels != UNASSIGNED
    assert agreement(found.labels[assigned], truth[assigned]) >= (0.5 if name in FEW_GENES else 0.9)
    with pytest.raises(DataError, match="gene"):
        fitted.predict(QueryCells(query.X, np.char.add("OTHER", GENES), "counts"))


def test_an_empty_cell_is_answered(name, fitted):
    query, truth = queries()
    X = query.X[:4].toarray()
    X[2] = 0
    found = fitted.predict(replace(query, X=X))
    found.check(4, np.unique(truth))
    if name in ASKS_THE_BATCH:
        return
    np.testing.assert_array_equal(found.labels[[0, 1, 3]], fitted.predict(query).labels[[0, 1, 3]])


def test_two_types_an_empty_training_cell_and_constant_genes(name):
    train, (query, truth) = training({"a": 50, "b": 11}), queries({"a": 30, "b": 30})
    X = train.X.toarray()
    X[np.flatnonzero(train.y == "a")[0]] = 0
    X[:, 650], X[:, 651] = 0, 2
    predictions = fit(name, replace(train, X=X), query).predict(query)
    predictions.check(60, np.unique(truth))
    if name in BLIND_TO_FEW:
        return
    assigned = predictions.labels != UNASSIGNED
    assert agreement(predictions.labels[assigned], truth[assigned]) >= 0.9
    assert assigned.mean() >= 0.5


def test_never_sees_a_label_of_a_query(name, tmp_path):
    """What the file says of its cells reaches no method: here a column of poisoned labels.

    A column called `label` is refused by the file format itself (test_cells)."""
    train, (query, truth) = training(), queries()
    X, n_train = sparse.vstack([train.X, query.X]).tocsr(), len(train.y)
    n_cells = X.shape[0]
    cells = make_cells(
        X,
        [f"c{i}" for i in range(n_cells)],
        GENES,
        labels=np.repeat("x", n_cells),
        dataset="d",
        values="counts",
    ).cells
    tables = []
    for poisoned in (False, True):
        if poisoned:
            cells.obs["tissue"] = np.append(
                np.random.default_rng(6).permutation(train.y), ["poison"] * len(truth)
            )
        path = tmp_path / f"{poisoned}.h5ad"
        write_cells(path, cells)
        given = FoldInput(path, np.arange(n_train), train.y, np.arange(n_train, n_cells))
        settings = RunSettings("d", name, row_of(name), 0, 2, 600, 8000)
        tables.append(run_fold(given, settings, 0).predictions)
    assert tables[0].equals(tables[1])
    seed = derive_seed("d", 0, CATALOGUE.row(name).seed_as or name, 0)
    np.testing.assert_array_equal(fit(name, train, query, seed).predict(query).labels, tables[0]["label"])


def test_one_fit_serves_annotation_and_search(name, fitted):
    if not CATALOGUE.row(name).searcher:
        assert not hasattr(fitted, "search")
        return
    train, (query, truth) = training(), queries()
    for k in (1, 10, len(train.y) + 3):
        found = fitted.search(query, k)
        found.check(len(truth), k, len(train.y))
    nearest = fitted.search(query, 10)
    assert agreement(train.y[nearest.ids[:, 0]], truth) >= 0.95
    # asking for more never loses a nearer one; the same ones, but where k decides who is nominated (CellFishing)
    assert np.all(nearest.distances[:, :3] <= fitted.search(query, 3).distances)


def test_every_flagged_method_is_what_its_row_says():
    for name, row in CATALOGUE.methods.items():
        build_method(row, seed=0)
        assert row.citation or row.control, name
    transductive = [name for name, row in CATALOGUE.methods.items() if row.transductive]
    assert transductive == ["scanvi"]
    searchers = {name for name, row in CATALOGUE.methods.items() if row.searcher}
    found = {name for name in searchers if CATALOGUE.row(name).seed_as is None and "deephash" not in name}
    assert found == {
        "cellfishing",
        "scmap_cell",
        "scmap_cell_as_coded",
        "exact_cosine",
        "true_labels",
        "random",
    }
    for flag in ("transductive", "searcher"):
        row = CATALOGUE.row("svm").model_copy(update={flag: True})
        with pytest.raises(ConfigError, match=f"its row must say {flag}: false"):
            build_method(row, seed=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_method_is_ever_given_nan(bad):
    train, (query, _) = training(), queries()
    for cells in (train, query):
        X = cells.X.copy()
        X.data[5] = bad
        with pytest.raises(DataError, match="must be finite, found 1 NaN or infinite"):
            replace(cells, X=X)


def test_cells_that_do_not_fit_together_are_refused():
    train, (query, _) = training(), queries()
    with pytest.raises(DataError, match="need a label each: 181 cells, labels of shape \\(180,\\)"):
        replace(train, y=train.y[1:])
    with pytest.raises(DataError, match="at least two types, got 1"):
        replace(train, y=np.repeat("one", len(train.y)))
    with pytest.raises(DataError, match="a name for each of 700 genes"):
        replace(query, genes=GENES[1:])
    with pytest.raises(DataError, match="'GENE0000' more than once"):
        replace(query, genes=np.append(GENES[:-1], GENES[0]))
    with pytest.raises(DataError, match="not a kind of values"):
        replace(query, values="log")


GOOD = NearestCells(np.array([[1, 3, -1]]), np.array([[0.5, 0.5, np.inf]], np.float32))


@pytest.mark.parametrize(
    ("ids", "distances", "message"),
    [
        ([[3, 1]], [[0.5, 0.5]], "must return"),
        ([[9, 1, -1]], [[0.5, 0.5, np.inf]], "do not exist"),
        ([[-2, 1, -1]], [[0.5, 0.5, np.inf]], "do not exist"),
        ([[-1, 1, 2]], [[np.inf, 0.5, 0.6]], "missing neighbours last"),
        ([[3, 1, 2]], [[0.5, 0.6, np.inf]], "infinite distance"),
        ([[3, 1, 2]], [[0.5, 0.4, 0.6]], "nearest cells first"),
        ([[3, 1, 2]], [[0.4, 0.4, 0.6]], "in the order of their rows"),
        ([[3, 3, 2]], [[0.5, 0.5, 0.6]], "twice"),
    ],
)
def test_what_a_searcher_may_not_return(ids, distances, message):
    GOOD.check(1, 3, 9)
    with pytest.raises(DataError, match=message):
        NearestCells(np.array(ids), np.array(distances, np.float32)).check(1, 3, 9)
