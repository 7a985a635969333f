"""Downloads against a server that misbehaves in every way we could think of."""

import gzip
import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from loopback import html, ranged, redirect, send, status, whole

from schash.data.download import CHUNK
from schash.data.locks import add_to_lock, read_lock
from schash.data.manifest import read_manifest, write_manifest
from schash.data.web import Retry
from schash.errors import ConfigError, DataError, DownloadError

BODY = bytes(range(256)) * 4000  # 1 MB: several reads of a socket
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


CORRUPT = BODY[:-1] + b"X"


def right(handler):
    send(handler, BODY)


def in_ranges(handler):
    """A server that honours Range."""
    ranged(BODY)(handler)


def dropped(handler):
    """The connection breaks after 400,000 bytes."""
    send(handler, BODY[:400_000], length=len(BODY))


def left(fetch):
    return sorted(path.name for path in fetch.folder.iterdir() if not path.name.startswith("."))


def test_a_file_comes_verified_under_its_name(server, fetch):
    url = server.says("/a", right)
    fetched = fetch(url, sha256=SHA256, bytes=len(BODY))
    assert fetch.target.read_bytes() == BODY
    assert left(fetch) == ["data.bin"]
    assert (fetched.source, fetched.file, fetched.path) == ("lake", "data.bin", str(fetch.target))
    assert (fetched.url, fetched.bytes, fetched.sha256, fetched.how) == (url, len(BODY), SHA256, "download")
    assert fetched.date.endswith("+00:00")
    assert server.requests == [("/a", None)]


def test_a_file_in_the_cache_is_not_fetched_again(server, fetch):
    url = server.says("/a", right)
    fetch(url, sha256=SHA256)
    assert fetch(url, sha256=SHA256).how == "cache"
    assert len(server.requests) == 1


def test_a_wrong_file_in_the_cache_is_moved_aside_and_fetched(server, fetch, caplog):
    url = server.says("/a", right)
    fetch.folder.mkdir(parents=True)
    fetch.target.write_bytes(CORRUPT)
    assert fetch(url, sha256=SHA256).how == "download"
    assert left(fetch) == ["data.bin", "data.bin.wrong"]
    assert "moved aside" in caplog.text


def test_a_broken_download_is_resumed(server, fetch):
    url = server.says("/a", dropped, in_ranges)
    fetch(url, sha256=SHA256)
    assert fetch.target.read_bytes() == BODY
    assert [asked is None for _, asked in server.requests] == [True, False]
    start = int(server.requests[1][1].removeprefix("bytes=").removesuffix("-"))
    assert 400_000 - CHUNK < start <= 400_000


def test_what_an_earlier_run_left_is_resumed(server, fetch):
    url = server.says("/a", in_ranges)
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY[:1000])
    fetch(url, md5=MD5)
    assert server.requests == [("/a", "bytes=1000-")]
    assert left(fetch) == ["data.bin"]


def test_a_resumed_download_of_other_bytes_is_begun_anew(server, fetch):
    url = server.says("/a", in_ranges)
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(b"X" * 1000)
    fetch(url, sha256=SHA256)
    assert server.requests == [("/a", "bytes=1000-"), ("/a", None)]


def test_a_part_longer_than_the_file_is_begun_anew(server, fetch):
    url = server.says("/a", in_ranges)
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY + b"X")
    fetch(url, sha256=SHA256, bytes=len(BODY))
    assert server.requests == [("/a", None)]


def test_a_whole_part_is_not_fetched(server, fetch):
    url = server.says("/a", status(500))
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY)
    fetch(url, sha256=SHA256, bytes=len(BODY))
    assert server.requests == []


def test_a_range_beyond_the_end_is_begun_anew(server, fetch):
    url = server.says("/a", status(416), in_ranges)
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY + b"X")
    fetch(url, sha256=SHA256)
    assert [asked for _, asked in server.requests] == [f"bytes={len(BODY) + 1}-", None]


def test_a_file_without_checksum_is_never_resumed(server, fetch):
    url = server.says("/a", dropped, in_ranges)
    fetch(url)
    assert server.requests == [("/a", None), ("/a", None)]
    assert fetch.target.read_bytes() == BODY


def test_a_server_that_ignores_range(server, fetch):
    url = server.says("/a", dropped, right)
    fetch(url, sha256=SHA256)
    assert [asked is None for _, asked in server.requests] == [True, False], "the second answer is whole"
    assert fetch.target.read_bytes() == BODY


def test_a_server_that_sends_another_range(server, fetch):
    wrong = lambda handler: send(handler, BODY[9:], code=206, Content_Range="bytes 9-9/9")  # noqa: E731
    url = server.says("/a", dropped, wrong)
    with pytest.raises(DownloadError, match="came Content-Range 'bytes 9-9/9'"):
        fetch(url, sha256=SHA256)
    assert not fetch.target.exists()


