"""Baron et al. 2016, pancreas by inDrop: GEO's own csv files, and a copy with 1,000 genes."""

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import IO

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import DAMAGED, label_of
from schash.data.loaders.matrices import Table, distinct, file_of, read_table, shared_of, zip_member
from schash.data.options import BaronGeoOptions, LabelledCsvOptions
from schash.data.registry import Dataset
from schash.errors import DataError

GEO_TEXT = ("barcode", "assigned_cluster")


def load_geo(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """GSM*_umifm_counts.csv: index, barcode, assigned_cluster, then one column a gene; one file a donor."""
    options = BaronGeoOptions.model_validate(dataset.options)
    tables: list[Table] = []
    for part in options.parts:
        path = file_of(files, part.file, dataset.id)
        with _member(path, part.member) as handle:
            tables.append(read_table(handle, where=f"{path}:{part.member}", text_columns=GEO_TEXT))
    X, genes = shared_of(tables)
    donors = [part.batch for part, table in zip(options.parts, tables, strict=True) for _ in table.rows]
    return make_cells(
        X,
        [name for table in tables for name in table.rows],
        genes,
        labels=[label_of(text) for table in tables for text in table.text["assigned_cluster"]],
        obs={"batch": donors, "donor": donors},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


@contextmanager
def _member(path: Path, member: str) -> Iterator[IO[bytes]]:
    """Open a member of a zip, or a gzipped member of a tar as GEO packs them."""
    if path.suffix == ".zip":
        with zip_member(path, member) as handle:
            yield handle
        return
    try:
        with tarfile.open(path) as archive:
            packed = archive.extractfile(member)
            if packed is None:
                message = "it is no file"
                raise tarfile.ReadError(message)
            with GzipFile(fileobj=packed) as handle:
                yield handle  # type: ignore[misc]
    except (tarfile.TarError, KeyError, *DAMAGED) as error:
        message = f"{path}: cannot read its member {member!r}: {error}"
        raise DataError(message) from error


def load_labelled_csv(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """One csv, cells x genes, with a label and a batch column beside the genes."""
    options = LabelledCsvOptions.model_validate(dataset.options)
    path = file_of(files, options.file, dataset.id)
    text_columns = (options.label_column, options.batch_column)
    with zip_member(path, options.member) as handle:
        table = read_table(handle, where=f"{path}:{options.member}", text_columns=text_columns)
    donors = [options.batch_prefix + batch for batch in table.text[options.batch_column]]
    return make_cells(
        table.X,
        table.rows,
        distinct(table.columns),
        labels=[label_of(text) for text in table.text[options.label_column]],
        obs={"batch": donors, "donor": donors},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )
