"""10x HDF5 files in blocks of cells: the same cells as scanpy reads whole, prepared without holding them."""

import io
import tarfile

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from schash import tenx_file
from schash.cell_chunks import CellChunks
from schash.data.cells import read_cells, read_labels, read_names
from schash.data.loaders import load_dataset
from schash.data.loaders.tenx import read_clusters
from schash.data.prepare import prepare
from schash.data.registry import load_registry
from schash.errors import DataError
from schash.tenx_file import open_tenx, rows_of_block

N_CELLS, N_GENES = 50, 30
CLUSTERS = "analysis/clustering/graphclust/clusters.csv"
BLOCKS = (1, 17, 100, 1 << 23)


@pytest.fixture(params=BLOCKS)
def block(request, monkeypatch):
    """Entries that are read at once."""
    monkeypatch.setattr(tenx_file, "ENTRIES_PER_BLOCK", request.param)
    return request.param


@pytest.fixture
def counts(rng):
    """(n_cells, n_genes) with empty cells at the beginning, in the middle and at the end."""
    X = rng.poisson(0.4, (N_CELLS, N_GENES))
    X[[0, 1, 20, 21, 22, -1]] = 0
    X[5, 7] = 2**24 - 1
    return X


def write_tenx(path, X, *, version=1, kinds=None, genomes=None, index_dtype=np.int64, **changes):
    """As Cell Ranger writes it: entries of a cell in no order, and a 0 stored. changes : arrays put in their place."""
    csr = sp.csr_matrix(X)
    for start, stop in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        csr.indices[start:stop] = csr.indices[start:stop][::-1].copy()
        csr.data[start:stop] = csr.data[start:stop][::-1].copy()
    names = np.array([f"Gene{i - i % 10}" for i in range(X.shape[1])], dtype="S")  # symbols repeat
    ids = np.array([f"ENSMUSG{i:03d}" for i in range(X.shape[1])], dtype="S")
    arrays = {
        "data": csr.data.astype(np.int32), "indices": csr.indices.astype(index_dtype),
        "indptr": csr.indptr.astype(index_dtype), "shape": np.array(X.shape[::-1]),
        "barcodes": np.array([f"AAAC{i}-1" for i in range(X.shape[0])], dtype="S"),
    }  # fmt: skip
    if version == 3:
        kinds = ["Gene Expression"] * X.shape[1] if kinds is None else kinds
        genomes = ["mm10"] * X.shape[1] if genomes is None else genomes
        arrays |= {"features/name": names, "features/id": ids, "features/feature_type": np.array(kinds, dtype="S"),
                   "features/genome": np.array(genomes, dtype="S")}  # fmt: skip
    else:
        arrays |= {"gene_names": names, "genes": ids}
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "mm10")
        for name, array in (arrays | changes).items():
            if array is not None:
                group[name] = array
    return path


def write_clusters(path, table, member=CLUSTERS):
    content = table if isinstance(table, bytes) else table.to_csv(index=False).encode()
    with tarfile.open(path, "w:gz") as archive:
        for name, body in (("analysis/pca/projection.csv", b"x\n"), (member, content)):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def dataset(*, clusters=False, expect=None, values="counts", **options):
    files = [{"name": name, "manual": "written by the test"} for name in ("x.h5", "a.tar.gz")]
    source = {"title": "s", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
              "files": files}  # fmt: skip
    options = {"file": "x.h5"} | ({"clusters": {"file": "a.tar.gz"}} if clusters else {}) | options
    row = {"source": "s", "loader": "tenx_h5", "options": options, "values": values, "expect": expect or {}}
    return load_registry({"sources": {"s": source}, "datasets": {"tiny": row}}).dataset("tiny")


def prepared(tmp_path, row):
    files = {name: tmp_path / name for name in ("x.h5", "a.tar.gz")}
    return prepare(row, files, cells=tmp_path / "out/c.h5ad", labels=tmp_path / "out/l.parquet")


def stacked(chunks):
    return sp.vstack(list(chunks), format="csr")


# ---- reading ----


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64, np.uint32])
def test_the_cells_of_scanpy(counts, tmp_path, block, version, index_dtype):
    path = write_tenx(tmp_path / "x.h5", counts, version=version, index_dtype=index_dtype)
    opened = open_tenx(path)
    with pytest.warns(UserWarning, match="Variable names are not unique"):
        twin = sc.read_10x_h5(path)
    X = stacked(opened.chunks)
    np.testing.assert_array_equal(X.toarray(), twin.X.toarray())
    assert X.dtype == np.float32
    assert list(opened.barcodes) == list(twin.obs_names)
    assert list(opened.symbols) == list(twin.var_names)
    assert list(opened.gene_ids) == list(twin.var["gene_ids"])