@pytest.mark.parametrize(
    ("answer", "pins", "words"),
    [
        (
            whole(CORRUPT),
            {"sha256": SHA256},
            f"came sha256 {hashlib.sha256(CORRUPT).hexdigest()}, expected {SHA256}",
        ),
        (whole(CORRUPT), {"md5": MD5}, f"came md5 {hashlib.md5(CORRUPT).hexdigest()}, expected {MD5}"),
        (whole(BODY[:-5]), {"bytes": len(BODY)}, f"came {len(BODY) - 5} bytes, expected {len(BODY)}"),
        (whole(BODY + b"X"), {"bytes": len(BODY)}, f"came more than the expected {len(BODY)} bytes"),
        (whole(b""), {}, "came an empty file"),
        (dropped, {}, "400000"),
        (dropped, {"sha256": SHA256}, "came Content-Range|400000|HTTP|connection"),
        (html, {"sha256": SHA256}, "came an HTML page"),
        (html, {}, "came an HTML page"),
        (status(403), {}, "HTTP 403"),
        (status(503), {}, "HTTP 503"),
    ],
)
def test_what_cannot_be_used_leaves_no_file(server, fetch, answer, pins, words):
    url = server.says("/a", answer)
    with pytest.raises(DownloadError, match=words) as caught:
        fetch(url, **pins)
    message = str(caught.value)
    assert "lake: cannot get 'data.bin'" in message
    assert url in message
    assert f"put it at {fetch.target}" in message
    assert "data.bin" not in left(fetch)


def test_corrupt_bytes_are_asked_for_twice_at_most(server, fetch):
    with pytest.raises(DownloadError):
        fetch(server.says("/a", whole(CORRUPT)), sha256=SHA256)
    assert len(server.requests) == 2


def test_corrupt_once_then_right(server, fetch):
    fetch(server.says("/a", whole(CORRUPT), right), sha256=SHA256)
    assert fetch.target.read_bytes() == BODY


def test_a_short_body_is_noticed_even_if_the_library_does_not(fetch, monkeypatch):
    class Short:
        """urllib3 before 2.0 ends such a body without an error."""

        status_code, headers, is_redirect = 200, {"Content-Length": "10"}, False
        __enter__, __exit__ = (lambda self: self), (lambda *_: None)

        def __init__(self):
            self.raw, self.body = self, [b"short", b""]

        def read1(self, most, *, decode_content):
            return self.body.pop(0)

    monkeypatch.setattr("schash.data.web.requests.Session.request", lambda *_, **__: Short())
    with pytest.raises(DownloadError, match="the connection closed after 5 of 10 bytes"):
        fetch("http://127.0.0.1:9/a")


@pytest.mark.parametrize("code", [202, 408, 425, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server, fetch, code):
    fetch(server.says("/a", status(code), status(code), right), sha256=SHA256)
    assert len(server.requests) == 3


def test_a_missing_file_is_asked_for_once_and_then_elsewhere(server, fetch):
    fetched = fetch(server.says("/a", status(404)), server.says("/b", right), sha256=SHA256)
    assert fetched.url.endswith("/b")
    assert [path for path, _ in server.requests] == ["/a", "/b"]


def test_html_page_then_second_url(server, fetch):
    assert fetch(server.says("/a", html), server.says("/b", right)).url.endswith("/b")


def test_a_connection_that_fails_twice_is_told_once(fetch):
    with pytest.raises(DownloadError) as caught:
        fetch("http://127.0.0.1:9/a", sha256=SHA256)
    assert "Connection refused" in str(caught.value)
    assert "; then" not in str(caught.value)
    assert "0x" not in str(caught.value)


def test_a_redirect_is_followed(server, fetch):
    fetch(server.says("/a", redirect(server.says("/b", in_ranges))), sha256=SHA256)
    assert [path for path, _ in server.requests] == ["/a", "/b"]


def test_a_server_that_is_not_there(fetch):
    with pytest.raises(DownloadError, match="ConnectionError"):
        fetch("http://127.0.0.1:9/a", sha256=SHA256)


def test_the_server_is_asked_to_send_the_bytes_as_they_are(server, fetch):
    asked = []

    def answer(handler):
        asked.append(handler.headers["Accept-Encoding"])
        right(handler)

    fetch(server.says("/a", answer), sha256=SHA256)
    assert asked == ["identity"]


def test_a_server_that_compresses_all_the_same(server, fetch):
    body = random.Random(0).randbytes(1000)  # longer when packed, so that lengths cannot be compared
    packed = lambda handler: send(handler, gzip.compress(body), Content_Encoding="gzip")  # noqa: E731
    fetch(server.says("/a", packed))
    assert fetch.target.read_bytes() == body


def test_a_gz_file_stays_packed(server, fetch):
    body = gzip.compress(BODY)
    fetch(server.says("/a", whole(body)), sha256=hashlib.sha256(body).hexdigest())
    assert fetch.target.read_bytes() == body


def test_back_off_grows():
    assert [Retry(first_wait=1, factor=3).wait(i) for i in range(3)] == [1, 3, 9]


def test_first_download_is_pinned_by_the_lock_and_then_enforced(server, fetch, tmp_path):
    lock = tmp_path / "pins" / "lock.tsv"
    url = server.says("/a", right, whole(CORRUPT))
    fetch(url, lock=lock)
    assert read_lock(lock)["lake", "data.bin"]["sha256"] == SHA256
    assert fetch(url, lock=lock).how == "cache"
    fetch.target.unlink()
    with pytest.raises(DownloadError, match=rf"expected {SHA256} \(lock file .*lock\.tsv\)"):
        fetch(url, lock=lock)
    assert not fetch.target.exists()
    assert read_lock(lock)["lake", "data.bin"]["sha256"] == SHA256


def test_the_lock_takes_what_the_cache_holds(server, fetch, tmp_path):
    url = server.says("/a", right)
    fetch(url)
    fetch(url, lock=tmp_path / "lock.tsv")
    assert ("lake", "data.bin") in read_lock(tmp_path / "lock.tsv")
    fetch.target.write_bytes(CORRUPT)
    assert fetch(url, lock=tmp_path / "lock.tsv").how == "download"


def test_a_published_checksum_needs_no_lock(server, fetch, tmp_path):
    fetch(server.says("/a", right), md5=MD5, lock=tmp_path / "lock.tsv")
    assert not (tmp_path / "lock.tsv").exists()


def test_many_may_add_to_the_lock_at_once(tmp_path):
    lock = tmp_path / "lock.tsv"
    facts = {"source": "lake", "sha256": SHA256, "bytes": "1", "date": "d", "url": "u"}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: add_to_lock(lock, facts | {"file": f"f{i}"}), range(24)))
    assert set(read_lock(lock)) == {("lake", f"f{i}") for i in range(24)}


