"""One member of a remote zip archive as a gzip file: fetched, resumed and verified.

Both formats hold the same deflate stream, so that nothing is packed again. Sizes and CRC-32 of the archive's list of
members are checked before the file is done.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipInfo

from schash.data.download import download
from schash.data.progress import Report
from schash.data.remote_zip import find_member
from schash.data.verify import Pin, fault_of
from schash.data.web import AttemptError, RangesIgnoredError, Retry
from schash.errors import DataError

BUFFER = 1 << 16
PIECE = 1 << 20
GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""Deflate, no name, no time: the same member makes the same file everywhere."""


def download_member(
    url: str,
    members: Sequence[str],
    packed: Path,
    pin: Pin,
    *,
    archive_bytes: int | None,
    retry: Retry,
    progress: bool,
    report: Report | None = None,
) -> str | None:
    """Fetch the first of `members` that the archive at `url` holds into the gzip file `packed`.

    pin : what `packed` must be, where it is known
    Returns None on success, else what went wrong. What has come of a broken transfer stays beside it in
    `<packed>.raw`. Raises `RangesIgnoredError` where the server only gives the whole archive.
    """
    try:
        found = find_member(url, members, archive_bytes=archive_bytes, retry=retry)
    except RangesIgnoredError:
        raise
    except (AttemptError, DataError) as error:
        return str(error).removeprefix(f"{url}: ")

    def check(raw: Path) -> str | None:
        return repack(raw, found.info, packed) or (fault_of(packed, pin) if pin.has_checksum else None)

    raw = packed.with_name(f"{packed.name}.raw")
    fault = download(
        url,
        raw,
        Pin(bytes=found.span.stop - found.span.start),
        retry=retry,
        progress=progress,
        report=report,
        span=found.span,
        check=check,
    )
    if fault is None:
        raw.unlink()
    else:
        packed.unlink(missing_ok=True)
    return fault


def repack(part: Path, info: ZipInfo, target: Path) -> str | None:
    """Write a member's packed bytes as a gzip file; None where sizes and CRC-32 are right, else what is not."""
    unpacker = None if info.compress_type == ZIP_STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    packer = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)  # for a member that is not packed
    crc = size = 0
    try:
        with part.open("rb") as source, target.open("wb") as sink:
            sink.write(GZIP_HEADER)
            while chunk := source.read(BUFFER):
                if unpacker and unpacker.eof:
                    return f"{info.filename}: its packed bytes go on after their end"
                for piece in _unpacked(unpacker, chunk):
                    crc, size = zlib.crc32(piece, crc), size + len(piece)
                    if size > info.file_size:
                        return f"{info.filename}: unpacks to more than the {info.file_size} bytes it declares"
                sink.write(chunk if unpacker else packer.compress(chunk))
            sink.write(b"" if unpacker else packer.flush())
            sink.write(struct.pack("<LL", crc, size & 0xFFFFFFFF))
    except zlib.error as error:
        return f"{info.filename}: cannot be unpacked: {error}"
    if unpacker and unpacker.unused_data:
        return f"{info.filename}: its packed bytes go on after their end"
    if unpacker and not unpacker.eof:
        return f"{info.filename}: its packed bytes end too early"
    if size != info.file_size:
        return f"{info.filename}: came {size} bytes, expected {info.file_size} (the archive's list)"
    if crc != info.CRC:
        return f"{info.filename}: came CRC-32 {crc:08x}, expected {info.CRC:08x} (the archive's list)"
    return None


def _unpacked(unpacker: "zlib._Decompress | None", chunk: bytes) -> Iterator[bytes]:
    """What a chunk unpacks to, a bounded piece at a time."""
    if unpacker is None:
        yield chunk
        return
    piece = None
    while not unpacker.eof and (chunk or piece is None or len(piece) == PIECE):
        piece = unpacker.decompress(chunk, PIECE)
        chunk = unpacker.unconsumed_tail
        yield piece