def test_features_that_are_no_genes_and_other_genomes_are_left_out(counts, tmp_path, block):
    kinds = ["Antibody Capture" if i % 7 == 3 else "Gene Expression" for i in range(N_GENES)]
    genomes = ["GRCh38" if i % 2 else "mm10" for i in range(N_GENES)]
    path = write_tenx(tmp_path / "x.h5", counts, version=3, kinds=kinds, genomes=genomes)
    for genome in ("mm10", "GRCh38"):
        with pytest.warns(UserWarning, match="Variable names are not unique"):
            twin = sc.read_10x_h5(path, genome=genome)
        opened = open_tenx(path, genome)
        np.testing.assert_array_equal(stacked(opened.chunks).toarray(), twin.X.toarray())
        assert list(opened.gene_ids) == list(twin.var["gene_ids"])
        assert opened.chunks.shape == twin.shape
    with pytest.raises(DataError, match=r"x\.h5: has no gene of 'hg19'; genomes: GRCh38, mm10"):
        open_tenx(path, "hg19")


def test_several_genomes_and_none_chosen(counts, tmp_path):
    genomes = ["GRCh38" if i % 2 else "mm10" for i in range(N_GENES)]
    path = write_tenx(tmp_path / "x.h5", counts, version=3, genomes=genomes)
    with pytest.raises(DataError, match=r"x\.h5: which genome\? it has genes of GRCh38, mm10"):
        open_tenx(path)
    with pytest.raises(DataError, match=r"which genome\? it has genes of GRCh38, mm10"):
        load_dataset(dataset(), {"x.h5": path})


def test_what_is_no_gene_has_no_genome(counts, tmp_path):
    """Antibodies have "" there, as Cell Ranger writes it."""
    kinds = ["Antibody Capture"] * 3 + ["Gene Expression"] * (N_GENES - 3)
    genomes = [""] * 3 + ["mm10"] * (N_GENES - 3)
    path = write_tenx(tmp_path / "x.h5", counts, version=3, kinds=kinds, genomes=genomes)
    for genome in (None, "mm10"):
        np.testing.assert_array_equal(stacked(open_tenx(path, genome).chunks).toarray(), counts[:, 3:])


