"""The log of a workflow job: everything that it prints, and for an error of the user's only the message."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schash.errors import SchashError


@contextmanager
def job_log(path: str | Path) -> Iterator[Callable[[str], None]]:
    """Send stdout and stderr of this process and its children to `path`; yield `tell`, which prints on the terminal.

    An error that schash raises on purpose ends the job with its message, on the terminal and in the log, and no
    traceback; any other error keeps its traceback.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    with open(path, "w", buffering=1) as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)

    def tell(line: str) -> None:
        print(line, flush=True)
        print(line, file=terminal, flush=True)

    try:
        yield tell
    except SchashError as error:
        tell(f"Error: {error}")
        sys.exit(1)
    except Exception:
        traceback.print_exc()
        tell(f"Error: this job failed; its log is {path}")
        sys.exit(1)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
