"""The archive of Abdelaal et al. 2019 (Zenodo 3357167): csv tables, cells x genes, in one zip of 3.7 GB.

Tables are read from the zip in blocks of rows straight into CSR, since read whole they outgrow the memory of
most machines. Cell names are those of the table's first column. The folds of their cross-validation lie beside the
tables of single data sets.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, read_cell_table, require_columns
from schash.data.loaders.cv_folds import read_cv_folds
from schash.data.loaders.matrices import Table, distinct, file_of, read_table, shared_of, zip_member
from schash.data.options import ZenodoOptions, ZenodoPart
from schash.data.registry import Dataset
from schash.errors import DataError
from schash.published_folds import PublishedFolds


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Read the parts, join them over their shared genes, and name their batches."""
    options = ZenodoOptions.model_validate(dataset.options)
    path = file_of(files, options.file, dataset.id)
    tables: list[Table] = []
    labels: list[str | None] = []
    batches: list[str | None] = []
    for part in options.parts:
        table, part_labels = _part(path, part, options.label_column, dataset.values)
        tables.append(table)
        labels += part_labels
        batches += [part.batch] * len(table.rows)
    X, genes = shared_of(tables)
    if options.row_ranges:
        batches = _by_rows(options, X.shape[0], dataset.id)
    kept = np.array([batch is not None for batch in batches])
    names = pd.Series(distinct([name for table in tables for name in table.rows]))
    batch = pd.Series(batches)[kept].tolist()
    return make_cells(
        X if kept.all() else X[kept],
        names[kept].tolist(),
        genes,
        labels=pd.Series(labels, dtype=object)[kept].tolist(),
        obs={"batch": batch} | ({options.batch_kind: batch} if options.batch_kind else {}),
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _by_rows(options: ZenodoOptions, n_rows: int, dataset: str) -> list[str | None]:
    batches = [batch.batch for batch in options.row_ranges for _ in range(batch.cells)]
    if len(batches) != n_rows:
        message = f"{dataset}: row_ranges cover {len(batches)} cells, the table has {n_rows}"
        raise DataError(message)
    return batches


def _part(path: Path, part: ZenodoPart, label_column: str, values: str) -> tuple[Table, list[str | None]]:
    with zip_member(path, part.data, *part.also) as handle:
        table = read_table(handle, where=f"{path}:{part.data}", values=values)
    labels, _ = _labels(path, part, label_column)
    if len(labels) != len(table.rows):
        message = f"{path}:{part.labels}: {len(labels)} labels for the {len(table.rows)} cells of {part.data}"
        raise DataError(message)
    return table, labels


def _labels(path: Path, part: ZenodoPart, column: str) -> tuple[list[str | None], int]:
    """The labels in a column, and its place counted from 1."""
    with zip_member(path, part.labels) as handle:
        labels = read_cell_table(handle, where=f"{path}:{part.labels}")
    require_columns(labels, (column,), f"{path}:{part.labels}")
    return [label_of(text) for text in labels[column]], list(labels).index(column) + 1


def published_folds(dataset: Dataset, files: Mapping[str, Path]) -> PublishedFolds:
    """The folds that `options.folds` names, a file beside the table.

    Raises `DataError` where it is not there, or is no file of folds of these labels.
    """
    options = ZenodoOptions.model_validate(dataset.options)
    member = options.folds_member
    assert member is not None  # who asks knows that there are some
    path = file_of(files, options.file, dataset.id)
    _, column = _labels(path, options.parts[0], options.label_column)
    try:
        with zip_member(path, member) as handle:
            return read_cv_folds(handle, where=f"{path}:{member}", column=column)
    except DataError as error:
        message = (
            f"{error}\n{dataset.id} has its folds from options.folds; without that key they are made here"
        )
        raise DataError(message) from error
