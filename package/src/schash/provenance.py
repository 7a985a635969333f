"""Where a number came from: commit, versions, machine, time."""

import platform
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil

from schash._version import __version__

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "numba", "anndata", "pandas", "snakemake")


HOME = Path(__file__).parent
"""Where this package lies: with an editable install, inside the checkout that it is run from."""


def git_sha(root: str | Path = HOME) -> str:
    """Commit of the checkout at `root`, with "-dirty" where tracked files differ from it; "unknown" outside git."""
    try:
        sha = _git(root, "rev-parse", "HEAD")
        dirty = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{sha[:12]}-dirty" if dirty else sha[:12]


def _git(root: str | Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def new_run_id() -> str:
    """A run id that sorts by time: UTC seconds and four random hex digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:4]}"


def environment() -> dict[str, str | int]:
    """Versions and machine, as they stand in the report and beside committed results."""
    facts: dict[str, str | int] = {
        "schash": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": psutil.cpu_count(logical=True) or 0,
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "host": platform.node(),
    }
    for name in PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def processor() -> str:
    """Model name of the processor, as far as the system tells."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
