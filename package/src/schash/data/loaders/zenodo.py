"""The archive of Abdelaal et al. 2019 (Zenodo 3357167): csv tables, cells x genes, in one zip of 3.7 GB.

Tables are read from the zip in blocks of rows straight into CSR, since read whole they outgrow the memory of
most machines. Cell names are those of the table's first column.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.matrices import Table, distinct, file_of, read_table, shared_of, zip_member
from schash.data.options import ZenodoOptions, ZenodoPart
from schash.data.registry import Dataset
from schash.errors import DataError


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Read the parts, join them over their shared genes, and name their batches."""
    options = ZenodoOptions.model_validate(dataset.options)
    path = file_of(files, options.file, dataset.id)
    tables, labels, batches = [], [], []
    for part in options.parts:
        table, part_labels = _part(path, part, options.label_column, dataset.values)
        tables.append(table)
        labels += part_labels
        batches += [part.batch] * len(table.rows)
    if options.row_ranges:
        batches = [batch.batch for batch in options.row_ranges for _ in range(batch.cells)]
    X, genes = shared_of(tables)
    if len(batches) != X.shape[0]:
        message = f"{dataset.id}: row_ranges cover {len(batches)} cells, the table has {X.shape[0]}"
        raise DataError(message)
    obs = {"batch": batches} | ({options.batch_kind: batches} if options.batch_kind else {})
    return make_cells(
        X,
        distinct([name for table in tables for name in table.rows]),
        genes,
        labels=labels,
        obs=obs,
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _part(path: Path, part: ZenodoPart, label_column: str, values: str) -> tuple[Table, list[str]]:
    with zip_member(path, part.data, *part.also) as handle:
        table = read_table(handle, where=f"{path}:{part.data}", values=values)
    with zip_member(path, part.labels) as handle:
        labels = pd.read_csv(handle, dtype=str, keep_default_na=False)
    if label_column not in labels:
        message = (
            f"{path}:{part.labels}: has no column {label_column!r}; columns: {', '.join(map(str, labels))}"
        )
        raise DataError(message)
    if len(labels) != len(table.rows):
        message = f"{path}:{part.labels}: {len(labels)} labels for the {len(table.rows)} cells of {part.data}"
        raise DataError(message)
    return table, list(labels[label_column])
