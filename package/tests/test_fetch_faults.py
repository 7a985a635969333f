"""What a connection, a server and a disk can do to a download: nothing wrong is taken, nothing whole is lost."""

import gzip
import hashlib
import io
import logging
import random
import re
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from loopback import (
    PAGE,
    RETRY,
    chunked,
    cut,
    head,
    hung_up,
    ranged,
    redirect,
    send,
    status,
    unframed,
    whole,
)
from rich.console import Console

from schash.data.download import CHUNK
from schash.data.locks import add_to_lock, exclusive, read_lock
from schash.data.progress import meter
from schash.data.sizes import in_words
from schash.errors import ConfigError, DownloadError

BODY = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
OTHER = BODY[::-1]
PACKED = gzip.compress(BODY)
PINS = {"sha256": SHA256, "bytes": len(BODY)}


def parts(fetch):
    return {path.name for path in fetch.folder.iterdir() if not path.name.startswith(".")}


# ---- connections that drop ----


@pytest.mark.parametrize("after", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, len(BODY) - 1])
def test_a_drop_anywhere_costs_no_more_than_a_chunk(server, fetch, after):
    url = server.says("/a", cut(BODY, after), ranged(BODY))
    fetch(url, **PINS)
    assert fetch.target.read_bytes() == BODY
    assert server.sent - len(BODY) <= CHUNK
    assert parts(fetch) == {"data.bin"}


def test_a_drop_before_any_header(server, fetch):
    fetch(server.says("/a", hung_up, ranged(BODY)), **PINS)
    assert fetch.target.read_bytes() == BODY
    with pytest.raises(DownloadError, match="ConnectionError"):
        fetch(server.says("/b", hung_up), name="other.bin", **PINS)


def test_a_drop_between_two_chunks(server, fetch):
    pieces = [BODY[i : i + 100_000] for i in range(0, len(BODY), 100_000)]
    url = server.says("/a", chunked(*pieces[:2], ends=False), ranged(BODY))
    fetch(url, **PINS)
    assert server.requests[1] == ("/a", "bytes=200000-")
    with pytest.raises(DownloadError, match=r"ChunkedEncodingError|ConnectionError|IncompleteRead"):
        fetch(server.says("/b", chunked(*pieces[:2], ends=False)), name="unpinned.bin")
    assert "unpinned.bin" not in parts(fetch)
    fetch(server.says("/c", chunked(*pieces)), name="chunks.bin")


def test_a_large_file_comes_through_a_connection_that_keeps_breaking(server, fetch):
    """More breaks than attempts: those that brought the file on do not count."""
    url = server.says("/a", cut(BODY, 70_000))
    fetch(url, retry=replace(RETRY, worthwhile=CHUNK), **PINS)
    assert len(server.requests) == 5 > RETRY.attempts


def test_one_that_brings_too_little_is_given_up_and_what_came_is_kept(server, fetch):
    url = server.says("/a", cut(BODY, 50_000))
    with pytest.raises(DownloadError, match="bytes"):
        fetch(url, **PINS)
    assert len(server.requests) == RETRY.attempts
    assert (fetch.folder / "data.bin.part").stat().st_size == 150_000
    server.says("/a", ranged(BODY))
    fetch(url, **PINS)
    assert server.requests[-1] == ("/a", "bytes=150000-")


# ---- servers that say wrong things ----


@pytest.mark.parametrize(
    ("answer", "pins", "words"),
    [
        (whole(BODY[:1000], length=2000), PINS, "IncompleteRead"),
        (whole(BODY, length=1000), PINS, f"came 1000 bytes, expected {len(BODY)}"),
        (whole(BODY, length=len(BODY) + 9), {}, "IncompleteRead"),
        (whole(PAGE), PINS, "came an HTML page"),
        (whole(PAGE), {}, "came an HTML page"),
        (whole(b"\n <html>" + BODY), {}, "came an HTML page"),
        (unframed(BODY[:1000]), {}, "the server does not say how long the file is"),
        (unframed(BODY[:1000]), PINS, f"came 1000 bytes, expected {len(BODY)}"),
        (status(404), PINS, "HTTP 404 Not Found"),
        (status(410), PINS, "HTTP 410 Gone"),
        (redirect("file:///etc/hostname"), PINS, "InvalidSchema"),
    ],
)
def test_wrong_answers_leave_no_file(server, fetch, answer, pins, words):
    with pytest.raises(DownloadError, match=words):
        fetch(server.says("/a", answer), **pins)
    assert "data.bin" not in parts(fetch)