def test_a_lock_file_that_is_none(fetch, tmp_path):
    (tmp_path / "lock.tsv").write_text("a\tb\n")
    with pytest.raises(ConfigError, match="is not a lock file"):
        fetch("http://127.0.0.1:9/a", lock=tmp_path / "lock.tsv")


@pytest.fixture
def mirror(tmp_path):
    path = tmp_path / "mirror" / "lake"
    path.mkdir(parents=True)
    return path


def test_the_mirror_comes_first(server, fetch, mirror):
    (mirror / "data.bin").write_bytes(BODY)
    fetched = fetch(server.says("/a", right), sha256=SHA256, mirror=mirror.parent)
    assert fetched.how == "mirror"
    assert fetched.url.endswith("/a")
    assert fetch.target.read_bytes() == BODY
    assert server.requests == []


def test_a_wrong_file_in_the_mirror_is_refused(server, fetch, mirror, caplog):
    (mirror / "data.bin").write_bytes(CORRUPT)
    assert fetch(server.says("/a", right), sha256=SHA256, mirror=mirror.parent).how == "download"
    assert fetch.target.read_bytes() == BODY
    assert "trying the network" in caplog.text


def test_the_message_names_the_mirror_too(server, fetch, mirror):
    (mirror / "data.bin").write_bytes(CORRUPT)
    with pytest.raises(DownloadError, match=r"\(mirror\): came sha256"):
        fetch(server.says("/a", status(404)), sha256=SHA256, mirror=mirror.parent)
    assert left(fetch) == []


def test_what_the_mirror_lacks_comes_from_the_network(server, fetch, mirror, caplog):
    assert fetch(server.says("/a", right), sha256=SHA256, mirror=mirror.parent).how == "download"
    assert "no such file in the mirror" in caplog.text


def test_a_file_that_only_a_hand_can_get(fetch):
    with pytest.raises(DownloadError, match=rf"by hand: sign in at the lake, and put it at {fetch.target}"):
        fetch(manual="sign in at the lake")
    fetch.target.write_bytes(BODY)
    assert fetch(manual="sign in at the lake").how == "cache"


def test_the_manifest_survives_the_disk(server, fetch, tmp_path):
    files = [fetch(server.says("/a", right), sha256=SHA256)]
    write_manifest(tmp_path / "out" / "manifest.tsv", files)
    assert read_manifest(tmp_path / "out" / "manifest.tsv") == files
    header = (tmp_path / "out" / "manifest.tsv").read_text().splitlines()[0]
    assert header.split("\t") == ["source", "file", "path", "url", "bytes", "sha256", "date", "how"]


def test_a_file_that_is_no_manifest(tmp_path):
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    for name in ("other.tsv", "none.tsv"):
        with pytest.raises(DataError, match=name):
            read_manifest(tmp_path / name)
