"""Files of a source, verified, from the cache, a local mirror or the network; and the manifest of what came.

A file lands at `<cache_dir>/<source>/<name>`. It is received as `<name>.part` and gets its own name only once its
size and checksum are right, so a file under its own name is always whole. A file that is published without a
checksum is pinned by the lock file: the first bytes that come are recorded there and enforced afterwards.
"""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from schash.atomic import atomic_path
from schash.data.download import Retry, download
from schash.data.locks import add_to_lock, exclusive, read_lock
from schash.data.registry import Source, SourceFile
from schash.data.verify import Pin, digest, fault_of
from schash.errors import DataError, DownloadError

logger = logging.getLogger(__name__)

How = Literal["download", "mirror", "cache"]


@dataclass(frozen=True)
class FetchedFile:
    """A verified file on disk. `url` is where it is published; `date` (UTC) is when it was written here."""

    source: str
    file: str
    path: str
    url: str
    bytes: int
    sha256: str
    date: str
    how: How


def fetch_source(
    source: Source,
    *,
    cache_dir: str | Path,
    mirror: str | Path | None = None,
    lock_path: str | Path | None = None,
    progress: bool = True,
    retry: Retry | None = None,
) -> list[FetchedFile]:
    """Bring all files of a source into the cache.

    Parameters
    ----------
    mirror : folder laid out as `<mirror>/<source>/<file>`, tried before the network
    lock_path : file that pins what has no published checksum; without it such a file is taken as it comes
    progress : show a bar where standard error is a terminal; a line a file is logged in any case

    Raises
    ------
    DownloadError
        naming the file, what was tried, what came, what was expected, and how to put the file in by hand
    """
    folder = Path(cache_dir) / source.id
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".guard"):  # two runs must not write one .part
        return [
            _fetch(source, file, folder, mirror, lock_path, progress, retry or Retry())
            for file in source.files
        ]


def _fetch(
    source: Source,
    file: SourceFile,
    folder: Path,
    mirror: str | Path | None,
    lock_path: str | Path | None,
    progress: bool,
    retry: Retry,
) -> FetchedFile:
    pin = _pin(source, file, lock_path)
    target, part = folder / file.name, folder / f"{file.name}.part"
    tried: list[str] = []
    how: How | None = "cache" if _is_in_cache(target, pin, tried) else None
    url = file.urls[0] if file.urls else ""
    if (
        how is None
        and mirror is not None
        and _from_mirror(Path(mirror) / source.id / file.name, part, pin, tried)
    ):
        how = "mirror"
    if how is None:
        url = _from_network(file, part, pin, tried, retry=retry, progress=progress) or ""
        how = "download"
        if not url:
            raise DownloadError(_failure(source, file, target, pin, tried))
    if how != "cache":
        part.replace(target)
    fetched = _describe(source, file, target, url, how)
    if not pin.has_checksum and lock_path is not None:
        row = {key: str(value) for key, value in asdict(fetched).items() if key not in ("path", "how")}
        add_to_lock(lock_path, row)
    logger.info("%s/%s: %d bytes, %s", source.id, file.name, fetched.bytes, how)
    return fetched


def _pin(source: Source, file: SourceFile, lock_path: str | Path | None) -> Pin:
    if file.sha256 is None and file.md5 is None and lock_path is not None:
        row = read_lock(lock_path).get((source.id, file.name))
        if row is not None:
            return Pin(bytes=int(row["bytes"]), sha256=row["sha256"], origin=f"lock file {lock_path}")
    return Pin(bytes=file.bytes, sha256=file.sha256, md5=file.md5)


def _is_in_cache(target: Path, pin: Pin, tried: list[str]) -> bool:
    if not target.is_file():
        return False
    fault = fault_of(target, pin)
    if fault is None:
        return True
    aside = target.with_name(f"{target.name}.wrong")
    target.replace(aside)
    logger.warning("%s: %s; moved aside to %s and fetched again", target, fault, aside.name)
    tried.append(f"{target} (in the cache): {fault}; moved aside to {aside.name}")
    return False


def _from_mirror(path: Path, part: Path, pin: Pin, tried: list[str]) -> bool:
    if not path.is_file():
        fault: str | None = "no such file in the mirror"
    else:
        shutil.copyfile(path, part)
        fault = fault_of(part, pin)
    if fault is None:
        return True
    part.unlink(missing_ok=True)
    logger.warning("%s: %s; trying the network", path, fault)
    tried.append(f"{path} (mirror): {fault}")
    return False


def _from_network(
    file: SourceFile, part: Path, pin: Pin, tried: list[str], *, retry: Retry, progress: bool
) -> str | None:
    """The url that gave the file, or None."""
    for url in file.urls:
        fault = download(url, part, pin, retry=retry, progress=progress)
        if fault is None:
            return url
        logger.warning("%s: %s", url, fault)
        tried.append(f"{url}: {fault}")
    return None


def _failure(source: Source, file: SourceFile, target: Path, pin: Pin, tried: list[str]) -> str:
    checks = {"bytes": pin.bytes, "sha256": pin.sha256, "md5": pin.md5}
    expected = ", ".join(f"{name} {value}" for name, value in checks.items() if value is not None)
    by_hand = file.manual or "download it by any other means"
    lines = [
        f"{source.id}: cannot get {file.name!r}",
        *(f"  tried {line}" for line in tried),
        f"  expected: {expected or 'any bytes, since none are pinned'}",
        f"  by hand: {by_hand}, and put it at {target}",
    ]
    return "\n".join(lines)


def _describe(source: Source, file: SourceFile, target: Path, url: str, how: How) -> FetchedFile:
    facts = target.stat()
    return FetchedFile(
        source=source.id,
        file=file.name,
        path=str(target),
        url=url,
        bytes=facts.st_size,
        sha256=digest(target, "sha256"),
        date=datetime.fromtimestamp(facts.st_mtime, UTC).isoformat(timespec="seconds"),
        how=how,
    )


MANIFEST_COLUMNS = tuple(field.name for field in fields(FetchedFile))


def write_manifest(path: str | Path, files: Sequence[FetchedFile]) -> None:
    """Write a tab-separated table: source, file, path, url, bytes, sha256, date, how."""
    rows = [MANIFEST_COLUMNS, *(tuple(str(value) for value in asdict(file).values()) for file in files)]
    with atomic_path(path) as temporary:
        temporary.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def read_manifest(path: str | Path) -> list[FetchedFile]:
    """Read what `write_manifest` wrote; `DataError` where it is something else."""
    try:
        rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        message = f"{path}: cannot be read: {error}"
        raise DataError(message) from error
    if not rows or tuple(rows[0]) != MANIFEST_COLUMNS or any(len(row) != len(rows[0]) for row in rows):
        message = f"{path}: is not a manifest; its columns must be {', '.join(MANIFEST_COLUMNS)}"
        raise DataError(message)
    named = (dict(zip(MANIFEST_COLUMNS, row, strict=True)) for row in rows[1:])
    return [FetchedFile(**{**row, "bytes": int(row["bytes"])}) for row in named]  # type: ignore[arg-type]
