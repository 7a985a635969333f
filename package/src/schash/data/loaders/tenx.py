"""10x Genomics' HDF5 files, in blocks of cells, with Cell Ranger's clusters as labels where they are at hand."""

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from schash.data.loaders.cell_tables import DAMAGED, label_of, read_cell_table, require_columns
from schash.data.loaders.matrices import distinct, file_of
from schash.data.options import TenxOptions
from schash.data.registry import Dataset
from schash.data.streamed import StreamedCells, stream_cells
from schash.errors import DataError
from schash.tenx_file import open_tenx

CLUSTER_COLUMNS = ("Barcode", "Cluster")


def load(dataset: Dataset, files: Mapping[str, Path]) -> StreamedCells:
    """The cells of one genome; those without a cluster, or all where there is no table of clusters, are unlabelled."""
    options = TenxOptions.model_validate(dataset.options)
    opened = open_tenx(file_of(files, options.file, dataset.id), options.genome)
    barcodes = list(opened.barcodes)
    labels: Sequence[str | None] = [None] * len(barcodes)
    if options.clusters is not None:
        path = file_of(files, options.clusters.file, dataset.id)
        labels = _labels(read_clusters(path, options.clusters.member), barcodes, str(path))
    try:
        return stream_cells(
            opened.chunks,
            barcodes,
            distinct(list(opened.symbols)),
            labels=labels,
            gene_id=list(opened.gene_ids),
            dataset=dataset.id,
            values=dataset.values,
            stand_in_for=dataset.stand_in_for,
        )
    except DataError as error:  # which names the data set
        message = f"{opened.chunks.where}: {error}"
        raise DataError(message) from error


def read_clusters(path: Path, member: str) -> pd.Series:
    """Clusters (str) by barcode, from a csv with the columns Barcode and Cluster inside a tar archive.

    Raises `DataError` where the archive is damaged, lacks the member or a column, or names a barcode twice.
    """
    where = f"{path}:{member}"
    try:
        with tarfile.open(path) as archive:
            found = (info for info in archive if info.isfile() and info.name.removeprefix("./") == member)
            info = next(found, None)
            handle = None if info is None else archive.extractfile(info)
            if handle is None:
                message = f"{path}: has no member {member!r}"
                raise DataError(message)
            table = read_cell_table(handle, where=where)
    except DataError:
        raise
    except (tarfile.TarError, *DAMAGED, ValueError) as error:
        message = f"{where}: cannot be read: {error}"
        raise DataError(message) from error
    require_columns(table, CLUSTER_COLUMNS, where)
    clusters = table.set_index("Barcode")["Cluster"]
    if not clusters.index.is_unique:
        repeated = clusters.index[clusters.index.duplicated()][0]
        message = f"{where}: barcode {repeated!r} has more than one row"
        raise DataError(message)
    return clusters


def _labels(clusters: pd.Series, barcodes: Sequence[str], where: str) -> list[str | None]:
    """A cluster or None for each barcode; that not one has a cluster is an error: they are of other cells."""
    by_barcode = clusters.to_dict()
    labels = [label_of(by_barcode.get(barcode, "")) for barcode in barcodes]
    if len(labels) and not any(labels):
        examples = f"e.g. {barcodes[0]!r} and {next(iter(by_barcode), None)!r}"
        message = f"{where}: none of its {len(by_barcode):,} barcodes is one of the {len(labels):,} cells, {examples}"
        raise DataError(message)
    return labels
