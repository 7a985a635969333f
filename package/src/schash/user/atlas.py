"""An atlas: reference cells indexed for search, with their names, their labels and their genes' names, in one file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from schash.array_file import read_arrays, write_arrays
from schash.cellfishing import CellFishing
from schash.errors import DataError, ModelFileError
from schash.hamming_index import PARTS_ERRORS
from schash.packed_strings import pack_strings, unpack_strings
from schash.values import LINEAR, ValuesKind, check_kind

FORMAT = "schash.Atlas"
VERSION = 1
"""Raised when a reader of the previous version could not read the new file."""
_HINTS = {
    "'schash.DeepHash'": "it is a DeepHash model, which `schash annotate --model` takes; an atlas is written by "
    "`schash index`",
    "'schash.CellFishing'": "it is an index without cell names, for schash.CellFishing.load; an atlas is written "
    "by `schash index`",
}


def check_linear(values: str) -> ValuesKind:
    """Return `values` if it is a kind that can be hashed; raise `DataError` with advice otherwise."""
    kind = check_kind(values)
    if kind not in LINEAR:
        message = (
            f"values={values!r} cannot be hashed: cells are scaled and log-transformed first, which takes linear "
            f"values; allowed: {', '.join(LINEAR)}. Is there a layer (--layer) or .raw (--raw) with the counts?"
        )
        raise DataError(message)
    return kind


def make_labels(columns: dict[str, Any], n_cells: int) -> pd.DataFrame:
    """Label columns as categoricals of str: (n_cells, n_columns); missing values stay missing.

    Raises
    ------
    DataError
        if a column has another length
    """
    table = {}
    for name, column in columns.items():
        if len(column) != n_cells:
            message = f"labels {name!r}: {len(column)} values for {n_cells} cells"
            raise DataError(message)
        table[str(name)] = _categorical(column)
    return pd.DataFrame(table, index=pd.RangeIndex(n_cells))


def _categorical(column: Any) -> pd.Categorical:
    # As codes first: turning a few categories into texts is quick, a million values is not
    codes: Any = pd.Categorical(column)
    texts = [str(category) for category in codes.categories]
    if len(set(texts)) < len(texts):  # such as 1 and "1"
        known = codes.codes >= 0
        values = np.where(known, np.asarray(texts, dtype=object)[codes.codes], None)
        return pd.Categorical(pd.Series(values, dtype=object))
    made: pd.Categorical = codes.as_unordered().rename_categories(texts).remove_unused_categories()
    return made


@dataclass(frozen=True, eq=False)
class Atlas:
    """Reference cells to search among.

    index : the cells, indexed
    cell_names : (n_cells,) str; they may repeat
    labels : (n_cells, n_columns) categoricals of str, missing where a cell has no label (`make_labels`)
    gene_names : (n_genes, n_namings) str: other namings of the index's selected genes, such as Ensembl ids, "" where a
        gene has none; indexed by `index.genes_`
    values : what the numbers of the reference were
    """

    index: CellFishing
    cell_names: np.ndarray
    labels: pd.DataFrame = field(default_factory=pd.DataFrame)
    gene_names: pd.DataFrame = field(default_factory=pd.DataFrame)
    values: ValuesKind = "counts"

    def __post_init__(self) -> None:
        n_cells = self.index.n_cells_
        names = np.asarray(self.cell_names, dtype=object)
        if names.shape != (n_cells,):
            message = f"cell_names must hold one name per cell: {n_cells} cells, got shape {names.shape}"
            raise DataError(message)
        labels = self.labels if self.labels.shape[1] else pd.DataFrame(index=pd.RangeIndex(n_cells))
        if len(labels) != n_cells:
            message = f"labels must hold one row per cell: {n_cells} cells, {len(labels)} rows"
            raise DataError(message)
        genes = pd.Index(np.asarray(self.index.genes_, dtype=object))
        gene_names = self.gene_names if self.gene_names.shape[1] else pd.DataFrame(index=genes)
        if not gene_names.index.equals(genes):
            message = f"gene_names must be indexed by the {len(genes)} genes of the index, in their order"
            raise DataError(message)
        check_linear(self.values)
        made = make_labels({str(name): column for name, column in labels.items()}, n_cells)
        for name, value in (("cell_names", names), ("labels", made), ("gene_names", gene_names)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.cell_names)

    def save(self, path: str | Path, *, compression: Any = None) -> None:
        """Write one file, whole or not at all.

        compression : None, "gzip" or "zstd". A file without compression is mapped into memory when it is loaded.
        """
        parts, described = self.index._to_arrays()
        arrays = {f"index.{name}": array for name, array in parts.items()}
        _put(arrays, "cells", self.cell_names)
        for i, name in enumerate(self.labels.columns):
            column = self.labels[name].cat
            arrays[f"labels.{i}.codes"] = column.codes.to_numpy()  # (n_cells,) -1 where missing
            _put(arrays, f"labels.{i}.categories", column.categories.to_numpy(object))
        for i, name in enumerate(self.gene_names.columns):
            _put(arrays, f"genes.{i}", self.gene_names[name].to_numpy(object))
        description = {
            "index": described,
            "labels": [str(name) for name in self.labels.columns],
            "gene_names": [str(name) for name in self.gene_names.columns],
            "values": self.values,
        }
        write_arrays(path, arrays, description, format=FORMAT, version=VERSION, compression=compression)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ModelFileError
            if the file is missing, damaged, of a newer version, or no atlas; a DeepHash model is called one
        """
        try:
            arrays, description = read_arrays(path, format=FORMAT, version=VERSION)
        except ModelFileError as error:
            hint = next((text for kind, text in _HINTS.items() if f"holds {kind}" in str(error)), None)
            if hint is None:
                raise
            message = f"{path}: no atlas: {hint}"
            raise ModelFileError(message) from None
        try:
            return cls._from_parts(arrays, description)
        except PARTS_ERRORS as error:
            message = f"{path}: damaged: its parts do not make an atlas ({type(error).__name__}: {str(error)[:500]})"
            raise ModelFileError(message) from error

    @classmethod
    def _from_parts(cls, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> Self:
        parts = {
            name.removeprefix("index."): array for name, array in arrays.items() if name.startswith("index.")
        }
        index = CellFishing._from_arrays(parts, description["index"])
        labels = {name: _categories(arrays, f"labels.{i}") for i, name in enumerate(description["labels"])}
        genes = pd.Index(np.asarray(index.genes_, dtype=object))
        namings = {name: _take(arrays, f"genes.{i}") for i, name in enumerate(description["gene_names"])}
        return cls(
            index,
            _take(arrays, "cells"),
            pd.DataFrame(labels, index=pd.RangeIndex(index.n_cells_)),
            pd.DataFrame(namings, index=genes),
            check_kind(description["values"]),
        )


def _put(arrays: dict[str, np.ndarray], name: str, texts: np.ndarray) -> None:
    arrays[f"{name}.bytes"], arrays[f"{name}.ends"] = pack_strings(texts)


def _take(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    return unpack_strings(arrays[f"{name}.bytes"], arrays[f"{name}.ends"])


def _categories(arrays: dict[str, np.ndarray], name: str) -> pd.Categorical:
    categories: Any = _take(arrays, f"{name}.categories")
    return pd.Categorical.from_codes(arrays[f"{name}.codes"], categories)