@pytest.mark.parametrize("genome", [None, "mm10"])
def test_a_file_without_genes(counts, tmp_path, genome):
    kinds = ["Antibody Capture", "CRISPR Guide Capture"] * (N_GENES // 2)
    path = write_tenx(tmp_path / "x.h5", counts, version=3, kinds=kinds)
    words = r"x\.h5: has no feature of type 'Gene Expression'; types: Antibody Capture, CRISPR Guide Capture"
    with pytest.raises(DataError, match=words):
        open_tenx(path, genome)


def test_one_of_several_groups(counts, tmp_path):
    path = write_tenx(tmp_path / "x.h5", counts)
    with h5py.File(path, "r+") as file:
        file.copy("mm10", "hg19")
        file["hg19/data"][:] = 7
    assert set(stacked(open_tenx(path, "hg19").chunks).data) == {7}
    with pytest.raises(DataError, match=r"which genome\? it has the groups hg19, mm10"):
        open_tenx(path)


def test_no_block_holds_more_entries_than_the_limit(counts, tmp_path, monkeypatch):
    widest = np.count_nonzero(counts, axis=1).max()
    path = write_tenx(tmp_path / "x.h5", counts)
    for limit in (1, widest, 3 * widest, 10**6):
        monkeypatch.setattr(tenx_file, "ENTRIES_PER_BLOCK", limit)
        chunks = open_tenx(path).chunks
        assert max(chunk.nnz for chunk in chunks) <= max(limit, widest)
        asked = []
        read = chunks.read
        chunks.read = lambda start, stop, read=read, asked=asked: (
            asked.append((start, stop)),
            read(start, stop),
        )[1]
        list(chunks)
        assert [start for start, _ in asked] == list(range(0, N_CELLS, chunks.chunk_rows)), "each block once"
    assert chunks.chunk_rows == N_CELLS


def test_blocks_are_as_large_as_they_may_be(monkeypatch):
    monkeypatch.setattr(tenx_file, "ENTRIES_PER_BLOCK", 1000)
    even = np.arange(0, 10_001, 10)  # 1,000 cells of 10 entries
    assert 50 < rows_of_block(even) <= 100
    assert rows_of_block(np.array([0])) == 1
    assert rows_of_block(np.array([0, 10**9])) == 1
    late = np.concatenate([np.zeros(900, dtype=int), np.arange(0, 99_901, 999)])  # the many at the end
    assert rows_of_block(late) == 1


def test_pointers_beyond_2_to_the_31(tmp_path, monkeypatch):
    """A file whose first cell stands for all that lies before: its entries are never written, so they take no room."""
    monkeypatch.setattr("schash.tenx_file.check_h5", lambda path: None)  # which refuses just that
    first, n_genes = 2**31 + 5, 20
    path = tmp_path / "x.h5"
    tail = sp.csr_matrix(np.arange(40).reshape(2, n_genes) % 3)
    with h5py.File(path, "w") as file:
        group = file.create_group("mm10")
        for name in ("data", "indices"):
            stored = group.create_dataset(name, (first + tail.nnz,), np.int32, chunks=(1 << 20,))
            stored[first:] = getattr(tail, name)
        group["indptr"] = np.concatenate([[0], first + tail.indptr.astype(np.int64)])
        group["shape"] = np.array([n_genes, 3])
        group["barcodes"] = np.array(["a", "b", "c"], dtype="S")
        group["gene_names"] = group["genes"] = np.array([f"g{i}" for i in range(n_genes)], dtype="S")
    chunks = open_tenx(path).chunks
    assert chunks.chunk_rows == 1
    np.testing.assert_array_equal(chunks.read(1, 3).toarray(), tail.toarray())
    np.testing.assert_array_equal(chunks.read(2, 3).toarray(), tail.toarray()[1:])


# ---- preparing ----


@pytest.mark.parametrize("version", [1, 3])
def test_prepared_cells_are_those_of_scanpy(counts, tmp_path, block, version):
    write_tenx(tmp_path / "x.h5", counts, version=version)
    facts = prepared(
        tmp_path, dataset(expect={"cells": N_CELLS, "genes": N_GENES, "total": int(counts.sum())})
    )
    path = tmp_path / "out/c.h5ad"
    for adata in (read_cells(path), sc.read_h5ad(path), anndata.read_h5ad(path, backed="r").to_memory()):
        assert isinstance(adata.X, sp.csr_matrix)
        assert adata.X.dtype == np.float32
        assert adata.X.has_canonical_format
        np.testing.assert_array_equal(adata.X.toarray(), counts)
        assert list(adata.obs_names[:2]) == ["AAAC0-1", "AAAC1-1"]
        assert list(adata.var_names[:3]) == ["Gene0", "Gene0-1", "Gene0-2"]
        assert list(adata.var["gene_id"][:2]) == ["ENSMUSG000", "ENSMUSG001"]
        assert dict(adata.uns) == {"values": "counts", "dataset": "tiny", "stand_in_for": ""}
        assert set(adata.obs["batch"]) == {"all"}
    chunks = CellChunks.from_h5ad(path, chunk_rows=7)
    np.testing.assert_array_equal(stacked(chunks).toarray(), counts)
    with h5py.File(path) as file:
        assert file["X/indptr"].dtype == np.int64, "2^31 entries and more must fit"
        assert (file["X/indices"].dtype, file["X/data"].dtype) == (np.int32, np.float32)
        assert file["X/data"].compression == "gzip"
    assert facts["total"] == counts.sum()
    assert facts["nonzeros_per_cell"] == np.count_nonzero(counts) / N_CELLS
    assert facts["unlabelled"] == N_CELLS
    assert sorted(item.name for item in (tmp_path / "out").iterdir()) == ["c.h5ad", "l.parquet"]


def test_cells_that_are_all_empty(tmp_path, block):
    write_tenx(tmp_path / "x.h5", np.zeros((4, 5), dtype=int))
    facts = prepared(tmp_path, dataset())
    assert (facts["cells"], facts["total"]) == (4, 0)
    assert read_cells(tmp_path / "out/c.h5ad").X.nnz == 0


def test_a_stored_zero_is_not_written(tmp_path, counts):
    csr = sp.csr_matrix(counts)
    csr.data[:10] = 0
    write_tenx(tmp_path / "x.h5", counts, data=csr.data, indices=csr.indices)
    prepared(tmp_path, dataset())
    assert read_cells(tmp_path / "out/c.h5ad").X.nnz == csr.nnz - 10


def test_names_are_read_without_the_matrix(counts, tmp_path):
    write_tenx(tmp_path / "x.h5", counts)
    prepared(tmp_path, dataset())
    path = tmp_path / "out/c.h5ad"
    whole = read_cells(path)
    with h5py.File(path, "r+") as file:
        del file["X"]
    names = read_names(path)
    assert names.X is None
    pd.testing.assert_frame_equal(names.obs, whole.obs)
    with h5py.File(path, "r+") as file:
        del file["var"]
    with pytest.raises(DataError, match=r"c\.h5ad: cannot be read as h5ad"):
        read_names(path)


# ---- labels ----


def test_clusters_are_labels_by_barcode(counts, tmp_path):
    write_tenx(tmp_path / "x.h5", counts)
    barcodes = [f"AAAC{i}-1" for i in (7, 3, 2)] + ["GGGG-1"]
    write_clusters(tmp_path / "a.tar.gz", pd.DataFrame({"Barcode": barcodes, "Cluster": [10, 2, 2, 5]}))
    facts = prepared(tmp_path, dataset(clusters=True, expect={"types": 2, "labels": {"10": 1, "2": 2}}))
    labels = read_labels(tmp_path / "out/l.parquet")
    assert labels.dropna().to_dict() == {"AAAC7-1": "10", "AAAC3-1": "2", "AAAC2-1": "2"}
    assert list(labels.index) == list(read_names(tmp_path / "out/c.h5ad").obs_names)
    assert facts["unlabelled"] == N_CELLS - 3


def test_a_cluster_that_is_missing_is_no_type(counts, tmp_path):
    write_tenx(tmp_path / "x.h5", counts)
    write_clusters(tmp_path / "a.tar.gz", b"Barcode,Cluster\nAAAC7-1,NA\nAAAC3-1,\nAAAC2-1,4\n")
    prepared(tmp_path, dataset(clusters=True))
    assert read_labels(tmp_path / "out/l.parquet").dropna().to_dict() == {"AAAC2-1": "4"}


def test_a_member_may_begin_with_a_dot(tmp_path):
    table = pd.DataFrame({"Barcode": ["a"], "Cluster": [1]})
    path = write_clusters(tmp_path / "a.tar.gz", table, member=f"./{CLUSTERS}")
    assert read_clusters(path, CLUSTERS).to_dict() == {"a": "1"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"Barcode,Type\na,1\n", "has no column Cluster; columns: Barcode, Type"),
        (b"Barcode,Cluster\na,1,\nb,2,\n", "line 2: came 3 fields, expected 2"),
        (b"Barcode,Cluster\na,1\na,2\n", "barcode 'a' has more than one row"),
        (b"", "cannot be read"),
        (
            b"Barcode,Cluster\nother-1,1\n",
            r"none of its 1 barcodes is one of the 50 cells, e\.g\. 'AAAC0-1' and",
        ),
    ],
)
def test_clusters_that_are_none(counts, tmp_path, table, words):
    write_tenx(tmp_path / "x.h5", counts)
    write_clusters(tmp_path / "a.tar.gz", table)
    with pytest.raises(DataError, match=rf"a\.tar\.gz.*{words}"):
        prepared(tmp_path, dataset(clusters=True))


