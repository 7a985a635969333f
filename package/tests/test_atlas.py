"""An atlas comes back from its file as it was, and what is no atlas is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schash.array_file import read_arrays, write_arrays
from schash.cellfishing import CellFishing
from schash.deephash import DeepHash
from schash.errors import DataError, ModelFileError
from schash.user.atlas import FORMAT, VERSION, Atlas, make_labels

SMALL = {"n_bits": 32, "n_hashes": 2, "n_dims": 8, "min_features": 40}


@pytest.fixture
def index(planted):
    X, _, genes = planted
    return CellFishing(**SMALL).fit(X, genes=genes)


@pytest.fixture
def atlas(index, planted):
    _, y, genes = planted
    labels = make_labels({"cell_type": [None, *y[1:]], "plate": np.arange(160) % 3}, 160)
    names = np.array([f"cell ü {i}" for i in range(160)], dtype=object)
    chosen = index.genes_
    ids = pd.DataFrame(
        {"gene_ids": [f"ENSG{genes.tolist().index(g):011d}" for g in chosen]}, index=list(chosen)
    )
    return Atlas(index, names, labels, ids)


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_a_file_gives_back_the_same_atlas(atlas, planted, tmp_path, compression):
    X, _, genes = planted
    atlas.save(tmp_path / "a.schash", compression=compression)
    loaded = Atlas.load(tmp_path / "a.schash")
    assert list(loaded.cell_names) == list(atlas.cell_names)
    pd.testing.assert_frame_equal(loaded.labels, atlas.labels)
    pd.testing.assert_frame_equal(loaded.gene_names, atlas.gene_names)
    assert loaded.values == "counts"
    assert len(loaded) == 160
    before, after = (a.index.search(X, 5, genes=genes) for a in (atlas, loaded))
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.distances, after.distances)


def test_an_atlas_without_labels_or_namings(index, tmp_path):
    Atlas(index, np.arange(160).astype(str)).save(tmp_path / "a.schash")
    loaded = Atlas.load(tmp_path / "a.schash")
    assert loaded.labels.shape == (160, 0)
    assert loaded.gene_names.shape == (len(index.genes_), 0)


def test_labels_are_categoricals_of_str_and_missing_stays_missing():
    columns = {
        "text": ["b", None, "a", np.nan],
        "number": [1, 2, 2, 1],
        "both": pd.Series([1, "1", None, 2], dtype=object),
        "truth": [True, False, True, True],
        "ordered": pd.Categorical(["x", "y", None, "x"], categories=["z", "y", "x"], ordered=True),
    }
    labels = make_labels(columns, 4)
    assert [list(labels[name].astype(object).where(labels[name].notna(), None)) for name in labels] == [
        ["b", None, "a", None],
        ["1", "2", "2", "1"],
        ["1", "1", None, "2"],
        ["True", "False", "True", "True"],
        ["x", "y", None, "x"],
    ]
    for name in labels:
        assert all(isinstance(category, str) for category in labels[name].cat.categories)
        assert not labels[name].cat.ordered
    assert "z" not in labels["ordered"].cat.categories
    with pytest.raises(DataError, match="'text': 4 values for 5 cells"):
        make_labels(columns, 5)


@given(st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers(-2, 2)), max_size=12))
def test_labels_are_the_texts_of_what_came(values):
    made = make_labels({"x": pd.Series(values, dtype=object)}, len(values))["x"]
    assert [None if pd.isna(v) else v for v in made] == [None if v is None else str(v) for v in values]


def test_parts_that_do_not_fit_are_refused(index):
    names = np.arange(160).astype(str)
    with pytest.raises(DataError, match=r"one name per cell: 160 cells, got shape \(159,\)"):
        Atlas(index, names[1:])
    with pytest.raises(DataError, match="one row per cell: 160 cells, 3 rows"):
        Atlas(index, names, make_labels({"x": [1, 2, 3]}, 3))
    with pytest.raises(DataError, match="must be indexed by the"):
        Atlas(index, names, gene_names=pd.DataFrame({"gene_ids": ["a"]}, index=["other"]))
    with pytest.raises(DataError, match="'tpm' is not a kind of values"):
        Atlas(index, names, values="tpm")


def test_other_files_of_ours_are_called_what_they_are(index, planted, tmp_path):
    X, y, genes = planted
    model = DeepHash(steps=2, n_members=1, projection=8).fit(X, y, genes=genes)
    model.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"model: no atlas: it is a DeepHash model.*schash index"):
        Atlas.load(tmp_path / "model")
    index.save(tmp_path / "index")
    with pytest.raises(ModelFileError, match=r"index: no atlas: .*index without cell names"):
        Atlas.load(tmp_path / "index")


def test_damaged_files_say_so(atlas, tmp_path):
    path = tmp_path / "a.schash"
    atlas.save(path)
    content = path.read_bytes()
    for place in (3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ModelFileError, match=r"a\.schash"):
            Atlas.load(path)
    path.write_bytes(content[:-10])
    with pytest.raises(ModelFileError, match="truncated, damaged"):
        Atlas.load(path)
    with pytest.raises(ModelFileError, match="there is no such"):
        Atlas.load(tmp_path / "none")


def test_a_file_whose_parts_contradict_each_other_says_so(atlas, tmp_path):
    path = tmp_path / "a.schash"
    atlas.save(path)
    arrays, description = read_arrays(path, format=FORMAT, version=VERSION)
    for key, value in {
        "cells.ends": arrays["cells.ends"][:-1],
        "labels.0.codes": np.full(160, 100, dtype=np.int8),
        "genes.0.ends": arrays["genes.0.ends"][:-1],
    }.items():
        write_arrays(path, {**arrays, key: value}, description, format=FORMAT, version=VERSION)
        with pytest.raises(ModelFileError, match="its parts do not make an atlas"):
            Atlas.load(path)
    del arrays["cells.bytes"]
    write_arrays(path, arrays, description, format=FORMAT, version=VERSION)
    with pytest.raises(ModelFileError, match="do not make an atlas"):
        Atlas.load(path)
