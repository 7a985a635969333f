"""Whether the raw files of a suite are in the cache and right, and what each address answers, without a download."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schash.data.archives import member_path
from schash.data.download_plan import Fetch
from schash.data.fetch import locked_pin, pin_of
from schash.data.registry import Source, SourceFile
from schash.data.sizes import in_words
from schash.data.verify import Pin, fault_of
from schash.data.web import AttemptError, Retry, answer, content_range

ONCE = Retry(attempts=1, connect_timeout=10, read_timeout=20)


@dataclass(frozen=True)
class Checked:
    """One file: what the cache holds of it, and what each address says."""

    source: str
    file: str
    expected: str
    cache: str
    addresses: tuple[tuple[str, str], ...]
    is_there: bool
    can_come: bool

    @property
    def is_fine(self) -> bool:
        """The right file is in the cache, or an address offers one of the right size."""
        return self.is_there or self.can_come


def check_fetch(
    job: Fetch,
    *,
    cache_dir: str | Path,
    mirror: str | Path | None = None,
    lock_path: str | Path | None = None,
    retry: Retry = ONCE,
) -> list[Checked]:
    """Verify what the cache or the mirror holds of a job's files, and ask every address for its size."""
    folders = [Path(folder) / job.source.id for folder in (cache_dir, mirror) if folder]
    rows = []
    for file in job.source.files:
        pin = pin_of(job.source, file, lock_path)
        row = _check_file(job.source, file, pin, folders, retry)
        members = [] if row.is_there else job.members.get(file.name, ())
        parts = [
            _check_member(job.source, file, names[0], lock_path, folders, row.can_come) for names in members
        ]
        if parts and all(part.is_there for part in parts):
            row = replace(row, cache="not needed: its members are there", is_there=True)
        rows += [row, *parts]
    return rows


def _check_file(source: Source, file: SourceFile, pin: Pin, folders: Sequence[Path], retry: Retry) -> Checked:
    is_there, cache = _state([folder / file.name for folder in folders], pin)
    answers = [(url, *_ask(url, pin.bytes, retry)) for url in file.urls]
    return Checked(
        source=source.id,
        file=file.name,
        expected=_in_words(pin),
        cache=cache,
        addresses=tuple((url, words) for url, _, words in answers) or (("by hand", file.manual or ""),),
        is_there=is_there,
        can_come=any(good for _, good, _ in answers),
    )


def _check_member(
    source: Source,
    archive: SourceFile,
    member: str,
    lock_path: str | Path | None,
    folders: Sequence[Path],
    can_come: bool,
) -> Checked:
    name = f"{archive.name}/{member}"
    pin = locked_pin(source, name, lock_path) or Pin()
    paths = [member_path(folder / f"{archive.name}.members", member) for folder in folders]
    is_there, cache = _state(paths, pin)
    return Checked(source.id, name, _in_words(pin), cache, (), is_there, can_come)


def _in_words(pin: Pin) -> str:
    size = in_words(pin.bytes) if pin.bytes is not None else "any size"
    checks = [name for name, value in (("sha256", pin.sha256), ("md5", pin.md5)) if value]
    by = ", ".join(checks) + (" of the lock file" if pin.origin != "the registry" else "")
    return f"{size}, {by}" if checks else f"{size}, no checksum yet"


def _state(paths: Sequence[Path], pin: Pin) -> tuple[bool, str]:
    """Whether one of the paths holds the right file, and what the first of them holds, in words."""
    for path in paths:
        if path.is_file() and fault_of(path, pin) is None:
            place = "in the cache" if path == paths[0] else "in the mirror"
            return True, f"{place}, {'verified' if pin.has_checksum else 'without a checksum'}"
    target = paths[0]
    if target.is_file():
        return False, f"wrong: {fault_of(target, pin)}"
    parts = [target.with_name(f"{target.name}.{end}") for end in ("part", "part.raw")]
    size = max((part.stat().st_size for part in parts if part.is_file()), default=0)
    if size:
        return False, f"begun: {in_words(size)}" + (f" ({size / pin.bytes:.0%})" if pin.bytes else "")
    return False, "absent"


def _ask(url: str, expected: int | None, retry: Retry) -> tuple[bool, str]:
    """Whether an address offers a file of the expected size, and its answer in words."""
    try:
        try:
            size, ranges = _head(url, retry)
        except AttemptError as fault:
            if not re.match(r"HTTP (403|405|501)", str(fault)):  # some servers refuse HEAD and serve GET
                raise
            size, ranges = _first_byte(url, retry)
    except AttemptError as fault:
        return False, str(fault)
    if size == 0:
        return False, "has no bytes"
    if size is None:
        return True, "answers, and does not say how many bytes it has"
    if expected is not None and size != expected:
        return False, f"has {size} bytes, expected {expected}"
    return True, f"{size} bytes, ranges {'served' if ranges else 'not announced'}"


def _head(url: str, retry: Retry) -> tuple[int | None, bool]:
    with answer(url, {}, retry, method="HEAD") as response:
        if response.status_code == 416:
            message = "HTTP 416, to a request without a range"
            raise AttemptError(message, passing=False)
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None, response.headers.get("Accept-Ranges") == "bytes"


def _first_byte(url: str, retry: Retry) -> tuple[int | None, bool]:
    with answer(url, {"Range": "bytes=0-0"}, retry) as response:
        if response.status_code == 206:
            return content_range(response)[2], True
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None, False


def check_table(rows: Sequence[Checked]) -> str:
    """Lines for a terminal: one a file, one below it an address, and a last one that counts."""
    lines = []
    for row in rows:
        mark = "ok     " if row.is_there else "to come" if row.can_come else "MISSING"
        lines.append(f"{mark} {row.source}/{row.file}: {row.cache} (expected {row.expected})")
        lines += [f"          {url}: {words}" for url, words in row.addresses]
    there, come = sum(row.is_there for row in rows), sum(row.can_come and not row.is_there for row in rows)
    missing = len(rows) - there - come
    return "\n".join([*lines, f"{len(rows)} files: {there} at hand, {come} to come, {missing} missing"])
