"""Train a model on a user's own file: the function behind `schash train`."""

from pathlib import Path
from typing import Any

import numpy as np

from schash.deephash import DeepHash
from schash.errors import DataError
from schash.user.files import check_values, labels_of, read_user_cells
from schash.values import ValuesKind


def train_on_file(
    path: Path, *, label: str, values: ValuesKind, layer: str | None, use_raw: bool, **options: Any
) -> tuple[DeepHash, str]:
    """Fit DeepHash on the labelled cells of a file; return it with a line that says on what.

    Raises
    ------
    DataError
        if the label column is missing or holds fewer than two types, genes repeat, or the values are not of their kind
    """
    cells = read_user_cells(path, layer=layer, use_raw=use_raw)
    labels = labels_of(cells.adata, label, where=str(path))
    known = labels.notna().to_numpy()
    types = sorted(set(labels[known].astype(str)))
    if len(types) < 2:
        message = f"{path}: obs[{label!r}] must hold at least two types, found {types or 'no label'}"
        raise DataError(message)
    repeated = cells.var.index[cells.var.index.duplicated()].unique()
    if len(repeated):
        message = f"{path}: genes occur more than once: {', '.join(map(str, repeated[:3]))} ({len(repeated)} in all)"
        raise DataError(message)
    check_values(cells.X, values, where=str(path))
    model = DeepHash(**options)
    y = labels[known].astype(str).to_numpy()
    model.fit(cells.X[np.flatnonzero(known)], y, genes=cells.var.index.to_numpy(str), values=values)
    left_out = int((~known).sum())
    note = f" ({left_out:,} cells without a label left out)" if left_out else ""
    return model, (
        f"Trained on {known.sum():,} cells x {cells.X.shape[1]:,} genes, {len(types)} types{note}; "
        f"codes of {model.anchors_.n_bits} bits"
    )
