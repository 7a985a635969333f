"""10x Genomics' HDF5 of Cell Ranger 1 and 2: one group a genome, cells as compressed columns, no labels."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import scipy.sparse as sp

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.matrices import distinct, file_of
from schash.data.options import TenxOptions
from schash.data.registry import Dataset
from schash.errors import DataError


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Read the group `genome`: shape is (n_genes, n_cells), so its columns are the rows of our CSR."""
    options = TenxOptions.model_validate(dataset.options)
    path = file_of(files, options.file, dataset.id)
    try:
        with h5py.File(path, "r") as handle:
            if options.genome not in handle:
                message = f"{path}: has no group {options.genome!r}; groups: {', '.join(handle)}"
                raise DataError(message)
            group = handle[options.genome]
            n_genes, n_cells = (int(size) for size in group["shape"][:])
            entries = (group["data"][:], group["indices"][:], group["indptr"][:])
            barcodes = [name.decode() for name in group["barcodes"][:]]
            symbols = [name.decode() for name in group["gene_names"][:]]
            ids = [name.decode() for name in group["genes"][:]]
    except (OSError, KeyError) as error:
        message = f"{path}: cannot be read as a 10x HDF5 file: {error}"
        raise DataError(message) from error
    return make_cells(
        sp.csr_matrix(entries, shape=(n_cells, n_genes)),
        barcodes,
        distinct(symbols),
        labels=[None] * n_cells,
        gene_id=ids,
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )
