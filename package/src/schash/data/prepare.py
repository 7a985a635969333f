"""The prepare stage: cells and labels of one data set, checked against what the registry expects, in files apart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schash.atomic import atomic_path
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
    Raises `DataError` where something is missing, damaged or not what is expected. Then, and where a file cannot be
    written, neither is made; older ones of their names stay as they were, both of them.
    """
    loaded = load_dataset(row, files)
    with atomic_path(labels) as temporary:  # gets its name once the cells have theirs
        write_labels(temporary, loaded.labels)
        totals = write_loaded(cells, loaded, lambda totals: check_expected(loaded, row.expect, totals))
    return describe(row, loaded, totals)
