"""Shekhar et al. 2016, mouse retinal bipolar cells by Drop-seq: GEO's counts, genes x cells, and the authors' clusters.

Counts: a gzipped tab-separated table of all cells that were sequenced, named `Bipolar1_` and a barcode, after one of
six replicates. Clusters: clust_retinal_bipolar.txt of the Single Cell Portal, tab-separated, with the columns NAME and
CLUSTER and, as that portal wants it, a second line that begins with TYPE and says what the columns are. It lists the
cells that passed the authors' quality control, and only those are kept.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, read_cell_table
from schash.data.loaders.matrices import distinct, file_of, read_table, take, transposed
from schash.data.options import ShekharOptions
from schash.data.registry import Dataset
from schash.errors import DataError

COLUMNS = ("NAME", "CLUSTER")


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """The cells that have a cluster; `replicate` is the first part of a cell's name, `batch` goes with it."""
    options = ShekharOptions.model_validate(dataset.options)
    counts_path = file_of(files, options.file, dataset.id)
    clusters_path = file_of(files, options.labels.file, dataset.id)
    clusters = _clusters(clusters_path)
    table = transposed(read_table(counts_path, where=str(counts_path), sep="\t"))
    without = clusters.index.difference(table.rows)
    if len(without):
        message = (
            f"{clusters_path}: {len(without)} cells have no counts in {counts_path.name}, e.g. {without[0]}"
        )
        raise DataError(message)
    cells = [name for name in table.rows if name in clusters.index]
    replicates = [name.partition("_")[0] for name in cells]
    return make_cells(
        take(table, cells, where=str(counts_path)).X,
        cells,
        distinct(table.columns),
        labels=[None if label in options.unlabelled else label_of(label) for label in clusters[cells]],
        obs={"batch": _batches(replicates, options, dataset.id), "replicate": replicates},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _clusters(path: Path) -> pd.Series:
    """Cluster by cell."""
    table = read_cell_table(path, where=str(path), sep="\t")
    if tuple(table.columns[:2]) != COLUMNS or table.empty or table["NAME"].iloc[0] != "TYPE":
        found = ", ".join(table.columns[:3])
        message = (
            f"{path}: must be tab-separated with the columns {', '.join(COLUMNS)} and a second line that begins with "
            f"TYPE; found the columns {found}"
        )
        raise DataError(message)
    cells = table.iloc[1:]
    if not cells["NAME"].is_unique:
        twice = cells["NAME"][cells["NAME"].duplicated()].iloc[0]
        message = f"{path}: lists the cell {twice} twice"
        raise DataError(message)
    return cells.set_index("NAME")["CLUSTER"]


def _batches(replicates: list[str], options: ShekharOptions, dataset: str) -> list[str]:
    batch_of = {replicate: batch for batch, names in options.batches.items() for replicate in names}
    unknown = sorted(set(replicates) - set(batch_of))
    if unknown:
        message = (
            f"{dataset}: replicates {', '.join(unknown)} of the cell names are in no batch of options.batches; "
            f"those have {', '.join(batch_of)}"
        )
        raise DataError(message)
    return [batch_of[name] for name in replicates]
