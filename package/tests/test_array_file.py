"""Array files: they come back the same, other readers read them, and what is damaged, foreign or newer says so."""

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from schash import _array_layout, _array_streams, array_file
from schash.array_file import read_arrays, write_arrays
from schash.errors import ModelFileError

ARRAYS = {
    "index.0.codes": np.array([[2**64 - 1, 1], [0, 7], [3, 2**63]], dtype=np.uint64),
    "ids": np.array([-1, 5], dtype=np.int64),
    "bytes": np.array([0, 255, 7], dtype=np.uint8),
    "counts": np.array([2**32 - 1], dtype=np.uint32),
    "projection": np.array([[0.5, -np.inf, 1e-40]], dtype=np.float32),
    "scale": np.array(np.pi),
    "kept": np.array([True, False, True]),
    "none": np.empty((0, 4), dtype=np.int32),
}
DESCRIPTION = {"name": "größe", "numbers": [1, 2.5, None, 1e300], "nested": {"b": 1, "a": "x"}}
COMPRESSIONS = [None, "gzip", "zstd"]
DTYPES = ["?", *(f"{kind}{size}" for kind in "ui" for size in (1, 2, 4, 8)), "f2", "f4", "f8"]


def read(path, **options):
    return read_arrays(path, **{"format": "test", "version": 3, **options})


def write(path, arrays=ARRAYS, description=DESCRIPTION, **options):
    write_arrays(path, arrays, description, **{"format": "test", "version": 3, **options})
    return path


def assert_same(found, expected=ARRAYS):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == np.shape(array)
        assert found[name].dtype == np.asarray(array).dtype.newbyteorder("=")
        assert type(found[name]) is np.ndarray


@pytest.fixture(params=COMPRESSIONS)
def compression(request):
    return request.param


@pytest.fixture
def path(tmp_path, compression):
    return write(tmp_path / "arrays", compression=compression)


# --- They come back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("verify", [True, False])
def test_arrays_and_description_come_back(path, mmap, verify):
    arrays, description = read(path, mmap=mmap, verify=verify)
    assert_same(arrays)
    assert description == DESCRIPTION
    assert all(array.flags.writeable and array.flags.aligned for array in arrays.values())
    assert [p.name for p in path.parent.iterdir()] == ["arrays"]  # no temporary file is left


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))
        ),
        max_size=5,
    ),
    st.sampled_from(COMPRESSIONS),
    st.booleans(),
)
def test_any_arrays_come_back(tmp_path_factory, arrays, compression, mmap):
    path = write(tmp_path_factory.mktemp("any") / "arrays", arrays, compression=compression)
    found, _ = read(path, mmap=mmap)
    assert_same(found, arrays)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24).reshape(2, 3, 4)[:, ::-1, ::2],
        np.arange(5, dtype=">i4"),
        np.array(3.5, dtype=">f8"),
        np.broadcast_to(np.float32(2), (3, 2)),
        [1.5, 2],
    ],
    ids=["fortran", "strided", "big-endian", "big-endian scalar", "broadcast", "list"],
)
def test_any_memory_order_comes_back(tmp_path, array):
    found, _ = read(write(tmp_path / "arrays", {"a": array}))
    assert_same(found, {"a": np.asarray(array)})


def test_pieces_join(tmp_path, monkeypatch, compression):
    """Arrays longer than a piece, whose rows are shorter and longer than it."""
    monkeypatch.setattr(_array_streams, "PIECE", 50)
    arrays = {
        "short rows": np.arange(90, dtype=np.uint16).reshape(30, 3),
        "long rows": np.arange(60.0).reshape(30, 2).T,
    }
    found, _ = read(write(tmp_path / "arrays", arrays, compression=compression), mmap=False)
    assert_same(found, arrays)


def test_no_arrays(tmp_path, compression):
    assert read(write(tmp_path / "none", {}, {}, compression=compression)) == ({}, {})


def test_tuples_become_lists_and_keys_texts(tmp_path):
    path = write(tmp_path / "a", {}, {"sizes": (1, 2), "by": {10: "x", 9: "y"}})
    assert read(path)[1] == {"sizes": [1, 2], "by": {"10": "x", "9": "y"}}


def test_the_placeholder_may_be_described(tmp_path):
    description = {"zeros": _array_layout.NO_DIGEST}
    path = write(tmp_path / "a", {_array_layout.NO_DIGEST: np.arange(3)}, description)
    assert read(path)[1] == description


