"""Single members of a zip archive on a web server, by range requests and without the rest of it.

Python's `zipfile` reads the archive's list of members through `RemoteFile`. A member's packed bytes are then one span
of the archive, which `members` fetches.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zipfile import BadZipFile, ZipFile, ZipInfo

from schash.data.archives import check_members, check_readable
from schash.data.download import Span
from schash.data.web import AttemptError, RangesIgnoredError, Retry, answer, content_range, persevere, pieces
from schash.errors import DataError

BUFFER = 1 << 16
LONGEST_LIST = 1 << 26
"""Bytes of an archive's list of members, 64 MiB, that are read at most."""
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Before each member's bytes: signature, ..., lengths of the name and of the extra field."""


class RemoteFile(io.RawIOBase):
    """A file of a web server as a seekable file. Raises `AttemptError` where the server does not serve ranges."""

    def __init__(self, url: str, retry: Retry) -> None:
        self._url, self._retry, self._at, self.total = url, retry, 0, 0
        self._get(0, 1)
        self._end_begins = max(
            0, self.total - BUFFER
        )  # the list of members is at the end, and short as a rule
        self._end = self._get(self._end_begins, self.total)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.total}[whence])
        return self._at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # any writable buffer
        stop = max(self._at, min(self._at + len(buffer), self.total))
        if stop - self._at > LONGEST_LIST:
            message = (
                f"its list of members would take {stop - self._at} bytes; at most {LONGEST_LIST} are read"
            )
            raise AttemptError(message, passing=False)
        if self._at >= self._end_begins:
            data = self._end[self._at - self._end_begins : stop - self._end_begins]
        else:
            data = self._get(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _get(self, start: int, stop: int) -> bytes:
        got: list[bytes] = []
        last: list[AttemptError] = []

        def attempt() -> None:
            try:
                got.append(self._ask(start, stop))
            except AttemptError as fault:
                last.append(fault)
                raise

        if persevere(attempt, self._url, self._retry) is not None:
            raise last[-1]
        return got[0]

    def _ask(self, start: int, stop: int) -> bytes:
        with answer(self._url, {"Range": f"bytes={start}-{stop - 1}"}, self._retry) as response:
            if response.status_code == 200:
                raise RangesIgnoredError
            if response.status_code == 416:
                message = f"HTTP 416: the server has no bytes from {start} to {stop - 1}"
                raise AttemptError(message, passing=False)
            first, _, total = content_range(response)
            if first != start or total is None or self.total not in (0, total):
                message = f"asked for bytes {start}-{stop - 1}, came {response.headers['Content-Range']!r}"
                raise AttemptError(message, passing=False)
            data = b"".join(_at_most(pieces(response, BUFFER), stop - start))
        if len(data) != stop - start:
            message = f"came {len(data)} bytes, expected {stop - start}"
            raise AttemptError(message, passing=True)
        self.total = total
        return data


def _at_most(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Chunks until more than `size` bytes have come, so that a server cannot send without end."""
    for chunk in chunks:
        yield chunk
        size -= len(chunk)
        if size < 0:
            return


@dataclass(frozen=True)
class RemoteMember:
    """A member of a remote archive and the span of its packed bytes."""

    info: ZipInfo
    span: Span


def find_member(url: str, members: Sequence[str], *, archive_bytes: int | None, retry: Retry) -> RemoteMember:
    """Where the first of `members` that the archive holds lies in it.

    archive_bytes : size that the archive must have, where it is known
    Raises `AttemptError` where the server fails, `DataError` where the archive is not what is expected or not safe.
    """
    remote = RemoteFile(url, retry)
    if archive_bytes not in (None, remote.total):
        message = f"{url}: the archive has {remote.total} bytes, expected {archive_bytes}"
        raise DataError(message)
    buffered = io.BufferedReader(remote, BUFFER)
    try:
        with ZipFile(buffered) as archive:
            check_members(archive, remote.total, url)
            held = set(archive.namelist())
            found = next((name for name in members if name in held), None)
            if found is None:
                examples = ", ".join(archive.namelist()[:5])
                message = f"{url}: the archive has no member {members[0]!r}; it holds e.g. {examples}"
                raise DataError(message)
            info = archive.getinfo(found)
            check_readable(info, url)
            if not info.file_size:
                message = f"{url}: its member {found!r} is empty"
                raise DataError(message)
            return RemoteMember(info, _span(remote, info, remote.total, url))
    except DataError:
        raise
    except (BadZipFile, struct.error, ValueError, NotImplementedError, EOFError, OSError) as error:
        message = f"{url}: is not a zip archive, or a damaged one: {error}"
        raise DataError(message) from error


def _span(handle: RemoteFile, info: ZipInfo, total: int, url: str) -> Span:
    handle.seek(info.header_offset)
    header = handle.read(LOCAL_HEADER.size) or b""
    signature, name_length, extra_length = LOCAL_HEADER.unpack(header)
    start = info.header_offset + LOCAL_HEADER.size + name_length + extra_length
    if signature != b"PK\3\4" or start + info.compress_size > total:
        message = f"{url}: the archive is damaged where its member {info.filename!r} should begin"
        raise DataError(message)
    return Span(start, start + info.compress_size, total)
