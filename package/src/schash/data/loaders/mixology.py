"""CellBench single-cell mixology: five cell lines, told apart by their genotypes, in five batches."""

from collections.abc import Mapping
from pathlib import Path

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.cell_tables import label_of, read_cell_table, require_columns
from schash.data.loaders.matrices import file_of, read_table, shared_of, take, transposed
from schash.data.options import MixologyOptions
from schash.data.registry import Dataset

COLUMNS = ("demuxlet_cls", "cell_line_demuxlet")


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Stack the batches over their common genes; only single cells (`demuxlet_cls` SNG) are kept.

    Wells have the same names in every batch, so a cell is named `batch.well`.
    """
    options = MixologyOptions.model_validate(dataset.options)
    tables, names, labels, batches, protocols = [], [], [], [], []
    for part in options.batches:
        counts_path = file_of(files, f"{part.batch}.count.csv.gz", dataset.id)
        meta_path = file_of(files, f"{part.batch}.metadata.csv.gz", dataset.id)
        meta = read_cell_table(meta_path, where=str(meta_path), row_names=True)
        require_columns(meta, COLUMNS, str(meta_path))
        meta = meta.set_index(meta.columns[0])
        meta = meta[meta["demuxlet_cls"] == "SNG"]
        table = transposed(read_table(counts_path, where=str(counts_path)))
        tables.append(take(table, list(meta.index), where=str(counts_path)))
        names += [f"{part.batch}.{well}" for well in meta.index]
        labels += [label_of(line) for line in meta["cell_line_demuxlet"]]
        batches += [part.batch] * len(meta)
        protocols += [part.protocol] * len(meta)
    X, genes = shared_of(tables)
    return make_cells(
        X,
        names,
        genes,
        labels=labels,
        obs={"batch": batches, "protocol": protocols},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )
