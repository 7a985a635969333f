"""What a file must be (its pin), and whether the bytes on disk are that."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


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


def fault_of(path: str | Path, pin: Pin) -> str | None:
    """What is wrong with a file, as "came ..., expected ..."; None where it is what its pin says."""
    size = Path(path).stat().st_size
    if pin.bytes is not None and size != pin.bytes:
        return f"came {size} bytes, expected {pin.bytes} ({pin.origin})"
    if size == 0:
        return "came an empty file"
    for algorithm, expected in (("sha256", pin.sha256), ("md5", pin.md5)):
        if expected is not None:
            came = digest(path, algorithm)
            if came != expected:
                return f"came {algorithm} {came}, expected {expected} ({pin.origin})"
    return None