def test_same_content_same_bytes(path, compression):
    again = write(path.with_name("again"), dict(reversed(ARRAYS.items())), compression=compression)
    assert again.read_bytes() == path.read_bytes()


def test_an_older_version_is_read(path):
    assert_same(read(path, version=4)[0])


# --- The map -----------------------------------------------------------------------------------------------------


def maps(array, path):
    """Whether the memory of an array is that of a file, by the kernel's own list (on Linux)."""
    address = array.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(x, 16) for x in line.split()[0].split("-"))
        if begin <= address < end:
            return line.endswith(str(path))
    return False


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of maps")
def test_only_a_plain_file_is_mapped(path, compression):
    mapped = read(path)[0]["index.0.codes"]
    assert maps(mapped, path) == (compression is None)
    assert not maps(read(path, mmap=False)[0]["index.0.codes"], path)


def test_writing_to_a_mapped_array_leaves_the_file_and_other_readers(tmp_path):
    path = write(tmp_path / "arrays")
    arrays, others = read(path)[0], read(path)[0]
    arrays["ids"][:] = 9
    np.testing.assert_array_equal(arrays["ids"], [9, 9])
    assert_same(others)
    assert_same(read(path)[0])


def test_a_mapped_file_may_be_overwritten(tmp_path):
    path = write(tmp_path / "arrays")
    arrays, _ = read(path)
    write(path, {"ids": arrays["ids"] + 1})
    assert_same(arrays)
    np.testing.assert_array_equal(read(path)[0]["ids"], [0, 6])


@pytest.mark.parametrize("mmap", [True, False])
def test_arrays_are_aligned_to_what_their_size_allows(tmp_path, mmap):
    sizes = [3, 8, 64, 16, 0, 24, 128, 48, 32, 1]
    arrays = {f"{i}": np.zeros(n, dtype=np.uint8) for i, n in enumerate(sizes)}
    found, _ = read(write(tmp_path / "arrays", arrays), mmap=mmap)
    for array in found.values():
        if len(array):
            assert array.ctypes.data % (len(array) & -len(array)) % 64 == 0


# --- Other readers -----------------------------------------------------------------------------------------------


def test_the_safetensors_library_reads_a_plain_file(tmp_path):
    path = write(tmp_path / "arrays")
    assert_same(load_file(path))
    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["schash"])
    assert (document["format"], document["version"]) == ("test", 3)
    assert document["description"] == DESCRIPTION


def test_the_data_begins_at_a_cache_line(tmp_path):
    content = write(tmp_path / "arrays").read_bytes()
    assert (8 + int.from_bytes(content[:8], "little")) % 64 == 0


def test_the_checksum_by_hand(tmp_path):
    content = write(tmp_path / "arrays").read_bytes()
    length = int.from_bytes(content[:8], "little")
    stated = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["schash"])["sha256"]
    assert hashlib.sha256(content.replace(stated.encode(), b"0" * 64)).hexdigest() == stated


def test_gzip_is_that_of_the_command_line(tmp_path):
    plain, packed = write(tmp_path / "plain"), write(tmp_path / "packed", compression="gzip")
    content = packed.read_bytes()
    assert gzip.decompress(content) == plain.read_bytes()
    assert content[3:8] == bytes(5)  # no flags, no name, no time
    packed.write_bytes(gzip.compress(plain.read_bytes()))  # with a time
    assert_same(read(packed)[0])


def test_zstd_is_a_standard_frame(tmp_path):
    plain, packed = write(tmp_path / "plain"), write(tmp_path / "packed", compression="zstd")
    content, size = packed.read_bytes(), plain.stat().st_size
    assert pyarrow.Codec("zstd").decompress(content, size).to_pybytes() == plain.read_bytes()


# --- Damage ------------------------------------------------------------------------------------------------------


def test_every_truncation_is_noticed(path):
    content = path.read_bytes()
    for keep in range(len(content)):
        path.write_bytes(content[:keep])
        for mmap in (True, False):
            with pytest.raises(ModelFileError, match="truncated, damaged, or not a schash model file"):
                read(path, verify=False, mmap=mmap)


def test_every_flipped_bit_is_noticed(tmp_path):
    """Of the length, the header, its padding, the checksum and the data."""
    path = write(tmp_path / "arrays")
    content = path.read_bytes()
    for i in range(len(content)):
        for bit in (1, 8, 32, 128):
            damaged = bytearray(content)
            damaged[i] ^= bit
            path.write_bytes(damaged)
            with pytest.raises(ModelFileError):
                read(path)


