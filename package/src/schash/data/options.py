"""What each loader may be told in `options`, checked when the registry is read, not when data arrive.

An option called `file` names a file of the data set's source, and `member` a member of that archive.
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from schash.schema import Strict

FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\.][^/\\]*$")]


class NoOptions(Strict):
    """The loader takes none."""


class H5adOptions(Strict):
    """Only for an h5ad that is downloaded; one of your own is given by `path`."""

    file: str | None = None


class CountsMember(Strict):
    """One csv with the columns index, barcode, assigned_cluster, genes..., inside a zip or tar archive."""

    file: str
    member: str
    batch: str


class NamedFile(Strict):
    """One of the files of the data set's sources."""

    file: str


class BaronGeoOptions(Strict):
    parts: tuple[CountsMember, ...] = Field(min_length=1)


class LabelledCsvOptions(Strict):
    """One csv in a zip, cells x genes, that also holds the label and the batch of each cell."""

    file: str
    member: str
    label_column: str
    batch_column: str
    batch_prefix: str = ""


class RMatrix(Strict):
    """A genes x cells matrix and its label vector in one RData file."""

    file: str
    counts: str
    labels: str
    study: str
    donor_pattern: str
    """Regular expression whose first group is the donor in a cell's name."""


class RMatricesOptions(Strict):
    parts: tuple[RMatrix, ...] = Field(min_length=1)


class FastTopicsOptions(Strict):
    file: str
    object: str


class GeactOptions(Strict):
    organs: tuple[str, ...] = Field(min_length=1)


class MixologyBatch(Strict):
    batch: str
    protocol: str


class MixologyOptions(Strict):
    batches: tuple[MixologyBatch, ...] = Field(min_length=1)


class ActinnOptions(Strict):
    matrix: str
    labels: str


class RowRange(Strict):
    """`cells` consecutive rows that belong to one batch; without a batch they are left out."""

    batch: str | None = None
    cells: int = Field(gt=0)


class ZenodoPart(Strict):
    """A csv, cells x genes, and its label csv, both members of the archive.

    `also`: other spellings of `data` that are in use; the first member that exists is read.
    """

    data: str
    also: tuple[str, ...] = ()
    labels: str
    batch: str = "all"


class ZenodoOptions(Strict):
    file: str
    parts: tuple[ZenodoPart, ...] = Field(min_length=1)
    label_column: str = "x"
    batch_kind: Literal["study", "protocol"] | None = None
    """What a batch is: the batches are then written under that name too."""
    row_ranges: tuple[RowRange, ...] = ()
    """Batches of consecutive rows, where one file holds several; in the order of the file."""
    folds: FileName | None = None
    """RData of the folds that `cv5` takes, beside `data`; without it they are made here."""

    @model_validator(mode="after")
    def _folds_are_of_one_table(self) -> "ZenodoOptions":
        if self.folds is not None and (len(self.parts) > 1 or self.row_ranges):
            message = "folds: only for a single part without row_ranges, whose cells the file numbers"
            raise ValueError(message)
        return self

    def members(self) -> tuple[tuple[str, ...], ...]:
        """Every member that is read, each by the names it may have."""
        tables = [names for part in self.parts for names in ((part.data, *part.also), (part.labels,))]
        return (*tables, (self.folds_member,)) if self.folds_member else tuple(tables)

    @property
    def folds_member(self) -> str | None:
        """The member that holds the published folds: `folds`, in the folder of the table."""
        return self.folds and posixpath.join(posixpath.dirname(self.parts[0].data), self.folds)


class TenxClusters(Strict):
    """A csv with the columns Barcode and Cluster inside a tar archive, as Cell Ranger packs its analysis."""

    file: str
    member: str = "analysis/clustering/graphclust/clusters.csv"


class TenxOptions(Strict):
    """`genome`: the one to read where there are several."""

    file: str
    genome: str | None = None
    clusters: TenxClusters | None = None
    """Labels by barcode; without them, or where a cell is in none, there is no label."""


