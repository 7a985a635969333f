"""Loaders: small files written here in each format, and the real small sets where they are at hand.

The tests on real data read the folder that SCHASH_MIRROR names, laid out as <mirror>/<source>/<file>.
"""

import gzip
import io
import os
import tarfile
import zipfile
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from written_files import damage, dataset, zipped

from schash.data.cells import make_cells, read_cells, write_cells
from schash.data.fetch import fetch_source
from schash.data.loaders import LOADERS, check_expected, load_dataset
from schash.data.loaders.expected import describe
from schash.data.loaders.matrices import Table, distinct, read_table, shared_of, take, union_of, zip_member
from schash.data.options import OPTIONS
from schash.data.registry import Expect, load_registry
from schash.errors import DataError
from schash.schema import load_yaml

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
MIRROR = os.environ.get("SCHASH_MIRROR")
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="SCHASH_MIRROR is not set: the real small data sets are not at hand"
)

SMALL = ("baron_mouse", "baron_human_1k", "baron_neuca", "segerstolpe_neuca", "pancreas_pair", "zheng_sorted",
         "geact_fetal7", "cellbench_mixology", "tm_immune_1k")  # fmt: skip


# ---- tables ----


def table(text, **kwargs):
    return read_table(io.BytesIO(text.encode()), where="t.csv", **kwargs)


def test_a_table_with_and_without_a_name_for_its_rows():
    for text in ('"","G1","G2"\n"a",1,0\n"b",0,2.5\n', '"G1","G2"\n"a",1,0\n"b",0,2.5\n'):
        read = table(text)
        assert (read.rows, read.columns) == (["a", "b"], ["G1", "G2"])
        np.testing.assert_array_equal(read.X.toarray(), [[1, 0], [0, 2.5]])


def test_a_table_in_many_blocks(monkeypatch):
    monkeypatch.setattr("schash.data.loaders.text_tables.BYTES_PER_BLOCK", 200)
    X = np.random.default_rng(0).poisson(0.5, (100, 7))
    frame = pd.DataFrame(X, index=[f"cell {i}" for i in range(100)], columns=[f"G{i}" for i in range(7)])
    frame.insert(3, "label", "NA")
    read = table(frame.to_csv(sep="\t"), sep="\t", text_columns=("label",))
    np.testing.assert_array_equal(read.X.toarray(), X)
    assert read.rows == list(frame.index)
    assert set(read.text["label"]) == {"NA"}, "a label called NA is a label"


def test_columns_of_one_name_stay_apart():
    read = table(",G,G\na,1,2\n")
    assert read.columns == ["G", "G"]
    np.testing.assert_array_equal(read.X.toarray(), [[1, 2]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",G1\na,x\n", "t.csv: cannot be read as a table.*'x'"),
        (",G1,G2\na,1,2\nb,1\n", "t.csv: cannot be read as a table: .*columns"),
        (",G1\n", "t.csv: cannot be read as a table"),
        ("", "t.csv: cannot be read as a table"),
        (",G1\na,\n", "t.csv: row 1 \\('a'\\), column 'G1': came an empty field"),
    ],
)
def test_tables_that_are_none(text, words):
    with pytest.raises(DataError, match=words):
        table(text)


def test_a_damaged_gz(tmp_path):
    path = tmp_path / "t.csv.gz"
    whole = gzip.compress(b",G1\n" + b"a,1\n" * 10000)
    for damaged in (whole[:-20], b"not gz"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"cannot be read as a table"):
            read_table(path, where=str(path))


def _table(X, rows, columns):
    return Table(sp.csr_matrix(np.float32(X)), rows, columns, pd.DataFrame(index=rows))


def test_joins_keep_the_order_of_first_appearance():
    one = _table([[1, 2, 3]], ["a"], ["C", "A", "B"])
    two = _table([[4, 5, 6], [7, 8, 9]], ["b", "c"], ["B", "D", "C"])
    X, genes = union_of([one, two])
    assert genes == ["C", "A", "B", "D"]
    np.testing.assert_array_equal(X.toarray(), [[1, 2, 3, 0], [6, 0, 4, 5], [9, 0, 7, 8]])
    X, genes = shared_of([one, two])
    assert genes == ["C", "B"]
    np.testing.assert_array_equal(X.toarray(), [[1, 3], [6, 4], [9, 7]])


