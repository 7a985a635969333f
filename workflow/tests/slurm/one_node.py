"""A Slurm of one node, as the tests start, use and stop it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
ONE_NODE = ROOT / "scripts/slurm/one_node.sh"
PROFILE = ROOT / "workflow/profiles/slurm"
DAEMONS = ("munged", "slurmctld", "slurmd", "slurmstepd")
CPUS = 4


def daemons() -> dict[int, str]:
    """Slurm's processes on this machine, whoever started them: number to command line."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "status", "cmdline"]):
        info = process.info
        if info["name"] in DAEMONS and info["status"] != psutil.STATUS_ZOMBIE:
            found[info["pid"]] = " ".join(info["cmdline"] or [])
    return found


def _folder_of(pid: int) -> str:
    try:
        return psutil.Process(pid).cwd()
    except psutil.Error:
        return ""


def call(*arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None, timeout: float = 60):
    """A finished process with what it printed, errors among it."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )


class Node:
    """A one-node Slurm in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env: dict[str, str] = {}

    def start(self) -> subprocess.CompletedProcess[str]:
        result = call(ONE_NODE, "start", self.folder, env={"CPUS": str(CPUS)}, timeout=300)
        self.env = {
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "PATH": f"{self.folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        return result

    def stop(self) -> subprocess.CompletedProcess[str]:
        return call(ONE_NODE, "stop", self.folder, timeout=300)

    def daemons(self) -> set[int]:
        """Its processes: those that were started with its folder, and those of jobs, which work in it."""
        return {pid for pid, command in daemons().items() if str(self.folder) in command + _folder_of(pid)}

    def call(self, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
        return call(*arguments, env=self.env, **options)

    def snakemake(self, *arguments: object) -> list[str]:
        """The command that runs Snakemake with the profile; states are asked for often, since the jobs are short."""
        quick = ["--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "10"]
        command = [sys.executable, "-m", "snakemake", "--workflow-profile", PROFILE, *quick, *arguments]
        return [str(argument) for argument in command]

    def jobs(self) -> list[dict[str, str]]:
        """Every job that the controller remembers."""
        names = ("id", "name", "comment", "partition", "state", "cpus", "memory", "limit")
        result = self.call("squeue", "--noheader", "--states=all", "--format=%i|%j|%k|%P|%T|%C|%m|%l")
        assert result.returncode == 0, result.stdout
        return [dict(zip(names, line.split("|"), strict=True)) for line in result.stdout.splitlines()]