@pytest.mark.parametrize("compression", ["gzip", "zstd"], indirect=True)
def test_no_flipped_bit_of_a_compressed_file_changes_what_is_read(path):
    content = path.read_bytes()
    n_errors = 0
    for i in range(len(content)):
        for bit in (1, 8, 32, 128):
            damaged = bytearray(content)
            damaged[i] ^= bit
            path.write_bytes(damaged)
            try:
                arrays, description = read(path)
            except ModelFileError:
                n_errors += 1
            else:
                assert_same(arrays)
                assert description == DESCRIPTION
    assert n_errors > 3.9 * len(content)  # all but spare bits


def test_bytes_after_the_end_are_noticed(path):
    content = path.read_bytes()
    for extra in (b"\0", b" ", b"xxxxx", content):
        path.write_bytes(content + extra)
        for mmap in (True, False):
            with pytest.raises(ModelFileError, match="truncated, damaged"):
                read(path, mmap=mmap, verify=False)


def test_white_space_of_another_kind_is_noticed(tmp_path):
    """It parses to the same, yet it is not what was written."""
    path = write(tmp_path / "arrays")
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    assert content[end - 1 : end] == b" "
    path.write_bytes(content[: end - 1] + b"\n" + content[end:])
    with pytest.raises(ModelFileError, match=r"damaged.*checksum"):
        read(path)


def test_unverified_damage_of_the_data_is_the_callers_choice(tmp_path):
    path = write(tmp_path / "arrays", {"a": np.zeros(3, dtype=np.uint8)})
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    np.testing.assert_array_equal(read(path, verify=False)[0]["a"], [0, 0, 7])
    with pytest.raises(ModelFileError, match=r"damaged.*checksum"):
        read(path)


# --- Lies --------------------------------------------------------------------------------------------------------

DOCUMENT = {"format": "test", "version": 3, "description": {}}


def forge(path, table, data=b"12345678", *, document=DOCUMENT, compress=False):
    """A file with this header, and a checksum that is right."""
    text = json.dumps(
        {"__metadata__": {"schash": json.dumps({"sha256": "0" * 64, **document})}, **table}
    ).encode()
    content = len(text).to_bytes(8, "little") + text + data
    content = content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)
    path.write_bytes(gzip.compress(content) if compress else content)
    return path


def array(begin, end, shape, dtype="U8"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_the_forger_forges(tmp_path):
    arrays, _ = read(forge(tmp_path / "a", {"a": array(0, 8, [2], "F32")}))
    np.testing.assert_array_equal(arrays["a"], np.frombuffer(b"12345678", dtype=np.float32))


def test_empty_arrays_lie_anywhere(tmp_path):
    """In a header in any order, as other writers of safetensors leave it."""
    table = {"b": array(3, 8, [5]), "a": array(0, 3, [3]), "e": array(0, 0, [0]), "f": array(8, 8, [0, 4])}
    arrays, _ = read(forge(tmp_path / "a", table))
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        "e": b"", "a": b"123", "b": b"45678", "f": b"",
    }  # fmt: skip
    assert arrays["f"].shape == (0, 4)


