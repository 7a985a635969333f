"""Files of users that are damaged or odd in ways that fuzzing found: each once crashed, hung or was misread."""

import gzip
from itertools import pairwise

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from schash import h5_check
from schash.deephash import DeepHash
from schash.errors import ConfigError, DataError
from schash.h5_check import check_h5, find_fault
from schash.model_file import read_model, write_model
from schash.schema import load_yaml
from schash.user.files import read_user_cells
from schash.user.streams import open_cells


@pytest.fixture
def path(planted, tmp_path):
    X, y, genes = planted
    adata = anndata.AnnData(X, obs=pd.DataFrame({"type": y}, index=[f"c{i}" for i in range(160)]))
    adata.var_names = genes
    adata.write_h5ad(tmp_path / "a.h5ad")
    return tmp_path / "a.h5ad"


READERS = pytest.mark.parametrize(
    "read", [read_user_cells, lambda path: list(open_cells(path).blocks("counts"))]
)


@READERS
@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("indices", 5, 2**31 - 4),
        ("indices", 5, -1),
        ("indptr", 3, 2**30),
        ("indptr", 0, 1),
        ("data", 2, np.nan),
    ],
)
def test_sparse_matrices_that_lead_out_of_themselves(path, read, name, at, value):
    with h5py.File(path, "r+") as file:
        file[f"X/{name}"][at] = value
    with pytest.raises(DataError, match=r"a\.h5ad"):
        read(path)


@READERS
def test_values_without_their_gene(path, read):
    with h5py.File(path, "r+") as file:
        values = file["X/data"][()]
        del file["X/data"]
        file["X/data"] = np.append(values, 1)
    with pytest.raises(DataError, match=r"a\.h5ad"):
        read(path)


def test_complex_numbers_are_no_counts(path):
    with h5py.File(path, "r+") as file:
        values = file["X/data"][()].astype(complex)
        del file["X/data"]
        file["X/data"] = values
    with pytest.raises(DataError, match=r"a\.h5ad: cannot be read as h5ad: X/data is no list of numbers"):
        read_user_cells(path)


def circle(file):
    file["uns/again"] = file["uns"]


def deep(file):
    group = file["uns"]
    for _ in range(40):
        group = group.create_group("d")


def huge(file):
    file.create_dataset("uns/huge", shape=(2**40,), dtype="f8", chunks=(1024,), compression="gzip")


def elsewhere(file):
    file["uns/other"] = h5py.ExternalLink("/etc/other.h5", "/x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (circle, "lies in itself"),
        (deep, "more than 32 deep"),
        (huge, "claims 8,796,093,022,208 bytes, of which 0 are stored"),
        (elsewhere, "a link to another file, '/etc/other.h5'"),
    ],
)
def test_hdf5_that_leads_readers_astray(path, change, words):
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=words) as error:
        read_user_cells(path)
    assert "a.h5ad" in str(error.value)


def test_a_library_that_hangs_is_cut_off(path, monkeypatch):
    monkeypatch.setattr(h5_check, "SECONDS", 0.5)
    monkeypatch.setattr(h5_check, "_in_child", _hang)
    with pytest.raises(DataError, match=r"a\.h5ad: .*the HDF5 library fails on it: took longer than"):
        check_h5(path)


def _hang(path, seconds):
    import time

    time.sleep(60)


def test_a_changed_file_is_looked_through_again(path):
    check_h5(path)
    assert find_fault(str(path)) is None
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match=r"a\.h5ad: cannot be read as HDF5"):
        check_h5(path)


@pytest.fixture
def folder(tmp_path):
    """Write a 10x folder of three genes and two cells, with one file changed."""

    def write(name=None, old="", new=""):
        files = {
            "matrix.mtx": "%%MatrixMarket matrix coordinate integer general\n%\n3 2 3\n1 1 5\n2 2 7\n3 1 1\n",
            "features.tsv": 'E1\tNA\tGene Expression\nE2\ta"b\tGene Expression\nE3\tCD3\tAntibody Capture\n',
            "barcodes.tsv": "c1\nc2\n",
        }
        (tmp_path / "tenx").mkdir()
        for file, text in files.items():
            text = text.replace(old, new) if file == name else text
            (tmp_path / "tenx" / f"{file}.gz").write_bytes(gzip.compress(text.encode()))
        return tmp_path / "tenx"

    return write