def test_joins_never_add_genes_of_one_name():
    X, genes = shared_of([_table([[1, 2]], ["a"], ["G", "G"]), _table([[3, 4]], ["b"], ["G", "G"])])
    assert genes == ["G", "G-1"]
    np.testing.assert_array_equal(X.toarray(), [[1, 2], [3, 4]])


def test_rows_by_name_must_be_there_once():
    table = _table([[1], [7], [2], [3]], ["a", "a", "b", "c"], ["G"])
    taken = take(table, ["c", "b"], where="t.csv")
    assert taken.rows == ["c", "b"]
    np.testing.assert_array_equal(taken.X.toarray(), [[3], [2]])
    with pytest.raises(
        DataError, match=r"t\.csv: has counts more than once of 1 of the 2 wanted cells, e\.g\. 'a'"
    ):
        take(table, ["b", "a"], where="t.csv")
    with pytest.raises(DataError, match=r"t\.csv: has no counts of 1 of the 2 wanted cells, e\.g\. 'd'"):
        take(table, ["b", "d"], where="t.csv")


def test_a_member_of_a_zip_or_of_a_folder_that_is_damaged(tmp_path):
    path = zipped(tmp_path / "a.zip", packing=zipfile.ZIP_DEFLATED, **{"a.csv": "x" * 999})
    damage(path, "a.csv")
    folder = tmp_path / "folder"
    folder.mkdir()
    whole = gzip.compress(b"x" * 999)
    contents = [whole[:-9], whole[:-4] + b"\1\0\0\0", whole[:10] + b"\7" + whole[11:], b"none"]
    with (
        pytest.raises(DataError, match=r"a\.zip: its member 'a\.csv' cannot be read"),
        zip_member(path, "a.csv") as f,
    ):
        f.read()
    for content in contents:  # the end of the file, its checksum, its packed bytes, and what is no gzip file
        (folder / "a.csv.gz").write_bytes(content)
        with (
            pytest.raises(DataError, match=r"its member 'a\.csv' cannot be read"),
            zip_member(folder, "a.csv") as f,
        ):
            f.read()


def test_repeated_names_made_distinct():
    assert distinct(["A", "B", "A", "A"]) == ["A", "B", "A-1", "A-2"]
    assert distinct(["A", "A", "A-1"]) == ["A", "A-2", "A-1"]


# ---- what is expected ----


def _labelled():
    return make_cells(np.float32([[1, 0], [0, 2], [3, 0]]), ["a", "b", "c"], ["G1", "G2"],
                      labels=["x", "y", "x"], dataset="tiny", values="counts")  # fmt: skip


def test_what_is_expected_passes():
    labelled = _labelled()
    assert describe(labelled)["total"] == 6
    check_expected(labelled, Expect(**describe(labelled)))
    check_expected(labelled, Expect())


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"cells": 4}, "cells: expected 4, came 3"),
        ({"genes": 4}, "genes: expected 4, came 2"),
        ({"total": 7}, r"total: expected 7\.0, came 6\.0"),
        ({"types": 3}, "types: expected 3, came 2"),
        ({"types_over_10": 1}, "types_over_10: expected 1, came 0"),
        ({"labels": {"x": 1, "y": 1}}, r"labels\['x'\]: expected 1, came 2"),
        ({"labels": {"x": 2, "y": 1, "z": 1}}, r"labels\['z'\]: expected 1, came 0"),
        ({"labels": {"x": 2}}, r"labels\['y'\]: expected 0, came 1"),
        (
            {"batches": {"b": 3}},
            r"(?s)batches\['all'\]: expected 0, came 3.*batches\['b'\]: expected 3, came 0",
        ),
    ],
)
def test_what_is_not_expected_is_named(expect, words):
    with pytest.raises(DataError, match=words):
        check_expected(_labelled(), Expect(**expect))


def test_a_number_of_cells_may_be_near():
    labelled = _labelled()
    check_expected(labelled, Expect(cells=5, cells_within=2))
    check_expected(labelled, Expect(cells=1, cells_within=2))
    with pytest.raises(DataError, match="cells: expected 6 within 2, came 3"):
        check_expected(labelled, Expect(cells=6, cells_within=2))
    with pytest.raises(DataError, match="genes: expected 3, came 2"):
        check_expected(labelled, Expect(cells=3, cells_within=2, genes=3))


@pytest.mark.parametrize("loader", sorted(OPTIONS))
def test_every_loader_is_there(loader):
    module, function = LOADERS[loader].split(":")
    assert callable(getattr(import_module(module), function))