def test_archives_of_clusters_that_are_damaged(tmp_path):
    path = write_clusters(
        tmp_path / "a.tar.gz", b"Barcode,Cluster\n" + b"".join(b"c%d,1\n" % i for i in range(9999))
    )
    with pytest.raises(DataError, match=r"has no member 'b\.csv'"):
        read_clusters(path, "b.csv")
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.tar\.gz:analysis.* cannot be read"):
            read_clusters(path, CLUSTERS)


# ---- what is damaged ----


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"barcodes": None}, "group 'mm10' has no barcodes; it holds: data, gene_names"),
        ({"gene_names": None, "indptr": None}, "group 'mm10' has no indptr, gene_names"),
        ({"indptr": np.arange(5)}, r"damaged: came 5 indptr, expected 51"),
        ({"barcodes": np.array(["a"], dtype="S")}, "damaged: came 1 barcodes, expected 50"),
        ({"genes": np.array([1.5])}, "cannot be read as a 10x HDF5 file"),
        ({"data": np.ones(3, dtype=np.int32)}, "damaged: came 3 data, expected"),
        ({"shape": np.array([N_GENES + 1, N_CELLS])}, "damaged: came 30 names of genes, expected 31"),
        ({"shape": np.array([])}, "cannot be read as a 10x HDF5 file"),
    ],
)
def test_files_that_do_not_fit_together(counts, tmp_path, changes, words):
    write_tenx(tmp_path / "x.h5", counts, **changes)
    with pytest.raises(DataError, match=rf"x\.h5: .*{words}"):
        load_dataset(dataset(genome="mm10"), {"x.h5": tmp_path / "x.h5"})


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
def test_pointers_that_fall(counts, tmp_path, dtype):
    indptr = sp.csr_matrix(counts).indptr.astype(dtype)
    indptr[10] = indptr[12] + 1
    write_tenx(tmp_path / "x.h5", counts, indptr=indptr)
    with pytest.raises(
        DataError, match=r"x\.h5: group /mm10: damaged: came indptr that does not rise from 0"
    ):
        open_tenx(tmp_path / "x.h5")


