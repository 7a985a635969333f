"""Packed texts: they come back, and what is not a text, or was damaged, says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schash.array_file import read_arrays, write_arrays
from schash.errors import DataError
from schash.packed_strings import pack_strings, unpack_strings


def test_by_hand():
    data, ends = pack_strings(["ab", "", "ü"])
    np.testing.assert_array_equal(data, np.array([97, 98, 0xC3, 0xBC], dtype=np.uint8))
    np.testing.assert_array_equal(ends, [0, 2, 2, 4])
    assert (data.dtype, ends.dtype) == (np.uint8, np.int64)


@given(st.lists(st.text(max_size=8)))
def test_texts_come_back(texts):
    data, ends = pack_strings(texts)
    assert data.tobytes() == "".join(texts).encode()
    found = unpack_strings(data, ends)
    assert found.dtype == object
    assert found.tolist() == texts
    assert all(type(text) is str for text in found)


@pytest.mark.parametrize(
    "texts",
    [
        np.array(["a", "bcd"]),
        np.array(["a", "bcd"], dtype=object),
        np.array(["a", "bcd"], dtype=np.dtypes.StringDType()),
        np.array(["a", "-", "bcd", "-"])[::2],
        [np.str_("a"), "bcd"],
        ("a", "bcd"),
    ],
    ids=["fixed width", "object", "variable width", "strided", "numpy texts", "tuple"],
)
def test_any_array_of_texts(texts):
    assert unpack_strings(*pack_strings(texts)).tolist() == ["a", "bcd"]


@pytest.mark.parametrize("texts", [[], np.array([], dtype=str), np.array([], dtype=object)])
def test_no_texts(texts):
    data, ends = pack_strings(texts)
    assert (data.shape, ends.tolist()) == ((0,), [0])
    assert unpack_strings(data, ends).tolist() == []


def test_they_go_through_a_file(tmp_path):
    texts = [f"cell {i} ü" for i in range(1000)]
    write_arrays(tmp_path / "a", dict(zip("de", pack_strings(texts), strict=True)), {}, format="t", version=1)
    for mmap in (True, False):
        arrays, _ = read_arrays(tmp_path / "a", format="t", version=1, mmap=mmap)
        assert unpack_strings(arrays["d"], arrays["e"]).tolist() == texts


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["a", None], "number 1 is None, which is not a text"),
        (["a", "b", float("nan")], "number 2 is nan"),
        ([3, "b"], "number 0 is 3"),
        ([b"a"], "number 0 is b'a'"),
        (np.array([1, 2]), "number 0 is 1"),
        ([["a"], ["b"]], r"shape \(2, 1\): must be one-dimensional"),
        ("abc", r"shape \(\): must be one-dimensional"),
        (["a", "\ud800"], "cannot be written as UTF-8"),
    ],
)
def test_what_is_no_text_says_so(texts, reason):
    with pytest.raises(DataError, match=reason):
        pack_strings(texts)


@pytest.mark.parametrize(
    ("data", "ends", "reason"),
    [
        (b"abc", [0, 2], "do not span the 3 bytes"),
        (b"abc", [1, 3], "do not span the 3 bytes"),
        (b"abc", [0, 4], "do not span the 3 bytes"),
        (b"abc", [], "do not span the 3 bytes"),
        (b"abc", [0, 2, 1, 3], "damaged"),
        (b"abc", [0, -1, 3], "damaged"),
        (b"abc", [0, 9, 3], "damaged"),
        (b"a\xff", [0, 1, 2], "damaged"),
        ("ü".encode(), [0, 1, 2], "damaged"),
    ],
)
def test_damaged_texts_say_so(data, ends, reason):
    with pytest.raises(DataError, match=reason):
        unpack_strings(np.frombuffer(data, dtype=np.uint8), np.array(ends, dtype=np.int64))


def test_arrays_of_other_types_say_so():
    data, ends = pack_strings(["a"])
    for damaged in ((data, ends.astype(np.int32)), (data.astype(np.int64), ends), (data[:, None], ends)):
        with pytest.raises(DataError, match=r"must be \(1, uint8\) and \(1, int64\)"):
            unpack_strings(*damaged)
