"""Plass et al. 2018, planarian atlas by Drop-seq: the counts and types of the authors' site (PSCA).

dge.txt.gz is tab-separated, genes x cells, its header one name shorter than its rows. R_annotation.txt has no header
and one type a line, of the cells in the order of that header. A cell's name is its sample and a barcode.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, lines_of_text
from schash.data.loaders.matrices import distinct, file_of, read_table, transposed
from schash.data.options import PlassOptions
from schash.data.registry import Dataset
from schash.errors import DataError


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """All cells with their types; `batch` is the sample, the group of `batch_pattern` in a cell's name."""
    options = PlassOptions.model_validate(dataset.options)
    counts_path = file_of(files, options.file, dataset.id)
    labels_path = file_of(files, options.labels.file, dataset.id)
    labels = _lines(labels_path)
    table = transposed(read_table(counts_path, where=str(counts_path), sep="\t"))
    if len(labels) != len(table.rows):
        message = f"{labels_path}: {len(labels)} types for the {len(table.rows)} cells of {counts_path.name}"
        raise DataError(message)
    return make_cells(
        table.X,
        table.rows,
        distinct(table.columns),
        labels=labels,
        obs={"batch": [_sample(name, options.batch_pattern, counts_path) for name in table.rows]},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _lines(path: Path) -> list[str | None]:
    """The type of each cell, None where it has none."""
    try:
        lines = lines_of_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as text: {error}"
        raise DataError(message) from error
    return [label_of(_unquoted(line.strip())) for line in lines]


def _unquoted(name: str) -> str:
    """Without the quotes that R puts around it."""
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name


def _sample(name: str, pattern: re.Pattern[str], path: Path) -> str:
    match = pattern.fullmatch(name)
    if match is None:
        message = f"{path}: options.batch_pattern {pattern.pattern!r} does not fit the cell name {name!r}"
        raise DataError(message)
    return match.group(1)
