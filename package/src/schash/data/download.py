"""One file over HTTP, or a span of its bytes: resumed after a break, tried again after a passing fault, verified.

What has come lies in `<name>.part`. It is continued where something proves the whole afterwards: a checksum, or the
server's own mark of the version (ETag), which is kept beside it in `<name>.part.etag`.
"""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from schash.data.progress import Report, meter
from schash.data.sizes import in_words
from schash.data.verify import Pin, fault_of, proves_itself
from schash.data.web import (
    AttemptError,
    RangesIgnoredError,
    Retry,
    answer,
    content_range,
    persevere,
    pieces,
)
from schash.errors import DownloadError

logger = logging.getLogger(__name__)

CHUNK = 1 << 16
"""Bytes written at a time, and the most that a broken connection can cost."""


LEAST_PIECE = 1024
"""Bytes of an answer to a range that are worth asking for the next; a server may send less than it was asked for."""
BETWEEN_LOOKS = 1 << 26
"""Bytes between two looks at the room on the disk, where nobody said how many will come."""
KEEP_FREE = 1 << 28
"""Bytes that a file of unknown size leaves free."""


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `stop`, that one not included, of a file of `total` bytes."""

    start: int
    stop: int
    total: int


def download(
    url: str,
    part: Path,
    pin: Pin,
    *,
    retry: Retry,
    progress: bool,
    report: Report | None = None,
    span: Span | None = None,
    check: Callable[[Path], str | None] | None = None,
) -> str | None:
    """Fetch `url` into `part` until it fits `pin`; None on success, else what went wrong.

    progress, report : see `schash.data.progress.meter`
    span : fetch only these bytes, which only a server that serves ranges can give
    check : says what is wrong with a complete `part`; by default, what `pin` says

    `part` may hold the start of the file, which is then continued. After a failure that a continuation cannot mend it
    is removed. `DownloadError` where the disk is full or cannot be written.
    """
    transfer = _Transfer(
        url, part, pin, retry, progress, report, span, check or (lambda path: fault_of(path, pin))
    )
    try:
        return persevere(transfer.attempt, url, retry, reached=transfer.size)
    except OSError as error:
        message = f"{part}: cannot be written: {error}; what has come is kept, call again to continue"
        raise DownloadError(message) from error


@dataclass(frozen=True)
class _Body:
    """What a response brings: bytes `start` to `end`, that one not included, of `whole`; None where it is not said."""

    start: int
    end: int | None
    whole: int | None


@dataclass(frozen=True)
class _Transfer:
    url: str
    part: Path
    pin: Pin
    retry: Retry
    progress: bool
    report: Report | None
    span: Span | None
    check: Callable[[Path], str | None]

    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    @property
    def _etag(self) -> Path:
        return self.part.with_name(f"{self.part.name}.etag")

    def attempt(self) -> None:
        """Requests, appended to the part, until nothing is missing, and the check of the whole."""
        while not self._receive():
            pass
        fault = self.check(self.part)
        if fault is not None:
            self._discard()  # nothing in it can be trusted, so the next attempt starts anew
            raise AttemptError(fault, passing=True, mismatch=True)
        self._etag.unlink(missing_ok=True)

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    @property
    def _is_proved(self) -> bool:
        """Whether the check of the whole tells two versions apart that a continuation has mixed."""
        return self.pin.has_checksum or self.span is not None

    def _receive(self) -> bool:
        """One request. False where the server sent less than it has, and the next can go on from there."""
        etag = self._etag.read_text() if not self._is_proved and self._etag.exists() else ""
        start = self.size() if self._is_proved or etag else 0
        if self.pin.bytes is not None and start >= self.pin.bytes:
            if start == self.pin.bytes:
                return True
            start = 0
        headers = self._range_header(start) | ({"If-Range": etag} if start and etag else {})
        with answer(self.url, headers, self.retry) as response:
            if response.status_code == 416:
                self._take_or_drop(response, start)
                return True
            body = self._body(response, start, etag)
            if start:
                how = f"resumed at byte {start}" if body.start else "started anew"
                logger.info("%s: %s", self.url, how)
            self._save(response, body)
        return self._is_all(body)

    def _is_all(self, body: _Body) -> bool:
        if body.whole is None or body.end is None or body.end >= body.whole:
            return True
        came = f"came bytes {body.start} to {body.end - 1} of {body.whole}"
        if not (self._is_proved or self._etag.exists()):
            self._discard()
            message = f"{came}, and neither a checksum nor an ETag to go on by"
            raise AttemptError(message, passing=True)
        if body.end - body.start < LEAST_PIECE:
            raise AttemptError(came, passing=True)
        return False

    def _range_header(self, start: int) -> dict[str, str]:
        if self.span is not None:
            return {"Range": f"bytes={self.span.start + start}-{self.span.stop - 1}"}
        return {"Range": f"bytes={start}-"} if start else {}

    def _take_or_drop(self, response: requests.Response, start: int) -> None:
        """The server has nothing more: the part is whole, where it was cut off before its name was changed."""
        of_size = response.headers.get("Content-Range", "") == f"bytes */{start}"
        if start and (self.pin.has_checksum or of_size) and self.check(self.part) is None:
            return
        self._discard()
        message = f"HTTP 416: the server has nothing after byte {start}"
        raise AttemptError(message, passing=start > 0)

    def _body(self, response: requests.Response, start: int, etag: str) -> _Body:
        """What comes; a server may answer a Range request with the whole file."""
        announced = response.headers.get("Content-Length", "")
        encoded = "Content-Encoding" in response.headers  # then the length is that of the encoded body
        if response.status_code != 206:
            if self.span is not None:
                raise RangesIgnoredError
            length = int(announced) if announced.isdigit() and not encoded else None
            return _Body(0, length, length)
        first, last, total = content_range(response)
        before = self.span.start if self.span else 0
        if first != start + before:
            message = f"asked for bytes from {start + before}, came Content-Range {response.headers['Content-Range']!r}"
            raise AttemptError(message, passing=False)
        if self.span is not None and total not in (None, self.span.total):
            message = f"the file has {total} bytes now, and had {self.span.total}"
            raise AttemptError(message, passing=False)
        if etag and response.headers.get("ETag") != etag:
            self._discard()
            message = "the file has changed on the server since the transfer began"
            raise AttemptError(message, passing=True)
        whole = self.span.stop - self.span.start if self.span else total
        return _Body(start, None if encoded else last + 1 - before, whole)

    def _save(self, response: requests.Response, body: _Body) -> None:
        total = self.pin.bytes or body.whole
        if not body.start:
            # Before the new mark is written: a kill between the two must not leave old bytes under it
            self._discard()
            self._keep_etag(response)
        self._check_space(total, body.start)
        size = self._append(response, body.start, total)
        if self.pin.bytes is not None and size > self.pin.bytes:
            self._discard()
            message = f"came more than the expected {self.pin.bytes} bytes"
            raise AttemptError(message, passing=True, mismatch=True)
        if body.end is not None and size < body.end:
            message = f"the connection closed after {size} of {body.end} bytes"
            raise AttemptError(message, passing=True)
        self._check_framing(response, body)

    def _append(self, response: requests.Response, start: int, total: int | None) -> int:
        """Write the body behind the first `start` bytes; how many there are then."""
        size = looked_at = start
        pace = _Pace(self.retry, start)
        name = self.part.name.removesuffix(".part")
        with (
            meter(name, start=start, total=total, show=self.progress, report=self.report) as tell,
            self.part.open("ab" if start else "wb") as handle,
        ):
            for chunk in pieces(response, CHUNK):
                size += len(chunk)
                if self.pin.bytes is not None and size > self.pin.bytes:
                    break
                handle.write(chunk)
                tell(size)
                pace.check(size)
                if total is None and size - looked_at >= BETWEEN_LOOKS:
                    looked_at = size
                    self._check_space(size + KEEP_FREE, size)
        return size

    def _check_space(self, total: int | None, start: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            message = (
                f"{self.part.parent}: has room for {in_words(free)}, and {self.part.name} needs "
                f"{in_words(total - start)} more; free some, or choose another folder by the config key downloads"
            )
            raise DownloadError(message)

    def _keep_etag(self, response: requests.Response) -> None:
        etag = response.headers.get("ETag", "")
        if etag.startswith('"') and not self._is_proved:  # a weak one (W/) does not stand for the bytes
            self._etag.write_text(etag)

    def _check_framing(self, response: requests.Response, body: _Body) -> None:
        """Where neither server, pin nor format say where a file ends, a cut one looks like a whole one."""
        chunked = response.status_code == 200 and "Transfer-Encoding" in response.headers
        # The length of an encoded body is held by the transfer itself
        encoded = response.status_code == 200 and "Content-Length" in response.headers
        framed = body.whole is not None or chunked or encoded
        known = self.pin.has_checksum or self.pin.bytes is not None or proves_itself(self.part.name)
        if not framed and not known:
            self._discard()
            message = (
                "the server does not say how long the file is, and nothing else tells whether it is whole"
            )
            raise AttemptError(message, passing=False)


class _Pace:
    """Tells a transfer that crawls: a server may send a byte now and then, so that no read ever times out."""

    def __init__(self, retry: Retry, size: int) -> None:
        self._retry, self._size, self._since = retry, size, time.monotonic()

    def check(self, size: int) -> None:
        seconds = time.monotonic() - self._since
        if seconds < self._retry.rate_window:
            return
        if size - self._size < self._retry.least_rate * seconds:
            message = f"too slow: {size - self._size} bytes in {seconds:.0f} s"
            raise AttemptError(message, passing=True)
        self._size, self._since = size, time.monotonic()
