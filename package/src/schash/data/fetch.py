"""Files of a source, verified, from the cache, a local mirror or the network.

A file lands at `<cache_dir>/<source>/<name>`. It is received as `<name>.part` and gets its own name only once its
size and checksum are right, so a file under its own name is always whole. A file that is published without a
checksum is pinned by the lock file: the first bytes that come are recorded there and enforced afterwards.

Single members of a zip archive land at `<cache_dir>/<source>/<archive>.members/<member>.gz` (`remote_zip`).
"""

import errno
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from schash.data.archives import member_path
from schash.data.download import download
from schash.data.locks import add_to_lock, exclusive, read_lock
from schash.data.manifest import FetchedFile, How, describe, read_manifest, write_manifest
from schash.data.members import download_member
from schash.data.progress import Report
from schash.data.registry import Source, SourceFile
from schash.data.sizes import in_words
from schash.data.verify import Pin, fault_of
from schash.data.web import RangesIgnoredError, Retry
from schash.errors import DownloadError

__all__ = ["FetchedFile", "fetch_source", "pin_of", "read_manifest", "write_manifest"]

logger = logging.getLogger(__name__)

Members = Mapping[str, Sequence[Sequence[str]]]
"""Name of an archive to the members that are wanted of it, each by the names it may have, the usual one first."""
Receive = Callable[[str, Path], str | None]
"""Brings what a url has into a file; None on success, else what went wrong."""


def fetch_source(
    source: Source,
    *,
    cache_dir: str | Path,
    mirror: str | Path | None = None,
    lock_path: str | Path | None = None,
    members: Members | None = None,
    progress: bool = True,
    report: Report | None = None,
    retry: Retry | None = None,
) -> list[FetchedFile]:
    """Bring all files of a source into the cache.

    Parameters
    ----------
    mirror : folder laid out as `<mirror>/<source>/<file>`, tried before the network
    lock_path : file that pins what has no published checksum; without it such a file is taken as it comes
    members : archives of which only these members are fetched. An archive that is whole in the cache or the mirror is
        taken all the same, and so is one that no server gives in parts
    progress : show a bar where standard error is a terminal; a line a file is logged in any case
    report : takes a line every few seconds of a long transfer, in place of the bar

    Raises
    ------
    DownloadError
        naming the file, what was tried, what came, what was expected, and how to put the file in by hand
    """
    folder = Path(cache_dir) / source.id
    fetcher = _Fetcher(
        source=source,
        folder=folder,
        mirror=Path(mirror) / source.id if mirror else None,
        lock_path=lock_path,
        progress=progress,
        report=report,
        retry=retry or Retry(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / ".guard"):  # two runs must not write one .part
            files: list[FetchedFile] = []
            for file in source.files:
                wanted = (members or {}).get(file.name)
                files += [fetcher.file(file)] if wanted is None else fetcher.members(file, wanted)
            return files
    except PermissionError as error:
        message = (
            f"{source.id}: {error.filename}: this user may not write there; whoever shares a downloads folder needs "
            "that, but for files that are whole (or choose another folder by the config key downloads)"
        )
        raise DownloadError(message) from error


def pin_of(source: Source, file: SourceFile, lock_path: str | Path | None) -> Pin:
    """What a file must be by the registry, or else by the lock file."""
    pin = Pin(bytes=file.bytes, sha256=file.sha256, md5=file.md5)
    return pin if pin.has_checksum else locked_pin(source, file.name, lock_path) or pin


def locked_pin(source: Source, name: str, lock_path: str | Path | None) -> Pin | None:
    """What the lock file says of a file or member; None where it has no row of it."""
    row = read_lock(lock_path).get((source.id, name)) if lock_path is not None else None
    if row is None:
        return None
    return Pin(bytes=int(row["bytes"]), sha256=row["sha256"], origin=f"lock file {lock_path}")


@dataclass(frozen=True)
class _Fetcher:
    """One source's files, and where they are looked for."""

    source: Source
    folder: Path
    mirror: Path | None
    lock_path: str | Path | None
    progress: bool
    report: Report | None
    retry: Retry

    def file(self, file: SourceFile) -> FetchedFile:
        """A whole file."""
        pin, target = pin_of(self.source, file, self.lock_path), self.folder / file.name

        def receive(url: str, part: Path) -> str | None:
            return download(url, part, pin, retry=self.retry, progress=self.progress, report=self.report)

        by_hand = f"{file.manual or 'download it by any other means'}, and put it at {target}"
        return self._bring(file.name, target, pin, file.urls, receive, by_hand)

    def members(self, archive: SourceFile, wanted: Sequence[Sequence[str]]) -> list[FetchedFile]:
        """Single members of an archive, or the whole of it where it is at hand or cannot be had in parts."""
        if self._has_whole(archive) or not archive.urls:
            return [self.file(archive)]
        without_ranges: list[str] = []
        try:
            return [self._member(archive, names, without_ranges) for names in wanted]
        except DownloadError:
            if not without_ranges:
                raise
            size = in_words(archive.bytes) if archive.bytes else "of unknown size"
            logger.warning(
                "%s ignores ranges: taking the whole of %s, %s", without_ranges[0], archive.name, size
            )
            return [self.file(archive)]

    def _has_whole(self, archive: SourceFile) -> bool:
        """Whether the right archive is in the cache or the mirror; a wrong one in the cache is moved aside."""
        pin = pin_of(self.source, archive, self.lock_path)
        if _is_in_cache(self.folder / archive.name, pin, []):
            return True
        path = self.mirror / archive.name if self.mirror else None
        if path is None or not path.is_file():
            return False
        fault = _fault_or_error(path, pin)
        if fault:
            logger.warning("%s: %s; taking its members from the network", path, fault)
        return fault is None

    def _member(self, archive: SourceFile, names: Sequence[str], without_ranges: list[str]) -> FetchedFile:
        """One member, kept under the first of its names. Urls that ignore ranges are added to `without_ranges`."""
        name = f"{archive.name}/{names[0]}"
        target = member_path(self.folder / f"{archive.name}.members", names[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        pin = locked_pin(self.source, name, self.lock_path) or Pin()

        def receive(url: str, part: Path) -> str | None:
            try:
                return download_member(
                    url,
                    names,
                    part,
                    pin,
                    archive_bytes=archive.bytes,
                    retry=self.retry,
                    progress=self.progress,
                    report=self.report,
                )
            except RangesIgnoredError as error:
                without_ranges.append(url)
                return str(error)

        by_hand = f"download the whole archive by any other means, and put it at {self.folder / archive.name}"
        return self._bring(name, target, pin, archive.urls, receive, by_hand)

    def _bring(
        self, name: str, target: Path, pin: Pin, urls: Sequence[str], receive: Receive, by_hand: str
    ) -> FetchedFile:
        """A verified file at `target`, from the cache, the mirror or the first url that gives it."""
        tried: list[str] = []
        part = target.with_name(f"{target.name}.part")
        url = urls[0] if urls else ""
        how: How = "cache"
        if not _is_in_cache(target, pin, tried):
            how = "mirror"
            if not self._from_mirror(target, part, pin, tried):
                how, url = "download", _from_network(urls, part, receive, tried) or ""
            if how == "download" and not url:
                raise DownloadError(_failure(self.source.id, name, pin, tried, by_hand))
            part.replace(target)
        elif not pin.has_checksum:
            logger.warning("%s: taken as it is, since no checksum of it is known", target)
        fetched = describe(self.source.id, name, target, url, how)
        if not pin.has_checksum and self.lock_path is not None:
            row = {key: str(value) for key, value in asdict(fetched).items() if key not in ("path", "how")}
            add_to_lock(self.lock_path, row)
        logger.info("%s/%s: %d bytes, %s", self.source.id, name, fetched.bytes, how)
        return fetched

    def _from_mirror(self, target: Path, part: Path, pin: Pin, tried: list[str]) -> bool:
        if self.mirror is None:
            return False
        path = self.mirror / target.relative_to(self.folder)
        fault = self._copy(path, part, target, pin) if path.is_file() else "no such file in the mirror"
        if fault is None:
            return True
        logger.warning("%s: %s; trying the network", path, fault)
        tried.append(f"{path} (mirror): {fault}")
        return False

    def _copy(self, path: Path, part: Path, target: Path, pin: Pin) -> str | None:
        """Copy a file of the mirror into the part; None on success, else what went wrong."""
        copy = part.with_name(f"{part.name}.copy")  # what has come from the network stays in the part
        try:
            shutil.copyfile(path, copy)
            fault = fault_of(copy, pin, name=target.name)
            copy.unlink() if fault else copy.replace(part)
        except OSError as error:
            copy.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                message = f"{copy}: cannot be written: {error}; free some room, or choose another folder"
                raise DownloadError(message) from error
            return f"cannot be copied: {error}"
        return fault


def _fault_or_error(path: Path, pin: Pin) -> str | None:
    try:
        return fault_of(path, pin)
    except OSError as error:
        return f"cannot be read: {error}"


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


def _from_network(urls: Sequence[str], part: Path, receive: Receive, tried: list[str]) -> str | None:
    """The url that gave the file, or None."""
    for url in urls:
        fault = receive(url, part)
        if fault is None:
            return url
        logger.warning("%s: %s", url, fault)
        tried.append(f"{url}: {fault}")
    return None


def _failure(source: str, name: str, pin: Pin, tried: list[str], by_hand: str) -> str:
    checks = {"bytes": pin.bytes, "sha256": pin.sha256, "md5": pin.md5}
    expected = ", ".join(f"{key} {value}" for key, value in checks.items() if value is not None)
    lines = [
        f"{source}: cannot get {name!r}",
        *(f"  tried {line}" for line in tried),
        f"  expected: {expected or 'any bytes, since none are pinned'}",
        f"  by hand: {by_hand}",
    ]
    return "\n".join(lines)
