"""HDF5 files of others, looked through before they are read.

The HDF5 library trusts a file: damaged, it may hang or crash, and links in a circle or sizes that nothing stands behind
lead readers astray. So a child process walks through the file first, reads what is small, and is cut off where it takes
too long. It stops at the names, types and sizes of large arrays, whose content is checked when it is read.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from schash.child import run_limited
from schash.errors import DataError

SECONDS = 60.0
"""Far more than the walk takes; a library that hangs would hang for ever."""
MEMORY_MB = 4096
DEEPEST = 32
"""Groups within groups; the formats that we read have five."""
READ_BYTES = 1 << 24
"""Arrays up to this size are read to the end."""
MOST_PACKED = 1100
"""Bytes that one stored byte may stand for: deflate reaches 1,032."""
State = tuple[str, int, int, int]
"""Path, inode, size and time of a file."""
_FOUND: dict[State | None, str | None] = {}
"""What was found of the last file."""


def check_h5(path: str | Path) -> None:
    """Raise `DataError` for a file that is no HDF5, is damaged, links in a circle or to other files, or claims more
    data than it can hold.

    The last file is not walked through again while it stays as it is.
    """
    state = _state(path)
    if state is None or state not in _FOUND:
        _FOUND.clear()
        _FOUND[state] = _fault_of(path)
    fault = _FOUND[state]
    if fault is not None:
        message = f"{path}: cannot be read as HDF5, it may be damaged: {fault}"
        raise DataError(message)


def _fault_of(path: str | Path) -> str | None:
    if multiprocessing.current_process().daemon:  # which may have no children
        return find_fault(str(path))
    try:
        outcome = run_limited(
            _in_child, str(path), SECONDS, seconds=SECONDS, memory_mb=MEMORY_MB, modules=("schash.h5_check",)
        )
    except (
        OSError
    ):  # no child may be started, as in a process that was forked from one that has a fork server
        return find_fault(str(path))
    if outcome.status != "ok":
        return f"the HDF5 library fails on it: {outcome.reason}"
    fault: str | None = outcome.value
    return fault


def _state(path: str | Path) -> State | None:
    try:
        facts = Path(path).stat()
    except OSError:
        return None
    return str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns


def _in_child(path: str, seconds: float) -> str | None:
    """Ends with an alarm, should the caller be gone by then: a loop in the library lets no thread of Python run."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds)
    return find_fault(path)


def find_fault(path: str) -> str | None:
    """The first thing that is wrong with a file; None where nothing is."""
    try:
        with h5py.File(path, "r") as file:
            return next(_faults(file), None)
    except Exception as error:  # h5py raises whatever a damaged field leads to
        return f"{type(error).__name__}: {error}"[:500]


def _faults(file: h5py.File) -> Iterator[str]:
    """Depth first; each group with the addresses of those that it lies in."""
    todo: list[tuple[str, frozenset[Any]]] = [("/", frozenset())]
    while todo:
        name, above = todo.pop()
        group: Any = file[name]
        address = h5py.h5o.get_info(group.id).addr
        if address in above:
            yield f"group {name[:200]!r} lies in itself"
            continue
        if len(above) > DEEPEST:
            yield f"groups lie more than {DEEPEST} deep: {name[:200]!r}"
            continue
        _read_attributes(group)
        for key in group:
            inner = f"{name.rstrip('/')}/{key}"
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield f"{inner[:200]!r} is a link to another file, {link.filename!r}"
                continue
            item = group[key]
            if isinstance(item, h5py.Group):
                todo.append((inner, above | {address}))
            elif isinstance(item, h5py.Dataset):
                yield from _faults_of_array(item, inner)


def _faults_of_array(item: h5py.Dataset, name: str) -> Iterator[str]:
    _read_attributes(item)
    if item.shape is None:
        return
    claimed = item.size * item.dtype.itemsize
    if claimed > READ_BYTES:
        stored = item.id.get_storage_size()
        if claimed > MOST_PACKED * stored:
            yield f"{name[:200]!r} claims {claimed:,} bytes, of which {stored:,} are stored"
    else:
        item[()]


def _read_attributes(item: Any) -> None:
    for name in item.attrs:
        item.attrs[name]