def test_the_header_is_in_utf_8(tmp_path):
    content = forge(tmp_path / "a", {}, data=b"").read_bytes()
    text = content[8:].decode().encode("utf-16")
    (tmp_path / "a").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ModelFileError, match="utf-8"):
        read(tmp_path / "a")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"a": array(-8, 0, [8])}, "no counts"),
        ({"a": array(0, 8, [-2, -4])}, "no counts"),
        ({"a": array(0, 8.0, [8])}, "no counts"),
        ({"a": array(0, 8, [True, 8])}, "no counts"),
        ({"a": array(0, 8, "8")}, "no counts"),
        ({"a": array(8, 0, [8])}, "takes -8 bytes"),
        ({"a": array(0, 8, [7])}, r"takes 8 bytes, which do not make uint8 of shape \(7,\)"),
        ({"a": array(0, 8, [2**61 + 1], "U64")}, "which do not make uint64"),
        ({"a": array(0, 5, [5]), "b": array(4, 8, [4])}, "'b' begins at byte 4 of the data, not at 5"),
        ({"a": array(0, 3, [3]), "b": array(4, 8, [4])}, "'b' begins at byte 4 of the data, not at 3"),
        ({"a": array(1, 8, [7])}, "'a' begins at byte 1 of the data, not at 0"),
        ({"a": array(0, 9, [9])}, r"it has \d+ bytes, its header speaks of|ends 1 bytes too early"),
        ({"a": array(0, 2**62, [2**62])}, r"it has \d+ bytes, its header speaks of|allocate"),
        ({"a": array(0, 2**70, [2**70])}, r"it has \d+ bytes, its header speaks of|dimension|too large"),
        ({"a": array(0, 7, [7])}, r"it has \d+ bytes, its header speaks of|goes on after the last array"),
        ({}, r"it has \d+ bytes, its header speaks of|goes on after the last array"),
        ({"a": array(0, 8, [8]), "b": array(8, 8, [0, 2**70])}, "dimension"),
        ({"a": array(0, 8, [8] + [1] * 99)}, "dimension"),
        ({"a": array(0, 8, [8], "BF16")}, "'a' is described by"),
        ({"a": array(0, 8, [8], [])}, "'a' is described by"),
        ({"a": {"dtype": "U8", "shape": [8]}}, "'a' is described by"),
        ({"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8, 9]}}, "'a' is described by"),
        ({"a": {"dtype": "U8", "shape": 8, "data_offsets": [0, 8]}}, "'a' is described by"),
        ({"a": "U8"}, "'a' is described by"),
        ({"a": None}, "'a' is described by"),
    ],
)
def test_a_header_that_lies_is_noticed(tmp_path, table, reason, mmap, compress):
    path = forge(tmp_path / "a", table, compress=compress)
    with pytest.raises(
        ModelFileError, match=f"a: truncated, damaged, or not a schash model file .*({reason})"
    ):
        read(path, mmap=mmap)