def test_the_papers_data_sets_have_loaders():
    suite = load_yaml(Path(__file__).parents[2] / "config" / "suites" / "paper.yaml")
    names = {name for experiment in suite["experiments"].values() for name in experiment["datasets"]}
    assert {REGISTRY.dataset(name).loader for name in names} <= set(LOADERS)
    assert {"shekhar", "plass", "tabula_muris_facs", "tabula_muris_droplet", "neurons_1m"} <= names


def test_a_file_that_is_not_at_hand():
    with pytest.raises(
        DataError, match=r"zheng_sorted: file 'pbmc_facs.RData' is not at hand; at hand: none"
    ):
        load_dataset(REGISTRY.dataset("zheng_sorted"), {})


# ---- formats ----

GEO = ",barcode,assigned_cluster,G1,G2\nd1_0001,AA-T,beta,1,0\nd1_0002,AC-T,,0,3\n"


def test_geo_csv_in_a_zip_and_gzipped_in_a_tar(tmp_path):
    options = {"parts": [{"file": "a.zip", "member": "a.csv", "batch": "d1"}]}
    zipped(tmp_path / "a.zip", **{"a.csv": GEO})
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        body = gzip.compress(GEO.encode())
        info = tarfile.TarInfo("a.csv.gz")
        info.size = len(body)
        archive.addfile(info, io.BytesIO(body))
    from_tar = {"parts": [{"file": "a.tar", "member": "a.csv.gz", "batch": "d1"}]}
    for chosen, name in ((options, "a.zip"), (from_tar, "a.tar")):
        labelled = load_dataset(dataset("baron_geo", chosen, files=[name]), {name: tmp_path / name})
        np.testing.assert_array_equal(labelled.cells.X.toarray(), [[1, 0], [0, 3]])
        assert list(labelled.labels) == ["beta", None]
        assert list(labelled.cells.obs["batch"]) == ["d1", "d1"]
        assert labelled.cells.uns["stand_in_for"] == "TM"


@pytest.mark.parametrize(
    ("name", "member", "words"),
    [
        ("a.zip", "b.csv", r"has no member 'b.csv'; it holds e.g. a.csv"),
        ("no.zip", "a.csv", "is not a zip archive"),
        ("no.tar", "a.csv.gz", "cannot read its member"),
        ("a.tar", "b.csv.gz", "cannot read its member 'b.csv.gz'"),
    ],
)
def test_archives_that_lack_what_is_asked(tmp_path, name, member, words):
    zipped(tmp_path / "a.zip", **{"a.csv": GEO})
    tarfile.open(tmp_path / "a.tar", "w").close()
    for other in ("no.zip", "no.tar"):
        (tmp_path / other).write_text("<html>")
    row = dataset("baron_geo", {"parts": [{"file": name, "member": member, "batch": "b"}]}, files=[name])
    with pytest.raises(DataError, match=words):
        load_dataset(row, {name: tmp_path / name})


def test_a_geo_csv_without_its_label_column(tmp_path):
    zipped(tmp_path / "a.zip", **{"a.csv": ",barcode,G1\na,AA,1\n"})
    row = dataset(
        "baron_geo", {"parts": [{"file": "a.zip", "member": "a.csv", "batch": "b"}]}, files=["a.zip"]
    )
    with pytest.raises(DataError, match=r"a\.zip:a\.csv: .*no column assigned_cluster"):
        load_dataset(row, {"a.zip": tmp_path / "a.zip"})


def write_tenx(path):
    with h5py.File(path, "w") as handle:
        group = handle.create_group("mm10")
        for name, value in {
            "shape": [3, 2], "data": [1, 2, 3], "indices": [2, 0, 1], "indptr": [0, 2, 3],
            "barcodes": [b"AA-1", b"AC-1"], "gene_names": [b"Xkr4", b"Rp1", b"Rp1"], "genes": [b"E1", b"E2", b"E3"],
        }.items():  # fmt: skip
            group[name] = value


def test_tenx_h5(tmp_path):
    path = tmp_path / "x.h5"
    write_tenx(path)
    loaded = load_dataset(
        dataset("tenx_h5", {"file": "x.h5", "genome": "mm10"}, files=["x.h5"]), {"x.h5": path}
    )
    cells = loaded.cells
    np.testing.assert_array_equal(next(loaded.blocks()).toarray(), [[2, 0, 1], [0, 3, 0]])
    assert list(cells.var_names) == ["Xkr4", "Rp1", "Rp1-1"]
    assert list(cells.var["gene_id"]) == ["E1", "E2", "E3"]
    with pytest.raises(DataError, match="has no group 'hg19'; groups: mm10"):
        load_dataset(dataset("tenx_h5", {"file": "x.h5", "genome": "hg19"}, files=["x.h5"]), {"x.h5": path})
    path.write_text("text")
    with pytest.raises(DataError, match="cannot be read as HDF5, it may be damaged"):
        load_dataset(dataset("tenx_h5", {"file": "x.h5", "genome": "mm10"}, files=["x.h5"]), {"x.h5": path})


def test_actinn_labels_of_other_cells(tmp_path):
    (tmp_path / "m.csv.gz").write_bytes(gzip.compress(b",c1,c2\nG1,1.0,0.0\n"))
    (tmp_path / "l.txt.gz").write_bytes(gzip.compress(b"c1\tB cell\nc2\tT cell\n"))
    files = {name: tmp_path / name for name in ("m.csv.gz", "l.txt.gz")}
    row = dataset("actinn", {"matrix": "m.csv.gz", "labels": "l.txt.gz"}, files=files)
    assert list(load_dataset(row, files).labels) == ["B cell", "T cell"]
    (tmp_path / "l.txt.gz").write_bytes(gzip.compress(b"c2\tB cell\nc1\tT cell\n"))
    with pytest.raises(DataError, match="its cells are not those of"):
        load_dataset(row, files)


def test_an_rdata_file_that_is_none(tmp_path):
    (tmp_path / "x.RData").write_text("text")
    row = dataset("fasttopics", {"file": "x.RData", "object": "o"}, files=["x.RData"])
    with pytest.raises(DataError, match="cannot be read as RData"):
        load_dataset(row, {"x.RData": tmp_path / "x.RData"})


# ---- the real small data sets ----


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Load a registry row through the mirror, as the workflow does."""
    cache = tmp_path_factory.mktemp("cache")
    loaded = {}

    def load(name):
        if name in loaded:
            return loaded[name]
        fetched = fetch_source(REGISTRY.source_of(name), cache_dir=cache, mirror=MIRROR, progress=False)
        assert {file.how for file in fetched} <= {"mirror", "cache"}
        files = {file.file: Path(file.path) for file in fetched}
        loaded[name] = load_dataset(REGISTRY.dataset(name), files)
        return loaded[name]

    return load


@needs_mirror
@pytest.mark.parametrize("name", SMALL)
def test_small_sets_load_as_expected(real, name, tmp_path):
    labelled = real(name)
    expect = REGISTRY.dataset(name).expect
    assert None not in (
        expect.cells,
        expect.genes,
        expect.total,
        expect.types,
        expect.types_over_10,
        expect.labels,
    )
    write_cells(tmp_path / "cells.h5ad", labelled.cells)
    again = read_cells(tmp_path / "cells.h5ad")
    assert (again.X != labelled.cells.X).nnz == 0
    assert not set(labelled.labels.dropna()) & set(again.obs["batch"])


@needs_mirror
def test_cell_names_do_not_give_labels_away(real):
    labelled = real("zheng_sorted")
    assert labelled.cells.obs_names.str.fullmatch(r"[ACGT]{14}-1(-\d+)?").all()
    assert labelled.cells.var["gene_id"].is_unique


@needs_mirror
def test_the_pair_is_its_two_halves(real):
    pair, baron, segerstolpe = (real(name) for name in ("pancreas_pair", "baron_neuca", "segerstolpe_neuca"))
    genes = list(pair.cells.var_names)
    for half, study in ((baron, "Baron human"), (segerstolpe, "Segerstolpe")):
        part = pair.cells[pair.cells.obs["study"] == study]
        assert list(part.obs_names) == list(half.cells.obs_names)
        assert (part.X != half.cells[:, genes].X).nnz == 0
    assert set(segerstolpe.cells.obs["donor"]) == {"HP1504101T2D", "HP1504901", "HP1526901T2D"}
    assert genes == [gene for gene in baron.cells.var_names if gene in set(segerstolpe.cells.var_names)]


@needs_mirror
def test_organs_and_protocols(real):
    organs = real("geact_fetal7").cells.obs["organ"].value_counts()
    assert dict(organs) == {"large_intestine": 643, "diaphragm": 396, "bone_marrow": 314, "thymus": 313,
                            "bronchus": 292, "esophagus": 286, "bladder": 233}  # fmt: skip
    protocols = real("cellbench_mixology").cells.obs["protocol"].value_counts()
    assert dict(protocols) == {"CEL-seq2": 811, "Drop-seq": 210}