def test_a_group_that_is_not_there(counts, tmp_path):
    write_tenx(tmp_path / "x.h5", counts)
    with pytest.raises(DataError, match=r"x\.h5: has no group 'hg19'; groups: mm10"):
        open_tenx(tmp_path / "x.h5", "hg19")


@pytest.mark.parametrize("part", [0.05, 0.5, 0.99])
def test_a_truncated_file(counts, tmp_path, part):
    path = write_tenx(tmp_path / "x.h5", counts)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(DataError, match=r"x\.h5: cannot be read as HDF5, it may be damaged"):
        prepared(tmp_path, dataset())
    assert not list(tmp_path.glob("out/*"))


def _changed(counts, value, dtype=np.int32):
    data = sp.csr_matrix(counts).data.astype(dtype)
    data[len(data) // 2] = value
    return {"data": data, "indices": sp.csr_matrix(counts).indices}


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        (-1, np.int32, r"counts must be finite and not negative.* hold 1 values"),
        (np.nan, np.float64, r"counts must be finite and not negative"),
        (0.5, np.float64, r"cell 'AAAC\d+-1', gene 'Gene\d+(-\d)?': came 0\.5, expected an integer"),
        (2**24, np.int32, r"X holds the count 16777216"),
    ],
)
def test_numbers_that_are_no_counts(counts, tmp_path, block, value, dtype, words):
    write_tenx(tmp_path / "x.h5", counts, **_changed(counts, value, dtype))
    with pytest.raises(DataError, match=rf"x\.h5: {words}"):
        prepared(tmp_path, dataset())
    assert not list(tmp_path.glob("out/*")), "no part of the cells is left"


def test_the_cell_and_the_gene_of_a_wrong_number(counts, tmp_path, block):
    csr = sp.csr_matrix(counts).astype(float)
    row = int(np.flatnonzero(np.diff(csr.indptr) > 1)[-1])
    entry = csr.indptr[row] + 1
    csr.data[entry] = 0.25
    write_tenx(tmp_path / "x.h5", counts, data=csr.data, indices=csr.indices)
    gene = open_tenx(tmp_path / "x.h5").gene_ids[csr.indices[entry]]
    loaded = load_dataset(dataset(), {"x.h5": tmp_path / "x.h5"})
    name = loaded.cells.var_names[list(loaded.cells.var["gene_id"]).index(gene)]
    with pytest.raises(DataError, match=rf"cell 'AAAC{row}-1', gene '{name}': came 0\.25"):
        list(loaded.blocks())


@pytest.mark.parametrize("gene", [N_GENES, -1])
def test_a_gene_that_is_not_there(counts, tmp_path, block, gene):
    csr = sp.csr_matrix(counts)
    csr.indices[3] = gene
    write_tenx(tmp_path / "x.h5", counts, data=csr.data, indices=csr.indices)
    with pytest.raises(DataError, match=r"x\.h5: cells [\d,]+ to [\d,]+ cannot be read, the file is damaged"):
        prepared(tmp_path, dataset())


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"cells": 51}, "cells: expected 51, came 50"),
        ({"genes": 31}, "genes: expected 31, came 30"),
        ({"types": 1}, "types: expected 1, came 0"),
    ],
)
def test_another_shape_is_an_error_before_a_block_is_read(counts, tmp_path, monkeypatch, expect, words):
    write_tenx(tmp_path / "x.h5", counts)
    monkeypatch.setattr(CellChunks, "__iter__", lambda self: pytest.fail("a block was read"))
    with pytest.raises(DataError, match=words):
        prepared(tmp_path, dataset(expect=expect))
    assert not list(tmp_path.glob("out/*"))


def test_another_total_is_an_error_that_leaves_no_cells(counts, tmp_path, block):
    write_tenx(tmp_path / "x.h5", counts)
    total = int(counts.sum())
    with pytest.raises(DataError, match=rf"total: expected {total + 1}\.0, came {total}\.0"):
        prepared(tmp_path, dataset(expect={"total": total + 1}))
    assert not list(tmp_path.glob("out/*"))
