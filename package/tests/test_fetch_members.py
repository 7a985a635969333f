"""Single members of a zip archive, fetched by ranges from a server that misbehaves, and archives that are refused."""

import gzip
import hashlib
import io
import random
import stat
import struct
import zlib
from dataclasses import replace
from types import SimpleNamespace
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from loopback import RETRY, cut, html, lake, ranged, send, status, whole

from schash.data.archives import MOST_PACKED, MOST_UNPACKED, check_members, escapes, member_path
from schash.data.download import CHUNK
from schash.data.download_plan import all_fetches
from schash.data.fetch import fetch_source
from schash.data.loaders import load_dataset
from schash.data.loaders.matrices import zip_member
from schash.data.locks import read_lock
from schash.data.manifest import paths_by_name, read_manifest, write_manifest
from schash.data.members import repack
from schash.data.registry import load_registry
from schash.errors import DataError, DownloadError

TABLE = "Intra-dataset/Pancreatic_data/Baron Human/Filtered_Baron_HumanPancreas_data.csv"
LABELS = "Intra-dataset/Pancreatic_data/Baron Human/Labels.csv"
NOISE = random.Random(2).randbytes(400_000)
CONTENT = {
    "Intra-dataset/TM/Filtered_TM_data.csv": NOISE,
    TABLE: b"".join(b"%d,0,0,3\n" % i for i in range(50_000)),
    LABELS: b"x\nalpha\nbeta\n",
}


def zipped(content=CONTENT, packing=ZIP_DEFLATED, **facts):
    """A zip archive of these members; `facts` are set on each of them."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", packing) as archive:
        for name, data in content.items():
            info = ZipInfo(name)
            info.compress_type = packing
            for key, value in facts.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return buffer.getvalue()


ARCHIVE = zipped()


@pytest.fixture
def members(tmp_path, server):
    """Fetch these members of `data.zip`, which the server has at /zip unless urls are given."""

    def run(*names, urls=None, mirror=None, lock=None, retry=RETRY, **pins):
        source = lake({"name": "data.zip", "urls": urls or [server.url + "/zip"], **pins})
        return fetch_source(
            source,
            cache_dir=tmp_path / "cache",
            mirror=mirror,
            lock_path=lock,
            members={"data.zip": [(name,) if isinstance(name, str) else name for name in names]},
            progress=False,
            retry=retry,
        )

    run.cache = tmp_path / "cache" / "lake"
    run.folder = run.cache / "data.zip.members"
    return run


def files_in(folder):
    return (
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        if folder.exists()
        else set()
    )


def read(files, name):
    with zip_member(paths_by_name(files)["data.zip"], name) as handle:
        return handle.read()


@pytest.mark.parametrize("packing", [ZIP_DEFLATED, ZIP_STORED])
def test_members_come_without_the_rest(server, members, packing):
    archive = zipped(packing=packing)
    server.says("/zip", ranged(archive))
    files = members(TABLE, LABELS, bytes=len(archive))
    assert [read(files, name) for name in (TABLE, LABELS)] == [CONTENT[TABLE], CONTENT[LABELS]]
    assert [file.file for file in files] == [f"data.zip/{TABLE}", f"data.zip/{LABELS}"]
    assert files_in(members.folder) == {f"{TABLE}.gz", f"{LABELS}.gz"}
    assert gzip.decompress((members.folder / f"{TABLE}.gz").read_bytes()) == CONTENT[TABLE]
    if packing == ZIP_DEFLATED:
        assert server.sent < len(ARCHIVE) / 2
        assert (members.folder / f"{TABLE}.gz").stat().st_size < len(CONTENT[TABLE]) / 2


def test_members_at_hand_are_not_fetched_again(server, members):
    server.says("/zip", ranged(ARCHIVE))
    members(TABLE)
    server.requests.clear()
    (file,) = members(TABLE)
    assert (file.how, server.requests) == ("cache", [])


def test_the_manifest_leads_the_loaders_to_the_members(server, members, tmp_path):
    server.says("/zip", ranged(ARCHIVE))
    files = members(TABLE, LABELS)
    write_manifest(tmp_path / "manifest.tsv", files)
    assert read_manifest(tmp_path / "manifest.tsv") == files
    assert paths_by_name(files) == {"data.zip": members.folder}


def test_another_spelling_is_found_and_kept_under_the_usual_name(server, members):
    server.says("/zip", ranged(zipped({"a/alligned.csv": b"1,2\n"})))
    (file,) = members(("a/aligned.csv", "a/alligned.csv"))
    assert file.file == "data.zip/a/aligned.csv"
    assert read([file], "a/aligned.csv") == b"1,2\n"


def test_a_member_that_the_archive_lacks(server, members):
    server.says("/zip", ranged(ARCHIVE))
    with pytest.raises(DownloadError, match=r"has no member 'x\.csv'; it holds e\.g\. Intra-dataset/TM"):
        members("x.csv")


# ---- breaks ----


@pytest.mark.parametrize("after", [0, 1, CHUNK, 3 * CHUNK])
def test_a_broken_member_is_resumed(server, members, after):
    name = "Intra-dataset/TM/Filtered_TM_data.csv"  # noise, so that it is as long packed
    server.says("/zip", *[ranged(ARCHIVE)] * 3, cut(ARCHIVE, after), ranged(ARCHIVE))
    files = members(name)
    assert read(files, name) == NOISE
    assert server.sent < len(ARCHIVE) + 4 * CHUNK
    assert not [file for file in files_in(members.cache) if file.endswith((".raw", ".part"))]


def test_what_an_earlier_run_left_of_a_member_is_resumed(server, members):
    name = "Intra-dataset/TM/Filtered_TM_data.csv"
    server.says("/zip", *[ranged(ARCHIVE)] * 3, cut(ARCHIVE, 2 * CHUNK))
    with pytest.raises(DownloadError):
        members(name, retry=replace(RETRY, attempts=1))
    (raw,) = members.folder.rglob("*.raw")
    kept = raw.stat().st_size
    assert kept == 2 * CHUNK
    server.sent = 0
    server.says("/zip", ranged(ARCHIVE))
    assert read(members(name), name) == NOISE
    assert server.sent < len(ARCHIVE) - kept + 3 * CHUNK


def test_one_address_fails_and_the_next_gives(server, members):
    urls = [server.says("/a", status(503)), server.says("/b", html), server.says("/c", ranged(ARCHIVE))]
    (file,) = members(LABELS, urls=urls)
    assert file.url == urls[2]


def test_a_server_without_ranges_gives_the_whole(server, members, caplog):
    server.says("/zip", whole(ARCHIVE))
    (file,) = members(LABELS, md5=hashlib.md5(ARCHIVE).hexdigest(), bytes=len(ARCHIVE))
    assert file.file == "data.zip"
    assert read([file], LABELS) == CONTENT[LABELS]
    assert f"ignores ranges: taking the whole of data.zip, {len(ARCHIVE) / 1000:.1f} kB" in caplog.text


# ---- the archive at hand ----


def test_a_whole_archive_at_hand_is_used(server, members):
    members.cache.mkdir(parents=True)
    (members.cache / "data.zip").write_bytes(ARCHIVE)
    (file,) = members(TABLE, sha256=hashlib.sha256(ARCHIVE).hexdigest())
    assert (file.file, file.how, server.requests) == ("data.zip", "cache", [])


def test_the_mirrors_archive_and_the_mirrors_members_are_used(server, members, tmp_path):
    mirror = tmp_path / "mirror" / "lake"
    (mirror / "data.zip.members").mkdir(parents=True)
    (mirror / "data.zip.members" / "a.csv.gz").write_bytes(gzip.compress(b"1,2\n"))
    (file,) = members("a.csv", mirror=mirror.parent)
    assert (file.how, read([file], "a.csv")) == ("mirror", b"1,2\n")
    (mirror / "data.zip").write_bytes(ARCHIVE)
    (file,) = members("b.csv", mirror=mirror.parent)
    assert (file.file, file.how) == ("data.zip", "mirror")


# ---- pins ----


def test_the_first_bytes_of_a_member_are_locked(server, members, tmp_path):
    lock = tmp_path / "lock.tsv"
    server.says("/zip", ranged(ARCHIVE))
    (file,) = members(LABELS, lock=lock)
    assert read_lock(lock)["lake", f"data.zip/{LABELS}"]["sha256"] == file.sha256
    (members.folder / f"{LABELS}.gz").unlink()
    changed = zipped(CONTENT | {LABELS: b"x\ngamma\nbeta\n"})
    server.says("/zip", ranged(changed))
    with pytest.raises(DownloadError, match=r"\(lock file .*lock\.tsv\)"):
        members(LABELS, lock=lock)
    assert files_in(members.folder) == set()


def test_a_damaged_member_in_the_cache_is_moved_aside(server, members):
    server.says("/zip", ranged(ARCHIVE))
    members(TABLE)
    path = members.folder / f"{TABLE}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    assert read(members(TABLE), TABLE) == CONTENT[TABLE]
    assert path.with_name(path.name + ".wrong").exists()


# ---- archives that are refused ----


def lying(field, value, content=None):
    """An archive whose list of members says `value` in a field of the last one."""
    archive = bytearray(zipped(content or CONTENT))
    at = archive.rindex(b"PK\1\2")
    offsets = {
        "crc": ("<L", 16),
        "packed": ("<L", 20),
        "size": ("<L", 24),
        "flags": ("<H", 8),
        "at": ("<L", 42),
    }
    layout, offset = offsets[field]
    struct.pack_into(layout, archive, at + offset, value)
    return bytes(archive)


ZEROS = {"a": b"1", LABELS: bytes(3 << 20)}


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (
            zipped({"../../evil.csv": b"1", LABELS: b"x\n"}),
            r"refused: its member '\.\./\.\./evil\.csv' leads out",
        ),
        (zipped({"/etc/evil.csv": b"1", LABELS: b"x\n"}), "refused: its member '/etc/evil.csv' leads out"),
        (zipped({"a\\..\\..\\evil": b"1", LABELS: b"x\n"}), "leads out of the folder"),
        (zipped({"C:/evil.csv": b"1", LABELS: b"x\n"}), "leads out of the folder"),
        (zipped({LABELS: b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16), "is a symbolic link"),
        (zipped(ZEROS), f"would unpack from .* to {3 << 20} bytes; at most {MOST_PACKED} times are allowed"),
        (lying("size", 100, ZEROS), "unpacks to more than the 100 bytes it declares"),
        (lying("size", 10_000), "came 13 bytes, expected 10000"),
        (lying("size", 0), "is empty"),
        (lying("crc", 1), "came CRC-32 .*, expected 00000001"),
        (lying("packed", 5), "its packed bytes end too early|cannot be unpacked"),
        (lying("packed", 20), "go on after their end|came 13 bytes|cannot be unpacked"),
        (lying("packed", 10**9), "members would take .* bytes packed, the whole archive has"),
        (lying("at", 12), "overlap|is damaged where its member|not a zip archive"),
        (lying("flags", 1), "is encrypted; expected deflate or none"),
        (zipped(packing=ZIP_BZIP2), "is packed by method 12; expected deflate or none"),
        (ARCHIVE[:-30], "is not a zip archive, or a damaged one"),
        (b"no archive at all", "is not a zip archive, or a damaged one"),
    ],
)
def test_archives_that_lie_or_harm_are_refused(server, members, archive, words):
    server.says("/zip", ranged(archive))
    with pytest.raises(DownloadError, match=words) as caught:
        members(LABELS)
    assert "put it at" in str(caught.value)
    assert files_in(members.cache) <= {".guard"}, "nothing is left, and nothing came elsewhere"


def test_a_bomb_is_stopped_at_the_size_it_declares(tmp_path):
    """A gigabyte of zeros that says it is 100 bytes: no more than a piece of it is ever unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    (tmp_path / "raw").write_bytes(b"".join(packer.compress(piece) for _ in range(64)) + packer.flush())
    info = ZipInfo("bomb.csv")
    info.compress_type, info.file_size = ZIP_DEFLATED, 100
    assert "unpacks to more than the 100 bytes" in repack(tmp_path / "raw", info, tmp_path / "out.gz")
    assert (tmp_path / "out.gz").stat().st_size < 1000


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def test_a_member_that_unpacks_to_many_pieces(tmp_path):
    data = bytes(5 << 20) + b"the end"
    (tmp_path / "raw").write_bytes(deflated(data))
    info = ZipInfo("a.csv")
    info.compress_type, info.file_size, info.CRC = ZIP_DEFLATED, len(data), zlib.crc32(data)
    assert repack(tmp_path / "raw", info, tmp_path / "out.gz") is None
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()) == data


