"""Requests to a web server: what counts as an answer, which faults pass by themselves, how patiently to ask again.

Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), as everywhere in `requests`.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urljoin

import requests
import urllib3

from schash._version import __version__

logger = logging.getLogger(__name__)

PASSING_STATUS = (202, 408, 425, 429, 500, 502, 503, 504)
MAX_REDIRECTS = 10
HOPELESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
"""Addresses that no further attempt makes better; a redirect may lead to one."""


@dataclass(frozen=True)
class Retry:
    """How often and how patiently each url is tried. Times in seconds.

    An attempt that brought the file on by `worthwhile` bytes does not count, so that a large file comes through a
    connection that keeps breaking. One that brings less than `least_rate` bytes a second over `rate_window` has failed.
    """

    attempts: int = 4
    first_wait: float = 1.0
    factor: float = 3.0
    longest_wait: float = 120.0
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    worthwhile: int = 1 << 20
    least_rate: float = 1000.0
    rate_window: float = 60.0

    def wait(self, attempt: int) -> float:
        """Pause after the failed attempt number `attempt` (from 0)."""
        return min(self.first_wait * self.factor**attempt, self.longest_wait)


class AttemptError(Exception):
    """An attempt failed. `passing` faults are worth another attempt at the same url.

    `mismatch`: whole but wrong bytes came. Once may be an accident; the same bytes again are what the url serves.
    `wait`: seconds that the server asked to be left alone.
    """

    def __init__(self, message: str, *, passing: bool, mismatch: bool = False, wait: float = 0) -> None:
        super().__init__(message)
        self.passing, self.mismatch, self.wait = passing, mismatch, wait


class RangesIgnoredError(AttemptError):
    """The server sends the whole file where a part of it was asked for."""

    def __init__(self) -> None:
        super().__init__("the server ignores ranges: it sends the whole file for a part of it", passing=False)


def persevere(
    action: Callable[[], None], url: str, retry: Retry, *, reached: Callable[[], int] = lambda: 0
) -> str | None:
    """Call `action` until it succeeds; None on success, else every different fault that it met.

    reached : how many bytes are there, to tell an attempt that brought something from one that did not
    """
    faults: list[str] = []
    failures, farthest = 0, reached()
    while True:
        try:
            action()
        except AttemptError as fault:
            failures = 1 if reached() >= farthest + retry.worthwhile else failures + 1
            farthest = max(farthest, reached())
            logger.info("%s: failed attempt %d of %d: %s", url, failures, retry.attempts, fault)
            known = str(fault) in faults
            faults.append(str(fault))
            if not fault.passing or (fault.mismatch and known) or failures >= retry.attempts:
                return "; then ".join(dict.fromkeys(faults))
            time.sleep(max(retry.wait(failures - 1), min(fault.wait, retry.longest_wait)))
        else:
            return None


class _Session(requests.Session):
    """Leaves redirects to `answer`: requests itself reads their bodies into memory, however large."""

    def resolve_redirects(self, *args: Any, **options: Any) -> Iterator[Any]:
        return iter(())


@contextmanager
def answer(
    url: str, headers: dict[str, str], retry: Retry, *, method: Literal["GET", "HEAD"] = "GET"
) -> Iterator[requests.Response]:
    """A response of status 200, 206 or 416 that is no HTML page, its body unread; `AttemptError` for all else."""
    # identity: a server must not compress, or unpack, what is stored compressed
    headers = {"Accept-Encoding": "identity", "User-Agent": f"schash/{__version__}", **headers}
    timeout = (retry.connect_timeout, retry.read_timeout)
    try:
        with _Session() as session:
            for _ in range(MAX_REDIRECTS + 1):
                with session.request(
                    method, url, headers=headers, stream=True, timeout=timeout, allow_redirects=False
                ) as response:
                    target = session.get_redirect_target(response)
                    if target is None:
                        _check(response)
                        yield response
                        return
                    last, url = url, urljoin(url, target)
        message = f"redirected more than {MAX_REDIRECTS} times, the last time from {last}: a redirect loop"
        raise AttemptError(message, passing=False)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        message = f"{type(error).__name__}: {_reason(error)}"
        raise AttemptError(message, passing=not isinstance(error, HOPELESS)) from error


def _reason(error: Exception) -> str:
    """What is behind a wrapped error, without the repeated url and the addresses in memory, which differ each time."""
    inner = error.args[0] if error.args else None
    return re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>(: )?", "", str(getattr(inner, "reason", None) or error))


def _check(response: requests.Response) -> None:
    if response.status_code == 416:
        return
    if response.status_code not in (200, 206):
        message = f"HTTP {response.status_code} {response.reason}"
        wait = _seconds(response.headers.get("Retry-After", ""))
        raise AttemptError(message, passing=response.status_code in PASSING_STATUS, wait=wait)
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        message = "came an HTML page, expected a data file"
        raise AttemptError(message, passing=False)


def _seconds(retry_after: str) -> float:
    """Of a Retry-After header: a number of seconds, or a date; 0 for anything else."""
    if re.fullmatch(r"\d{1,6}", retry_after):
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    """The body as it comes, at most `most` bytes at a time, without waiting until there are as many."""
    while piece := response.raw.read1(most, decode_content=True):
        yield piece


def content_range(response: requests.Response) -> tuple[int, int, int | None]:
    """First byte, last byte and, where it is said, the size of the whole, of a 206 response."""
    header = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", header)
    if match is None:
        message = f"came Content-Range {header!r}, which names no range of bytes"
        raise AttemptError(message, passing=False)
    first, last, total = match.groups()
    return int(first), int(last), None if total == "*" else int(total)