class ShekharOptions(Strict):
    file: str
    labels: NamedFile
    batches: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Batch to its replicates, which cell names begin with."""
    unlabelled: tuple[str, ...] = ()
    """Clusters that are no type: their cells are kept without a label."""


class PlassOptions(Strict):
    file: str
    labels: NamedFile
    batch_pattern: re.Pattern[str]
    """Fits every cell name; its one group is the sample."""

    @field_validator("batch_pattern")
    @classmethod
    def _has_one_group(cls, pattern: re.Pattern[str]) -> re.Pattern[str]:
        if pattern.groups != 1:
            message = f"must have one group, the sample, has {pattern.groups}"
            raise ValueError(message)
        return pattern


class TabulaMurisFiles(Strict):
    """The zip of one protocol and its table of annotated cells."""

    file: str
    annotations: NamedFile


class TabulaMurisProtocolsOptions(Strict):
    facs: TabulaMurisFiles
    droplet: TabulaMurisFiles


class SimulateOptions(Strict):
    n_cells: int = Field(gt=0)
    n_genes: int = Field(gt=0)
    n_types: int = Field(gt=0)
    n_studies: int = Field(default=1, gt=0)
    seed: int = Field(default=0, ge=0)
    rare_cells: int = Field(default=0, ge=0, le=10)


class SpeciesPart(Strict):
    """Cells of one species, by a loader of their own with its options."""

    species: str
    loader: Literal["baron_geo", "labelled_csv"]
    options: dict[str, Any]

    @model_validator(mode="after")
    def _are_options_of_the_loader(self) -> "SpeciesPart":
        OPTIONS[self.loader].model_validate(self.options)
        return self


class SpeciesOptions(Strict):
    parts: tuple[SpeciesPart, ...] = Field(min_length=2)
    orthologs: NamedFile | None = None
    """Homology classes of Mouse Genome Informatics, which match the genes of human and mouse; without them symbols are
    matched with their case folded."""

    @model_validator(mode="after")
    def _species_are_known(self) -> "SpeciesOptions":
        unknown = sorted({part.species for part in self.parts} - {"human", "mouse"})
        if self.orthologs and unknown:
            message = f"orthologs: a table of human and mouse, came parts of {', '.join(unknown)}"
            raise ValueError(message)
        return self


OPTIONS: dict[str, type[Strict]] = {
    "actinn": ActinnOptions,
    "baron_geo": BaronGeoOptions,
    "embedded": NoOptions,
    "fasttopics": FastTopicsOptions,
    "geact": GeactOptions,
    "h5ad": H5adOptions,
    "labelled_csv": LabelledCsvOptions,
    "mixology": MixologyOptions,
    "plass": PlassOptions,
    "r_matrices": RMatricesOptions,
    "shekhar": ShekharOptions,
    "simulate": SimulateOptions,
    "species": SpeciesOptions,
    "tabula_muris_droplet": TabulaMurisFiles,
    "tabula_muris_facs": TabulaMurisFiles,
    "tabula_muris_protocols": TabulaMurisProtocolsOptions,
    "tenx_h5": TenxOptions,
    "zenodo_csv": ZenodoOptions,
}
"""Every loader id and the schema of its options."""

LOADERS = {
    "actinn": "schash.data.loaders.actinn:load",
    "baron_geo": "schash.data.loaders.baron:load_geo",
    "embedded": "schash.data.embedded:load",
    "fasttopics": "schash.data.loaders.rdata_files:load_fasttopics",
    "geact": "schash.data.loaders.geact:load",
    "h5ad": "schash.data.loaders.h5ad:load",
    "labelled_csv": "schash.data.loaders.baron:load_labelled_csv",
    "mixology": "schash.data.loaders.mixology:load",
    "plass": "schash.data.loaders.plass:load",
    "r_matrices": "schash.data.loaders.rdata_files:load_matrices",
    "shekhar": "schash.data.loaders.shekhar:load",
    "simulate": "schash.data.simulate:load",
    "species": "schash.data.loaders.species:load",
    "tabula_muris_droplet": "schash.data.loaders.tabula_muris:load_droplet",
    "tabula_muris_facs": "schash.data.loaders.tabula_muris:load_facs",
    "tabula_muris_protocols": "schash.data.loaders.tabula_muris:load_protocols",
    "tenx_h5": "schash.data.loaders.tenx:load",
    "zenodo_csv": "schash.data.loaders.zenodo:load",
}
"""Function of every loader, as module:function; imported when it is needed."""


def members_of(loader: str, options: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Archives that are so large that their members are fetched one by one, each with those that a data set reads."""
    if loader != "zenodo_csv":
        return {}
    row = ZenodoOptions.model_validate(options)
    return {row.file: tuple(dict.fromkeys(row.members()))}


def loader_module(loader: str) -> str:
    """Module of a loader."""
    return LOADERS[loader].partition(":")[0]
