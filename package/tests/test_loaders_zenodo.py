"""The archive of Abdelaal et al.: its names, folders and quirks in small, read by the rows of the real registry."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from written_files import damage, dataset, zipped

from schash.data.loaders import load_dataset
from schash.data.registry import Expect, load_registry
from schash.errors import ConfigError, DataError

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")
ZIP = "scRNAseq_Benchmark_datasets.zip"
PANCREATIC = "Intra-dataset/Pancreatic_data"
TABLE = '"","A1BG","A1CF"\n"cell_1",0,1\n"cell_2",2,0\n"cell_3",7,0\n'
LABELS = '"x"\n"acinar"\n"pp"\n"t_cell"\n'


def load(tmp_path, name, members):
    """Cells of a row of the registry from an archive with these members, whatever number the row expects."""
    path = zipped(tmp_path / ZIP, **members)
    row = REGISTRY.dataset(name).model_copy(update={"expect": Expect()})
    return load_dataset(row, {ZIP: path})


# ---- single data sets: folders with spaces, R's quotes, Labels.csv with the header x ----


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("zenodo_baron_human", f"{PANCREATIC}/Baron Human", "Filtered_Baron_HumanPancreas_data.csv"),
        ("zenodo_baron_mouse", f"{PANCREATIC}/Baron Mouse", "Filtered_MousePancreas_data.csv"),
        ("zenodo_segerstolpe", f"{PANCREATIC}/Segerstolpe", "Filtered_Segerstolpe_HumanPancreas_data.csv"),
        ("zenodo_tm", "Intra-dataset/TM", "Filtered_TM_data.csv"),
        ("zenodo_zheng68k", "Intra-dataset/Zheng 68K", "Filtered_68K_PBMC_data.csv"),
        ("zenodo_zheng_sorted", "Intra-dataset/Zheng sorted", "Filtered_DownSampled_SortedPBMC_data.csv"),
    ],
)
def test_counts_and_labels_of_one_folder(tmp_path, name, folder, file):
    loaded = load(tmp_path, name, {f"{folder}/{file}": TABLE, f"{folder}/Labels.csv": LABELS})
    np.testing.assert_array_equal(loaded.cells.X.toarray(), [[0, 1], [2, 0], [7, 0]])
    assert list(loaded.cells.var_names) == ["A1BG", "A1CF"]
    assert list(loaded.cells.obs_names) == ["cell_1", "cell_2", "cell_3"]
    assert list(loaded.labels) == ["acinar", "pp", "t_cell"], "one study keeps its own names of types"
    with pytest.raises(DataError, match=r"cells: expected [\d]+, came 3"):
        load_dataset(REGISTRY.dataset(name), {ZIP: tmp_path / ZIP})


@pytest.mark.parametrize(
    ("name", "folder", "value"),
    [("zenodo_muraro", "Muraro", "1.00195694716243"), ("zenodo_xin", "Xin", "113.84")],
)
def test_values_that_are_no_integers(tmp_path, name, folder, value):
    table = f"{PANCREATIC}/{folder}/Filtered_{folder}_HumanPancreas_data.csv"
    text = f'"","A1BG__chr19","A1CF__chr10"\n"D28-1_1",{value},0\n"D28-1_2",0,2.5e-05\n'
    members = {table: text, f"{PANCREATIC}/{folder}/Labels.csv": '"x"\n"alpha"\n"beta"\n'}
    loaded = load(tmp_path, name, members)
    assert loaded.cells.uns["values"] == "noninteger"
    np.testing.assert_allclose(loaded.cells.X.toarray(), [[float(value), 0], [0, 2.5e-05]], rtol=1e-6)


def test_windows_line_ends_a_byte_order_mark_commas_and_types_of_the_finest_level(tmp_path):
    labels = 'Class,Subclass,cluster\r\nGABAergic,Lamp5,Lamp5 Lsp1\r\nGlutamatergic,L4,"L4 IT, VISp"\r\n'
    members = {
        "Intra-dataset/AMB/Filtered_mouse_allen_brain_data.csv":
            TABLE.replace('"cell_3",7,0\n', "").replace("\n", "\r\n"),
        "Intra-dataset/AMB/Labels.csv": b"\xef\xbb\xbf" + labels.encode(),
    }  # fmt: skip
    loaded = load(tmp_path, "zenodo_amb92", members)
    assert list(loaded.labels) == ["Lamp5 Lsp1", "L4 IT, VISp"]
    np.testing.assert_array_equal(loaded.cells.X.toarray(), [[0, 1], [2, 0]])
    assert list(loaded.cells.var_names) == ["A1BG", "A1CF"]


# ---- the four pancreas studies in one table ----

STUDIES = {"Baron human": 5707, "Muraro": 1554, "Segerstolpe": 1440, "Xin": 1449}
COMBINED = "Inter-dataset/Pancreatic/Combined_HumanPancreas_data.csv"
ALIGNED = "Inter-dataset/Pancreatic/Combined_HumanPancreas_data_aligned.csv"


def combined(*, values=("1.5", "0"), other=None):
    """Table and labels of all four studies; Muraro's gamma is pp."""
    n = sum(STUDIES.values())
    table = '"","A1BG","A1CF"\n' + "".join(f'"{i}",{values[i % 2]},3\n' for i in range(n))
    labels = ["alpha", "beta", "delta", "gamma"] * n
    labels = labels[:n]
    muraro = range(STUDIES["Baron human"], STUDIES["Baron human"] + STUDIES["Muraro"])
    labels = ["pp" if i in muraro and label == "gamma" else label for i, label in enumerate(labels)]
    if other:
        labels[0] = other
    return {
        COMBINED: table,
        "Inter-dataset/Pancreatic/Labels.csv": '"x"\n' + "\n".join(f'"{x}"' for x in labels),
    }


