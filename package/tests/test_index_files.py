"""Saved indexes: the same answers, no rebuild, mapped into memory; damaged and foreign files are refused."""

import numpy as np
import pytest
from test_search import clustered_bits

from schash import hamming_index
from schash.anchor_index import AnchorIndex
from schash.array_file import write_arrays
from schash.errors import ModelFileError
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex

MAKERS = {
    "linear": LinearIndex,
    "fast": MultiIndex,
    "compact": lambda codes: MultiIndex(codes, "cellfishing", layout="compact"),
    "anchors": lambda codes: AnchorIndex(codes, pack_bits(clustered_bits(5, codes.n_bits, seed=7))),
}


@pytest.fixture(params=MAKERS)
def index(request):
    codes = clustered_bits(500, 100, repeats=3)
    return MAKERS[request.param](pack_bits(codes[:400])).add(pack_bits(codes[400:]))


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_answers_survive(tmp_path, index, compression):
    queries = pack_bits(clustered_bits(20, 100, seed=1))
    path = tmp_path / "codes.index"
    index.save(path, compression=compression)
    loaded = type(index).load(path)
    for field in ("ids", "distances", "n_candidates", "n_lookups"):
        before, after = getattr(index.search(queries, 9), field), getattr(loaded.search(queries, 9), field)
        np.testing.assert_array_equal(before, after)
    assert loaded.codes == index.codes
    assert loaded.nbytes == index.nbytes
    more = pack_bits(clustered_bits(30, 100, seed=4))
    np.testing.assert_array_equal(
        loaded.add(more).search(queries, 9).ids, index.add(more).search(queries, 9).ids
    )


def test_arrays_are_mapped_not_read(tmp_path):
    MultiIndex(pack_bits(clustered_bits(500, 64))).save(tmp_path / "codes.index")
    groups = MultiIndex.load(tmp_path / "codes.index")._parts[0].engine.clustered.groups
    while isinstance(groups, np.ndarray) and not isinstance(groups, np.memmap):
        groups = groups.base
    assert isinstance(groups, np.memmap)


def test_an_empty_index_survives(tmp_path):
    index = MultiIndex(pack_bits(clustered_bits(3, 64))[:0])
    index.save(tmp_path / "codes.index")
    assert len(MultiIndex.load(tmp_path / "codes.index")) == 0


def test_damage_is_refused(tmp_path, index):
    path = tmp_path / "codes.index"
    index.save(path)
    whole = path.read_bytes()
    for position in (len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(ModelFileError, match="checksum"):
            type(index).load(path)
    path.write_bytes(whole[:-100])
    with pytest.raises(ModelFileError, match="truncated"):
        type(index).load(path)


def test_another_kind_and_a_newer_version_are_refused(tmp_path, index, monkeypatch):
    path = tmp_path / "codes.index"
    index.save(path)
    other = LinearIndex if isinstance(index, MultiIndex) else MultiIndex
    with pytest.raises(ModelFileError, match=f"holds '{index.FORMAT}', not '{other.FORMAT}'"):
        other.load(path)
    monkeypatch.setattr(hamming_index, "VERSION", hamming_index.VERSION + 1)
    index.save(path)
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=r"version 2.*update schash"):
        type(index).load(path)


@pytest.mark.parametrize("name", ["groups", "order", "places", "pivots", "starts", "ids", "firsts", "copies"])
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, name):
    arrays, description = MultiIndex(pack_bits(clustered_bits(500, 64)))._to_arrays()
    arrays[f"0.{name}"] = arrays[f"0.{name}"][:-1]
    write_arrays(tmp_path / "codes.index", arrays, description, format=MultiIndex.FORMAT, version=1)
    with pytest.raises(ModelFileError, match=f"does not make an index.*{name} has shape"):
        MultiIndex.load(tmp_path / "codes.index")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order", 255),
        ("places", 255),
        ("ids", 255),
        ("firsts", 63),
        ("starts", 10**6),
        ("shells", 10**6),
        ("rows", 5),
    ],
)
def test_numbers_that_point_outside_are_refused(tmp_path, name, value):
    arrays, description = MultiIndex(pack_bits(clustered_bits(500, 64, repeats=3)))._to_arrays()
    array = arrays[f"0.{name}"].copy()
    array[len(array) // 2] = value
    write_arrays(
        tmp_path / "codes.index",
        {**arrays, f"0.{name}": array},
        description,
        format=MultiIndex.FORMAT,
        version=1,
    )
    with pytest.raises(ModelFileError, match="does not make an index"):
        MultiIndex.load(tmp_path / "codes.index")


@pytest.mark.parametrize("make", [LinearIndex, MAKERS["anchors"]])
def test_a_wrong_number_of_rows_is_refused(tmp_path, make):
    index = make(pack_bits(clustered_bits(100, 64)))
    arrays, description = index._to_arrays()
    description["n_rows"] = [100_000]
    write_arrays(tmp_path / "codes.index", arrays, description, format=index.FORMAT, version=1)
    with pytest.raises(ModelFileError, match="does not make an index"):
        type(index).load(tmp_path / "codes.index")
