"""The whole chain from counts to neighbours: the naive twin, exact cosine neighbours, what may and may not matter."""

import os
import sys
from pathlib import Path

import anndata
import h5py
import naive
import numba
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from schash import _selected_cells
from schash._threads import numba_threads
from schash._transforms import TRANSFORMS
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.child import run_limited
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.data.simulate import simulate
from schash.errors import ConfigError, DataError
from schash.hamming import hamming_distances, unpack_bits
from schash.neighbors import Neighbors

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
MIRROR = os.environ.get("SCHASH_MIRROR")
SMALL = {"n_bits": 70, "n_hashes": 3, "n_dims": 10}


@pytest.fixture(scope="module")
def cells():
    """Simulated counts: database (200, 300) CSR, queries (50, 300) CSR, genes."""
    adata = simulate(250, 300, 5, seed=1).cells
    return adata.X[:200], adata.X[200:], adata.var_names.to_numpy(str)


@pytest.fixture(scope="module")
def model(cells):
    X, _, genes = cells
    return CellFishing(**SMALL).fit(X, genes=genes)


def same_codes(codes, others):
    return len(codes) == len(others) and all(a == b for a, b in zip(codes, others, strict=True))


def dense_points(model, values, mean, sd):
    return naive.standardized(values, mean, sd) @ model._reduction.vectors.astype(float)


def near(points, expected):
    np.testing.assert_allclose(points, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_chain_is_that_of_the_naive_twin(cells, transform):
    X, Q, genes = cells
    model = CellFishing(**SMALL, transform=transform).fit(X, genes=genes)
    kept = naive.kept_genes(X.toarray())
    assert list(model.genes_) == list(genes[kept])
    values = naive.transformed(X.toarray()[:, kept], transform)
    mean, sd = values.mean(0), values.std(0)
    A = naive.standardized(values, mean, sd)
    full = np.linalg.svd(A)[1][:10]
    np.testing.assert_allclose(model.singular_values_, full, rtol=0.05)
    np.testing.assert_allclose(model.singular_values_[:3], full[:3], rtol=1e-3)
    points = dense_points(model, naive.transformed(Q.toarray()[:, kept], transform), mean, sd)
    near(model.reduce(Q, genes=genes), points)
    for hash_, codes in zip(model._hashes, model.encode(Q, genes=genes), strict=True):
        clear = np.abs(points @ hash_.normals.T) > 1e-3
        assert clear.mean() > 0.99
        expected = naive.sign_bits(points, hash_.normals)
        np.testing.assert_array_equal(unpack_bits(codes)[clear], expected[clear])


@pytest.mark.parametrize("k", [1, 4, 10])
def test_the_search_ranks_what_each_hash_nominates(cells, model, k):
    _, Q, genes = cells
    codes = model.encode(Q, genes=genes)
    nominated = []
    for queries, index in zip(codes, model._indexes, strict=True):
        nominated.append(np.argsort(hamming_distances(queries, index.codes), axis=1, kind="stable")[:, :k])
    ids, distances = naive.ranked(
        np.hstack(nominated).tolist(),
        [unpack_bits(c) for c in codes],
        [unpack_bits(index.codes) for index in model._indexes],
        k,
    )
    found = model.search(Q, k, genes=genes)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_array_equal(found.distances, distances)
    assert (found.n_candidates >= k).all()
    np.testing.assert_array_equal(model.search_codes(codes, k).ids, ids)


def test_cells_of_the_database_find_themselves(cells, model):
    X, _, genes = cells
    found = model.search(X, 3, genes=genes)
    assert (found.distances[:, 0] == 0).all()
    np.testing.assert_array_equal(found.ids[:, 0], np.arange(200))
    for codes, index in zip(model.encode(X, genes=genes), model._indexes, strict=True):
        assert codes == index.codes


def test_a_cell_alone_gets_the_same_bits_as_in_a_batch(cells, model):
    _, Q, genes = cells
    batch, codes = model.reduce(Q, genes=genes), model.encode(Q, genes=genes)
    for i in (0, 1, 17, 49):
        np.testing.assert_array_equal(model.reduce(Q[i], genes=genes)[0], batch[i])
        assert same_codes(model.encode(Q[i], genes=genes), [c[i] for c in codes])
    np.testing.assert_array_equal(model.reduce(Q[::-1], genes=genes), batch[::-1])


def test_threads_do_not_change_a_bit_and_are_put_back(cells):
    X, Q, genes = cells
    before = numba.get_num_threads()
    one, two = (CellFishing(**SMALL, n_threads=n).fit(X, genes=genes) for n in (1, 2))
    assert same_codes(one.encode(Q, genes=genes), two.encode(Q, genes=genes))
    np.testing.assert_array_equal(one.singular_values_, two.singular_values_)
    np.testing.assert_array_equal(one.search(Q, 5, genes=genes).ids, two.search(Q, 5, genes=genes).ids)
    assert numba.get_num_threads() == before
    with pytest.raises(DataError):
        one.search(-Q, genes=genes)
    assert numba.get_num_threads() == before
    with numba_threads(1):
        assert numba.get_num_threads() == 1
        with numba_threads(None):
            assert numba.get_num_threads() == 1
    with numba_threads(1000):
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_how_the_cells_come_does_not_change_a_bit(cells, model, tmp_path, monkeypatch):
    X, Q, genes = cells
    anndata.AnnData(X, var=pd.DataFrame(index=genes)).write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    expected = model.encode(Q, genes=genes)
    sources = [
        (X.toarray(), genes),
        (X.tocsc().astype(np.int64), genes),
        (pd.DataFrame(X.toarray(), columns=genes), None),
        (CellChunks.from_matrix(X, chunk_rows=7), genes),
        (CellChunks.from_h5ad(tmp_path / "cells.h5ad", chunk_rows=33), None),
        (CellChunks.from_anndata(backed), None),
        (backed, None),
    ]
    for source, names in sources:
        other = CellFishing(**SMALL).fit(source, genes=names)
        np.testing.assert_array_equal(other.singular_values_, model.singular_values_)
        assert same_codes(other.encode(Q, genes=genes), expected)
        assert same_codes([i.codes for i in other._indexes], [i.codes for i in model._indexes])
    assert same_codes(model.encode(CellChunks.from_matrix(Q, chunk_rows=3), genes=genes), expected)
    monkeypatch.setattr(_selected_cells, "BLOCK_ROWS", 20)
    small_blocks = CellFishing(**SMALL).fit(X, genes=genes)
    monkeypatch.setattr(_selected_cells, "SPILL_BYTES", 0)
    spilled = CellFishing(**SMALL).fit(X, genes=genes)
    np.testing.assert_array_equal(spilled.singular_values_, small_blocks.singular_values_)
    assert same_codes([i.codes for i in spilled._indexes], [i.codes for i in small_blocks._indexes])
    backed.file.close()


def test_genes_of_a_query_come_in_any_order_and_others_do_not_matter(cells, model, rng):
    _, Q, genes = cells
    expected = model.reduce(Q, genes=genes)
    order = rng.permutation(len(genes))
    np.testing.assert_array_equal(model.reduce(Q[:, order], genes=genes[order]), expected)
    selected = np.isin(genes, model.genes_)
    np.testing.assert_array_equal(model.reduce(Q[:, selected], genes=genes[selected]), expected)
    wider = sparse.hstack([sparse.csr_matrix(np.full((50, 2), 9.0)), Q]).tocsr()
    np.testing.assert_array_equal(model.reduce(wider, genes=["x", "y", *genes]), expected)


def test_genes_that_a_query_lacks_are_at_the_mean_of_the_database(cells, model):
    X, Q, genes = cells
    kept = np.isin(genes, model.genes_)
    values = naive.transformed(X.toarray()[:, kept])
    mean, sd = values.mean(0), values.std(0)
    lacking = np.arange(len(mean)) % 3 == 0
    columns = np.flatnonzero(kept)[~lacking]
    part = np.zeros((50, len(mean)))
    part[:, ~lacking] = naive.transformed(Q.toarray()[:, columns])
    part[:, lacking] = mean[lacking]
    near(model.reduce(Q[:, columns], genes=genes[columns]), dense_points(model, part, mean, sd))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("missing", [False, True])
def test_whose_statistics_standardise_a_query(cells, transform, missing):
    X, Q, genes = cells
    model = CellFishing(**SMALL, transform=transform).fit(X, genes=genes)
    kept = np.flatnonzero(np.isin(genes, model.genes_))
    columns = kept[5:] if missing else kept
    database = naive.transformed(X.toarray()[:, kept], transform)
    values = np.tile(np.nan, (50, len(kept)))
    values[:, len(kept) - len(columns) :] = naive.transformed(Q.toarray()[:, columns], transform)
    both = np.vstack([database, values])
    for stats, of in (("database", database), ("query", values), ("both", both)):
        mean, sd = of.mean(0), of.std(0)
        z = naive.standardized(values, np.nan_to_num(mean), np.nan_to_num(sd))
        expected = np.nan_to_num(z) @ model._reduction.vectors
        near(model.set_params(stats=stats).reduce(Q[:, columns], genes=genes[columns]), expected)


def test_only_with_the_databases_statistics_does_an_answer_stand_alone(cells):
    X, Q, genes = cells
    for stats, alone in (("database", True), ("query", False), ("both", False)):
        model = CellFishing(**SMALL, stats=stats).fit(X, genes=genes)
        batch, half = model.reduce(Q, genes=genes), model.reduce(Q[:25], genes=genes)
        assert np.array_equal(batch[:25], half) == alone
    one = CellFishing(**SMALL, stats="query").fit(X, genes=genes)
    with pytest.raises(DataError, match="at least 2 cells, or use 'database'"):
        one.search(Q[0], genes=genes)
    assert one.set_params(stats="both").search(Q[0], genes=genes).ids.shape == (1, 10)
    assert one.set_params(stats="query").search(Q[:0], genes=genes).ids.shape == (0, 10)


def test_a_cell_without_a_count_of_a_selected_gene_is_all_zeros_standardised(cells, model):
    X, Q, genes = cells
    kept = np.isin(genes, model.genes_)
    values = naive.transformed(X.toarray()[:, kept])
    expected = dense_points(model, np.zeros((1, kept.sum())), values.mean(0), values.std(0))
    empty = sparse.csr_matrix(~kept * 3.0)
    near(model.reduce(empty, genes=genes), expected)
    near(model.reduce(Q[:1] * 0, genes=genes), expected)
    assert model.search(empty, 2, genes=genes).ids.min() >= 0
    with_empty = sparse.vstack([X, empty]).tocsr()
    assert CellFishing(**SMALL).fit(with_empty, genes=genes).search(empty, 1, genes=genes).ids[0, 0] == 200


def test_any_number_of_neighbours_and_of_cells(cells, model):
    _, Q, genes = cells
    none = model.search(Q, 0, genes=genes)
    assert none.ids.shape == none.distances.shape == (50, 0)
    every = model.search(Q[:3], 300, genes=genes)
    assert every.ids.shape == (3, 300)
    np.testing.assert_array_equal(np.sort(every.ids[:, :200], axis=1), np.tile(np.arange(200), (3, 1)))
    assert (every.ids[:, 200:] == -1).all()
    assert (every.distances[:, 200:] == 70 * 3 + 1).all()
    angles = model.angles(every)
    np.testing.assert_allclose(angles[:, :200], np.pi * every.distances[:, :200] / 210)
    assert np.isnan(angles[:, 200:]).all()
    empty = model.search(Q[:0], 4, genes=genes)
    assert empty.ids.shape == (0, 4)
    assert empty.n_candidates.shape == (0,)
    assert model.reduce(Q[:0], genes=genes).shape == (0, 10)
    assert [len(c) for c in model.encode(Q[:0], genes=genes)] == [0, 0, 0]


@pytest.mark.parametrize("n_bits", [8, 9, 64, 130])
def test_any_width(cells, n_bits):
    X, Q, genes = cells
    model = CellFishing(n_bits=n_bits, n_hashes=2, n_dims=10).fit(X, genes=genes)
    codes = model.encode(Q, genes=genes)
    assert [c.n_bits for c in codes] == [n_bits] * 2
    # Of few bits many codes are equal, and a hash nominates the first rows of equal ones
    assert (model.search(X, 200, genes=genes).distances[:, 0] == 0).all()


def test_a_prefix_is_the_index_of_fewer_hashes(cells, model):
    X, Q, genes = cells
    for n_hashes in (1, 2, 3):
        shorter = model.prefix(n_hashes)
        fitted = CellFishing(**{**SMALL, "n_hashes": n_hashes}).fit(X, genes=genes)
        assert same_codes(shorter.encode(Q, genes=genes), fitted.encode(Q, genes=genes))
        ours, theirs = shorter.search(Q, 5, genes=genes), fitted.search(Q, 5, genes=genes)
        np.testing.assert_array_equal(ours.ids, theirs.ids)
        np.testing.assert_array_equal(ours.distances, theirs.distances)
        assert shorter.get_params() == fitted.get_params()
        assert shorter.nbytes == fitted.nbytes
    assert model.n_hashes == 3
    for n_hashes in (0, 4):
        with pytest.raises(DataError, match="between 1 and 3"):
            model.prefix(n_hashes)
    first, second = (i.codes for i in model._indexes[:2])
    assert first != second


def test_seeds_decide(cells, model):
    X, Q, genes = cells
    again = CellFishing(**SMALL).fit(X, genes=genes)
    assert same_codes(again.encode(Q, genes=genes), model.encode(Q, genes=genes))
    other = CellFishing(**SMALL, seed=1).fit(X, genes=genes)
    assert not same_codes(other.encode(Q, genes=genes), model.encode(Q, genes=genes))


def test_genes_are_forced_in_and_out_and_their_number_is_raised(cells, model):
    X, _, genes = cells
    out, inside = model.genes_[0], next(g for g in genes if g not in model.genes_)
    forced = CellFishing(**SMALL, include_genes=[inside], exclude_genes=[out]).fit(X, genes=genes)
    assert set(forced.genes_) == set(model.genes_) - {out} | {inside}
    assert len(CellFishing(**SMALL, min_features=100).fit(X, genes=genes).genes_) >= 100
    assert 30 <= len(model.genes_) < 100


def test_it_is_an_estimator(cells, model):
    X, Q, genes = cells
    given = {**SMALL, "transform": "freeman_tukey", "include_genes": ("GENE0001",), "seed": 7}
    unfitted = CellFishing(**given)
    assert clone(unfitted).get_params() == unfitted.get_params()
    assert {**unfitted.get_params(), **given} == unfitted.get_params()
    for call in (
        lambda: unfitted.search(Q, genes=genes),
        lambda: unfitted.encode(Q, genes=genes),
        lambda: unfitted.reduce(Q, genes=genes),
        lambda: unfitted.prefix(1),
        lambda: unfitted.nbytes,
        lambda: unfitted.save("x"),
        lambda: unfitted.search_codes([]),
    ):
        with pytest.raises(NotFittedError):
            call()
    fitted = clone(model).fit(X, genes=genes)
    expected = fitted.encode(Q, genes=genes)
    fitted.set_params(n_bits=16, n_dims=3, n_hashes=1)  # without effect until the next fit
    assert same_codes(fitted.encode(Q, genes=genes), expected)
    assert np.nanmax(fitted.angles(fitted.search(Q, 3, genes=genes))) <= np.pi
    assert fitted.n_cells_ == 200
    assert fitted.nbytes > sum(index.nbytes for index in fitted._indexes)
    assert CellFishing().__sklearn_tags__().input_tags.sparse


def test_progress_is_shown_on_a_terminal_only(cells, capsys, monkeypatch):
    X, _, genes = cells
    CellFishing(**SMALL, progress=True).fit(X, genes=genes)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    CellFishing(**SMALL, progress=True).fit(X, genes=genes)
    assert "ranges of genes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_bits": 7}, "n_bits must be a whole number of at least 8, got 7"),
        ({"n_bits": 64.0}, "n_bits"),
        ({"n_hashes": 0}, "n_hashes"),
        ({"n_dims": True}, "n_dims"),
        ({"min_features": 0}, "min_features"),
        ({"n_tables": 0}, "n_tables"),
        ({"n_tables": 71}, "n_tables"),
        ({"n_threads": 0}, "n_threads"),
        ({"transform": "sqrt"}, "transform='sqrt' is not known; allowed: log, freeman_tukey, none"),
        ({"stats": "all"}, "database, query, both"),
        ({"layout": "tree"}, "fast, compact, linear"),
        ({"include_genes": "GENE0001"}, "list of names"),
    ],
)
def test_parameters_that_are_none_are_refused(cells, options, words):
    X, _, genes = cells
    with pytest.raises(ConfigError, match=words):
        CellFishing(**{**SMALL, **options}).fit(X, genes=genes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, genes: (X * np.nan, genes), "negative, NaN"),
        (lambda X, genes: (-X, genes), "negative"),
        (lambda X, genes: (X[:, 0], genes), "1 columns, got shape"),
        (lambda X, genes: (X, [*genes[:-1], genes[0]]), "more than once: GENE0001"),
        (lambda X, genes: (X, None), "genes must hold one name per column: 300 columns, no names"),
        (lambda X, genes: (X[:5], genes), "n_dims=10 needs at least as many cells .* got 5 cells"),
        (lambda X, genes: (X[:, :50], genes[:50]), "5 genes selected of 50; raise min_features"),
        (lambda X, genes: (X[:0], genes), "got 0 cells and 0 genes"),
        (lambda X, genes: (np.ones((20, 300)), genes), "0 genes selected"),
        (lambda X, genes: (np.ones(3), genes), "1 dimension"),
    ],
)
def test_cells_that_cannot_be_indexed_are_refused(cells, change, words):
    X, genes = change(cells[0], cells[2])
    with pytest.raises(DataError, match=words):
        CellFishing(**SMALL).fit(X, genes=genes)


def test_queries_that_cannot_be_searched_are_refused(cells, model):
    _, Q, genes = cells
    with pytest.raises(DataError, match=r"has none of the .* genes that the index uses"):
        model.search(Q, genes=[f"other{i}" for i in range(300)])
    with pytest.raises(DataError, match="NaN"):
        model.search(Q * np.nan, genes=genes)
    with pytest.raises(DataError, match="more than once"):
        model.search(Q, genes=[genes[0], *genes[:-1]])
    with pytest.raises(DataError, match="no names"):
        model.search(Q)
    for k in (-1, 2.0, True):
        with pytest.raises(ConfigError, match="k must be"):
            model.search(Q, k, genes=genes)
    with pytest.raises(DataError, match="has 3 hashes, got the codes of 1"):
        model.search_codes(model.encode(Q, genes=genes)[:1])


def cosine_neighbors(queries, points, k):
    unit = [
        z / np.linalg.norm(z, axis=1, keepdims=True) for z in (queries.astype(float), points.astype(float))
    ]
    return np.argsort(-(unit[0] @ unit[1].T), axis=1, kind="stable")[:, :k]


def recall(found, exact):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)])


def real_cells(name):
    if name == "pbmc68k_reduced":
        adata = load_dataset(REGISTRY.dataset(name), {}).cells
        return sparse.csr_matrix(adata.X.expm1()), adata.var_names.to_numpy(str), {"min_features": 400}
    dataset = REGISTRY.dataset(name)
    files = {file.name: Path(MIRROR) / dataset.source / file.name for file in REGISTRY.source_of(name).files}
    adata = load_dataset(dataset, files).cells
    return adata.X, adata.var_names.to_numpy(str), {}


@pytest.mark.parametrize(
    "name",
    [
        "pbmc68k_reduced",
        pytest.param("zheng_sorted", marks=pytest.mark.skipif(not MIRROR, reason="SCHASH_MIRROR is not set")),
    ],
)
def test_recall_of_exact_cosine_neighbours_rises_with_bits_and_hashes(name):
    X, genes, options = real_cells(name)
    queries = np.arange(X.shape[0]) % 5 == 0
    by_bits, by_hashes = [], []
    for n_bits in (64, 128, 256, 512):
        model = CellFishing(n_bits=n_bits, n_hashes=8 if n_bits == 64 else 1, **options).fit(
            X[~queries], genes=genes
        )
        exact = cosine_neighbors(
            model.reduce(X[queries], genes=genes), model.reduce(X[~queries], genes=genes), 10
        )
        by_bits.append(recall(model.prefix(1).search(X[queries], 10, genes=genes).ids, exact))
        if n_bits == 64:
            for n_hashes in (1, 2, 4, 8):
                found = model.prefix(n_hashes).search(X[queries], 10, genes=genes)
                by_hashes.append(recall(found.ids, exact))
                cosine = np.cos(model.prefix(n_hashes).angles(found))
                assert np.all((cosine >= -1) & (cosine <= 1))
    assert by_bits == sorted(by_bits)
    assert by_hashes == sorted(by_hashes)
    assert by_bits[-1] > by_bits[0] + 0.2
    assert by_hashes[-1] > by_hashes[0] + 0.1
    assert by_bits[-1] > 0.4


def test_distances_estimate_the_angles_of_the_reduced_space(cells):
    X, Q, genes = cells
    model = CellFishing(n_bits=512, n_hashes=4, n_dims=10).fit(X, genes=genes)
    found = model.search(Q, 200, genes=genes)
    unit = [model.reduce(Z, genes=genes) for Z in (Q, X)]
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in unit]
    exact = np.arccos(np.clip(np.einsum("qd,qkd->qk", unit[0], unit[1][found.ids]), -1, 1))
    error = model.angles(found) - exact
    assert abs(error.mean()) < 0.01
    assert error.std() < np.pi * 0.5 / np.sqrt(4 * 512)


def fit_of_file(path, spill_bytes):
    from schash.timing import measured, peak_mb

    adata = simulate(60, 300, 3, seed=1).cells  # compiles, or loads what was compiled
    options = {"n_bits": 32, "n_hashes": 2, "n_dims": 8, "min_features": 2000}
    CellFishing(**options).fit(adata.X, genes=adata.var_names)
    _selected_cells.SPILL_BYTES, _selected_cells.BLOCK_ROWS = spill_bytes, 4096
    with measured():
        before = peak_mb()
    with measured() as measurement:
        model = CellFishing(**options).fit(CellChunks.from_h5ad(path))
    return measurement.peak_mb - before, len(model.genes_), model.n_cells_


def test_memory_does_not_grow_with_the_cells_of_a_backed_file(tmp_path):
    n_cells, n_genes, per_cell = 48_000, 2_000, 250
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "large.h5ad", "w") as file:
        group = file.create_group("X")
        group.attrs.update(
            {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (n_cells, n_genes)}
        )
        group["indptr"] = np.arange(n_cells + 1, dtype=np.int64) * per_cell
        starts = rng.integers(0, n_genes - per_cell + 1, n_cells)
        group["indices"] = (starts[:, None] + np.arange(per_cell)).astype(np.int32).ravel()
        group["data"] = rng.geometric(0.3, n_cells * per_cell).astype(np.float32)
        anndata.io.write_elem(file, "var", pd.DataFrame(index=[f"GENE{i}" for i in range(n_genes)]))
    counts_mb = n_cells * per_cell * 8 / 2**20
    modules = ["schash.cellfishing", "schash.data.simulate", "schash.mih"]
    spilled = run_limited(fit_of_file, tmp_path / "large.h5ad", 2**22, modules=modules, seconds=240)
    assert spilled.status == "ok", spilled
    peak, n_selected, n_found = spilled.value
    assert (n_selected, n_found) == (n_genes, n_cells)
    assert counts_mb > 90
    assert peak < 45  # the selected counts alone are 69 MB
    held = run_limited(fit_of_file, tmp_path / "large.h5ad", 2**30, modules=modules, seconds=240)
    assert held.value[0] > 69


def test_a_search_result_is_neighbors(cells, model):
    _, Q, genes = cells
    found = model.search(Q, genes=genes)
    assert isinstance(found, Neighbors)
    assert found.k == 10
    assert len(found) == 50


def test_a_fit_that_fails_leaves_the_index_as_it_was(cells, monkeypatch):
    X, Q, genes = cells
    model = CellFishing(**SMALL).fit(X, genes=genes)
    before = model.search(Q, 5, genes=genes)
    monkeypatch.setattr("schash.cellfishing.make_indexes", lambda model, codes: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.set_params(seed=9).fit(X[:-5], genes=genes)
    np.testing.assert_array_equal(model.search(Q, 5, genes=genes).ids, before.ids)


def test_more_neighbours_than_cells_are_padded(cells):
    X, Q, genes = cells
    model = CellFishing(**SMALL).fit(X, genes=genes)
    n_bits = sum(index.n_bits for index in model._indexes)
    found = model.search(Q, X.shape[0] + 7, genes=genes)
    assert (found.ids[:, -7:] == -1).all()
    assert (found.distances[:, -7:] == n_bits + 1).all()
    assert (np.sort(found.ids[:, :-7], axis=1) == np.arange(X.shape[0])).all()
