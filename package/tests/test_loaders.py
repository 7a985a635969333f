"""Loaders: small files written here in each format, a user's h5ad, and the real small sets where they are at hand.

The tests on real data read the folder that SCHASH_MIRROR names, laid out as <mirror>/<source>/<file>.
"""

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from schash.data.cells import make_cells, read_cells, write_cells
from schash.data.fetch import fetch_source
from schash.data.loaders import LOADERS, check_expected, load_dataset
from schash.data.loaders.expected import describe
from schash.data.loaders.matrices import Table, distinct, read_table, shared_of, union_of
from schash.data.options import OPTIONS, PLANNED
from schash.data.registry import Expect, load_registry
from schash.errors import DataError

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
MIRROR = os.environ.get("SCHASH_MIRROR")
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="SCHASH_MIRROR is not set: the real small data sets are not at hand"
)

SMALL = ("baron_mouse", "baron_human_1k", "baron_neuca", "segerstolpe_neuca", "pancreas_pair", "zheng_sorted",
         "geact_fetal7", "cellbench_mixology", "tm_immune_1k")  # fmt: skip


def dataset(loader, options, *, values="counts", files=()):
    """A registry row for files that a test has written."""
    source = {
        "title": "s", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": name, "manual": "written by the test"} for name in files],
    }  # fmt: skip
    row = {"source": "s", "loader": loader, "options": options, "values": values, "stand_in_for": "TM"}
    return load_registry({"sources": {"s": source}, "datasets": {"tiny": row}}).dataset("tiny")


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


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


def test_every_loader_is_either_there_or_planned():
    assert set(LOADERS) | set(PLANNED) == set(OPTIONS)
    assert not set(LOADERS) & set(PLANNED)


@pytest.mark.parametrize("name", [row.id for row in REGISTRY.datasets.values() if row.is_planned])
def test_planned_loaders_say_so(name):
    with pytest.raises(DataError, match="is planned, not built yet"):
        load_dataset(REGISTRY.dataset(name), {})


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


ZENODO = {
    "file": "z.zip",
    "parts": [
        {"data": "x/one.csv", "labels": "x/Labels one.csv", "batch": "A"},
        {"data": "x/none.csv", "also": ["x/two.csv"], "labels": "x/Labels two.csv", "batch": "B"},
    ],
}
ZENODO_MEMBERS = {
    "x/one.csv": '"","G1","G2"\n"c1",1,0\n"c2",0,2\n',
    "x/two.csv": '"","G2","G3"\n"c1",5,9\n',
    "x/Labels one.csv": '"x","cluster"\n"T","T1"\n"B","B1"\n',
    "x/Labels two.csv": '"x","cluster"\n"T","T2"\n',
}


def load_zenodo(tmp_path, members=ZENODO_MEMBERS, **options):
    zipped(tmp_path / "z.zip", **members)
    row = dataset("zenodo_csv", ZENODO | options, files=["z.zip"])
    return load_dataset(row, {"z.zip": tmp_path / "z.zip"})


def test_zenodo_parts_are_joined_over_shared_genes(tmp_path):
    labelled = load_zenodo(tmp_path, batch_kind="protocol")
    cells = labelled.cells
    assert list(cells.var_names) == ["G2"]
    np.testing.assert_array_equal(cells.X.toarray(), [[0], [2], [5]])
    assert list(cells.obs_names) == ["c1", "c2", "c1-1"]
    assert list(cells.obs["protocol"]) == list(cells.obs["batch"]) == ["A", "A", "B"]
    assert list(labelled.labels) == ["T", "B", "T"]
    assert list(load_zenodo(tmp_path, label_column="cluster").labels) == ["T1", "B1", "T2"]


def test_zenodo_batches_by_rows(tmp_path):
    ranges = [{"batch": "Xin", "cells": 1}, {"batch": "Baron", "cells": 2}]
    assert list(load_zenodo(tmp_path, row_ranges=ranges).cells.obs["batch"]) == ["Xin", "Baron", "Baron"]
    with pytest.raises(DataError, match="row_ranges cover 1 cells, the table has 3"):
        load_zenodo(tmp_path, row_ranges=ranges[:1])


def test_zenodo_labels_that_do_not_fit(tmp_path):
    with pytest.raises(DataError, match="has no column 'type'; columns: x, cluster"):
        load_zenodo(tmp_path, label_column="type")
    with pytest.raises(DataError, match="1 labels for the 2 cells"):
        load_zenodo(tmp_path, ZENODO_MEMBERS | {"x/Labels one.csv": "x\nT\n"})


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
    with pytest.raises(DataError, match="cannot be read as a 10x HDF5 file"):
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


