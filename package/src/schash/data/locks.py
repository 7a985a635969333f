"""Pins for files that are published without a checksum: the bytes that came first are enforced afterwards."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schash.atomic import atomic_path
from schash.errors import ConfigError

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
    return {(row[0], row[1]): dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]}


def add_to_lock(path: str | Path, row: dict[str, str]) -> None:
    """Add or replace one row. Safe against other processes that add to the same file."""
    with exclusive(Path(path).with_name(f".{Path(path).name}.guard")):
        rows = read_lock(path)
        rows[row["source"], row["file"]] = row
        lines = ["\t".join(COLUMNS)]
        lines += ["\t".join(rows[key][column] for column in COLUMNS) for key in sorted(rows)]
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Hold a lock that other processes wait for; the system frees it when its holder dies."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