def test_names_are_taken_as_they_are_written_and_antibodies_left_out(folder):
    cells = read_user_cells(folder())
    assert list(cells.var.index) == ["NA", 'a"b']
    assert list(cells.adata.obs_names) == ["c1", "c2"]
    np.testing.assert_array_equal(cells.X.toarray(), [[5, 0], [0, 7]])


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("matrix.mtx", "integer", "pattern", "must begin with"),
        ("matrix.mtx", "general", "symmetric", "must begin with"),
        ("matrix.mtx", "3 2 3", "3 2 99999999999999", "came 3 entries, expected 99,999,999,999,999"),
        ("matrix.mtx", "3 2 3", "3 9 3", "3 features x 9 barcodes"),
        ("matrix.mtx", "2 2 7", "2 3 7", "entries must lie from 1 to 2, came 1 to 3"),
        ("matrix.mtx", "2 2 7", "0 2 7", "entries must lie from 1 to 3"),
        ("matrix.mtx", "2 2 7", "2 2 7 8", "cannot be read"),
        ("matrix.mtx", "2 2 7", "2 2", "cannot be read"),
        ("matrix.mtx", "2 2 7", "2 2 x", "cannot be read"),
        ("features.tsv", "\tGene Expression", "", "line 1 must hold 3 fields"),
    ],
)
def test_damaged_folders(folder, name, old, new, words):
    with pytest.raises(DataError, match=words) as error:
        read_user_cells(folder(name, old, new))
    assert f"{name}.gz" in str(error.value)


ALIASES = "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in pairwise("abcdefg"))
GROWING = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + ALIASES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "found the key 'a' twice"),
        ("a: &x [*x]\n", "contains itself"),
        ("a: " + "[" * 60 + "]" * 60, "nested more than 30 deep"),
        (GROWING, "100,000 values"),
        ("a: 2020-13-45\n", "month"),
        ("a: " + "[" * 5000, "cannot be read as YAML"),
    ],
)  # fmt: skip
def test_yaml_that_says_two_things_or_too_much(tmp_path, text, words):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words) as error:
        load_yaml(tmp_path / "c.yaml")
    assert "c.yaml" in str(error.value)
    assert len(str(error.value)) < 4000


def test_a_merged_key_of_yaml_is_not_a_key_twice(tmp_path):
    (tmp_path / "c.yaml").write_text("base: &b {x: 1, y: 2}\nother: {<<: *b, x: 3}\n")
    assert load_yaml(tmp_path / "c.yaml")["other"] == {"x": 3, "y": 2}


def test_a_signed_model_whose_parts_do_not_fit(planted, tmp_path):
    X, y, genes = planted
    path = tmp_path / "m.schash"
    DeepHash(n_bits=16, steps=2, device="cpu").fit(X, y, genes=genes).save(path)
    arrays, description = read_model(path)
    for change in ({"kept_genes": arrays["kept_genes"][:-1]}, {"offset.0": arrays["offset.0"][:-1]}):
        write_model(path, arrays | change, description)
        with pytest.raises(DataError.__base__, match=r"m\.schash: damaged"):
            DeepHash.load(path)
    write_model(path, arrays, description | {"classes": description["classes"][:-1]})
    with pytest.raises(DataError.__base__, match=r"m\.schash: damaged"):
        DeepHash.load(path)


def test_dense_counts_beyond_float32_are_refused_without_a_warning():
    from schash.preprocess import as_csr

    with pytest.raises(DataError, match="1 NaN or infinite"):
        as_csr(sparse.csr_matrix(np.array([[1e300, 1.0]])))
