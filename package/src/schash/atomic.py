"""Files appear whole or not at all: written under a temporary name beside the target, then renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schash.errors import OutputError

_FULL = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EFBIG: "File too large",
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` only if the block succeeds.

    The folder is created where it is missing. The suffix of `path` is kept, since some writers go by it.

    Raises
    ------
    OutputError
        where the disk is full, a quota is used up, or the file would be larger than is allowed; nothing is left then
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem[:40]}-", suffix=".part" + target.suffix
        )
    except OSError as error:
        raise _as_output_error(error, target) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes files that only their owner may read
        temporary.replace(target)
    except Exception as error:
        explained = _as_output_error(error, target)
        if explained is error:
            raise
        raise explained from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _as_output_error(error: Exception, target: Path) -> Exception:
    """What a full disk leads to, by whatever library, as one clear error; any other error as it is.

    HDF5 and others put the number of the system's error into their text only.
    """
    reason = next(
        (
            text
            for number, text in _FULL.items()
            if getattr(error, "errno", None) == number or text in str(error)
        ),
        None,
    )
    if reason is None:
        return error
    folder = target.parent
    try:
        free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free in {folder}"
    except OSError:
        free = f"in {folder}"
    return OutputError(
        f"{target}: could not be written: {reason}; {free}. Make room and run again; nothing was kept"
    )
