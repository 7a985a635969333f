"""What a file must be (its pin), and whether the bytes on disk are that."""

import gzip
import hashlib
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

CHUNK = 1 << 20
TAR_BLOCK = 512
"""Bytes; a tar ends with at least two blocks of zeros."""


@dataclass(frozen=True)
class Pin:
    """What is known of a file beforehand; None where nothing is."""

    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    origin: str = "the registry"

    @property
    def has_checksum(self) -> bool:
        return self.sha256 is not None or self.md5 is not None


def digest(path: str | Path, algorithm: str) -> str:
    """Hexadecimal digest of a file, read in pieces."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def fault_of(path: str | Path, pin: Pin, *, name: str | None = None) -> str | None:
    """What is wrong with a file, as "came ..., expected ..."; None where it is what its pin says.

    name : name that the file will have, where it is not that of `path` without .part
    A file without a checksum must at least be no HTML page and, where its name promises an archive (zip, gz, tar),
    an archive that is whole.
    """
    fault = _fault_of_bytes(Path(path), pin)
    if fault is None and pin.has_checksum:
        return None
    name = name or Path(path).name.removesuffix(".part")
    return _page(Path(path), name) or fault or _fault_of_archive(Path(path), name)


def _fault_of_bytes(path: Path, pin: Pin) -> str | None:
    size = path.stat().st_size
    if size == 0:
        return "came an empty file"
    if pin.bytes is not None and size != pin.bytes:
        return f"came {size} bytes, expected {pin.bytes} ({pin.origin})"
    for algorithm, expected in (("sha256", pin.sha256), ("md5", pin.md5)):
        if expected is not None:
            came = digest(path, algorithm)
            if came != expected:
                return f"came {algorithm} {came}, expected {expected} ({pin.origin})"
    return None


def _page(path: Path, name: str) -> str | None:
    """What a server says to people or programs in place of a file, with status 200."""
    with path.open("rb") as handle:
        begin = handle.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if re.search(rb"<(!doctype html|html|head|body|script)\b", begin):
        return "came an HTML page, expected a data file"
    if begin.startswith((b"<", b"{")) and not name.endswith((".json", ".xml")):
        return f"came a file that begins with {begin[:20].decode('ascii', 'replace')!r}, expected data"
    return None


def proves_itself(name: str) -> bool:
    """True for names of archives, whose format tells a whole one from a cut one."""
    return name.removesuffix(".part").endswith((".zip", ".gz", ".tgz", ".tar"))


def _fault_of_archive(path: Path, name: str) -> str | None:
    try:
        if name.endswith(".zip"):
            with ZipFile(path) as archive:
                broken = archive.testzip()
            return None if broken is None else f"came a zip whose member {broken!r} is damaged"
        if name.endswith((".gz", ".tgz")):
            with gzip.open(path) as handle:
                while handle.read(CHUNK):
                    pass
        elif name.endswith(".tar"):
            with tarfile.open(path) as tar:
                for _ in tar:
                    pass
            with path.open("rb") as handle:
                handle.seek(-min(TAR_BLOCK, path.stat().st_size), 2)
                if handle.read().strip(b"\0"):
                    return "came a cut or damaged archive: its end is missing"
    except (BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error, NotImplementedError) as error:
        return f"came a cut or damaged archive: {error}"
    return None
