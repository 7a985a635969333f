"""Model files: they come back the same, and what is damaged, foreign or newer says so."""

import base64
import json
import zipfile
import zlib

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy import sparse

from schash import DeepHash
from schash import model_file as mf
from schash.errors import ModelFileError

ARRAYS = {"a": np.arange(6, dtype=np.uint64).reshape(2, 3), "b": np.array([0.5], dtype=np.float32)}
QUICK = {"projection": 8, "hidden": (16,), "n_members": 2, "steps": 10, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(0)
    y = np.repeat(["x", "y", "z"], 20)
    X = rng.poisson(1, (60, 30)).astype(np.float32)
    X[:, 5] = 0  # a gene that no cell expresses is left out
    return sparse.csr_matrix(X), y, np.array([f"g{i}" for i in range(30)])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    mf.write_model(path, ARRAYS, {"name": "test", "numbers": [1, 2.5, None]})
    return path


def test_arrays_and_description_come_back(path):
    arrays, description = mf.read_model(path)
    assert description == {"name": "test", "numbers": [1, 2.5, None]}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]  # no temporary file is left


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_says_so(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match="truncated, damaged, or not a schash model file"):
        mf.read_model(path)


def test_every_flipped_byte_is_noticed(path):
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"damaged|not a schash model file|update schash|holds"):
            mf.read_model(path)


def test_a_foreign_file_says_so(tmp_path):
    foreign = tmp_path / "foreign.safetensors"
    save_file(ARRAYS, foreign)
    with pytest.raises(ModelFileError, match=r"no readable 'schash' entry"):
        mf.read_model(foreign)
    save_file(ARRAYS, foreign, metadata={"schash": json.dumps({"format": "schash.Index", "version": 1})})
    with pytest.raises(ModelFileError, match=r"holds 'schash.Index', not 'schash.DeepHash'"):
        mf.read_model(foreign)
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("data.pkl", "x")
    with pytest.raises(ModelFileError, match="not a schash model file"):
        mf.read_model(foreign)
    with pytest.raises(ModelFileError, match="no such model file"):
        mf.read_model(tmp_path / "absent")


def test_a_newer_file_says_so(path, monkeypatch):
    monkeypatch.setattr(mf, "VERSION", 3)
    mf.write_model(path, ARRAYS, {})
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="version 3; this schash reads up to version 2: update"):
        mf.read_model(path)


def version_1():
    """A file of the writer of version 1, byte for byte: its arrays were padded and checked in another way."""
    packed = (
        "eNptUs1ugzAMpvt5D5QzqiAkKe1l0jRNmzSpp50GqgI4pWqBioRtVYW0x9jb7NUWQtYxrb4Y+/P32Y75vHCMHdFqVYLiOVd8tUKLI5JZ"
        "wWWBFugYI1E3JVcxWrixzU/vAPYP+iNGnk6+QiM3ddVXBH2cg8yazV7ZnJaoeAmDwLqJ49b3BTMuFzBIVG2ZapW+5kVr4Cn13Krd7RID"
        "glSQW6n01IYPiu8x6joTNw0/SFuW1XoKIxejdlMpRvpGL9hzw8SIbmGvLJ7W9c6gFqrqCiz0y/Q9lwzwG2zWxQ9X7GquQjyIJ4kZJCsg"
        "28q2HOYDErAojZggnM/mDFMR0SzCEQ3nJA0C4Dglws9mRMwBp75PZxhYEIYBTZmIcr1vhzpvWKg/Ta4Oe9CXeWYEeUgWvI/0YmHiIXPA"
        "WggJStfqmUmkRzILjamPf6i66j+VRJY7bDtm34d43Pgsl7Ke27/xmHm7XD6NqGcmpsyj86TrXGOOtYn19nd1Lq2/sv7aOdmN43x8TZzJ"
        "N+WyymQ="
    )
    return zlib.decompress(base64.b64decode(packed))


def test_a_file_of_version_1_is_read(path):
    path.write_bytes(version_1())
    arrays, description = mf.read_model(path)
    assert description == {"name": "größe", "numbers": [1, 2.5, None], "nested": {"b": 1, "a": "x"}}
    expected = {
        "codes": np.arange(6, dtype=np.uint64).reshape(2, 3),
        "weight": np.array([0.5, -1], dtype=np.float32),
        "kept": np.array([True, False, True]),
        "none": np.empty((0, 4), dtype=np.int64),
    }
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_every_flipped_byte_of_version_1_is_noticed(path):
    content = version_1()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            mf.read_model(path)


def test_a_file_of_version_1_with_arrays_of_another_shape_says_so(path):
    path.write_bytes(version_1().replace(b'"shape":[2,3]', b'"shape":[3,2]'))
    with pytest.raises(ModelFileError, match=r"damaged.*its arrays are .*'uint64', \[3, 2\].*header says"):
        mf.read_model(path)


def test_keys_that_sort_otherwise_as_texts_come_back(path):
    """The checksum of version 1 called this file damaged."""
    mf.write_model(path, ARRAYS, {"sizes": {9: 1, 10: 2}})
    assert mf.read_model(path)[1] == {"sizes": {"9": 1, "10": 2}}


def test_a_failing_write_leaves_the_old_file(path):
    old = path.read_bytes()
    with pytest.raises(ModelFileError, match="'c' is of type object"):
        mf.write_model(path, {**ARRAYS, "c": np.array([None])}, {})
    assert path.read_bytes() == old
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"variant": "as_coded"},
        {"anchors": np.eye(3, 9)},
        {"validation_fraction": 0.25},
        {"preset": "paper", "hidden": (8, 4), "epochs": 2, "projection": None, "n_members": 1},
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_model_comes_back_the_same(cells, tmp_path, options, named):
    X, y, genes = cells
    model = DeepHash(**{**QUICK, **options}).fit(X, y, genes=genes if named else None)
    model.save(tmp_path / "model")
    loaded = DeepHash.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.relaxed_codes(X), model.relaxed_codes(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.anchors_ == model.anchors_
    assert loaded.history_.equals(model.history_)
    assert loaded.values_ == model.values_
    assert loaded.n_features_in_ == 30
    assert (loaded.preset, loaded.variant) == (model.preset, model.variant)
    if named:
        np.testing.assert_array_equal(loaded.genes_, genes)
        some = loaded.predict(X[:, ::-1], genes=genes[::-1])
        np.testing.assert_array_equal(some, model.predict(X))
    else:
        assert loaded.genes_ is None
    again = loaded.fit(X, y)  # parameters came back too
    np.testing.assert_array_equal(again.relaxed_codes(X), model.relaxed_codes(X))


@pytest.mark.parametrize(
    "y", [np.repeat([1, 2, 30], 20), np.repeat(np.array(["x", "y", "z"], dtype=object), 20)]
)
def test_types_of_any_kind_come_back(cells, tmp_path, y):
    model = DeepHash(**QUICK).fit(cells[0], y)
    model.save(tmp_path / "model")
    loaded = DeepHash.load(tmp_path / "model")
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, model.classes_)


def test_whole_but_senseless_content_says_so(tmp_path):
    mf.write_model(tmp_path / "model", ARRAYS, {"n_bits": 8})
    with pytest.raises(ModelFileError, match="does not make a model"):
        DeepHash.load(tmp_path / "model")
