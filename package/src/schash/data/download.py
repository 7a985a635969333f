"""One file over HTTP: resumed after a break, tried again after a passing fault, verified against its pin."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from schash.data.verify import Pin, fault_of

logger = logging.getLogger(__name__)

CHUNK = 1 << 16
"""Bytes written at a time, and the most that a broken connection can cost."""
PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Retry:
    """How often and how patiently each url is tried. Times in seconds."""

    attempts: int = 4
    first_wait: float = 1.0
    factor: float = 3.0
    connect_timeout: float = 15.0
    read_timeout: float = 60.0

    def wait(self, attempt: int) -> float:
        """Pause after the failed attempt number `attempt` (from 0)."""
        return self.first_wait * self.factor**attempt


class _AttemptError(Exception):
    """An attempt failed. `passing` faults are worth another attempt at the same url.

    `mismatch`: whole but wrong bytes came. Once may be an accident; the same bytes again are what the url serves.
    """

    def __init__(self, message: str, *, passing: bool, mismatch: bool = False) -> None:
        super().__init__(message)
        self.passing = passing
        self.mismatch = mismatch


def download(url: str, part: Path, pin: Pin, *, retry: Retry, progress: bool) -> str | None:
    """Fetch `url` into `part` until it fits `pin`; None on success, else what went wrong.

    `part` may hold the start of the file: it is continued if the pin has a checksum to prove the whole, and begun
    anew otherwise. After a failure that a continuation cannot mend it is removed.
    """
    faults: list[str] = []
    for attempt in range(retry.attempts):
        if attempt:
            time.sleep(retry.wait(attempt - 1))
        try:
            _receive(url, part, pin, retry, progress)
            _verify(part, pin)
        except _AttemptError as fault:
            logger.info("%s: attempt %d of %d: %s", url, attempt + 1, retry.attempts, fault)
            known = str(fault) in faults
            faults.append(str(fault))
            if not fault.passing or (fault.mismatch and known):
                break
        else:
            return None
    return "; then ".join(dict.fromkeys(faults))


def _verify(part: Path, pin: Pin) -> None:
    fault = fault_of(part, pin)
    if fault is not None:
        part.unlink()  # nothing in it can be trusted, so the next attempt starts anew
        raise _AttemptError(fault, passing=True, mismatch=True)


def _receive(url: str, part: Path, pin: Pin, retry: Retry, progress: bool) -> None:
    """One request, appended to `part`."""
    start = part.stat().st_size if part.exists() and pin.has_checksum else 0
    if pin.bytes is not None and start >= pin.bytes:
        if start == pin.bytes:
            return
        start = 0
    # identity: a server must not compress, or unpack, what is stored compressed
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    timeout = (retry.connect_timeout, retry.read_timeout)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _check_response(response, part, start)
            resumed = _is_continuation(response, start)
            if start:
                logger.info("%s: %s", url, f"resumed at byte {start}" if resumed else "started anew")
            _save(response, part, start if resumed else 0, pin, progress)
    except requests.RequestException as error:
        message = f"{type(error).__name__}: {error}"
        raise _AttemptError(message, passing=not isinstance(error, requests.exceptions.InvalidURL)) from error


def _check_response(response: requests.Response, part: Path, start: int) -> None:
    if response.status_code == 416 and start:
        part.unlink()
        message = f"HTTP 416: the server has nothing after byte {start}"
        raise _AttemptError(message, passing=True)
    if response.status_code not in (200, 206):
        message = f"HTTP {response.status_code} {response.reason}"
        raise _AttemptError(message, passing=response.status_code in PASSING_STATUS)
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        message = "came an HTML page, expected a data file"
        raise _AttemptError(message, passing=False)


def _is_continuation(response: requests.Response, start: int) -> bool:
    """True if the body starts at byte `start`; a server may answer a Range request with the whole file."""
    if response.status_code != 206:
        return False
    if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        return True
    message = f"asked for bytes from {start}, came Content-Range {response.headers.get('Content-Range')!r}"
    raise _AttemptError(message, passing=False)


def _save(response: requests.Response, part: Path, start: int, pin: Pin, progress: bool) -> None:
    announced = response.headers.get("Content-Length")
    encoded = "Content-Encoding" in response.headers  # then the length is that of the encoded body
    end = start + int(announced) if announced and not encoded else None
    size = start
    with _bar(progress) as bar, part.open("ab" if start else "wb") as handle:
        name = part.name.removesuffix(".part")
        task = bar.add_task(name, total=pin.bytes or end, completed=start)
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if pin.bytes is not None and size > pin.bytes:
                break
            handle.write(chunk)
            bar.update(task, completed=size)
    if pin.bytes is not None and size > pin.bytes:
        part.unlink()
        message = f"came more than the expected {pin.bytes} bytes"
        raise _AttemptError(message, passing=True, mismatch=True)
    if end is not None and size < end:
        message = f"the connection closed after {size} of {end} bytes"
        raise _AttemptError(message, passing=True)


def _bar(progress: bool) -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True, disable=not (progress and console.is_terminal))