def test_packed_bytes_with_a_long_tail(tmp_path):
    (tmp_path / "raw").write_bytes(deflated(NOISE[:CHUNK]) + NOISE)
    info = ZipInfo("a.csv")
    info.compress_type, info.file_size, info.CRC = ZIP_DEFLATED, CHUNK, zlib.crc32(NOISE[:CHUNK])
    assert "go on after their end" in repack(tmp_path / "raw", info, tmp_path / "out.gz")


def test_a_member_may_have_fields_of_its_own_before_its_bytes(server, members):
    server.says("/zip", ranged(zipped(extra=b"\x99\x99\x04\x00abcd")))
    assert read(members(LABELS), LABELS) == CONTENT[LABELS]


def test_no_member_may_be_larger_than_any_table():
    info = ZipInfo("a.csv")
    info.file_size, info.compress_size = MOST_UNPACKED + 1, MOST_UNPACKED
    with pytest.raises(DataError, match=f"at most {MOST_UNPACKED} are allowed"):
        check_members(SimpleNamespace(infolist=lambda: [info]), 2 * MOST_UNPACKED, "data.zip")


def test_an_archive_of_another_size_is_refused(server, members):
    server.says("/zip", ranged(ARCHIVE))
    with pytest.raises(
        DownloadError, match=f"the archive has {len(ARCHIVE)} bytes, expected {len(ARCHIVE) + 1}"
    ):
        members(LABELS, bytes=len(ARCHIVE) + 1)


