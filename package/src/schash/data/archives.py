"""Zip archives that nothing need be feared from: what is refused in their list of members."""

import gzip
import stat
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from schash.errors import DataError

MOST_PACKED = 500
"""Bytes that one packed byte may stand for. Sparse tables of counts stay far below; a zip bomb comes near 1,032, the
most that deflate can do."""
SMALL = 1 << 20
"""Members up to this size may be packed as tightly as they like."""
MOST_UNPACKED = 1 << 36
"""Bytes of one member, 64 GiB: several times the largest table that the registry knows."""


def check_members(archive: ZipFile, size: int, where: str | Path) -> None:
    """Refuse an archive of `size` bytes one of whose members escapes, or unpacks to more than it can hold.

    Raises `DataError` naming the archive and the member.
    """
    for member in archive.infolist():
        fault = _fault_of(member)
        if fault:
            message = f"{where}: refused: its member {member.filename!r} {fault}"
            raise DataError(message)
    placed = sorted(archive.infolist(), key=lambda member: member.header_offset)
    for one, after in pairwise(placed):
        if one.header_offset + one.compress_size > after.header_offset:
            message = f"{where}: refused: its members {one.filename!r} and {after.filename!r} overlap"
            raise DataError(message)
    packed = sum(member.compress_size for member in placed)
    if packed > size:
        message = (
            f"{where}: refused: its members would take {packed} bytes packed, the whole archive has {size}"
        )
        raise DataError(message)


def _fault_of(member: ZipInfo) -> str | None:
    name = member.filename
    if escapes(name):
        return "leads out of the folder it would be unpacked to"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.file_size > MOST_UNPACKED:
        return f"would unpack to {member.file_size} bytes; at most {MOST_UNPACKED} are allowed"
    if member.file_size > max(SMALL, MOST_PACKED * member.compress_size):
        return (
            f"would unpack from {member.compress_size} to {member.file_size} bytes; "
            f"at most {MOST_PACKED} times are allowed"
        )
    return None


def escapes(name: str) -> bool:
    """True for a name of a member that leads out of a folder, on any system."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    rooted = posix.is_absolute() or windows.drive or windows.root
    return bool(rooted) or ".." in windows.parts or "\0" in name


def check_readable(member: ZipInfo, where: str | Path) -> None:
    """Refuse a member that is encrypted or packed by anything but deflate; `DataError`."""
    if member.flag_bits & 1 or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        way = "encrypted" if member.flag_bits & 1 else f"packed by method {member.compress_type}"
        message = f"{where}: its member {member.filename!r} is {way}; expected deflate or none"
        raise DataError(message)


def member_path(folder: Path, member: str) -> Path:
    """Where a fetched member lies, packed by gzip, below the folder that stands for its archive."""
    if escapes(member) or not member:
        message = f"{folder}: {member!r} is no name of a member: it leads out of the folder"
        raise DataError(message)
    return folder / f"{member}.gz"


def open_fetched(folder: Path, members: Sequence[str]) -> IO[bytes]:
    """Open the first of `members` that was fetched into `folder`; `DataError` where none was."""
    for member in members:
        path = member_path(folder, member)
        if path.is_file():
            return gzip.open(path)  # type: ignore[return-value]
    message = f"{folder}: has no member {members[0]!r}; fetch the data set's files again"
    raise DataError(message)
