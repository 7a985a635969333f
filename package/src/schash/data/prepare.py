"""The prepare stage: cells and labels of one data set, checked against what the registry expects, in files apart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schash.data.cells import write_labels
from schash.data.loaders import check_expected, load_dataset
from schash.data.registry import Dataset
from schash.data.streamed import write_loaded
from schash.facts import describe


def prepare(
    row: Dataset, files: Mapping[str, Path], *, cells: str | Path, labels: str | Path
) -> dict[str, Any]:
    """Load, check and write; returns the facts of the data set.

    files : the fetched files of its sources by name
    Raises `DataError` where something is missing, damaged or not what is expected. Then no file of cells is left.
    """
    loaded = load_dataset(row, files)
    totals = write_loaded(cells, loaded, lambda totals: check_expected(loaded, row.expect, totals))
    write_labels(labels, loaded.labels)
    return describe(row, loaded, totals)