def test_studies_in_one_table_and_gamma_by_one_name(tmp_path):
    loaded = load(tmp_path, "zenodo_pancreas", combined())
    obs = loaded.cells.obs
    assert dict(obs["study"].value_counts()) == STUDIES
    assert list(obs["study"].unique()) == list(STUDIES)
    assert (obs["batch"] == obs["study"]).all()
    assert set(loaded.labels) == {"alpha", "beta", "delta", "gamma"}
    assert (loaded.labels[obs["study"] == "Muraro"] == "gamma").sum() == 389


def test_a_label_that_has_no_common_name_is_named_with_its_table(tmp_path):
    with pytest.raises(DataError) as raised:
        load(tmp_path, "zenodo_pancreas", combined(other="Gamma/PP"))
    message = str(raised.value)
    for words in ("zenodo_pancreas", "'Gamma/PP' (1 cells)", "group 'pancreas'", "labels.tsv"):
        assert words in message


@pytest.mark.parametrize("spelling", ["aligned", "alligned"])
def test_the_aligned_table_by_either_spelling(tmp_path, spelling):
    members = combined(values=("-0.25", "0.5"))
    members[ALIGNED.replace("aligned", spelling)] = members.pop(COMBINED)
    loaded = load(tmp_path, "zenodo_pancreas_aligned", members)
    assert loaded.cells.X.min() == -0.25
    assert loaded.cells.n_obs == sum(STUDIES.values())
    assert set(loaded.labels) == {"alpha", "beta", "delta", "gamma"}


def test_another_number_of_rows_than_the_studies_have(tmp_path):
    members = combined()
    members[COMBINED] = members[COMBINED].rsplit('"', 2)[0]
    members["Inter-dataset/Pancreatic/Labels.csv"] = members["Inter-dataset/Pancreatic/Labels.csv"].rsplit(
        "\n", 1
    )[0]
    with pytest.raises(DataError, match="row_ranges cover 10150 cells, the table has 10149"):
        load(tmp_path, "zenodo_pancreas", members)


# ---- PbmcBench: the file of one protocol holds the cells of all ----


def test_protocols_in_one_table_without_the_second_sample(tmp_path):
    sizes = [6444, 253, 3222, 253, 3222, 3222, 3176, 3362]
    of_row = np.repeat(np.arange(8), sizes)
    table = '"","G1","G2"\n' + "".join(f'"c{i}",{k},1\n' for i, k in enumerate(of_row))
    members = {
        "Inter-dataset/PbmcBench/10Xv2/10Xv2_pbmc1.csv": table,
        "Inter-dataset/PbmcBench/10Xv2/10Xv2_pbmc1Labels.csv": "x\n" + "".join(f"type {k}\n" for k in of_row),
    }
    loaded = load(tmp_path, "zenodo_pbmcbench", members)
    names = ["10Xv2", "Smart-Seq2", "10Xv3", "CEL-Seq", "Drop-Seq", "inDrop", "Seq-Well"]
    assert loaded.cells.n_obs == 19792
    assert list(loaded.cells.obs["protocol"]) == [names[k] for k in of_row if k < 7]
    assert list(loaded.labels) == [f"type {k}" for k in of_row if k < 7]
    np.testing.assert_array_equal(loaded.cells.X[:, 0].toarray().ravel(), of_row[of_row < 7])
    assert list(loaded.cells.obs_names) == [f"c{i}" for i, k in enumerate(of_row) if k < 7]


# ---- several tables of one archive ----

PARTS = {
    "file": "z.zip",
    "parts": [
        {"data": "x/one.csv", "labels": "x/Labels one.csv", "batch": "A"},
        {"data": "x/none.csv", "also": ["x/two.csv"], "labels": "x/Labels two.csv", "batch": "B"},
    ],
}
MEMBERS = {
    "x/one.csv": '"","G1","G2"\n"c1",1,0\n"c2",0,2\n',
    "x/two.csv": '"","G2","G3"\n"c1",5,9\n',
    "x/Labels one.csv": '"x","cluster"\n"T","T1"\n"B","B1"\n',
    "x/Labels two.csv": '"x","cluster"\n"T","T2"\n',
}


def load_parts(tmp_path, members=MEMBERS, **options):
    zipped(tmp_path / "z.zip", **members)
    return load_dataset(
        dataset("zenodo_csv", PARTS | options, files=["z.zip"]), {"z.zip": tmp_path / "z.zip"}
    )


def test_parts_are_joined_over_shared_genes(tmp_path):
    labelled = load_parts(tmp_path, batch_kind="protocol")
    cells = labelled.cells
    assert list(cells.var_names) == ["G2"]
    np.testing.assert_array_equal(cells.X.toarray(), [[0], [2], [5]])
    assert list(cells.obs_names) == ["c1", "c2", "c1-1"]
    assert list(cells.obs["protocol"]) == list(cells.obs["batch"]) == ["A", "A", "B"]
    assert list(labelled.labels) == ["T", "B", "T"]
    assert list(load_parts(tmp_path, label_column="cluster").labels) == ["T1", "B1", "T2"]


def test_batches_by_rows(tmp_path):
    ranges = [{"batch": "Xin", "cells": 1}, {"batch": "Baron", "cells": 2}]
    assert list(load_parts(tmp_path, row_ranges=ranges).cells.obs["batch"]) == ["Xin", "Baron", "Baron"]
    with pytest.raises(DataError, match="row_ranges cover 1 cells, the table has 3"):
        load_parts(tmp_path, row_ranges=ranges[:1])
    without = load_parts(
        tmp_path, row_ranges=[{"batch": "Xin", "cells": 1}, {"cells": 1}, {"batch": "B", "cells": 1}]
    )
    assert list(without.cells.obs_names) == ["c1", "c1-1"]
    assert list(without.labels) == ["T", "T"]
    np.testing.assert_array_equal(without.cells.X.toarray(), [[0], [5]])


def test_labels_that_do_not_fit(tmp_path):
    with pytest.raises(DataError, match="has no column type; columns: x, cluster"):
        load_parts(tmp_path, label_column="type")
    with pytest.raises(DataError, match="1 labels for the 2 cells"):
        load_parts(tmp_path, MEMBERS | {"x/Labels one.csv": "x\nT\n"})
    for damaged in ("", b"\xff\xfe\n"):
        with pytest.raises(DataError, match=r"z\.zip:x/Labels one\.csv: cannot be read as a table"):
            load_parts(tmp_path, MEMBERS | {"x/Labels one.csv": damaged})


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("x,\nT,\nB,\n", None),
        ("x\nT,\nB,\n", "line 2: came 2 fields, expected 1"),
        ("x,y\nT,1,\nB,2,\n", "line 2: came 3 fields, expected 2"),
        ("x,y\nT,1\nB\n", "line 3: came 1 fields, expected 2"),
        ('x\nT\n"B\n', "cannot be read as a table"),
    ],
)
def test_rows_of_labels_that_do_not_fit_the_header(tmp_path, labels, words):
    """A comma at the end of rows must never shift the columns."""
    members = MEMBERS | {"x/Labels one.csv": labels}
    if words is None:
        assert list(load_parts(tmp_path, members).labels) == ["T", "B", "T"]
        return
    with pytest.raises(DataError, match=rf"z\.zip:x/Labels one\.csv: {words}"):
        load_parts(tmp_path, members)


def test_a_label_that_is_missing_takes_its_place(tmp_path):
    for first in ("", '""', "NA", '"NA"'):
        labels = load_parts(tmp_path, MEMBERS | {"x/Labels one.csv": f"x\n{first}\nB\n\n"}).labels
        assert list(labels) == [None, "B", "T"]
    with pytest.raises(DataError, match="3 labels for the 2 cells"):
        load_parts(tmp_path, MEMBERS | {"x/Labels one.csv": "x\nT\n\nB\n"})


@pytest.mark.parametrize("member", ["x/one.csv", "x/Labels one.csv"])
def test_members_that_are_damaged(tmp_path, member):
    path = zipped(tmp_path / "z.zip", packing=zipfile.ZIP_DEFLATED, **MEMBERS)
    damage(path, member)
    row = dataset("zenodo_csv", PARTS, files=["z.zip"])
    with pytest.raises(DataError, match=rf"z\.zip:{member}"):
        load_dataset(row, {"z.zip": path})


def test_members_whose_names_have_backslashes(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in MEMBERS.items():
            info = zipfile.ZipInfo()
            info.filename = name.replace("/", "\\")
            archive.writestr(info, text)
    row = dataset("zenodo_csv", PARTS, files=["z.zip"])
    assert list(load_dataset(row, {"z.zip": path}).labels) == ["T", "B", "T"]


def test_folds_are_of_one_whole_table():
    one = {"file": "z.zip", "parts": PARTS["parts"][:1], "folds": "CV_folds.RData"}
    assert dataset("zenodo_csv", one, files=["z.zip"]).options["folds"] == "CV_folds.RData"
    for options in (PARTS | {"folds": "CV_folds.RData"}, one | {"row_ranges": [{"cells": 1}]}):
        with pytest.raises(ConfigError, match="folds: only for a single part"):
            dataset("zenodo_csv", options, files=["z.zip"])
    with pytest.raises(ConfigError, match="folds"):
        dataset("zenodo_csv", one | {"folds": "../CV_folds.RData"}, files=["z.zip"])
