"""What a suite downloads: which sources, whole or in parts, how many bytes, and where to.

Imports no more than the registry does, since the workflow asks each time that it is parsed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from schash.data.archives import member_path
from schash.data.options import members_of
from schash.data.registry import Registry, Source, SourceFile
from schash.data.sizes import in_words

Archives = Literal["members", "whole"]

BOUNDS = ("at most", "about")
"""What is said of a size that is not exact: of an archive that is fetched in parts, of one that is only estimated."""

NAMED = 3
"""Files of a source that are named; more are counted."""


@dataclass(frozen=True)
class Fetch:
    """One job: all files of a source, but of the archives in `members` only what `dataset` reads.

    members : name of an archive to its wanted members, each by the names it may have
    """

    source: Source
    dataset: str | None = None
    members: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)

    @property
    def manifest(self) -> str:
        """Name of the manifest, below the folder of all."""
        return f"{self.source.id}/{self.dataset}" if self.dataset else self.source.id


def fetches_of(registry: Registry, dataset: str, archives: Archives) -> list[Fetch]:
    """What has to be fetched for a data set; nothing for cells of one's own, embedded and simulated ones."""
    row = registry.dataset(dataset)
    members = members_of(row.loader, row.options) if archives == "members" else {}
    jobs = []
    for source in registry.sources_of(dataset):
        here = {file.name: members[file.name] for file in source.files if file.name in members}
        jobs.append(Fetch(source, dataset, here) if here else Fetch(source))
    return jobs


def all_fetches(registry: Registry, datasets: Iterable[str], archives: Archives) -> list[Fetch]:
    """What has to be fetched for several data sets, each job once."""
    jobs = [job for dataset in datasets for job in fetches_of(registry, dataset, archives)]
    return list({job.manifest: job for job in jobs}.values())


def announcement(jobs: Sequence[Fetch], downloads: str | Path, mirror: str | Path | None) -> str:
    """How much will come from the network, of what and where to.

    What is in the cache already is recognised by its size, and what the mirror has by its name: nothing is read.
    """
    needs = [
        _need_of(source, jobs, [Path(folder) / source.id for folder in (downloads, mirror) if folder])
        for source in {job.source.id: job.source for job in jobs}.values()
    ]
    missing = [need for need in needs if need.files or need.by_hand]
    if not needs:
        return "Downloads: none"
    if not missing:
        places = " and ".join(str(folder) for folder in (downloads, mirror) if folder)
        return f"Downloads: none; {_count(len(needs), 'source')} at hand in {places}"
    there = len(needs) - len(missing)
    total = _in_words(
        sum(need.known for need in missing),
        sum(need.unknown for need in missing),
        [word for word in BOUNDS if any(word in need.bound for need in missing)],
    )
    lines = [
        f"Downloads: {total} of {_count(len(missing), 'source')}, to {downloads}"
        + (f" ({there} more at hand)" if there else ""),
        *(need.words() for need in missing),
    ]
    return "\n  ".join(lines)


@dataclass(frozen=True)
class _Need:
    """What of a source is not at hand: its files, their sizes summed where known, and what only a hand can get."""

    source: str
    files: list[str]
    known: int
    unknown: int
    bound: list[str]
    by_hand: list[str]

    def words(self) -> str:
        files = ", ".join(self.files[:NAMED]) + (
            f", and {len(self.files) - NAMED} more" if self.files[NAMED:] else ""
        )
        size = _in_words(self.known, self.unknown, self.bound)
        what = f"{self.source}: {size} ({files})" if files else f"{self.source}: nothing from a server"
        return what + "".join(f"\n    by hand: {line}" for line in self.by_hand)


def _in_words(known: int, unknown: int, bound: Sequence[str]) -> str:
    parts = [" ".join([*bound, in_words(known)])] if known else []
    if unknown:
        parts.append(f"{_count(unknown, 'file')} of unpublished size")
    return " and ".join(parts) or "nothing"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _need_of(source: Source, jobs: Sequence[Fetch], places: Sequence[Path]) -> _Need:
    """places : the source's folder in the cache, and in the mirror where there is one."""
    mine = [job for job in jobs if job.source.id == source.id]
    files, known, unknown, bound, by_hand = [], 0, 0, set(), []
    for file in source.files:
        if _is_at_hand(file, places):
            continue
        wanted = {names[0] for job in mine for names in job.members.get(file.name, ())}
        in_parts = all(file.name in job.members for job in mine)
        missing = sorted(name for name in wanted if not _has_member(file, name, places))
        if in_parts and not missing:
            continue
        if not file.urls:
            by_hand.append(f"{file.name}: {file.manual}")
            continue
        size = file.bytes or file.about_bytes
        files.append(f"{_count(len(missing), 'member')} of {file.name}" if in_parts else file.name)
        known, unknown = known + (size or 0), unknown + (size is None)
        bound |= {"at most"} if in_parts else set()
        bound |= {"about"} if size and not file.bytes else set()
    return _Need(source.id, files, known, unknown, [word for word in BOUNDS if word in bound], by_hand)


def _is_at_hand(file: SourceFile, places: Sequence[Path]) -> bool:
    paths = [path for place in places if (path := place / file.name).is_file()]
    return any(file.bytes in (None, path.stat().st_size) for path in paths)


def _has_member(archive: SourceFile, member: str, places: Sequence[Path]) -> bool:
    return any(member_path(place / f"{archive.name}.members", member).is_file() for place in places)
