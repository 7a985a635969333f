"""Matrices in R's own files: the NeuCA pair of pancreas studies, and fastTopics' sorted PBMC."""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import rdata
import scipy.sparse as sp

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.matrices import Table, distinct, file_of, shared_of
from schash.data.options import FastTopicsOptions, RMatricesOptions, RMatrix
from schash.data.registry import Dataset
from schash.errors import DataError


def load_matrices(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Dense genes x cells matrices, each with a label vector; several are joined over their shared genes.

    `batch` is the study where there are several, else the donor.
    """
    options = RMatricesOptions.model_validate(dataset.options)
    tables, labels, studies, donors = [], [], [], []
    for part in options.parts:
        path = file_of(files, part.file, dataset.id)
        objects = read_objects(path, (part.counts, part.labels), where=str(path))
        counts = objects[part.counts]  # xarray, genes x cells
        names = [str(name) for name in counts.coords["dim_1"].values]
        genes = [str(name) for name in counts.coords["dim_0"].values]
        tables.append(Table(sp.csr_matrix(counts.values.T), names, genes, pd.DataFrame(index=names)))
        labels += [str(label) for label in objects[part.labels]]
        studies += [part.study] * len(names)
        donors += [_donor(name, part, path) for name in names]
    X, genes = shared_of(tables)
    return make_cells(
        X,
        [name for table in tables for name in table.rows],
        genes,
        labels=labels,
        obs={"batch": studies if len(tables) > 1 else donors, "study": studies, "donor": donors},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _donor(name: str, part: RMatrix, path: Path) -> str:
    match = re.match(part.donor_pattern, name)
    if match is None:
        message = f"{path}: the donor pattern {part.donor_pattern!r} does not fit the cell name {name!r}"
        raise DataError(message)
    return match.group(1)


def load_fasttopics(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """One list with `counts` and `counts_test` (sparse, cells x genes), `samples`, `samples_test`, `genes`.

    The file's own cell names end in the sorted pool, which is the label: the bare barcode is used instead,
    made unique since pools share a few. `batch` is "all": each pool was a 10x run of its own, so that the run
    IS the label.
    """
    options = FastTopicsOptions.model_validate(dataset.options)
    path = file_of(files, options.file, dataset.id)
    content = read_objects(path, (options.object,), where=str(path))[options.object]
    parts = {str(key): value for key, value in content.items()}
    samples = pd.concat([parts["samples"], parts["samples_test"]])
    genes = parts["genes"]
    return make_cells(
        sp.vstack([parts["counts"], parts["counts_test"]], format="csr"),
        distinct([str(name) for name in samples["barcode"]]),
        distinct([str(name) for name in genes["symbol"]]),
        labels=[str(label) for label in samples["celltype"]],
        gene_id=list(genes["ensembl"]),
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _sparse(obj: Any, attributes: Mapping[str, Any]) -> sp.csr_matrix:
    """R's dgCMatrix (compressed columns) as CSR."""
    n_rows, n_columns = (int(size) for size in attributes["Dim"])
    entries = (np.asarray(attributes["x"]), np.asarray(attributes["i"]), np.asarray(attributes["p"]))
    return sp.csc_matrix(entries, shape=(n_rows, n_columns)).tocsr()


def read_objects(source: Path | IO[bytes], names: Sequence[str], *, where: str) -> dict[str, Any]:
    """All objects of an RData file, among which those called `names` must be; `DataError` naming `where` otherwise."""
    constructors = {**rdata.conversion.DEFAULT_CLASS_MAP, "dgCMatrix": _sparse}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of R classes in the file that we have no use for
            objects = rdata.read_rda(source, constructor_dict=constructors)
    except Exception as error:  # rdata raises many kinds for a damaged or foreign file
        message = f"{where}: cannot be read as RData: {error}"
        raise DataError(message) from error
    missing = [name for name in names if name not in objects]
    if missing:
        message = f"{where}: has no object {', '.join(missing)}; it holds: {', '.join(map(str, objects))}"
        raise DataError(message)
    return {str(key): value for key, value in objects.items()}