@pytest.mark.parametrize("damage", [PACKED[:-1], PACKED[: len(PACKED) // 2], PACKED[:-8] + bytes(8)])
def test_an_archive_without_checksum_must_be_whole(server, fetch, damage):
    """A wrong Content-Length cuts a file without any other sign."""
    url = server.says("/a", whole(damage))
    with pytest.raises(DownloadError, match="came a cut or damaged archive"):
        fetch(url, name="counts.txt.gz")
    assert parts(fetch) == set()
    fetch(server.says("/b", unframed(PACKED)), name="counts.txt.gz")
    assert parts(fetch) == {"counts.txt.gz"}


def test_a_server_that_never_ends_is_cut_short(server, fetch):
    written = []

    def endless(handler):
        head(handler)
        try:
            for _ in range(1000):
                handler.wfile.write(bytes(CHUNK))
                written.append(CHUNK)
        except OSError:
            pass

    with pytest.raises(DownloadError, match=f"came more than the expected {len(BODY)} bytes"):
        fetch(server.says("/a", endless), **PINS)
    assert sum(written) < 500 * CHUNK, "some are under way when the connection is closed"
    assert parts(fetch) == set()


def test_hopeless_answers_are_not_asked_for_again(server, fetch):
    for i, answer in enumerate([status(404), redirect("file:///etc/hostname"), redirect("nowhere://x")]):
        with pytest.raises(DownloadError):
            fetch(server.says(f"/{i}", answer), **PINS)
    assert len(server.requests) == 3


def test_a_chain_of_redirects_is_followed(server, fetch):
    hops = [server.says(f"/{i}", redirect(server.url + f"/{i + 1}")) for i in range(4)]
    server.says("/4", ranged(BODY))
    assert fetch(hops[0], **PINS).url == hops[0]
    assert [path for path, _ in server.requests] == ["/0", "/1", "/2", "/3", "/4"]


def test_a_redirect_loop_is_called_one_and_the_next_address_is_tried(server, fetch):
    loop = server.says("/a", redirect(server.url + "/b"))
    server.says("/b", redirect(server.url + "/a"))
    with pytest.raises(
        DownloadError, match=r"redirected more than 10 times, the last time from .*: a redirect loop"
    ):
        fetch(loop, **PINS)
    assert len(server.requests) == 11, "a loop is not tried again"
    assert fetch(loop, server.says("/c", whole(BODY)), **PINS).url.endswith("/c")


def test_a_server_that_asks_for_time_is_given_it(server, fetch, monkeypatch):
    waits = []
    monkeypatch.setattr("schash.data.web.time.sleep", waits.append)
    busy = [status(503, Retry_After="7"), status(429, Retry_After="9999"), whole(BODY)]
    fetch(server.says("/a", *busy), **PINS)
    assert waits == [7, RETRY.longest_wait]


# ---- files without a checksum: continued only where the server vouches for the version ----


def test_an_unpinned_file_is_continued_by_its_etag(server, fetch):
    first = lambda handler: send(handler, BODY[:100_000], length=len(BODY), ETag='"v1"')  # noqa: E731
    fetch(server.says("/a", first, ranged(BODY, ETag='"v1"')))
    assert fetch.target.read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-"]
    assert parts(fetch) == {"data.bin"}


@pytest.mark.parametrize("heeds", [True, False])
def test_an_unpinned_file_that_changed_meanwhile_is_begun_anew(server, fetch, heeds):
    """Whether or not the server heeds If-Range."""
    first = lambda handler: send(handler, BODY[:100_000], length=len(BODY), ETag='"v1"')  # noqa: E731

    def heedless(handler):
        del handler.headers["If-Range"]
        ranged(OTHER, ETag='"v2"')(handler)

    fetch(server.says("/a", first, ranged(OTHER, ETag='"v2"') if heeds else heedless))
    assert fetch.target.read_bytes() == OTHER
    assert len(server.requests) == (2 if heeds else 3)


def test_a_weak_etag_vouches_for_nothing(server, fetch):
    first = lambda handler: send(handler, BODY[:100_000], length=len(BODY), ETag='W/"v1"')  # noqa: E731
    fetch(server.says("/a", first, ranged(BODY, ETag='W/"v1"')))
    assert [asked for _, asked in server.requests] == [None, None]


# ---- a killed process leaves any of these behind ----


def test_a_part_that_is_whole_needs_no_second_download(server, fetch):
    """Killed between the last byte and the new name, and no size is pinned: the server says 416."""
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY)
    fetch(server.says("/a", ranged(BODY)), sha256=SHA256)
    assert server.sent == 0
    assert fetch.target.read_bytes() == BODY


def test_a_mirror_copy_does_not_cost_what_the_network_brought(server, fetch, tmp_path):
    folder = tmp_path / "mirror" / "lake"
    folder.mkdir(parents=True)
    (folder / "data.bin").write_bytes(OTHER)
    fetch.folder.mkdir(parents=True)
    (fetch.folder / "data.bin.part").write_bytes(BODY[:1000])
    fetch(server.says("/a", ranged(BODY)), mirror=folder.parent, **PINS)
    assert server.requests == [("/a", "bytes=1000-")]


# ---- files put in by hand ----


def test_a_right_file_by_hand_is_taken_and_the_network_not_asked(server, fetch):
    fetch.folder.mkdir(parents=True)
    fetch.target.write_bytes(BODY)
    assert fetch(server.says("/a", status(500)), **PINS).how == "cache"
    assert server.requests == []


def test_a_wrong_file_by_hand_is_refused_in_clear_words_and_kept(fetch):
    fetch.folder.mkdir(parents=True)
    fetch.target.write_bytes(PAGE)
    words = r"data\.bin \(in the cache\): came an HTML page, expected a data file; moved aside to data\.bin\.wrong"
    with pytest.raises(DownloadError, match=words):
        fetch(manual="sign in at the lake")
    assert parts(fetch) == {"data.bin.wrong"}


def test_one_that_nothing_pins_is_taken_with_a_warning(fetch, caplog, tmp_path):
    fetch.folder.mkdir(parents=True)
    fetch.target.write_bytes(BODY)
    fetch(manual="sign in at the lake", lock=tmp_path / "lock.tsv")
    assert "taken as it is, since no checksum of it is known" in caplog.text
    fetch.target.write_bytes(OTHER)
    with pytest.raises(DownloadError, match="moved aside"):
        fetch(manual="sign in at the lake", lock=tmp_path / "lock.tsv")


# ---- this machine ----


def test_a_proxy_of_the_environment_is_used(server, fetch, monkeypatch):
    """The proxy is asked for the whole address, that of a host which no name server knows."""
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.answers["http://data.invalid/a"] = [ranged(BODY)]
    fetch("http://data.invalid/a", **PINS)
    assert server.requests == [("http://data.invalid/a", None)]


def test_a_full_disk_is_told_beforehand(server, fetch, monkeypatch):
    usage = namedtuple("usage", "total used free")(1, 1, 1000)
    monkeypatch.setattr("schash.data.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(
        DownloadError, match=r"has room for 1\.0 kB, and data\.bin\.part needs 300\.0 kB more"
    ):
        fetch(server.says("/a", whole(BODY)), **PINS)


def test_a_disk_that_fails_on_the_way_keeps_what_came(server, fetch, monkeypatch):
    def fails(size):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("schash.data.progress._Lines.__call__", lambda _, size: fails(size))
        with pytest.raises(DownloadError, match="No space left on device; what has come is kept"):
            fetch(server.says("/a", ranged(BODY)), **PINS)
    kept = (fetch.folder / "data.bin.part").stat().st_size
    fetch(server.url + "/a", **PINS)
    assert server.requests[-1] == ("/a", f"bytes={kept}-")


def test_two_runs_that_want_one_file_download_it_once(server, fetch, caplog):
    caplog.set_level(logging.INFO, logger="schash")
    begun = threading.Event()

    def slow(handler):
        head(handler, length=len(BODY))
        begun.set()
        time.sleep(0.2)
        handler.wfile.write(BODY)

    url = server.says("/a", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fetch, url, **PINS)
        assert begun.wait(5)
        second = pool.submit(fetch, url, **PINS)
        assert [first.result().how, second.result().how] == ["download", "cache"]
    assert len(server.requests) == 1
    assert "another process is at work here" in caplog.text


def test_a_lock_is_free_when_its_holder_is_done(tmp_path):
    for _ in range(2):
        with exclusive(tmp_path / "guard"):
            pass


@pytest.mark.parametrize("wrong", [{"sha256": "abc"}, {"bytes": "many"}])
def test_a_lock_file_that_was_edited_badly(tmp_path, wrong):
    row = {"source": "lake", "file": "a", "sha256": SHA256, "bytes": "1", "date": "d", "url": "u"} | wrong
    add_to_lock(tmp_path / "lock.tsv", row)
    with pytest.raises(
        ConfigError, match=r"the row of lake/a has .* expected 64 hexadecimal digits and a number"
    ):
        read_lock(tmp_path / "lock.tsv")


# ---- progress ----


def test_long_transfers_tell_how_far_they_are(server, fetch, monkeypatch):
    monkeypatch.setattr("schash.data.progress.SECONDS_BETWEEN_LINES", 0)
    lines = []
    fetch(server.says("/a", whole(BODY)), report=lines.append, **PINS)
    assert re.match(r"data\.bin: \d+\.\d kB of 300\.0 kB \(\d+%\), ", lines[0])
    assert "min left" in lines[0]
    assert "300.0 kB of 300.0 kB (100%)" in lines[-1]


def test_short_ones_do_not(server, fetch):
    lines = []
    fetch(server.says("/a", whole(BODY)), report=lines.append, **PINS)
    assert lines == []


@pytest.mark.parametrize(
    ("terminal", "show", "drawn"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_bar_is_drawn_on_a_terminal_alone(monkeypatch, terminal, show, drawn):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    monkeypatch.setattr("schash.data.progress.Console", lambda **_: console)
    with meter("data.bin", start=0, total=100, show=show) as tell:
        tell(100)
    assert ("data.bin" in screen.getvalue()) == drawn


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (3_671_466_589, "3.7 GB"), (2e6, "2.0 MB")],
)
def test_sizes_in_words(size, words):
    assert in_words(size) == words
