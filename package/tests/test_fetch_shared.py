"""A downloads folder that several processes and users share, a mirror that cannot be read, archives at their name."""

import errno
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from zipfile import ZipFile

import pytest
from loopback import RETRY, lake, ranged, whole

from schash.data import fetch as fetching
from schash.data import locks
from schash.data.fetch import fetch_source
from schash.data.locks import add_to_lock, read_lock
from schash.errors import DownloadError

BODY = b"cell,type\n" * 1000
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def of_another_user(action):
    """Run `action` in a process without root's rights; its answer in words."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            words = str(action())
        except BaseException as error:
            words = f"{type(error).__name__}: {error}"
        os.write(write, words.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as handle:
        return handle.read()


@pytest.fixture
def shared(tmp_path_factory):
    """A folder below which everyone may look."""
    folder = tmp_path_factory.mktemp("shared")
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and path != path.parent:
            path.chmod(path.stat().st_mode | 0o055)
    return folder


@as_root
def test_another_user_takes_what_is_whole(server, shared):
    source = lake({"name": "a.csv", "urls": [server.says("/a", whole(BODY))], "bytes": len(BODY)})
    fetch_source(source, cache_dir=shared, retry=RETRY)
    for guard in (True, False):
        if not guard:
            (shared / "lake/.guard").unlink()
        words = of_another_user(lambda: fetch_source(source, cache_dir=shared, retry=RETRY)[0].how)
        assert words == "cache"
    assert len(server.requests) == 1


@as_root
def test_another_user_who_may_not_write_is_told(server, shared):
    source = lake({"name": "a.csv", "urls": [server.says("/a", whole(BODY))]})
    (shared / "lake").mkdir()
    words = of_another_user(lambda: fetch_source(source, cache_dir=shared, retry=RETRY))
    assert words.startswith("DownloadError: ")
    assert "may not write" in words or "cannot be written" in words
    words = of_another_user(lambda: fetch_source(source, cache_dir=shared / "none", retry=RETRY))
    assert "DownloadError: lake: " in words
    assert "this user may not write there" in words


def test_bytes_that_were_locked_meanwhile_are_not_locked_over(tmp_path):
    path = tmp_path / "lock.tsv"
    row = {"source": "s", "file": "f", "bytes": "1", "date": "d", "url": "u"}
    add_to_lock(path, row | {"sha256": "a" * 64})
    add_to_lock(path, row | {"sha256": "a" * 64})
    with pytest.raises(
        DownloadError, match=r"s/f: came sha256 b+, and another process has locked a+ meanwhile"
    ):
        add_to_lock(path, row | {"sha256": "b" * 64})
    assert read_lock(path)["s", "f"]["sha256"] == "a" * 64


def test_many_processes_add_to_one_lock(tmp_path):
    path = tmp_path / "lock.tsv"
    rows = [
        {"source": "s", "file": f"f{i}", "bytes": "1", "date": "d", "url": "u", "sha256": "a" * 64}
        for i in range(20)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: add_to_lock(path, row), rows))
    assert len(read_lock(path)) == 20
    assert locks.COLUMNS[0] == "source"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_mirror_that_cannot_be_read_is_left_for_the_network(server, tmp_path, monkeypatch, code):
    mirror = tmp_path / "mirror/lake"
    mirror.mkdir(parents=True)
    (mirror / "a.csv").write_bytes(BODY)

    def fails(source, target):
        raise OSError(code, os.strerror(code), str(source))

    monkeypatch.setattr(fetching.shutil, "copyfile", fails)
    source = lake({"name": "a.csv", "urls": [server.says("/a", whole(BODY))]})
    (file,) = fetch_source(source, cache_dir=tmp_path / "cache", mirror=mirror.parent, retry=RETRY)
    assert file.how == "download"


def test_no_room_for_a_copy_of_the_mirror(server, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror/lake"
    mirror.mkdir(parents=True)
    (mirror / "a.csv").write_bytes(BODY)

    def half(source, target):
        target.write_bytes(BODY[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching.shutil, "copyfile", half)
    source = lake({"name": "a.csv", "urls": [server.says("/a", whole(BODY))]})
    with pytest.raises(DownloadError, match=r"a\.csv\.part\.copy: cannot be written: .*No space left"):
        fetch_source(source, cache_dir=tmp_path / "cache", mirror=mirror.parent, retry=RETRY)
    assert {path.name for path in (tmp_path / "cache/lake").iterdir()} == {".guard"}
    assert not server.requests


@pytest.mark.parametrize("place", ["cache", "mirror"])
def test_a_wrong_archive_at_its_name_does_not_bring_the_whole(server, tmp_path, place):
    archive = tmp_path / "z.zip"
    with ZipFile(archive, "w") as zipped:
        zipped.writestr("small.csv", "a\n")
        zipped.writestr("large.csv", os.urandom(1 << 19))
    body = archive.read_bytes()
    pins = {"bytes": len(body), "md5": hashlib.md5(body).hexdigest()}
    source = lake({"name": "z.zip", "urls": [server.says("/z", ranged(body))], **pins})
    (tmp_path / place / "lake").mkdir(parents=True)
    (tmp_path / place / "lake/z.zip").write_bytes(body[:5000])
    wanted = {"z.zip": [["small.csv"]]}
    options = {"cache_dir": tmp_path / "cache", "mirror": tmp_path / "mirror", "retry": RETRY}
    (file,) = fetch_source(source, members=wanted, **options)
    assert file.file == "z.zip/small.csv"
    assert server.sent < 1 << 18
    shutil.copyfile(archive, tmp_path / place / "lake/z.zip")
    (file,) = fetch_source(source, members=wanted, **options)
    assert file.file == "z.zip", "the right one is taken"
