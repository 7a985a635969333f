"""Answers that are shorter than what was asked for, marks of versions, pace: what a file is put together of."""

import hashlib
import time
from dataclasses import replace

import pytest
from loopback import RETRY, head, ranged, send, status, whole
from test_fetch_faults import BODY, OTHER, PINS, parts

from schash.data import download
from schash.data.verify import fault_of
from schash.errors import DownloadError

CAP = 70_000


def capped(body, cap=CAP, total=None, **facts):
    """A server that gives at most `cap` bytes of what was asked for, as HTTP allows."""

    def answer(handler):
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        stop = min(start + cap, len(body))
        said = f"bytes {start}-{stop - 1}/{total or len(body)}"
        send(handler, body[start:stop], code=206, Content_Range=said, **facts)

    return answer


def test_short_answers_are_put_together(server, fetch):
    fetch(server.says("/a", capped(BODY)), **PINS)
    assert fetch.target.read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, *(f"bytes={CAP * i}-" for i in range(1, 5))]


def test_short_answers_without_a_checksum_go_on_by_their_etag(server, fetch):
    fetch(server.says("/a", capped(BODY, ETag='"v1"')))
    assert fetch.target.read_bytes() == BODY
    assert parts(fetch) == {"data.bin"}


@pytest.mark.parametrize("total", [None, "*"])
def test_a_short_answer_is_never_the_file(server, fetch, tmp_path, total):
    lock = tmp_path / "lock.tsv"
    words = "neither a checksum nor an ETag" if total is None else "does not say how long the file is"
    with pytest.raises(DownloadError, match=words):
        fetch(server.says("/a", capped(BODY, total=total)), lock=lock)
    assert "data.bin" not in parts(fetch)
    assert not lock.exists()


def test_a_break_and_then_a_short_answer(server, fetch):
    broken = lambda handler: send(handler, BODY[:200_000], length=len(BODY), ETag='"v1"')  # noqa: E731
    fetch(server.says("/a", broken, capped(BODY, 40_000, ETag='"v1"')))
    assert fetch.target.read_bytes() == BODY


def test_answers_of_next_to_nothing_are_given_up(server, fetch):
    with pytest.raises(DownloadError, match="came bytes 0 to 9 of 300000"):
        fetch(server.says("/a", capped(BODY, 10)), **PINS)
    assert len(server.requests) == RETRY.attempts


def test_all_bytes_and_a_length_that_is_too_large(server, fetch):
    """The checksum says that it is the file."""
    fetch(server.says("/a", whole(BODY, length=len(BODY) + 9)), **PINS)
    assert fetch.target.read_bytes() == BODY


def test_a_kill_between_the_mark_of_a_version_and_its_first_byte(server, fetch, monkeypatch):
    """Old bytes must not be left under the mark of the new version."""
    first = lambda handler: send(handler, BODY[:CAP], length=len(BODY), ETag='"v1"')  # noqa: E731
    url = server.says("/a", first, status(404))
    with pytest.raises(DownloadError):
        fetch(url)
    assert parts(fetch) == {"data.bin.part", "data.bin.part.etag"}

    def killed(*args, **facts):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "meter", killed)
    server.says("/a", ranged(OTHER, ETag='"v2"'))
    with pytest.raises(KeyboardInterrupt):
        fetch(url)
    monkeypatch.undo()
    fetch(url)
    assert fetch.target.read_bytes() == OTHER


def test_killed_after_the_last_byte_nothing_is_sent_again(server, fetch):
    """The server's mark is what the whole part is known by, where there is no checksum."""
    url = server.says("/a", ranged(BODY, ETag='"v1"'))
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY)
    (fetch.folder / "data.bin.part.etag").write_text('"v1"')
    fetch(url)
    assert fetch.target.read_bytes() == BODY
    assert server.sent == 0


def test_a_server_that_crawls_is_left(server, fetch):
    def crawl(handler):
        head(handler, length=len(BODY))
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)

    retry = replace(RETRY, attempts=1, rate_window=0.2)
    began = time.monotonic()
    with pytest.raises(DownloadError, match=r"too slow: .* bytes in 0 s"):
        fetch(server.says("/a", crawl), retry=retry, **PINS)
    assert time.monotonic() - began < 1.5


def test_the_disk_is_not_filled_by_a_file_of_unknown_size(server, fetch, monkeypatch):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    monkeypatch.setattr(download, "BETWEEN_LOOKS", 1 << 18)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: type("U", (), {"free": 10_000_000})())
    with pytest.raises(DownloadError, match=r"has room for 10\.0 MB"):
        fetch(server.says("/a", endless), sha256=hashlib.sha256(BODY).hexdigest())
    assert (fetch.folder / "data.bin.part").stat().st_size < 1 << 20


def test_the_body_of_a_redirect_is_not_read(server, fetch):
    sent = []

    def long_way(handler):
        handler.send_response(302)
        handler.send_header("Location", "/b")
        handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        try:
            for _ in range(1 << 10):
                handler.wfile.write(bytes(1 << 20))
                sent.append(1)
        except OSError:
            pass

    server.says("/b", whole(BODY))
    fetch(server.says("/a", long_way), **PINS)
    assert len(sent) < 100, "the connection was closed at once"


@pytest.mark.parametrize(
    "page",
    [
        b"<!-- down for maintenance --><html>",
        b"<head><title>sign in</title>",
        b'<?xml version="1.0"?><!DOCTYPE html>',
        b'{"message": "rate limit"}',
        b"<Error><Code>AccessDenied</Code></Error>",
    ],
)
def test_pages_and_messages_are_no_data(server, fetch, page):
    with pytest.raises(DownloadError, match=r"came an HTML page|came a file that begins with"):
        fetch(server.says("/a", whole(page, kind="text/plain")), name="annotations.csv")
    assert parts(fetch) == set()


def test_a_tar_that_is_cut_behind_a_member(tmp_path):
    import io
    import tarfile

    from schash.data.verify import Pin

    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("one", "two"):
            info = tarfile.TarInfo(name)
            info.size = 100
            archive.addfile(info, io.BytesIO(bytes([1]) * 100))
    assert fault_of(path, Pin()) is None
    path.write_bytes(path.read_bytes()[:1024])
    assert "its end is missing" in fault_of(path, Pin())


def test_a_date_to_be_asked_again_after_is_heeded(server, fetch, monkeypatch):
    from email.utils import formatdate

    waits = []
    monkeypatch.setattr("schash.data.web.time.sleep", waits.append)

    def busy(handler):
        send(handler, b"", code=503, Retry_After=formatdate(time.time() + 100, usegmt=True))

    fetch(server.says("/a", busy, whole(BODY)), retry=replace(RETRY, longest_wait=1000), **PINS)
    assert 90 < waits[0] <= 100