def test_an_archive_that_is_exchanged_meanwhile_is_refused(server, members):
    server.says("/zip", ranged(ARCHIVE), ranged(ARCHIVE + b"more"))
    with pytest.raises(DownloadError, match="asked for bytes"):
        members(LABELS)


def test_one_exchanged_while_its_member_comes_is_refused(server, members):
    server.says("/zip", *[ranged(ARCHIVE)] * 3, ranged(ARCHIVE + b"more"))
    with pytest.raises(
        DownloadError, match=f"the file has {len(ARCHIVE) + 4} bytes now, and had {len(ARCHIVE)}"
    ):
        members("Intra-dataset/TM/Filtered_TM_data.csv")


def test_a_whole_archive_in_place_of_a_member_is_refused(server, members):
    """The list of members came in ranges, the member does not."""
    server.says("/zip", *[ranged(ARCHIVE)] * 3, whole(ARCHIVE))
    with pytest.raises(DownloadError, match="the server ignores ranges"):
        members("Intra-dataset/TM/Filtered_TM_data.csv")
    assert files_in(members.folder) == set()


def test_corrupt_bytes_on_the_way_are_asked_for_again(server, members):
    def corrupt(handler):
        damaged = bytearray(ARCHIVE)
        damaged[200_000] ^= 1
        ranged(bytes(damaged))(handler)

    name = "Intra-dataset/TM/Filtered_TM_data.csv"
    server.says("/zip", *[ranged(ARCHIVE)] * 3, corrupt, ranged(ARCHIVE))
    assert read(members(name), name) == NOISE


def test_a_list_of_members_of_any_length_is_not_read(server, members, monkeypatch):
    monkeypatch.setattr("schash.data.remote_zip.LONGEST_LIST", 100)
    server.says("/zip", ranged(ARCHIVE))
    with pytest.raises(DownloadError, match=r"its list of members would take .* at most 100 are read"):
        members(LABELS)


def test_a_server_that_sends_other_bytes_than_asked(server, members):
    server.says("/zip", lambda handler: send(handler, b"x", code=206, Content_Range="bytes 7-7/9"))
    with pytest.raises(DownloadError, match="asked for bytes 0-0, came 'bytes 7-7/9'"):
        members(LABELS)
    server.says("/zip", lambda handler: send(handler, b"x", code=206, Content_Range="bytes */9"))
    with pytest.raises(DownloadError, match="names no range of bytes"):
        members(LABELS)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "C:\\a", "\\\\host\\a", "..\\a", "a\0b"])
def test_names_that_escape(name, tmp_path):
    assert escapes(name)
    with pytest.raises(DataError, match="leads out of the folder"):
        member_path(tmp_path, name)


def test_names_that_do_not():
    assert not any(escapes(name) for name in (*CONTENT, "a..b/c", "...", "a b/./c"))


# ---- archives on disk, and the way to cells ----


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (zipped({"../evil.csv": b"1", LABELS: b"x\n"}), "leads out of the folder"),
        (zipped(ZEROS), "would unpack from"),
        (lying("crc", 1), "Bad CRC-32"),
    ],
)
def test_archives_on_disk_are_looked_at_too(tmp_path, archive, words):
    (tmp_path / "data.zip").write_bytes(archive)
    with pytest.raises(DataError, match=words), zip_member(tmp_path / "data.zip", LABELS) as handle:
        handle.read()


def test_a_folder_that_lacks_a_member(tmp_path):
    with pytest.raises(DataError, match=r"has no member 'a\.csv'"), zip_member(tmp_path, "a.csv"):
        pass


def test_cells_from_members_are_those_from_the_whole(server, tmp_path):
    content = {TABLE: b',A,B\nc1,1,0\nc2,0,2\n"c 3",4,0\n', LABELS: b"x\nalpha\nbeta\nalpha\n"}
    server.says("/zip", ranged(zipped(content)))
    file = {"name": "data.zip", "urls": [server.url + "/zip"]}
    row = {"source": "lake", "loader": "zenodo_csv", "values": "counts",
           "options": {"file": "data.zip", "parts": [{"data": TABLE, "labels": LABELS}]}}  # fmt: skip
    source = {"title": "Lake", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
              "files": [file]}  # fmt: skip
    registry = load_registry({"sources": {"lake": source}, "datasets": {"d": row}})
    loaded = {}
    for mode in ("members", "whole"):
        (job,) = all_fetches(registry, ["d"], mode)
        files = fetch_source(
            job.source, cache_dir=tmp_path / mode, members=job.members, progress=False, retry=RETRY
        )
        loaded[mode] = load_dataset(registry.dataset("d"), paths_by_name(files))
    parts, complete = loaded["members"], loaded["whole"]
    assert (parts.cells.X != complete.cells.X).nnz == 0
    assert list(parts.labels) == list(complete.labels) == ["alpha", "beta", "alpha"]
    assert (tmp_path / "members/lake/data.zip").exists() is False
