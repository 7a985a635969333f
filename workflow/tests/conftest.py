"""A copy of the workflow and its package, in which tests may run it and edit it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "scripts", "config", "envs")


class Workspace:
    """The copy, and Snakemake to run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PARTS:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        (folder / "profiles").symlink_to("workflow/profiles")
        shutil.copytree(
            ROOT / "package/src", folder / "package/src", ignore=shutil.ignore_patterns("__pycache__")
        )

    def snakemake(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run Snakemake with the copy's package; output and errors come together, as on a terminal."""
        path = [str(self.folder / "package/src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs a dry run would start, by rule."""
        result = self.snakemake("-n", "--quiet", "reason", *arguments)
        assert result.returncode == 0, result.stdout
        lines = result.stdout.splitlines()
        if not any(line.startswith("job ") for line in lines):
            return {}
        start = next(i for i, line in enumerate(lines) if line.startswith("job ")) + 2
        jobs = {}
        for line in lines[start:]:
            if not line.strip() or line.startswith("total"):
                break
            name, count = line.split()
            jobs[name] = int(count)
        return jobs


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))
