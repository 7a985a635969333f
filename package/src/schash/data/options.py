"""What each loader may be told in `options`, checked when the registry is read, not when data arrive.

An option called `file` names a file of the data set's source, and `member` a member of that archive.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from schash.schema import Strict


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
    """`cells` consecutive rows that belong to one batch."""

    batch: str
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


class PlannedOptions(Strict):
    """Options of a loader that is not built yet: kept in the registry so that the row is complete."""

    file: str | None = None
    labels: str | None = None
    annotations: str | None = None
    drop_labels: tuple[str, ...] = ()


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


class OrthologOptions(Strict):
    """A table of homology classes of human and mouse, as Mouse Genome Informatics has it."""

    file: str


class SpeciesOptions(Strict):
    parts: tuple[SpeciesPart, ...] = Field(min_length=2)
    orthologs: OrthologOptions | None = None
    """Matches the genes of human and mouse; without it symbols are matched with their case folded."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Type to the name that it has in all parts, where one part tells more types apart."""

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
    "plass": PlannedOptions,
    "r_matrices": RMatricesOptions,
    "shekhar": PlannedOptions,
    "simulate": SimulateOptions,
    "species": SpeciesOptions,
    "tabula_muris_droplet": PlannedOptions,
    "tabula_muris_facs": PlannedOptions,
    "tenx_h5": TenxOptions,
    "zenodo_csv": ZenodoOptions,
}
"""Every loader id and the schema of its options."""

PLANNED = ("plass", "shekhar", "tabula_muris_droplet", "tabula_muris_facs")
"""Loaders whose rows exist and whose code does not yet."""

LOADERS = {
    "actinn": "schash.data.loaders.actinn:load",
    "baron_geo": "schash.data.loaders.baron:load_geo",
    "embedded": "schash.data.embedded:load",
    "fasttopics": "schash.data.loaders.rdata_files:load_fasttopics",
    "geact": "schash.data.loaders.geact:load",
    "h5ad": "schash.data.loaders.h5ad:load",
    "labelled_csv": "schash.data.loaders.baron:load_labelled_csv",
    "mixology": "schash.data.loaders.mixology:load",
    "r_matrices": "schash.data.loaders.rdata_files:load_matrices",
    "simulate": "schash.data.simulate:load",
    "species": "schash.data.loaders.species:load",
    "tenx_h5": "schash.data.loaders.tenx:load",
    "zenodo_csv": "schash.data.loaders.zenodo:load",
}
"""Function of every built loader, as module:function; imported when it is needed."""


def loader_module(loader: str) -> str | None:
    """Module of a loader; None for one that is only planned."""
    return LOADERS[loader].partition(":")[0] if loader in LOADERS else None
