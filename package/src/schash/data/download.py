"""One file over HTTP, or a span of its bytes: resumed after a break, tried again after a passing fault, verified.

What has come lies in `<name>.part`. It is continued where something proves the whole afterwards: a checksum, or the
server's own mark of the version (ETag), which is kept beside it in `<name>.part.etag`.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from schash.data.progress import Report, meter
from schash.data.sizes import in_words
from schash.data.verify import Pin, fault_of, proves_itself
from schash.data.web import AttemptError, RangesIgnoredError, Retry, answer, content_range, persevere
from schash.errors import DownloadError

logger = logging.getLogger(__name__)

CHUNK = 1 << 16
"""Bytes written at a time, and the most that a broken connection can cost."""


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
        """One request, appended to the part, and the check of the whole."""
        self._receive()
        fault = self.check(self.part)
        if fault is not None:
            self._discard()  # nothing in it can be trusted, so the next attempt starts anew
            raise AttemptError(fault, passing=True, mismatch=True)
        self._etag.unlink(missing_ok=True)

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def _receive(self) -> None:
        is_proved = self.pin.has_checksum or self.span is not None
        etag = self._etag.read_text() if not is_proved and self._etag.exists() else ""
        start = self.size() if is_proved or etag else 0
        if self.pin.bytes is not None and start >= self.pin.bytes:
            if start == self.pin.bytes:
                return
            start = 0
        headers = self._range_header(start) | ({"If-Range": etag} if start and etag else {})
        with answer(self.url, headers, self.retry) as response:
            if response.status_code == 416:
                self._take_or_drop(start)
                return
            resumed = self._is_continuation(response, start, etag)
            if start:
                how = f"resumed at byte {start}" if resumed else "started anew"
                logger.info("%s: %s", self.url, how)
            self._save(response, start if resumed else 0)

    def _range_header(self, start: int) -> dict[str, str]:
        if self.span is not None:
            return {"Range": f"bytes={self.span.start + start}-{self.span.stop - 1}"}
        return {"Range": f"bytes={start}-"} if start else {}

    def _take_or_drop(self, start: int) -> None:
        """The server has nothing more: the part is whole, where it was cut off before its name was changed."""
        if start and self.pin.has_checksum and self.check(self.part) is None:
            return
        self._discard()
        message = f"HTTP 416: the server has nothing after byte {start}"
        raise AttemptError(message, passing=start > 0)

    def _is_continuation(self, response: requests.Response, start: int, etag: str) -> bool:
        """True if the body starts at byte `start`; a server may answer a Range request with the whole file."""
        if response.status_code != 206:
            if self.span is not None:
                raise RangesIgnoredError
            return False
        first, _, total = content_range(response)
        asked = start + (self.span.start if self.span else 0)
        if first != asked:
            message = (
                f"asked for bytes from {asked}, came Content-Range {response.headers['Content-Range']!r}"
            )
            raise AttemptError(message, passing=False)
        if self.span is not None and total not in (None, self.span.total):
            message = f"the file has {total} bytes now, and had {self.span.total}"
            raise AttemptError(message, passing=False)
        if etag and response.headers.get("ETag") != etag:
            self._discard()
            message = "the file has changed on the server since the transfer began"
            raise AttemptError(message, passing=True)
        return True

    def _save(self, response: requests.Response, start: int) -> None:
        announced = response.headers.get("Content-Length", "")
        encoded = "Content-Encoding" in response.headers  # then the length is that of the encoded body
        end = start + int(announced) if announced.isdigit() and not encoded else None
        total = self.pin.bytes or end
        self._check_space(total, start)
        self._keep_etag(response, start)
        size = start
        name = self.part.name.removesuffix(".part")
        with (
            meter(name, start=start, total=total, show=self.progress, report=self.report) as tell,
            self.part.open("ab" if start else "wb") as handle,
        ):
            for chunk in response.iter_content(CHUNK):
                size += len(chunk)
                if self.pin.bytes is not None and size > self.pin.bytes:
                    break
                handle.write(chunk)
                tell(size)
        if self.pin.bytes is not None and size > self.pin.bytes:
            self._discard()
            message = f"came more than the expected {self.pin.bytes} bytes"
            raise AttemptError(message, passing=True, mismatch=True)
        if end is not None and size < end:
            message = f"the connection closed after {size} of {end} bytes"
            raise AttemptError(message, passing=True)
        self._check_framing(response)

    def _check_space(self, total: int | None, start: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            message = (
                f"{self.part.parent}: has room for {in_words(free)}, and {self.part.name} needs "
                f"{in_words(total - start)} more; free some, or choose another folder by the config key downloads"
            )
            raise DownloadError(message)

    def _keep_etag(self, response: requests.Response, start: int) -> None:
        if start:
            return
        etag = response.headers.get("ETag", "")
        if etag.startswith('"') and not self.pin.has_checksum:  # a weak one (W/) does not stand for the bytes
            self._etag.write_text(etag)
        else:
            self._etag.unlink(missing_ok=True)

    def _check_framing(self, response: requests.Response) -> None:
        """Where neither server, pin nor format say where a file ends, a cut one looks like a whole one."""
        framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
        known = self.pin.has_checksum or self.pin.bytes is not None or proves_itself(self.part.name)
        if not framed and not known:
            self._discard()
            message = (
                "the server does not say how long the file is, and nothing else tells whether it is whole"
            )
            raise AttemptError(message, passing=False)
