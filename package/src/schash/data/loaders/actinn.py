"""ACTINN's example: a genes x cells csv and a two-column list of labels without a header."""

from collections.abc import Mapping
from pathlib import Path

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, read_cell_table
from schash.data.loaders.matrices import distinct, file_of, read_table, transposed
from schash.data.options import ActinnOptions
from schash.data.registry import Dataset
from schash.errors import DataError


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Read the matrix and the labels, which must name the same cells in the same order."""
    options = ActinnOptions.model_validate(dataset.options)
    matrix_path = file_of(files, options.matrix, dataset.id)
    labels_path = file_of(files, options.labels, dataset.id)
    table = transposed(read_table(matrix_path, where=str(matrix_path)))
    labels = read_cell_table(labels_path, where=str(labels_path), sep="\t", columns=("cell", "label"))
    if list(labels["cell"]) != table.rows:
        message = f"{labels_path}: its cells are not those of {matrix_path.name}, in their order"
        raise DataError(message)
    return make_cells(
        table.X,
        table.rows,
        distinct(table.columns),
        labels=[label_of(label) for label in labels["label"]],
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )
