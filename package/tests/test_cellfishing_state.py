"""An index comes back from its file as it was, and what is no index is named."""

import numpy as np
import pytest

from schash.array_file import read_arrays, write_arrays
from schash.cellfishing import CellFishing
from schash.errors import ModelFileError

OPTIONS = {
    "n_bits": 70,
    "n_hashes": 2,
    "n_dims": 8,
    "min_features": 40,
    "transform": "freeman_tukey",
    "stats": "both",
    "include_genes": ("GENE059",),
    "exclude_genes": ["GENE000"],
    "seed": np.int64(3),
}


@pytest.fixture
def index(planted):
    X, _, genes = planted
    return CellFishing(**OPTIONS).fit(X[20:], genes=genes)


def assert_same(index, other, planted):
    X, _, genes = planted
    ours, theirs = (i.search(X[:20], 5, genes=genes) for i in (index, other))
    np.testing.assert_array_equal(ours.ids, theirs.ids)
    np.testing.assert_array_equal(ours.distances, theirs.distances)
    np.testing.assert_array_equal(index.reduce(X, genes=genes), other.reduce(X, genes=genes))
    assert all(
        a == b for a, b in zip(index.encode(X, genes=genes), other.encode(X, genes=genes), strict=True)
    )
    assert list(other.genes_) == list(index.genes_)
    assert other.genes_.dtype.kind == "U"
    assert other.n_cells_ == index.n_cells_ == 140
    np.testing.assert_array_equal(other.singular_values_, index.singular_values_)
    params = {**index.get_params(), "exclude_genes": ("GENE000",)}
    assert other.get_params() == params
    np.testing.assert_array_equal(ours.ids, other.prefix(2).search(X[:20], 5, genes=genes).ids)


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
@pytest.mark.parametrize("layout", ["fast", "compact", "linear"])
def test_a_file_gives_back_the_same_index(planted, index, tmp_path, compression, layout):
    X, _, genes = planted
    index = CellFishing(**OPTIONS, layout=layout).fit(X[20:], genes=genes)
    index.save(tmp_path / "a.schash", compression=compression)
    assert_same(index, CellFishing.load(tmp_path / "a.schash"), planted)


def test_arrays_nest_in_other_files(planted, index, tmp_path):
    arrays, description = index._to_arrays()
    assert arrays["vectors"].dtype == np.float32
    nested = {f"part.{name}": array for name, array in arrays.items()}
    write_arrays(tmp_path / "a", nested, {"part": description}, format="other", version=1)
    arrays, description = read_arrays(tmp_path / "a", format="other", version=1)
    arrays = {name.removeprefix("part."): array for name, array in arrays.items()}
    assert_same(index, CellFishing._from_arrays(arrays, description["part"]), planted)


def test_a_loaded_index_is_saved_the_same(index, tmp_path):
    index.save(tmp_path / "a")
    CellFishing.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["genes.ends", "mean", "vectors", "hash.1", "singular_values"])
def test_parts_that_are_missing_or_do_not_fit_are_named(index, tmp_path, name):
    arrays, description = index._to_arrays()
    for changed in (None, arrays[name][:-1]):
        parts = {**arrays, name: changed}
        if changed is None:
            del parts[name]
        write_arrays(tmp_path / "a", parts, description, format="schash.CellFishing", version=1)
        with pytest.raises(ModelFileError, match="damaged: its parts do not make an index"):
            CellFishing.load(tmp_path / "a")


def test_a_description_that_does_not_fit_is_named(index, tmp_path):
    arrays, description = index._to_arrays()
    for change in (
        {"params": {"bits": 3}},
        {"n_cells": 3},
        {"indexes": [*description["indexes"][:1], {}]},
        {"layout": 3, "indexes": [{}, {}]},
    ):
        changed = {**description, **change}
        write_arrays(tmp_path / "a", arrays, changed, format="schash.CellFishing", version=1)
        with pytest.raises(ModelFileError, match="damaged"):
            CellFishing.load(tmp_path / "a")


def test_other_files_are_refused(index, tmp_path):
    index.save(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    write_arrays(tmp_path / "newer", *index._to_arrays(), format="schash.CellFishing", version=99)
    write_arrays(tmp_path / "other", *index._to_arrays(), format="schash.Other", version=1)
    for name in ("cut", "newer", "other", "none"):
        with pytest.raises(ModelFileError):
            CellFishing.load(tmp_path / name)
