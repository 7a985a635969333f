"""Pins for files that are published without a checksum: the bytes that came first are enforced afterwards."""

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from schash.atomic import atomic_path
from schash.errors import ConfigError, DownloadError

logger = logging.getLogger(__name__)

COLUMNS = ("source", "file", "sha256", "bytes", "date", "url")


def read_lock(path: str | Path) -> dict[tuple[str, str], dict[str, str]]:
    """(source, file) -> row of the lock file; empty where there is no file. `ConfigError` for another file."""
    if not Path(path).is_file():
        return {}
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        message = (
            f"{path}: is not a lock file; it must be tab-separated with the columns {', '.join(COLUMNS)}"
        )
        raise ConfigError(message)
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]
    for row in named:
        if not (re.fullmatch("[0-9a-f]{64}", row["sha256"]) and row["bytes"].isdigit()):
            came = f"sha256 {row['sha256']!r} and bytes {row['bytes']!r}"
            where = f"{path}: the row of {row['source']}/{row['file']}"
            message = f"{where} has {came}, expected 64 hexadecimal digits and a number"
            raise ConfigError(message)
    return {(row["source"], row["file"]): row for row in named}


def add_to_lock(path: str | Path, row: dict[str, str]) -> None:
    """Add a row. Safe against other processes that add to the same file.

    Raises `DownloadError` where the file has been pinned to other bytes meanwhile.
    """
    with exclusive(Path(path).with_name(f".{Path(path).name}.guard")):
        rows = read_lock(path)
        key = row["source"], row["file"]
        if key in rows and rows[key]["sha256"] != row["sha256"]:
            message = (
                f"{'/'.join(key)}: came sha256 {row['sha256']}, and another process has locked {rows[key]['sha256']} "
                f"meanwhile ({path}); one of the two is wrong: compare them, and delete the row if it is that one"
            )
            raise DownloadError(message)
        rows[key] = row
        lines = ["\t".join(COLUMNS)]
        lines += ["\t".join(rows[key][column] for column in COLUMNS) for key in sorted(rows)]
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Hold a lock that other processes wait for; the system frees it when its holder dies.

    A user who may not write here holds it for reading, or goes without where there is none.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with _opened(Path(path)) as handle:
        if handle is None:
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s: another process is at work here; waiting for it", path)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[IO[str] | None]:
    try:
        handle: IO[str] | None = open(path, "a")  # noqa: SIM115 - closed below
    except PermissionError:
        handle = open(path) if os.access(path, os.R_OK) else None  # noqa: SIM115
    try:
        yield handle
    finally:
        if handle is not None:
            handle.close()
