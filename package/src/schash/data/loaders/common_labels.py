"""Types of several studies by one name: the source's labels replaced by those of the table of common labels."""

from dataclasses import replace
from typing import TypeVar

import pandas as pd

from schash.data.cells import LabelledCells
from schash.data.label_table import NO_TYPE
from schash.data.registry import Dataset
from schash.data.streamed import StreamedCells
from schash.errors import DataError

Cells = TypeVar("Cells", bound=LabelledCells | StreamedCells)


def with_common_labels(loaded: Cells, dataset: Dataset) -> Cells:
    """The same cells with the labels that `dataset.common_labels` gives them; as they are where it names no group.

    Raises
    ------
    DataError
        naming every label that the group does not have, with its number of cells
    """
    if dataset.common_labels is None:
        return loaded
    counts = loaded.labels.value_counts()
    unknown = [f"{label!r} ({n} cells)" for label, n in counts.items() if label not in dataset.label_names]
    if unknown:
        message = (
            f"{dataset.id}: no common label for {', '.join(unknown)}: not in group {dataset.common_labels!r} of the "
            "table of common labels (labels.tsv beside the registry); add a row with the type's common name there, "
            f"or with {NO_TYPE!r} where it is no type"
        )
        raise DataError(message)
    common = {label: None if name == NO_TYPE else name for label, name in dataset.label_names.items()}
    labels = [None if label is None else common[label] for label in loaded.labels]
    return replace(loaded, labels=pd.Series(labels, index=loaded.labels.index, name="label", dtype=object))