@pytest.mark.parametrize("length", [2**20, 99_999_999, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("compress", [False, True])
def test_a_huge_header_takes_no_memory(tmp_path, length, compress):
    content = length.to_bytes(8, "little") + b"{}"
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(ModelFileError, match=r"its header would take \d+ bytes|too early"):
        read(path)


BOMBED = """
import resource, sys
from schash.array_file import read_arrays
from schash.errors import ModelFileError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_arrays(sys.argv[1], format="test", version=3)
except ModelFileError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("place", ["data", "header", "promise"])
def test_a_bomb_is_not_unpacked(tmp_path, codec, place):
    """100 MB of blanks behind a small array or in place of a header; 64 GB that a header promises."""
    path, blank = tmp_path / "bomb", b" " * 100_000_000
    n = 2**36 if place == "promise" else 8
    content = forge(path, {"a": array(0, n, [n])}).read_bytes()
    content = {"data": content + blank, "header": (2**27).to_bytes(8, "little") + blank, "promise": content}[
        place
    ]
    with pyarrow.CompressedOutputStream(str(path), codec) as stream:
        stream.write(content)
    assert path.stat().st_size < 2_000_000
    run = subprocess.run([sys.executable, "-c", BOMBED, path], capture_output=True, text=True, check=True)
    message, grown = run.stdout.splitlines()
    reasons = {"data": "goes on after", "header": "header would take", "promise": "too early|llocate"}
    assert any(reason in message for reason in reasons[place].split("|"))
    assert int(grown) < 60_000


# --- Foreign files -----------------------------------------------------------------------------------------------


def test_no_file(tmp_path):
    with pytest.raises(ModelFileError, match="absent: there is no such model file"):
        read(tmp_path / "absent")
    with pytest.raises(ModelFileError, match="is a folder, not a model file"):
        read(tmp_path)


def test_a_file_that_may_not_be_read(path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")  # by hand, since root may read everything

    monkeypatch.setattr(array_file, "open_reader", refuse)
    with pytest.raises(ModelFileError, match="Permission denied"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"x,y\n1,2\n",
        b"PK\x03\x04" + bytes(100),
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        gzip.compress(b""),
        gzip.compress(b"x,y\n1,2\n" * 9),
        b"\x08" + bytes(7) + b"[[[[[[[[",
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
        b"\x04" + bytes(7) + b"\xff\xfe{}",
    ],
    ids=["empty", "gzip magic", "zstd magic", "csv", "zip", "hdf5", "gzip of nothing", "gzip of a csv", "brackets",
         "many brackets", "utf-16"],
)  # fmt: skip
def test_a_foreign_file_says_so(tmp_path, content):
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(ModelFileError, match="foreign: truncated, damaged, or not a schash model file"):
        read(tmp_path / "foreign")


@pytest.mark.parametrize(
    "text", ["3", "[]", '"text"', "{}", '{"__metadata__":3}', '{"__metadata__":{"schash":"{"}}']
)
def test_json_that_is_no_header_says_so(tmp_path, text):
    (tmp_path / "foreign").write_bytes(len(text).to_bytes(8, "little") + text.encode())
    with pytest.raises(
        ModelFileError, match="not a schash model file: its safetensors header has no readable 'schash'"
    ):
        read(tmp_path / "foreign")


def test_foreign_safetensors_say_so(tmp_path):
    foreign = tmp_path / "foreign"
    save_file({"a": np.arange(3)}, foreign)
    with pytest.raises(ModelFileError, match="no readable 'schash' entry"):
        read(foreign)
    for document in (3, [], {}, {"format": "test"}):
        save_file({"a": np.arange(3)}, foreign, metadata={"schash": json.dumps(document)})
        with pytest.raises(ModelFileError, match="names no format"):
            read(foreign)


def test_another_format_says_which(path):
    with pytest.raises(ModelFileError, match=rf"^{path}: holds 'test', not 'schash.MultiIndex'$"):
        read(path, format="schash.MultiIndex")


def test_a_newer_version_says_so(path):
    with pytest.raises(
        ModelFileError, match=f"^{path}: is of version 3; this schash reads up to version 2: update"
    ):
        read(path, version=2)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"version": "3"}, "is of version '3'; this schash reads up to version 3"),
        ({"version": True}, "is of version True"),
        ({"version": None}, "is of version None"),
        ({"sha256": None}, "the checksum of its content"),
        ({"sha256": ""}, "the checksum of its content"),
    ],
)
def test_a_document_that_lies_says_so(tmp_path, document, reason):
    path = forge(tmp_path / "a", {"a": array(0, 8, [8])}, document={**DOCUMENT, **document})
    with pytest.raises(ModelFileError, match=reason):
        read(path)


def test_a_document_without_description_says_so(tmp_path):
    path = forge(tmp_path / "a", {"a": array(0, 8, [8])}, document={"format": "test", "version": 3})
    with pytest.raises(ModelFileError, match="no description"):
        read(path)


# --- What cannot be written --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "description", "options", "reason"),
    [
        ({"a": np.array(["x"])}, {}, {}, "array 'a' is of type <U1: a file holds bool, uint8.*pack_strings"),
        ({"a": np.array([None])}, {}, {}, "array 'a' is of type object.*pack_strings"),
        ({"a": np.array([1j])}, {}, {}, "array 'a' is of type complex128: a file holds bool, uint8"),
        ({"a": np.array(["2020-01-01"], dtype="M8[D]")}, {}, {}, "array 'a' is of type datetime64"),
        ({"__metadata__": np.arange(3)}, {}, {}, "an array is named '__metadata__'"),
        ({3: np.arange(3)}, {}, {}, "an array is named 3"),
        ({}, {"a": np.arange(3)}, {}, "the description does not go into JSON: .*ndarray"),
        ({}, {(1, 2): 3}, {}, "the description does not go into JSON"),
        ({}, {}, {"compression": "bz2"}, "compression='bz2': must be None, 'gzip' or 'zstd'"),
    ],
)
def test_what_cannot_be_written_says_so(path, arrays, description, options, reason):
    old = path.read_bytes()
    with pytest.raises(ModelFileError, match=reason):
        write(path, arrays, description, **options)
    assert path.read_bytes() == old


def test_a_description_that_readers_would_refuse_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_array_layout, "MAX_HEADER", 4096)
    write(tmp_path / "a", {}, {"names": "x" * 3000})
    with pytest.raises(ModelFileError, match=r"more than the 4096 that readers accept: move long lists"):
        write(tmp_path / "b", {}, {"names": "x" * 5000})
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_failing_write_leaves_the_old_file(path, monkeypatch, compression):
    """The disk is full after the header and the first piece."""
    old, all_pieces = path.read_bytes(), array_file._all_pieces
    calls = []

    def failing(arrays):
        calls.append(arrays)
        for i, piece in enumerate(all_pieces(arrays)):
            if len(calls) == 2 and i == 1:  # the first call is for the checksum
                message = "disk full"
                raise OSError(message)
            yield piece

    monkeypatch.setattr(array_file, "_all_pieces", failing)
    with pytest.raises(OSError, match="disk full"):
        write(path, compression=compression)
    assert path.read_bytes() == old
    assert len(list(path.parent.iterdir())) == 1
