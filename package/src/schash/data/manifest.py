"""The manifest of a source: which verified files there are, whence and since when."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from schash.atomic import atomic_path
from schash.data.verify import digest
from schash.errors import DataError

How = Literal["download", "mirror", "cache"]


@dataclass(frozen=True)
class FetchedFile:
    """A verified file on disk. `url` is where it is published; `date` (UTC) is when it was written here.

    A member of an archive has the name `<archive>/<member>`.
    """

    source: str
    file: str
    path: str
    url: str
    bytes: int
    sha256: str
    date: str
    how: How


def describe(source: str, name: str, path: Path, url: str, how: How) -> FetchedFile:
    """The facts of a file on disk."""
    facts = path.stat()
    return FetchedFile(
        source=source,
        file=name,
        path=str(path),
        url=url,
        bytes=facts.st_size,
        sha256=digest(path, "sha256"),
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


def paths_by_name(files: Sequence[FetchedFile]) -> dict[str, Path]:
    """What loaders are given: file name to path. Members stand under their archive's name, as their folder."""
    paths = {}
    for file in files:
        archive, _, member = file.file.partition("/")
        paths[archive] = Path(file.path.removesuffix(f"/{member}.gz")) if member else Path(file.path)
    return paths
