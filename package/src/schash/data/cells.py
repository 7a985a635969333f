"""The two artefacts of the prepare stage: cells without labels, and their labels in a file of their own.

cells/{dataset}.h5ad
    X          CSR float32, sorted indices, (n_cells, n_genes), finite
    obs_names  str, unique        var_names  str, unique
    obs        str columns, `batch` and others of `OBS_COLUMNS`; never a label, nor anything else
    var        no columns, or `gene_id`
    uns        values (a kind of `schash.values`), dataset, stand_in_for ("" where they are the thing itself)
labels/{dataset}.parquet
    cell   str, the obs_names in the same order
    label  str or null

Both are checked when written and when read, so that a stage never meets cells that break the rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import scipy.sparse as sp
from anndata.io import read_elem

from schash.atomic import atomic_path
from schash.data.cell_checks import check_cells, check_names, require_unique
from schash.errors import DataError

LABEL_SCHEMA = pyarrow.schema([("cell", pyarrow.string()), ("label", pyarrow.string())])
MAX_EXACT_COUNT = 2**24
"""Above it float32 no longer holds every integer."""


@dataclass(frozen=True)
class LabelledCells:
    """Cells that meet the schema above, and their labels.

    labels : Series of str indexed by obs_names in the order of the cells; None where a cell has no label
    """

    cells: anndata.AnnData
    labels: pd.Series

    def __post_init__(self) -> None:
        if not self.labels.index.equals(self.cells.obs_names):
            came = f"{len(self.labels)} labels for {self.cells.n_obs} cells"
            message = f"the index of the labels is not that of the cells, in their order: {came}"
            raise DataError(message)


def make_cells(
    X: Any,
    obs_names: Sequence[str],
    var_names: Sequence[str],
    *,
    labels: Sequence[Any],
    dataset: str,
    values: str,
    obs: Mapping[str, Any] | None = None,
    gene_id: Sequence[str] | None = None,
    stand_in_for: str | None = None,
) -> LabelledCells:
    """Bring a matrix and its names into the schema.

    X : (n_cells, n_genes), sparse or dense
    labels : one per cell; None, NaN and "" mean that a cell has none
    obs : columns by name, each a value for all cells or one per cell; `batch` is "all" where it is not given
    Raises `DataError` where the cells break a rule of the schema.
    """
    parts = named_parts(
        obs_names,
        var_names,
        obs=obs,
        gene_id=gene_id,
        dataset=dataset,
        values=values,
        stand_in_for=stand_in_for,
    )
    n_cells, n_genes = len(parts["obs"]), len(parts["var"])
    matrix = canonical_matrix(X, values, dataset)
    if matrix.shape != (n_cells, n_genes) or len(labels) != n_cells:
        message = (
            f"{dataset}: X is {matrix.shape[0]} x {matrix.shape[1]}, but there are "
            f"{n_cells} cell names, {n_genes} gene names and {len(labels)} labels"
        )
        raise DataError(message)
    adata = anndata.AnnData(X=matrix, **parts)
    check_cells(adata, dataset)
    return LabelledCells(adata, label_series(labels, adata.obs_names))


def named_parts(
    obs_names: Sequence[str],
    var_names: Sequence[str],
    *,
    obs: Mapping[str, Any] | None,
    gene_id: Sequence[str] | None,
    dataset: str,
    values: str,
    stand_in_for: str | None,
) -> dict[str, Any]:
    """obs, var and uns in the schema, of unique names."""
    index = pd.Index([str(name) for name in obs_names], dtype=object)
    columns = {"batch": "all", **(obs or {})}
    frame = pd.DataFrame({key: _strings(column, len(index)) for key, column in columns.items()}, index=index)
    var = pd.DataFrame(index=pd.Index([str(name) for name in var_names], dtype=object))
    if gene_id is not None:
        var["gene_id"] = _strings(gene_id, len(var))
    require_unique(index, dataset, "cells")
    require_unique(var.index, dataset, "genes")
    return {
        "obs": frame,
        "var": var,
        "uns": {"values": values, "dataset": dataset, "stand_in_for": stand_in_for or ""},
    }


def canonical_matrix(X: Any, values: str, where: str) -> sp.csr_matrix:
    """X as CSR float32, sorted, no entry twice, no zeros stored. X itself never changes; it is copied only if it must.

    Raises `DataError` for counts that float32 cannot hold.
    """
    matrix = sp.csr_matrix(X)
    if values == "counts" and matrix.nnz and matrix.data.max() >= MAX_EXACT_COUNT:
        largest = matrix.data.max()
        message = f"{where}: X holds the count {largest}; float32 holds integers only up to {MAX_EXACT_COUNT}"
        raise DataError(message)
    matrix = matrix.astype(np.float32, copy=False)
    if not matrix.has_canonical_format or not matrix.data.all():
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix


def label_series(labels: Sequence[Any], cells: pd.Index) -> pd.Series:
    """Labels by cell; None where one is None, NaN or empty."""
    return pd.Series([_label(label) for label in labels], index=cells, name="label", dtype=object)


def _strings(column: Any, n: int) -> list[str]:
    return [column] * n if isinstance(column, str) else [str(item) for item in column]


def _label(label: Any) -> str | None:
    return None if pd.isna(label) or str(label) == "" else str(label)


def write_cells(path: str | Path, adata: anndata.AnnData) -> None:
    """Check `adata` and write it, whole or not at all."""
    check_cells(adata, str(path))
    with atomic_path(path) as temporary:
        # level 1: two thirds of the time of the default level, for files a few per cent larger
        adata.write_h5ad(
            temporary, compression="gzip", compression_opts=1, convert_strings_to_categoricals=False
        )


def read_cells(path: str | Path) -> anndata.AnnData:
    """Read and check what `write_cells` wrote."""
    adata = open_h5ad(path)
    check_cells(adata, str(path))
    return adata


def read_names(path: str | Path) -> anndata.AnnData:
    """All that `write_cells` wrote but the matrix, checked; X is None. For cells that may outgrow memory."""
    try:
        with h5py.File(path, "r") as file:
            parts: dict[str, Any] = {name: read_elem(file[name]) for name in ("obs", "var", "uns")}
    except (OSError, KeyError) as error:
        message = f"{path}: cannot be read as h5ad: {error}"
        raise DataError(message) from error
    adata = anndata.AnnData(X=None, **parts)
    check_names(adata, str(path))
    return adata


def open_h5ad(path: str | Path) -> anndata.AnnData:
    """Read any h5ad; `DataError` where the file is missing or is something else."""
    if not Path(path).is_file():
        message = f"{path}: there is no such file"
        raise DataError(message)
    try:
        return anndata.read_h5ad(path)
    except Exception as error:  # h5py and anndata raise many kinds for a file that is not theirs
        message = f"{path}: cannot be read as h5ad: {error}"
        raise DataError(message) from error


def write_labels(path: str | Path, labels: pd.Series) -> None:
    """Write labels, a Series of str or None indexed by cell name."""
    require_unique(labels.index, str(path), "cells")
    column = [None if pd.isna(label) else label for label in labels]
    wrong = [label for label in column if label is not None and not (isinstance(label, str) and label)]
    if wrong:
        message = f"{path}: a label must be a non-empty string or missing, came {wrong[0]!r}"
        raise DataError(message)
    table = pyarrow.table({"cell": list(labels.index), "label": column}, schema=LABEL_SCHEMA)
    with atomic_path(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def read_labels(path: str | Path) -> pd.Series:
    """Read what `write_labels` wrote: Series of str or None, indexed by cell name."""
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        message = f"{path}: cannot be read as parquet: {error}"
        raise DataError(message) from error
    if not table.schema.equals(LABEL_SCHEMA):
        found = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        message = f"{path}: must have the columns cell string, label string; found: {found}"
        raise DataError(message)
    index = pd.Index(table.column("cell").to_pylist(), dtype=object)
    require_unique(index, str(path), "cells")
    return pd.Series(table.column("label").to_pylist(), index=index, name="label", dtype=object)
