"""GeACT, human fetal organs: for each organ a gzipped genes x cells table and Seurat's table of cells."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, read_cell_table, require_columns
from schash.data.loaders.matrices import Table, file_of, read_table, take, transposed, union_of
from schash.data.options import GeactOptions
from schash.data.registry import Dataset
from schash.errors import DataError

COLUMNS = ("cell", "ident", "bigBatch", "batch")


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Stack the organs over the union of their genes (0 where an organ's file lacks one).

    The type is `ident`; types of one name in two organs are one type. `batch` is `bigBatch`.
    """
    options = GeactOptions.model_validate(dataset.options)
    tables, cells, organs = [], [], []
    for organ in options.organs:
        table, meta = _organ(organ, files, dataset.id)
        tables.append(table)
        cells.append(meta)
        organs += [organ.split("_", 1)[1]] * len(meta)  # "14_large_intestine" -> "large_intestine"
    X, genes = union_of(tables)
    meta = pd.concat(cells)
    return make_cells(
        X,
        list(meta.index),
        genes,
        labels=[label_of(ident) for ident in meta["ident"]],
        obs={"batch": meta["bigBatch"], "organ": organs, "plate": meta["batch"]},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _organ(organ: str, files: Mapping[str, Path], dataset: str) -> tuple[Table, pd.DataFrame]:
    counts_path = file_of(files, f"{organ}_UMIcount_filtered.txt.gz", dataset)
    meta_path = file_of(files, f"{organ}_Seurat_metaData.txt", dataset)
    table = transposed(read_table(counts_path, where=str(counts_path), sep="\t"))
    meta = read_cell_table(meta_path, where=str(meta_path), sep="\t")
    require_columns(meta, COLUMNS, str(meta_path))
    meta = meta.set_index("cell")
    without = meta.index.difference(table.rows)
    if len(without):
        message = f"{meta_path}: {len(without)} cells have no counts in {counts_path.name}, e.g. {without[0]}"
        raise DataError(message)
    return take(table, list(meta.index), where=str(counts_path)), meta
