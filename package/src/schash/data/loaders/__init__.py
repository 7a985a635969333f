"""From raw files to `LabelledCells`, or to `StreamedCells` where they outgrow memory.

One small module for each family of formats, imported when it is needed.

Genes of several files that are joined keep the order in which they first appear. Where one name stands for
several genes of a public file, the first keeps it and the next become `name-1`, `name-2` (`var["gene_id"]`
holds the Ensembl ids where they are known): counts are neither summed nor dropped. In an h5ad of your own a
repeated name is an error.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from schash.data.cells import LabelledCells
from schash.data.loaders.common_labels import with_common_labels
from schash.data.loaders.expected import check_expected
from schash.data.options import LOADERS
from schash.data.registry import Dataset
from schash.data.streamed import StreamedCells
from schash.schema import one_of

__all__ = ["LOADERS", "check_expected", "load_dataset"]


def load_dataset(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells | StreamedCells:
    """Load one data set and hold it against what the registry expects of it.

    files : the fetched files of its source by name; empty where nothing is downloaded
    Of cells in blocks the total count is checked when they are written (`schash.data.prepare`).
    Raises `DataError` where a file is missing or damaged, a label has no common name, or the result is not what is
    expected.
    """
    target = one_of(LOADERS, dataset.loader, what="loader", where=f"data set {dataset.id}")
    module, function = target.split(":")
    loaded: LabelledCells | StreamedCells = getattr(import_module(module), function)(dataset, files)
    labelled = with_common_labels(loaded, dataset)
    check_expected(labelled, dataset.expect)
    return labelled