# ---- a user's h5ad ----


@pytest.fixture
def mine(tmp_path):
    """An h5ad as people have them: floats, categories, a layer, raw; and a way to load it with a registry row."""
    X = np.float32([[1, 0, 2], [0, 3, 0], [4, 0, 1], [0, 0, 5]])
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(["T", "B", None, "unknown"]),
            "donor_id": [1, 1, 2, 2],
            "lab": pd.Categorical(["l1", "l1", "l2", "l2"]),
            "gap": ["x", "x", "x", None],
        },
        index=list("abcd"),
    )
    adata = anndata.AnnData(sp.csc_matrix(X), obs=obs, var=pd.DataFrame(index=["G1", "G2", "G3"]))
    adata.raw = adata.copy()
    adata.layers["doubled"] = X * 2
    adata.X = np.log1p(X)
    path = tmp_path / "mine.h5ad"
    adata.write_h5ad(path)

    def load(change=None, **row):
        if change:
            other = adata.copy()
            change(other)
            other.write_h5ad(path)
        row = {"path": str(path), "values": "counts", "use_raw": True} | row
        rows = load_registry({"datasets": {"mine": row}})
        return load_dataset(rows.dataset("mine"), {})

    load.X, load.path = X, path
    return load


def test_your_own_h5ad(mine):
    labelled = mine(labels="cell_type", batch="donor_id", unlabelled=["unknown"], columns={"study": "lab"})
    cells = labelled.cells
    np.testing.assert_array_equal(cells.X.toarray(), mine.X)
    assert list(labelled.labels) == ["T", "B", None, None]
    assert list(cells.obs["batch"]) == ["1", "1", "2", "2"]
    assert list(cells.obs["study"]) == ["l1", "l1", "l2", "l2"]
    assert list(cells.obs.columns) == ["batch", "study"]
    assert cells.uns["dataset"] == "mine"


def test_which_matrix(mine):
    np.testing.assert_allclose(mine(use_raw=False, values="lognorm").cells.X.toarray(), np.log1p(mine.X))
    np.testing.assert_array_equal(mine(use_raw=False, layer="doubled").cells.X.toarray(), mine.X * 2)
    assert mine().labels.isna().all()


def test_a_loaded_h5ad_can_be_written(mine, tmp_path):
    write_cells(tmp_path / "out.h5ad", mine(labels="cell_type").cells)
    np.testing.assert_array_equal(read_cells(tmp_path / "out.h5ad").X.toarray(), mine.X)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"labels": "celltype"},
            r"labels: obs has no column 'celltype'; columns: cell_type, donor_id, lab, gap",
        ),
        ({"batch": "donor"}, r"batch: obs has no column 'donor'; columns: cell_type"),
        ({"batch": "gap"}, r"obs\['gap'\] is missing for 1 cells"),
        ({"use_raw": False, "layer": "counts"}, "has no layer 'counts'; layers: doubled"),
        ({"use_raw": False}, "values='counts' are integers, but X holds"),
        ({"values": "lognorm"}, "values='lognorm', but every value of X is an integer"),
        ({"path": "none.h5ad"}, r"none\.h5ad: there is no such file"),
        ({"expect": {"cells": 5}}, "cells: expected 5, came 4"),
    ],
)
def test_rows_that_do_not_fit_the_file(mine, row, words):
    with pytest.raises(DataError, match=words):
        mine(**row)


def _set_nan(adata):
    adata.layers["doubled"][0, 0] = np.nan


@pytest.mark.filterwarnings("ignore:.*names are not unique")
@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (lambda a: setattr(a, "var_names", ["G1", "G1", "G3"]), {"use_raw": False, "values": "lognorm"},
         r"mine: names of genes must be unique; 1 of them repeat, e\.g\. G1"),
        (lambda a: setattr(a, "obs_names", list("aacd")), {}, "mine: names of cells must be unique"),
        (_set_nan, {"use_raw": False, "layer": "doubled"}, "1 NaN or infinite values"),
        (lambda a: delattr(a, "raw"), {}, "use_raw is set, but the file has no .raw"),
        (lambda a: setattr(a, "X", None), {"use_raw": False}, r"X is empty; name the matrix.*layers: doubled"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(mine, change, row, words):
    with pytest.raises(DataError, match=words):
        mine(change, **row)


def test_a_file_that_is_no_h5ad(mine):
    mine.path.write_text("a,b\n")
    with pytest.raises(DataError, match="cannot be read as h5ad"):
        mine()


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
