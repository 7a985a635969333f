"""Files of neighbours: a long table that grows block by block, a summary, or the query's h5ad with the results in it.

Long table, one row per query cell and neighbour: cell, rank (1 = nearest), neighbor, distance (bits), angle (estimated,
radians), and neighbor_<label> for each label column of the atlas.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from anndata.io import read_elem, write_elem

from schash.atomic import atomic_path
from schash.neighbors import NO_NEIGHBOR
from schash.user.files import TABLE_SUFFIXES
from schash.user.search import UNS_KEY
from schash.user.searcher import Found, Searcher
from schash.user.streams import CellFile

SUFFIXES = (".h5ad", *TABLE_SUFFIXES)


class LongTable:
    """Writes a row per query cell and neighbour to an open file."""

    def __init__(self, file: BinaryIO, searcher: Searcher, *, separator: str) -> None:
        atlas = searcher.atlas
        self._labels = {} if atlas is None else dict(atlas.labels.items())
        self._searcher = searcher
        self._file = file
        self._separator = separator
        self._schema = pa.schema(
            [("cell", pa.string()), ("rank", pa.int32()), ("neighbor", pa.string()), ("distance", pa.int32())]
            + [("angle", pa.float32())]
            + [(f"neighbor_{label}", pa.string()) for label in self._labels]
        )
        self._add(pd.DataFrame(columns=self._schema.names), header=True)

    def write(self, found: Found) -> None:
        """Add the rows of some query cells, in their order; padding is left out."""
        rows, ranks = np.nonzero(found.ids != NO_NEIGHBOR)
        ids = found.ids[rows, ranks]
        columns: list[Any] = [
            found.summary.index.to_numpy(object)[rows],
            ranks + 1,
            self._searcher.neighbor_names(ids),
            found.distances[rows, ranks],
            found.angles[rows, ranks].round(4),
        ]
        for label in self._labels.values():
            texts = np.array([*label.cat.categories, None], dtype=object)
            columns.append(texts[label.cat.codes.to_numpy()[ids]])  # a missing label is -1: the last, None
        arrays = [
            pa.array(column, kind.type, from_pandas=True)
            for column, kind in zip(columns, self._schema, strict=True)
        ]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        options = pyarrow.csv.WriteOptions(
            include_header=False, delimiter=self._separator, quoting_style="none"
        )
        sink = pa.BufferOutputStream()
        try:
            pyarrow.csv.write_csv(table, sink, options)
        except pa.ArrowInvalid:  # a name needs quotes: rare, and pandas is ten times slower
            self._add(table.to_pandas())
        else:
            self._file.write(sink.getvalue())

    def _add(self, table: pd.DataFrame, *, header: bool = False) -> None:
        text = table.to_csv(sep=self._separator, index=False, header=header, lineterminator="\n")
        self._file.write(text.encode())


@contextmanager
def long_table(path: Path, searcher: Searcher) -> Iterator[LongTable]:
    """A long table that appears at `path` once the block has succeeded."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        yield LongTable(file, searcher, separator=separator_of(path))


def separator_of(path: Path) -> str:
    """What separates the columns of a table, by its suffix."""
    return "," if path.suffix == ".csv" else "\t"


def write_summary(path: Path, parts: Iterable[Found]) -> None:
    """A row per query cell: label and score for each label column of the atlas, distance and angle of the nearest."""
    table = pd.concat([part.summary for part in parts])
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep=separator_of(path), index_label="cell", float_format="%.4g")


def write_h5ad(
    path: Path, cells: CellFile, obs: pd.DataFrame, obsm: dict[str, Any], uns: dict[str, Any]
) -> None:
    """The query's file with new columns of obs, entries of obsm and uns["schash_search"].

    A file that was read by rows is copied on disk and never whole in memory.
    """
    with atomic_path(path) as temporary:
        if cells.adata is None and cells.path.suffix == ".h5ad":
            shutil.copyfile(cells.path, temporary)
            with h5py.File(temporary, "r+") as file:
                _add(file, obs, obsm, uns)
            return
        adata = cells.adata
        if adata is None:  # a 10x h5, which holds little but the matrix
            X = cells.chunks.read(0, cells.n_cells)
            adata = anndata.AnnData(X=X, obs=cells.obs.copy(), var=cells.var)
        for key in obs.columns:
            adata.obs[key] = obs[key].array
        for key, value in obsm.items():
            adata.obsm[key] = value
        adata.uns[UNS_KEY] = uns
        adata.write_h5ad(temporary)


def _add(file: h5py.File, obs: pd.DataFrame, obsm: dict[str, Any], uns: dict[str, Any]) -> None:
    table = read_elem(file["obs"])
    for key in obs.columns:
        table[key] = obs[key].array
    write_elem(file, "obs", table)
    for group, entries in (("obsm", obsm), ("uns", {UNS_KEY: uns})):
        if group not in file:
            write_elem(file, group, {})
        for key, value in entries.items():
            write_elem(file[group], key, value)
