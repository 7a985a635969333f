"""Real cells without a network: the 700 Zheng 68K cells inside the scanpy wheel."""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from schash.data.cells import LabelledCells, make_cells, open_h5ad
from schash.data.registry import Dataset
from schash.errors import DataError

FILE = Path("datasets") / "10x_pbmc68k_reduced.h5ad"
LABELS = "bulk_labels"


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Cells of `scanpy.datasets.pbmc68k_reduced()`: log-normalised values of `.raw`, labels of `bulk_labels`.

    The labels agree with the official ones of Zheng 68K on 82% of the cells. scanpy need only be installed:
    the file is read where the wheel put it.
    """
    path = _wheel_folder() / FILE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is in anndata's oldest format, which it warns of
        adata = open_h5ad(path)
    return make_cells(
        adata.raw.X,
        list(adata.obs_names),
        list(adata.raw.var_names),
        labels=list(adata.obs[LABELS].astype(str)),
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _wheel_folder() -> Path:
    spec = find_spec("scanpy")
    if spec is None or spec.origin is None:
        message = "the embedded cells come in the scanpy wheel, which is not installed: pip install scanpy"
        raise DataError(message)
    return Path(spec.origin).parent
