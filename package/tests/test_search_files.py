"""Search for a user's own cells: every way to give them finds the same neighbours, in memory and in files."""

import shutil
import warnings

import anndata
import h5py
import naive
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from test_user_files import write_10x_folder

import schash.cell_chunks
import schash.user.search
import schash.user.streams
from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.user.atlas import Atlas, make_labels
from schash.user.indexing import index_file
from schash.user.search import search
from schash.user.searcher import majority
from schash.user.searching import search_file
from schash.user.streams import open_cells

SMALL = {"n_bits": 32, "n_hashes": 2, "n_dims": 8, "min_features": 40}
OPTIONS = {
    "layer": None,
    "use_raw": False,
    "include_genes": None,
    "exclude_genes": None,
    "compression": "none",
}


@pytest.fixture
def adata(planted):
    X, y, genes = planted
    obs = pd.DataFrame({"cell_type": y}, index=[f"c{i}" for i in range(160)])
    adata = anndata.AnnData(X, obs=obs)
    adata.var_names = genes
    adata.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(60)]
    return adata


@pytest.fixture
def atlas(adata):
    """Every second cell; the first two have no label."""
    half = adata[::2]
    index = CellFishing(**SMALL).fit(half.X, genes=half.var_names.to_numpy(str))
    labels = half.obs["cell_type"].astype(object).where(np.arange(80) > 1, None)
    ids = half.var.loc[index.genes_, ["gene_ids"]]
    return Atlas(index, half.obs_names.to_numpy(), make_labels({"cell_type": labels}, 80), ids)


@pytest.fixture
def query(adata):
    return adata[1::2].copy()


# --- In memory -------------------------------------------------------------------------------------------------


def test_search_writes_what_the_index_finds(atlas, query):
    genes = search(query, atlas, 7)
    found = atlas.index.search(query.X, 7, genes=query.var_names.to_numpy(str))
    np.testing.assert_array_equal(query.obsm["schash_neighbors"], found.ids)
    np.testing.assert_array_equal(query.obsm["schash_distances"], found.distances)
    assert query.obsm["schash_neighbor_names"].to_numpy().tolist() == atlas.cell_names[found.ids].tolist()
    np.testing.assert_array_equal(query.obs["schash_nearest_distance"], found.distances[:, 0])
    np.testing.assert_allclose(query.obs["schash_nearest_angle"], np.pi * found.distances[:, 0] / 64)
    facts = query.uns["schash_search"]
    assert (facts["k"], facts["n_bits"], facts["n_hashes"], facts["n_reference_cells"]) == (7, 32, 2, 80)
    assert genes.n_shared == facts["genes_shared"] == len(atlas.index.genes_)


def test_labels_are_the_majority_of_the_neighbours(atlas, query):
    search(query, atlas, 7)
    labels = (
        atlas.labels["cell_type"].astype(object).where(atlas.labels["cell_type"].notna(), None).to_numpy()
    )
    for i, ids in enumerate(query.obsm["schash_neighbors"]):
        label, votes = naive.majority(list(labels[ids]))
        assert query.obs["schash_cell_type"].iloc[i] == label
        assert query.obs["schash_cell_type_score"].iloc[i] == votes / 7
    assert (query.obs["schash_cell_type"].astype(str) == query.obs["cell_type"]).mean() > 0.95


@given(st.integers(1, 6), st.lists(st.integers(-1, 3), max_size=40))
def test_majority_is_its_naive_twin(k, values):
    codes = np.array(values[: len(values) // k * k], dtype=np.int8).reshape(-1, k)
    winners, votes = majority(codes)
    for row, winner, n in zip(codes.tolist(), winners, votes, strict=True):
        label, expected = naive.majority([None if code < 0 else code for code in row])
        assert (winner, n) == (-1 if label is None else label, expected)


def test_a_tie_goes_to_the_label_of_the_nearer_cell():
    winners, votes = majority(np.array([[2, 1, 1, 2], [-1, 0, 3, 3], [-1, -1, -1, -1], [0, 1, 2, 3]]))
    assert winners.tolist() == [2, 3, -1, 0]
    assert votes.tolist() == [2, 2, 0, 1]


def test_an_index_alone_gives_rows_and_no_labels(atlas, query):
    search(query, atlas.index, 3)
    assert not any("cell_type" in key for key in query.obs.columns if key.startswith("schash"))
    ids = query.obsm["schash_neighbors"]
    assert query.obsm["schash_neighbor_names"].to_numpy().tolist() == ids.astype(str).tolist()
    with pytest.raises(DataError, match="exclude_self goes by the names"):
        search(query, atlas.index, 3, exclude_self=True)


def test_blocks_do_not_matter(atlas, query, monkeypatch):
    other = query.copy()
    search(query, atlas, 4)
    monkeypatch.setattr(schash.user.search, "BLOCK", 7)
    search(other, atlas, 4)
    pd.testing.assert_frame_equal(query.obs, other.obs)
    np.testing.assert_array_equal(query.obsm["schash_neighbors"], other.obsm["schash_neighbors"])


def test_layer_and_raw(atlas, query):
    expected = query.copy()
    search(expected, atlas, 4)
    query.layers["counts"] = query.X.copy()
    query.raw = query.copy()
    query.X = query.X * 0.5
    for options in ({"layer": "counts"}, {"use_raw": True}):
        result = query.copy()
        search(result, atlas, 4, **options)
        np.testing.assert_array_equal(result.obsm["schash_neighbors"], expected.obsm["schash_neighbors"])
    with pytest.raises(DataError, match="are no integers"):
        search(query, atlas, 4)
    search(query, atlas, 4, values="noninteger")  # cells are scaled anyway
    np.testing.assert_array_equal(query.obsm["schash_neighbors"], expected.obsm["schash_neighbors"])
    with pytest.raises(DataError, match="'lognorm' cannot be hashed"):
        search(query, atlas, 4, values="lognorm")


def test_statistics_of_the_query_are_refused_where_it_is_read_in_blocks(query, atlas):
    by_query = CellFishing(**{**SMALL, "stats": "query"}).fit(query.X, genes=query.var_names.to_numpy(str))
    with pytest.raises(DataError, match="stats='query' standardises a query by its own cells"):
        search(query, by_query)


def test_a_matrix_that_is_not_there_is_named(query, atlas):
    with pytest.raises(DataError, match=r"query: has no layer 'spliced' \(it has: none\)"):
        search(query, atlas, layer="spliced")
    with pytest.raises(DataError, match=r"query: has no \.raw"):
        search(query, atlas, use_raw=True)
    with pytest.raises(DataError, match=r"either a layer or \.raw, not both"):
        search(query, atlas, layer="spliced", use_raw=True)


@pytest.mark.parametrize("k", [1, 5, 79, 80, 90])
def test_exclude_self_drops_the_cell_of_the_same_name_and_keeps_k(atlas, adata, k):
    search(adata, atlas, k, exclude_self=True)
    wide = adata.copy()
    search(wide, atlas, k + 1)
    for i, name in enumerate(adata.obs_names):
        ids = wide.obsm["schash_neighbors"][i]
        kept = [j for j in ids if j < 0 or atlas.cell_names[j] != name][:k]
        assert adata.obsm["schash_neighbors"][i].tolist() == kept
    assert adata.uns["schash_search"]["exclude_self"]
    assert (adata.obsm["schash_neighbor_names"].to_numpy() != adata.obs_names.to_numpy()[:, None]).all()


def test_exclude_self_refuses_repeated_names(atlas, query):
    twice = Atlas(atlas.index, np.repeat(np.arange(40).astype(str), 2))
    with pytest.raises(DataError, match=r"40 names repeat, e\.g\. '0'"):
        search(query, twice, 3, exclude_self=True)


def test_more_neighbours_than_cells_are_padded(atlas, query):
    search(query, atlas, 85)
    assert (query.obsm["schash_neighbors"][:, 80:] == -1).all()
    assert (query.obsm["schash_distances"][:, 80:] == 65).all()
    assert (query.obsm["schash_neighbor_names"].iloc[:, 80:] == "").all(axis=None)
    # 20 of 80, of which one without a label in the first type: padding is no neighbour
    assert set(query.obs["schash_cell_type_score"]) == {20 / 80}


# --- Genes -----------------------------------------------------------------------------------------------------


def test_genes_match_in_whatever_naming_both_have(atlas, query):
    search(query, atlas, 4)
    by_id = query.copy()
    by_id.var_names = [f"{name}.3" for name in query.var["gene_ids"]]
    del by_id.var["gene_ids"]
    shuffled = by_id[:, np.random.default_rng(0).permutation(60)].copy()
    genes = search(shuffled, atlas, 4)
    assert (genes.query_naming, genes.atlas_naming) == ("var_names", "gene_ids")
    np.testing.assert_array_equal(shuffled.obsm["schash_neighbors"], query.obsm["schash_neighbors"])
    swapped = by_id.copy()
    swapped.var["symbol"] = query.var_names
    swapped.var_names = [f"x{i}" for i in range(60)]
    assert search(swapped, atlas, 4).query_naming == "symbol"
    np.testing.assert_array_equal(swapped.obsm["schash_neighbors"], query.obsm["schash_neighbors"])


def test_no_shared_gene_names_both_sides(atlas, query):
    query.var_names = [f"Mouse{i}" for i in range(60)]
    del query.var["gene_ids"]
    with pytest.raises(DataError, match=r"none of its 60 genes.*Mouse0, Mouse1.*the atlas knows e.g. GENE"):
        search(query, atlas)


def test_a_shared_gene_that_repeats_is_refused_and_a_foreign_one_is_not(atlas, query):
    chosen = str(atlas.index.genes_[0])
    names = query.var_names.to_numpy(object)
    del query.var["gene_ids"]
    foreign = [i for i, name in enumerate(names) if name not in set(atlas.index.genes_)][:2]
    names[foreign] = "twice"
    query.var_names = names
    search(query, atlas)
    names[foreign[0]] = chosen
    query.var_names = names
    with pytest.raises(DataError, match=f"more than once: {chosen}"):
        search(query, atlas)


def test_an_ambiguous_naming_of_the_atlas_is_not_used(atlas, query):
    namings = atlas.gene_names.copy()
    namings["gene_ids"] = ["same"] * (len(namings) - 1) + [""]
    ambiguous = Atlas(atlas.index, atlas.cell_names, gene_names=namings)
    query.var_names = ["same", "", *[f"x{i}" for i in range(58)]]
    del query.var["gene_ids"]
    with pytest.raises(DataError, match="none of its 60 genes"):
        search(query, ambiguous)


# --- Bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(atlas, query, k):
    with pytest.raises(DataError, match=f"k={k} is too few"):
        search(query, atlas, k)


def test_an_empty_query_is_refused(atlas, query):
    with pytest.raises(DataError, match="holds no cells"):
        search(query[:0].copy(), atlas)


# --- Files -----------------------------------------------------------------------------------------------------


def search_to(path, query, folder, **options):
    options = {
        "k": 4,
        "layer": None,
        "use_raw": False,
        "exclude_self": False,
        "summary": None,
        "values": None,
    } | options
    return search_file(query, folder / "atlas", output=path, n_threads=None, progress=False, **options)


@pytest.fixture
def folder(atlas, tmp_path):
    atlas.save(tmp_path / "atlas")
    return tmp_path


def write_10x_h5(path, adata, *, version):
    """As Cell Ranger writes it, with an antibody as the first feature in version 3."""
    X = sparse.csr_matrix(adata.X)
    ids, symbols = list(adata.var["gene_ids"]), list(adata.var_names)
    if version == 3:
        X = sparse.csr_matrix(sparse.hstack([sparse.csr_matrix(np.full((X.shape[0], 1), 9)), X]))
        ids, symbols = ["CD3", *ids], ["CD3", *symbols]
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "mm10")
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(X, name).astype(np.int32)
        group["shape"] = np.array(X.shape[::-1])
        group["barcodes"] = np.array(list(adata.obs_names), dtype="S")
        if version == 3:
            features = group.create_group("features")
            features["name"], features["id"] = np.array(symbols, dtype="S"), np.array(ids, dtype="S")
            features["feature_type"] = np.array(["Antibody Capture"] + ["Gene Expression"] * 60, dtype="S")
            features["genome"] = np.array(["mm10"] * 61, dtype="S")
        else:
            group["gene_names"], group["genes"] = np.array(symbols, dtype="S"), np.array(ids, dtype="S")


@pytest.fixture(params=["csr", "csc", "dense", "layer", "raw", "10x3", "10x2", "folder"])
def query_file(request, query, tmp_path):
    kind, path, options = request.param, tmp_path / "query.h5ad", {}
    stored = query.copy()
    if kind in ("layer", "raw"):
        stored.layers["counts"] = stored.X.copy()
        stored.raw = stored.copy()
        stored.X = stored.X * 0.5
        options = {"layer": "counts"} if kind == "layer" else {"use_raw": True}
    elif kind in ("csc", "dense"):
        stored.X = stored.X.tocsc() if kind == "csc" else stored.X.toarray()
    if kind.startswith("10x"):
        path = tmp_path / "query.h5"
        write_10x_h5(path, stored, version=int(kind[-1]))
    elif kind == "folder":
        path = tmp_path / "folder10x"
        write_10x_folder(path, stored.X.toarray(), stored.var_names)
        barcodes = pd.Series(stored.obs_names)
        barcodes.to_csv(path / "barcodes.tsv.gz", header=False, index=False)
    else:
        stored.write_h5ad(path)
    return path, options, kind


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".h5ad"])
def test_every_format_finds_the_same(query_file, query, atlas, folder, suffix, monkeypatch):
    path, options, kind = query_file
    if kind not in ("csc", "folder"):  # the others are read by rows and never whole

        def refuse(*_, **__):
            raise AssertionError

        monkeypatch.setattr(schash.user.streams, "read_user_cells", refuse)
    said = search_to(folder / f"out{suffix}", path, folder, **options)
    search(query, atlas, 4)
    names = query.obsm["schash_neighbor_names"].to_numpy()
    assert "80 cells searched among 80" in said
    if suffix == ".h5ad":
        out = anndata.read_h5ad(folder / "out.h5ad")
        np.testing.assert_array_equal(out.obsm["schash_neighbors"], query.obsm["schash_neighbors"])
        np.testing.assert_array_equal(out.obsm["schash_distances"], query.obsm["schash_distances"])
        np.testing.assert_array_equal(out.obsm["schash_neighbor_names"].to_numpy(), names)
        assert list(out.obs["schash_cell_type"]) == list(query.obs["schash_cell_type"])
        assert out.n_obs == 80
        return
    table = pd.read_csv(folder / f"out{suffix}", sep="," if suffix == ".csv" else "\t")
    header = ["cell", "rank", "neighbor", "distance", "angle", "neighbor_cell_type"]
    assert list(table) == header
    assert list(table["cell"]) == list(np.repeat(query.obs_names, 4))
    assert list(table["rank"]) == [1, 2, 3, 4] * 80
    assert list(table["neighbor"]) == names.ravel().tolist()
    np.testing.assert_array_equal(table["distance"], query.obsm["schash_distances"].ravel())
    np.testing.assert_allclose(table["angle"], np.pi * table["distance"] / 64, atol=1e-4)
    labels = dict(zip(atlas.cell_names, atlas.labels["cell_type"], strict=True))
    expected = pd.Series([labels[name] for name in table["neighbor"]], dtype=object)
    pd.testing.assert_series_equal(table["neighbor_cell_type"], expected, check_names=False)


def test_blocks_of_a_file_do_not_matter(query, folder, monkeypatch):
    query.write_h5ad(folder / "q.h5ad")
    write_10x_h5(folder / "q.h5", query, version=3)
    search_to(folder / "whole.tsv", folder / "q.h5ad", folder, summary=folder / "whole_summary.tsv")
    monkeypatch.setattr(schash.cell_chunks, "CHUNK_ROWS", 7)
    for name in ("q.h5ad", "q.h5"):
        search_to(folder / "blocks.tsv", folder / name, folder, summary=folder / "blocks_summary.tsv")
        for kind in ("", "_summary"):
            assert (folder / f"blocks{kind}.tsv").read_text() == (folder / f"whole{kind}.tsv").read_text()


def test_the_summary_is_the_obs_of_the_h5ad(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    search_to(folder / "out.h5ad", folder / "q.h5ad", folder, summary=folder / "s.tsv")
    table = pd.read_csv(folder / "s.tsv", sep="\t", index_col="cell")
    obs = anndata.read_h5ad(folder / "out.h5ad").obs[list(table)]
    assert list(table) == [
        "schash_cell_type",
        "schash_cell_type_score",
        "schash_nearest_distance",
        "schash_nearest_angle",
    ]
    assert list(table.index) == list(obs.index)
    assert list(table["schash_cell_type"]) == list(obs["schash_cell_type"])
    np.testing.assert_allclose(table.iloc[:, 1:], obs.iloc[:, 1:], rtol=1e-3)


def test_the_h5ad_keeps_all_that_was_in_it(query, folder):
    query.layers["counts"] = query.X.copy()
    query.raw = query.copy()
    query.obsm["X_pca"] = np.arange(160.0).reshape(80, 2)
    query.uns["mine"] = {"a": 1}
    query.obs["schash_cell_type"] = "old"
    query.write_h5ad(folder / "q.h5ad")
    before = (folder / "q.h5ad").read_bytes()
    search_to(folder / "out.h5ad", folder / "q.h5ad", folder)
    assert (folder / "q.h5ad").read_bytes() == before
    out = anndata.read_h5ad(folder / "out.h5ad")
    np.testing.assert_array_equal(out.X.toarray(), query.X.toarray())
    np.testing.assert_array_equal(out.layers["counts"].toarray(), query.X.toarray())
    np.testing.assert_array_equal(out.raw.X.toarray(), query.X.toarray())
    np.testing.assert_array_equal(out.obsm["X_pca"], query.obsm["X_pca"])
    assert out.uns["mine"]["a"] == 1
    assert set(query.obs.columns) < set(out.obs.columns)
    assert list(out.obs["cell_type"]) == list(query.obs["cell_type"])
    assert "old" not in set(out.obs["schash_cell_type"])
    # and once more, over its own results
    search_to(folder / "again.h5ad", folder / "out.h5ad", folder, k=2)
    assert anndata.read_h5ad(folder / "again.h5ad").obsm["schash_neighbors"].shape == (80, 2)


def test_names_that_need_quotes_come_back_from_the_table(atlas, query, folder):
    odd = ['with "quotes"', "with\ttab", "with\nline", "plain"]
    names = atlas.cell_names.copy()
    names[:4] = odd
    Atlas(atlas.index, names, atlas.labels).save(folder / "atlas")
    query = query[:, :].copy()
    query.obs_names = ["a\tb", *query.obs_names[1:]]
    query.write_h5ad(folder / "q.h5ad")
    search_to(folder / "out.tsv", folder / "q.h5ad", folder, k=80)
    table = pd.read_csv(folder / "out.tsv", sep="\t")
    assert set(odd) <= set(table["neighbor"])
    assert list(table["cell"].iloc[::80]) == list(query.obs_names)


def test_padding_is_left_out_of_the_table(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    search_to(folder / "out.tsv", folder / "q.h5ad", folder, k=90)
    table = pd.read_csv(folder / "out.tsv", sep="\t")
    assert len(table) == 80 * 80
    assert table["neighbor"].notna().all()


def test_warnings_of_few_genes_and_of_cells_without_any(atlas, query, folder):
    chosen = list(atlas.index.genes_)
    few = query[:, [g for g in query.var_names if g not in chosen[len(chosen) // 2 - 1 :]]].copy()
    counts = few.X.toarray()
    counts[:3, few.var_names.isin(chosen)] = 0  # but for genes that the atlas does not have
    few.X = sparse.csr_matrix(counts)
    few.write_h5ad(folder / "q.h5ad")
    said = search_to(folder / "out.tsv", folder / "q.h5ad", folder)
    assert "fewer than half of the atlas's genes" in said
    n_empty = int((counts[:, few.var_names.isin(chosen)].sum(axis=1) == 0).sum())
    assert f"{n_empty:,} query cells have no count in any shared gene" in said
    query.write_h5ad(folder / "q.h5ad")
    assert "Warning" not in search_to(folder / "all.tsv", folder / "q.h5ad", folder)


def test_a_damaged_file_says_so(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    with h5py.File(folder / "q.h5ad", "r+") as file:
        file["X/indices"][5] = 1000
    with pytest.raises(DataError, match=r"q\.h5ad: damaged: rows 0 to 80 of X are no CSR"):
        search_to(folder / "out.tsv", folder / "q.h5ad", folder)
    assert not (folder / "out.tsv").exists()
    write_10x_h5(folder / "q.h5", query, version=2)
    with h5py.File(folder / "q.h5", "r+") as file:
        file["mm10/indices"][5] = 1000
    with pytest.raises(DataError, match=r"q\.h5: cells 0 to 80 cannot be read, the file is damaged"):
        search_to(folder / "out.tsv", folder / "q.h5", folder)
    content = (folder / "q.h5ad").read_bytes()
    (folder / "q.h5ad").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"q\.h5ad: cannot be read"):
        search_to(folder / "out.tsv", folder / "q.h5ad", folder)


def test_outputs_of_other_kinds_are_refused(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    with pytest.raises(DataError, match=r"must end in \.h5ad, \.tsv, \.csv"):
        search_to(folder / "out.xlsx", folder / "q.h5ad", folder)
    with pytest.raises(DataError, match=r"summary must end in \.tsv, \.csv"):
        search_to(None, folder / "q.h5ad", folder, summary=folder / "s.h5ad")
    with pytest.raises(DataError, match="name an output"):
        search_to(None, folder / "q.h5ad", folder)


def test_missing_things_are_named(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    with pytest.raises(DataError, match="has no layer 'umi'"):
        open_cells(folder / "q.h5ad", layer="umi")
    with pytest.raises(DataError, match=r"has no \.raw"):
        open_cells(folder / "q.h5ad", use_raw=True)
    with pytest.raises(DataError, match="not both"):
        open_cells(folder / "q.h5ad", layer="umi", use_raw=True)
    with pytest.raises(DataError, match="does not exist"):
        open_cells(folder / "none.h5ad")
    query[:0].write_h5ad(folder / "empty.h5ad")
    with pytest.raises(DataError, match="holds no cells"):
        open_cells(folder / "empty.h5ad")
    (folder / "cells.txt").write_text("a")
    with pytest.raises(DataError, match="unknown format"):
        open_cells(folder / "cells.txt")


def test_an_h5ad_without_the_mark_of_todays_format_is_read_whole(query, folder):
    query.write_h5ad(folder / "q.h5ad")
    assert open_cells(folder / "q.h5ad").adata is None
    with h5py.File(folder / "q.h5ad", "r+") as file:
        del file.attrs["encoding-type"], file.attrs["encoding-version"]
    assert open_cells(folder / "q.h5ad").adata is not None


def test_the_embedded_file_in_anndatas_oldest_format_is_read_whole():
    from schash.data.embedded import FILE, _wheel_folder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata says how old the format is
        cells = open_cells(_wheel_folder() / FILE, use_raw=True)
    assert cells.chunks.shape == (700, 765)
    assert cells.adata is not None


# --- Indexing --------------------------------------------------------------------------------------------------


def test_index_file_is_the_index_of_its_cells(adata, folder):
    reference = adata[::2].copy()
    reference.obs["batch"] = ["a", None] * 40
    reference.write_h5ad(folder / "r.h5ad")
    said = index_file(
        folder / "r.h5ad",
        folder / "made",
        labels=["cell_type", "batch"],
        values="counts",
        progress=False,
        **OPTIONS,
        **SMALL,
    )
    made = Atlas.load(folder / "made")
    index = CellFishing(**SMALL).fit(reference.X, genes=reference.var_names.to_numpy(str))
    np.testing.assert_array_equal(
        made.index.search(adata.X, 3, genes=adata.var_names).ids,
        index.search(adata.X, 3, genes=adata.var_names).ids,
    )
    assert list(made.cell_names) == list(reference.obs_names)
    assert list(made.labels["cell_type"]) == list(reference.obs["cell_type"])
    assert made.labels["batch"].isna().sum() == 40
    assert list(made.gene_names["gene_ids"]) == list(reference.var.loc[made.index.genes_, "gene_ids"])
    assert f"80 cells, {len(index.genes_)} of 60 genes selected, 2 codes of 32 bits a cell" in said
    assert "1 labels (40 cells without)" in said
    assert "MB in" in said


def test_listed_genes_are_forced_in_and_out(adata, folder):
    adata.write_h5ad(folder / "r.h5ad")
    (folder / "in.txt").write_text("GENE058\n\nnot a gene\nGENE059\n")
    (folder / "out.txt").write_text("GENE000\n")
    lists = {"include_genes": folder / "in.txt", "exclude_genes": folder / "out.txt"}
    made = {}
    for name, options in (("plain", {}), ("listed", lists)):
        index_file(
            folder / "r.h5ad",
            folder / name,
            labels=[],
            values="counts",
            progress=False,
            **(OPTIONS | options),
            **(SMALL | {"min_features": 30}),
        )
        made[name] = set(Atlas.load(folder / name).index.genes_)
    assert "GENE000" in made["plain"]
    assert "GENE000" not in made["listed"]
    assert {"GENE058", "GENE059"} <= made["listed"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": ["type"]}, r"obs has no column 'type' \(it has: cell_type\)"),
        ({"values": "lognorm"}, "'lognorm' cannot be hashed: .*allowed: counts, noninteger"),
        ({"values": "tpm"}, "allowed: counts"),
        ({"compression": "bz2"}, "allowed: none, gzip, zstd"),
        ({"n_dims": 500}, "n_dims=500 needs"),
    ],
)
def test_what_cannot_be_indexed_says_so(adata, folder, change, words):
    adata.write_h5ad(folder / "r.h5ad")
    options = {"labels": [], "values": "counts", "progress": False} | OPTIONS | SMALL | change
    with pytest.raises(DataError, match=words):
        index_file(folder / "r.h5ad", folder / "made", **options)
    assert not (folder / "made").exists()


def test_unusable_references_say_so(adata, folder):
    options = {"labels": [], "values": "counts", "progress": False} | OPTIONS | SMALL
    half = adata.copy()
    half.X = half.X * 0.5
    half.write_h5ad(folder / "half.h5ad")
    with pytest.raises(DataError, match=r"half\.h5ad: expected counts"):
        index_file(folder / "half.h5ad", folder / "made", **options)
    index_file(folder / "half.h5ad", folder / "made", **(options | {"values": "noninteger"}))
    assert Atlas.load(folder / "made").values == "noninteger"
    twice = adata.copy()
    twice.var_names = ["GENE000", "GENE000", *adata.var_names[2:]]
    twice.write_h5ad(folder / "twice.h5ad")
    with pytest.raises(DataError, match="genes occur more than once: GENE000"):
        index_file(folder / "twice.h5ad", folder / "made", **options)
    (folder / "list").write_text("nothing\n")
    shutil.copy(folder / "half.h5ad", folder / "r.h5ad")
    for path, words in (
        (folder / "list", "none of its 1 genes, such as 'nothing'"),
        (folder / "no", "cannot be read"),
    ):
        with pytest.raises(DataError, match=words):
            index_file(folder / "r.h5ad", folder / "made", **(options | {"include_genes": path}))


def test_repeated_cell_names_are_said(adata, folder):
    adata.obs_names = ["same"] * 160
    adata.write_h5ad(folder / "r.h5ad")
    said = index_file(
        folder / "r.h5ad", folder / "made", labels=[], values="counts", progress=False, **OPTIONS, **SMALL
    )
    assert "159 cells have a name that another cell has" in said
