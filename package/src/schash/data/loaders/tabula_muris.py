"""Tabula Muris 2018, twenty mouse organs: Smart-seq2 of sorted cells (FACS) and 10x Chromium (droplet), from figshare.

FACS.zip       FACS/{tissue}-counts.csv, genes x cells
droplet.zip    droplet/{tissue}-{channel}/ with matrix.mtx, genes.tsv and barcodes.tsv, as Cell Ranger 2 writes them;
               some hold all barcodes that can be, not only those of cells
annotations    a csv with the columns cell, tissue, cell_ontology_class, mouse.id, and channel for droplets, whose cells
               are named {channel}_{barcode without -1}

Only cells with a class are kept: others failed the authors' quality control or could not be annotated.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders import matrices
from schash.data.loaders.cell_tables import (
    DAMAGED,
    WITHOUT_LABEL,
    lines_of_text,
    read_cell_table,
    require_columns,
)
from schash.data.loaders.matrices import Table, distinct, file_of, shared_of, zip_member
from schash.data.options import TabulaMurisFiles, TabulaMurisProtocolsOptions
from schash.data.registry import Dataset
from schash.errors import DataError

COLUMNS = ("cell", "tissue", "cell_ontology_class", "mouse.id")
WITHOUT_CLASS = (*WITHOUT_LABEL, "unknown")
FACS, DROPLET = "Smart-seq2", "10x Chromium"


def load_facs(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Smart-seq2 reads of the annotated cells; `batch` is the mouse."""
    table, cells = _facs(TabulaMurisFiles.model_validate(dataset.options), files, dataset.id)
    return _made(table.X, distinct(table.columns), cells, cells["mouse.id"], dataset)


def load_droplet(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """10x counts of the annotated cells; `batch` is the channel, a run of the instrument."""
    table, cells = _droplet(TabulaMurisFiles.model_validate(dataset.options), files, dataset.id)
    return _made(table.X, distinct(table.columns), cells, cells["channel"], dataset)


def load_protocols(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Both, over the genes that both have; `batch` is the protocol."""
    options = TabulaMurisProtocolsOptions.model_validate(dataset.options)
    of_facs, facs_cells = _facs(options.facs, files, dataset.id)
    of_droplet, droplet_cells = _droplet(options.droplet, files, dataset.id)
    X, genes = shared_of([of_facs, of_droplet])
    cells = pd.concat([facs_cells, droplet_cells])
    return _made(X, genes, cells, cells["protocol"], dataset)


def _made(
    X: sp.csr_matrix, genes: list[str], cells: pd.DataFrame, batch: pd.Series, dataset: Dataset
) -> LabelledCells:
    known = {"organ": cells["tissue"], "donor": cells["mouse.id"], "protocol": cells["protocol"]}
    return make_cells(
        X,
        list(cells.index),
        genes,
        labels=list(cells["cell_ontology_class"]),
        obs={"batch": batch, **known},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _facs(options: TabulaMurisFiles, files: Mapping[str, Path], dataset: str) -> tuple[Table, pd.DataFrame]:
    path = file_of(files, options.file, dataset)
    cells = _annotated(file_of(files, options.annotations.file, dataset), COLUMNS).assign(protocol=FACS)
    return _stacked(_organ(path, part) for _, part in cells.groupby("tissue"))


def _droplet(
    options: TabulaMurisFiles, files: Mapping[str, Path], dataset: str
) -> tuple[Table, pd.DataFrame]:
    path = file_of(files, options.file, dataset)
    annotations = file_of(files, options.annotations.file, dataset)
    cells = _annotated(annotations, (*COLUMNS, "channel")).assign(protocol=DROPLET)
    return _stacked(_channel(path, part) for _, part in cells.groupby(["tissue", "channel"]))


def _annotated(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """The cells that have a class, by name."""
    table = read_cell_table(path, where=str(path))
    require_columns(table, columns, str(path))
    cells = table.loc[~table["cell_ontology_class"].isin(WITHOUT_CLASS), list(columns)]
    if cells.empty or not cells["cell"].is_unique:
        message = (
            f"{path}: must list cells with a class, each once; found {len(cells)} such rows of {len(table)}"
        )
        raise DataError(message)
    return cells.set_index("cell")


def _stacked(parts: Iterable[tuple[Table, pd.DataFrame, str]]) -> tuple[Table, pd.DataFrame]:
    """All cells of one protocol, whose files must have the same genes in one order."""
    blocks: list[sp.csr_matrix] = []
    cells, genes, first = [], [], ""
    for table, part, where in parts:
        if not blocks:
            genes, first = table.columns, where
        if table.columns != genes:
            message = (
                f"{where}: its {len(table.columns)} genes are not the {len(genes)} of {first}, in their order"
            )
            raise DataError(message)
        blocks.append(table.X)
        cells.append(part)
    frame = pd.concat(cells)
    names = list(frame.index)
    return Table(sp.vstack(blocks, format="csr"), names, genes, pd.DataFrame(index=names)), frame


def _organ(path: Path, cells: pd.DataFrame) -> tuple[Table, pd.DataFrame, str]:
    member = f"FACS/{cells['tissue'].iloc[0]}-counts.csv"
    where = f"{path}:{member}"
    with zip_member(path, member) as handle:
        table = matrices.transposed(matrices.read_table(handle, where=where))
    return _of_cells(table, cells, where), cells, where


def _channel(path: Path, cells: pd.DataFrame) -> tuple[Table, pd.DataFrame, str]:
    channel = cells["channel"].iloc[0]
    folder = f"droplet/{cells['tissue'].iloc[0]}-{channel}"
    where = f"{path}:{folder}"
    with zip_member(path, f"{folder}/barcodes.tsv") as handle:
        names = [f"{channel}_{barcode.removesuffix('-1')}" for barcode in _first_column(handle, where)]
    with zip_member(path, f"{folder}/genes.tsv") as handle:
        genes = _first_column(handle, where)
    with zip_member(path, f"{folder}/matrix.mtx") as handle:
        X = _matrix(handle, where)
    if X.shape != (len(genes), len(names)):
        message = f"{where}: matrix.mtx is {X.shape}, expected {len(genes)} genes x {len(names)} barcodes"
        raise DataError(message)
    table = Table(X.T.tocsr(), names, genes, pd.DataFrame(index=names))
    return _of_cells(table, cells, where), cells, where


def _matrix(handle: IO[bytes], where: str) -> sp.csc_matrix:
    try:
        return sp.csc_matrix(scipy.io.mmread(handle), dtype=np.float32)
    except (*DAMAGED, ValueError) as error:
        message = f"{where}/matrix.mtx: cannot be read as a Matrix Market file: {error}"
        raise DataError(message) from error


def _first_column(handle: IO[bytes], where: str) -> list[str]:
    """Of a tab-separated file: its barcodes, or its genes' symbols, which stand in both columns."""
    try:
        return [line.split("\t")[0] for line in lines_of_text(handle.read())]
    except (*DAMAGED, UnicodeDecodeError) as error:
        message = f"{where}: cannot be read as text: {error}"
        raise DataError(message) from error


def _of_cells(table: Table, cells: pd.DataFrame, where: str) -> Table:
    without = cells.index.difference(table.rows)
    if len(without):
        message = f"{where}: has no counts of {len(without)} annotated cells, e.g. {without[0]}"
        raise DataError(message)
    return matrices.take(table, list(cells.index), where=where)
