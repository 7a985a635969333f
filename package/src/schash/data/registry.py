"""The registry of data: where bytes come from (`sources`) and what cells are made of them (`datasets`).

It is read from `config/datasets.yaml` and, for data of your own, from an overlay with the same two maps.
Everything is checked here, before anything is downloaded. Imports pydantic and yaml only, since the workflow
reads the registry each time that it is parsed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from schash.data.label_table import read_label_table
from schash.data.options import OPTIONS, FileName
from schash.errors import ConfigError
from schash.schema import Strict, load_yaml, one_of, validate
from schash.values import ValuesKind

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")]
ObsColumn = Literal["batch", "donor", "study", "protocol", "organ", "species", "replicate", "plate", "tissue"]

WITHOUT_DOWNLOAD = ("embedded", "simulated")
"""Values of `source` for cells that need no file."""


class SourceFile(Strict):
    """One file to download. Without a checksum it is pinned by the lock file at the first download."""

    name: FileName
    urls: tuple[Url, ...] = ()
    bytes: int | None = Field(default=None, gt=0)
    about_bytes: int | None = Field(default=None, gt=0)
    """Size to announce where the exact one is not published. Nothing is held against it."""
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    manual: str | None = None
    """How to get the file by hand, where no address gives it without an account."""

    @model_validator(mode="after")
    def _is_reachable(self) -> "SourceFile":
        if not self.urls and not self.manual:
            message = f"{self.name}: give at least one url, or say under 'manual' how to get the file by hand"
            raise ValueError(message)
        return self


class Citation(Strict):
    key: str
    text: str
    doi: str | None = None


class Source(Strict):
    """A unit of download: its files are fetched together."""

    id: Identifier
    title: str
    version: str
    licence: str
    citation: tuple[Citation, ...] = Field(min_length=1)
    files: tuple[SourceFile, ...] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _names_differ(cls, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        names = [file.name for file in files]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            message = f"two files of one source have the same name: {', '.join(repeated)}"
            raise ValueError(message)
        return files

    def file(self, name: str) -> SourceFile:
        """The file called `name`."""
        return one_of({file.name: file for file in self.files}, name, what="file", where=f"source {self.id}")


class Expect(Strict):
    """What a correct load yields; a field left out is not checked."""

    cells: int | None = Field(default=None, ge=0)
    cells_within: int = Field(default=0, ge=0)
    """How far `cells` may be off, where a public file has changed since the paper counted its cells."""
    genes: int | None = Field(default=None, ge=0)
    total: float | None = Field(default=None, ge=0)
    types: int | None = Field(default=None, ge=0)
    types_over_10: int | None = Field(default=None, ge=0)
    labels: dict[str, int] | None = None
    batches: dict[str, int] | None = None


class Dataset(Strict):
    """Cells that can be loaded.

    `labels`, `batch`, `columns`, `layer`, `use_raw` and `unlabelled` say where things are in an h5ad file.
    """

    id: Identifier
    title: str
    source: Identifier | None = None
    more_sources: tuple[Identifier, ...] = ()
    """Sources of further files, where a data set is made of several."""
    path: str | None = None
    loader: str
    options: dict[str, Any] = Field(default_factory=dict)
    values: ValuesKind
    species: str | None = None
    tissue: str | None = None
    protocol: str | None = None
    stand_in_for: str | None = None
    note: str | None = None
    paper_names: tuple[str, ...] = ()
    type_groups: dict[GroupName, str] = Field(default_factory=dict)
    """Name of a group of types to how their names begin. Scoring reports the best recalled type of each group."""
    expect: Expect = Expect()
    labels: str | None = None
    batch: str | None = None
    columns: dict[ObsColumn, str] = Field(default_factory=dict)
    layer: str | None = None
    use_raw: bool = False
    unlabelled: tuple[str, ...] = ()
    common_labels: str | None = None
    """Group of the table of common labels whose names the types are given."""
    label_names: dict[str, str] = Field(default_factory=dict)
    """Source label to common label, filled in from that group."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Dataset":
        message = _inconsistency(self)
        if message:
            raise ValueError(message)
        return self


def _inconsistency(row: Dataset) -> str | None:
    if row.loader not in OPTIONS:
        return f"loader {row.loader!r} is not known; allowed: {', '.join(sorted(OPTIONS))}"
    if (row.path is None) == (row.source is None):
        return "give either 'path' (an h5ad of your own) or 'source' (a row of sources), and not both"
    if row.path is not None and row.loader != "h5ad":
        return f"'path' goes with the loader 'h5ad', came {row.loader!r}"
    if row.layer is not None and row.use_raw:
        return "give 'layer' or 'use_raw', not both: each names the matrix to read"
    if row.more_sources and row.source in (None, *WITHOUT_DOWNLOAD):
        return "more_sources: only beside a source that is downloaded"
    for group, begin in row.type_groups.items():
        if row.expect.labels is not None and not any(name.startswith(begin) for name in row.expect.labels):
            return f"type_groups.{group}: no type of expect.labels begins with {begin!r}"
    if row.loader != "h5ad":
        only_h5ad = ("labels", "batch", "columns", "layer", "use_raw", "unlabelled")
        given = [name for name in only_h5ad if name in row.model_fields_set]
        if given:
            return f"{', '.join(given)}: only for the loader 'h5ad', came {row.loader!r}"
    return None


class _RegistryFile(Strict):
    sources: dict[Identifier, Source] = Field(default_factory=dict)
    datasets: dict[Identifier, Dataset] = Field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """All known sources and data sets. `where` names the file(s) they come from."""

    where: str
    sources: Mapping[str, Source]
    datasets: Mapping[str, Dataset]

    def dataset(self, dataset_id: str) -> Dataset:
        """The data set of that id; `ConfigError` with the closest and all ids otherwise."""
        return one_of(self.datasets, dataset_id, what="data set", where=self.where)

    def source(self, source_id: str) -> Source:
        """The source of that id; `ConfigError` with the closest and all ids otherwise."""
        return one_of(self.sources, source_id, what="source", where=self.where)

    def source_of(self, dataset_id: str) -> Source | None:
        """The source that a data set is downloaded from, or None where nothing is downloaded."""
        return next(iter(self.sources_of(dataset_id)), None)

    def sources_of(self, dataset_id: str) -> list[Source]:
        """All sources that a data set is made of; none where nothing is downloaded."""
        row = self.dataset(dataset_id)
        if row.source is None or row.source in WITHOUT_DOWNLOAD:
            return []
        return [self.source(name) for name in (row.source, *row.more_sources)]


def load_registry(
    registry: str | Path | Mapping[str, Any],
    overlay: str | Path | Mapping[str, Any] | None = None,
    *,
    labels: str | Path | None = None,
) -> Registry:
    """Read and check a registry.

    Parameters
    ----------
    registry : path of a YAML file, or a mapping, with the maps `sources` and `datasets`
    overlay : more rows in the same form; a row whose id is known replaces that row whole
    labels : table of common labels; where it is not given, labels.tsv beside a registry that is a file

    Raises
    ------
    ConfigError
        naming file, key, what came and what is allowed
    """
    where, rows = _read(registry, "registry")
    origins = dict.fromkeys(rows.datasets, where)
    sources, datasets = dict(rows.sources), dict(rows.datasets)
    if overlay is not None:
        more_where, more = _read(overlay, "overlay")
        sources |= more.sources
        datasets |= more.datasets
        origins |= dict.fromkeys(more.datasets, more_where)
        where = f"{where} + {more_where}"
    if labels is None and not isinstance(registry, Mapping):
        labels = Path(registry).with_name("labels.tsv")
    named = dict(_with_label_names(datasets, labels, origins))
    merged = Registry(where=where, sources=sources, datasets=named)
    for dataset_id, row in named.items():
        _check_against_source(row, merged, f"{origins[dataset_id]}: datasets.{dataset_id}")
    return merged


def _with_label_names(
    rows: Mapping[str, Dataset], labels: str | Path | None, origins: Mapping[str, str]
) -> Iterator[tuple[str, Dataset]]:
    """Every row; one that names a group of the table of common labels has that group's names."""
    groups: dict[str, dict[str, str]] | None = None
    for row_id, row in rows.items():
        key = f"{origins[row_id]}: datasets.{row_id}"
        if "label_names" in row.model_fields_set:
            message = f"{key}.label_names comes from the table of common labels; give a group of it as 'common_labels'"
            raise ConfigError(message)
        if row.common_labels is None:
            yield row_id, row
            continue
        if labels is None:
            message = (
                f"{key}.common_labels: there is no table of common labels, since the registry is no file"
            )
            raise ConfigError(message)
        groups = groups or read_label_table(labels)
        names = one_of(groups, row.common_labels, what="group", where=f"{labels}, for {key}.common_labels")
        yield row_id, row.model_copy(update={"label_names": names})


def _read(content: str | Path | Mapping[str, Any], name: str) -> tuple[str, _RegistryFile]:
    if isinstance(content, Mapping):
        where, raw = f"<{name}>", dict(content)
    else:
        where, raw = str(content), load_yaml(content)
    completed = {
        key: {row_id: _with_defaults(key, row_id, row) for row_id, row in value.items()}
        if key in ("sources", "datasets") and isinstance(value, Mapping)
        else value
        for key, value in raw.items()
    }
    return where, validate(_RegistryFile, completed, where=where)


def _with_defaults(kind: str, row_id: Any, row: Any) -> Any:
    """The concise form of a row, filled in: `title` is the id, and a `path` is read as an h5ad."""
    if not isinstance(row, Mapping):
        return row
    completed = {"title": str(row_id), **row, "id": row_id} if kind == "datasets" else {**row, "id": row_id}
    if kind == "datasets" and row.get("path") is not None:
        completed.setdefault("loader", "h5ad")
    return completed


def _check_against_source(row: Dataset, registry: Registry, where: str) -> None:
    validate(OPTIONS[row.loader], row.options, where=f"{where}.options")
    if row.source is None or row.source in WITHOUT_DOWNLOAD:
        return
    names = (row.source, *row.more_sources)
    sources = [one_of(registry.sources, name, what="source", where=f"{where}.source") for name in names]
    known = [file.name for source in sources for file in source.files]
    for name in _named_files(row.options):
        if name not in known:
            has = f"source {' or '.join(names)} has no file {name!r}"
            message = f"{where}.options: {has} (known: {', '.join(known)})"
            raise ConfigError(message)


def _named_files(options: Any) -> Iterator[str]:
    if isinstance(options, Mapping):
        for key, value in options.items():
            if key == "file" and isinstance(value, str):
                yield value
            else:
                yield from _named_files(value)
    elif isinstance(options, list | tuple):
        for item in options:
            yield from _named_files(item)
