"""How much memory and time a job of the workflow asks a cluster for: more with its input, and double with each attempt.

The numbers are rounded up from what the reference suite used (benchmarks/ beside its results); docs/cluster.md holds
them against it. They bind nobody on one machine: there a job may use what it needs.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path

from schash.data.manifest import read_manifest
from schash.errors import ConfigError

MEGABYTE = 1e6

GROWTH = 2
"""A job that ran out of memory or time gets this many times as much in the next attempt."""

LAST_ATTEMPT = 3
"""Of the profile for Slurm, by its `retries`. A run then asks for what its limits allow all folds together: a method
that exceeds them is to end as a row with its reason, and not as a job that the cluster has killed."""

OWN_MB = 2000
"""Memory of a job besides that of the limited child that does the work: Snakemake, imports, collected results."""


@dataclass(frozen=True)
class Demand:
    """Megabytes and minutes of a stage without input, and for each megabyte of input."""

    memory_mb: float
    memory_per_mb: float
    minutes: float
    minutes_per_mb: float


DEMANDS = {
    "fetch": Demand(1000, 0, 240, 0),  # streams to disk; a slow server decides the time
    "prepare": Demand(2000, 4, 30, 0.1),  # of what was downloaded; text is compressed several times
    "split": Demand(1500, 2, 20, 0.05),
    "align": Demand(2000, 100, 30, 2),
    "run": Demand(3000, 100, 30, 2),  # of compressed CSR, which some methods make dense
    "score": Demand(2000, 20, 30, 0.5),
    "score_retrieval": Demand(2000, 2, 30, 0.5),  # of the neighbours of one run
    "score_searches": Demand(2000, 4, 30, 0.5),
    "table": Demand(2000, 4, 20, 0.1),  # tables are collected, or drawn
    "check": Demand(1000, 4, 10, 0.1),
}


def memory_mb(stage: str, input_mb: float, attempt: int, *, most: float = float("inf")) -> int:
    """Megabytes of memory to ask for; never above `most`, where a limit of the workflow's own ends the job anyway.

    Raises
    ------
    ConfigError
        for a stage without a demand
    """
    demand = _demand(stage)
    return int(min(_grown(demand.memory_mb + demand.memory_per_mb * input_mb, attempt), most))


def minutes(stage: str, input_mb: float, attempt: int) -> int:
    """Minutes to ask for; `ConfigError` for a stage without a demand."""
    demand = _demand(stage)
    return int(_grown(demand.minutes + demand.minutes_per_mb * input_mb, attempt))


def n_folds_of(rows: str) -> int:
    """Folds of a split, by the facts that lie beside its rows; `FileNotFoundError` naming the rows, as `files_mb`."""
    facts = Path(rows).with_name("split.json")
    if not facts.is_file():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), rows)
    return len(json.loads(facts.read_text())["fold_names"])


def run_minutes_of(limit_seconds: float, n_folds: int, input_mb: float, attempt: int) -> int:
    """Minutes of a run of so many folds, each of which ends itself after so many seconds."""
    asked = minutes("run", input_mb, attempt)
    return asked if attempt < LAST_ATTEMPT else max(asked, minutes_within(limit_seconds * n_folds))


def run_mb_of(limit_mb: float, input_mb: float, attempt: int) -> int:
    """Megabytes of a run whose folds are ended above a limit; never above what that limit leaves alive."""
    most = limited_mb(limit_mb)
    return most if attempt >= LAST_ATTEMPT else memory_mb("run", input_mb, attempt, most=most)


def minutes_within(limit_seconds: float) -> int:
    """Minutes of a job whose work ends itself after so many seconds; a second attempt gains nothing by more."""
    return int(limit_seconds / 60) + 30


def limited_mb(limit_mb: float) -> int:
    """Megabytes of a job whose work is ended above so many megabytes: the most that asking for more can help."""
    return int(limit_mb + OWN_MB)


def _grown(amount: float, attempt: int) -> float:
    return amount * GROWTH ** (attempt - 1)


def _demand(stage: str) -> Demand:
    if stage not in DEMANDS:
        message = f"no demand for the stage {stage!r} (known: {', '.join(DEMANDS)})"
        raise ConfigError(message)
    return DEMANDS[stage]


def files_mb(paths: Iterable[str]) -> float:
    """Megabytes of files, and of all files below folders.

    Raises
    ------
    FileNotFoundError
        naming a path that is not there yet, as given: Snakemake then asks again once it is
    """
    return sum(_size(path) for path in paths) / MEGABYTE


def _size(path: str) -> int:
    size = os.stat(path).st_size
    if not os.path.isdir(path):
        return size
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def raw_mb(paths: Iterable[str]) -> float:
    """Megabytes that a data set is loaded from: the files that manifests (.tsv) list, or the given files themselves.

    Raises
    ------
    FileNotFoundError
        as `files_mb`
    DataError
        for a damaged manifest
    """
    listed, itself = 0, []
    for path in paths:
        if path.endswith(".tsv"):
            os.stat(path)
            listed += sum(file.bytes for file in read_manifest(path))
        else:
            itself.append(path)
    return listed / MEGABYTE + files_mb(itself)
