"""An h5ad file, your own or a downloaded one; the registry says where its matrix, labels and batches are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata
import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.matrices import file_of
from schash.data.options import H5adOptions
from schash.data.registry import Dataset
from schash.errors import DataError
from schash.h5ad_file import check_matrix, read_h5ad


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Read X, or `layer`, or `.raw` (`use_raw`), with the named columns of obs.

    Raises `DataError` for a missing file, column or layer, for repeated names, and for values that are not
    finite or contradict the kind that the registry gives them.
    """
    path = _path(dataset, files)
    if not path.is_file():
        message = f"{path}: there is no such file"
        raise DataError(message)
    adata = read_h5ad(path)
    X, genes = _matrix(adata, dataset, path)
    check_matrix(X, str(path))
    labels: list[Any] = [None] * adata.n_obs
    if dataset.labels is not None:
        missing = ("", *dataset.unlabelled)
        labels = [
            None if label in missing else label for label in _column(adata, dataset.labels, "labels", path)
        ]
    wanted = {str(name): column for name, column in dataset.columns.items()}
    if dataset.batch is not None:
        wanted["batch"] = dataset.batch
    obs = {name: _known(_column(adata, column, name, path), column, path) for name, column in wanted.items()}
    try:
        return make_cells(
            X,
            list(adata.obs_names),
            genes,
            labels=labels,
            obs=obs,
            dataset=dataset.id,
            values=dataset.values,
            stand_in_for=dataset.stand_in_for,
        )
    except DataError as error:  # which names the data set
        message = f"{path}: {error}"
        raise DataError(message) from error


def _path(dataset: Dataset, files: Mapping[str, Path]) -> Path:
    if dataset.path is not None:
        return Path(dataset.path).expanduser()
    options = H5adOptions.model_validate(dataset.options)
    if options.file is None:
        message = f"{dataset.id}: options.file must name the h5ad among the files of source {dataset.source}"
        raise DataError(message)
    return file_of(files, options.file, dataset.id)


def _matrix(adata: anndata.AnnData, dataset: Dataset, path: Path) -> tuple[Any, list[str]]:
    if dataset.use_raw:
        if adata.raw is None:
            message = f"{path}: use_raw is set, but the file has no .raw"
            raise DataError(message)
        return adata.raw.X, list(adata.raw.var_names)
    if dataset.layer is not None:
        if dataset.layer not in adata.layers:
            found = ", ".join(adata.layers) or "none"
            message = f"{path}: has no layer {dataset.layer!r}; layers: {found}"
            raise DataError(message)
        return adata.layers[dataset.layer], list(adata.var_names)
    if adata.X is None:
        found = ", ".join(adata.layers) or "none"
        message = f"{path}: X is empty; name the matrix with 'layer' or 'use_raw' (layers: {found})"
        raise DataError(message)
    return adata.X, list(adata.var_names)


def _column(adata: anndata.AnnData, column: str, key: str, path: Path) -> list[str | None]:
    if column not in adata.obs:
        found = ", ".join(map(str, adata.obs.columns)) or "none"
        message = f"{path}: {key}: obs has no column {column!r}; columns: {found}"
        raise DataError(message)
    return [None if pd.isna(item) else str(item) for item in adata.obs[column]]


def _known(items: list[str | None], column: str, path: Path) -> list[str]:
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        n_missing = len(items) - len(known)
        message = f"{path}: obs[{column!r}] is missing for {n_missing} cells; every cell must have one"
        raise DataError(message)
    return known
