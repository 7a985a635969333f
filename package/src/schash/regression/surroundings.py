"""What else is other: versions, processor and data of two runs, from the environment.yaml beside their metrics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schash.errors import ConfigError
from schash.provenance import PACKAGES
from schash.schema import load_yaml

FILE = "environment.yaml"
COMPARED = ("schash", "python", "processor", *PACKAGES)
DATA = "data"
"""Holds the sha256 of each raw file."""


def other_surroundings(reference: Path, run: Path) -> list[str]:
    """A line on each kind of difference between two runs' folders; none where one of them says nothing.

    Raises
    ------
    ConfigError
        for an environment.yaml that cannot be read
    """
    paths = [folder / FILE for folder in (reference, run)]
    if not all(path.is_file() for path in paths):
        return []
    old, new = (load_yaml(path) for path in paths)
    for path, given in zip(paths, (old, new), strict=True):
        if not isinstance(given.get(DATA) or {}, dict):
            message = f"{path}: {DATA} must map file names to sha256, found {given[DATA]!r}"
            raise ConfigError(message)
    lines = []
    if versions := list(_changed(old, new)):
        lines.append(f"other versions or processor: {', '.join(versions)}")
    if DATA in old and DATA in new and (files := _other_files(old[DATA] or {}, new[DATA] or {})):
        lines.append(f"other raw data: {', '.join(files)}")
    return lines


def _changed(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in COMPARED:
        if name in old and name in new and old[name] != new[name]:
            yield f"{name} {old[name]} → {new[name]}"


def _other_files(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
