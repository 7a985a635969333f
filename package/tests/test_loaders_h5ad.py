"""The loader of h5ad files: one as people have them, and everything that it may lack."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from schash.data.cells import read_cells, write_cells
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.errors import DataError


@pytest.fixture
def mine(tmp_path):
    """An h5ad as people have them: floats, categories, a layer, raw; and a way to load it with a registry row."""
    X = np.float32([[1, 0, 2], [0, 3, 0], [4, 0, 1], [0, 0, 5]])
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(["T", "B", None, "unknown"]),
            "donor_id": [1, 1, 2, 2],
            "lab": pd.Categorical(["l1", "l1", "l2", "l2"]),
            "gap": ["x", "x", "x", None],
        },
        index=list("abcd"),
    )
    adata = anndata.AnnData(sp.csc_matrix(X), obs=obs, var=pd.DataFrame(index=["G1", "G2", "G3"]))
    adata.raw = adata.copy()
    adata.layers["doubled"] = X * 2
    adata.X = np.log1p(X)
    path = tmp_path / "mine.h5ad"
    adata.write_h5ad(path)

    def load(change=None, **row):
        if change:
            other = adata.copy()
            change(other)
            other.write_h5ad(path)
        row = {"path": str(path), "values": "counts", "use_raw": True} | row
        rows = load_registry({"datasets": {"mine": row}})
        return load_dataset(rows.dataset("mine"), {})

    load.X, load.path = X, path
    return load


def test_your_own_h5ad(mine):
    labelled = mine(labels="cell_type", batch="donor_id", unlabelled=["unknown"], columns={"study": "lab"})
    cells = labelled.cells
    np.testing.assert_array_equal(cells.X.toarray(), mine.X)
    assert list(labelled.labels) == ["T", "B", None, None]
    assert list(cells.obs["batch"]) == ["1", "1", "2", "2"]
    assert list(cells.obs["study"]) == ["l1", "l1", "l2", "l2"]
    assert list(cells.obs.columns) == ["batch", "study"]
    assert cells.uns["dataset"] == "mine"


def test_which_matrix(mine):
    np.testing.assert_allclose(mine(use_raw=False, values="lognorm").cells.X.toarray(), np.log1p(mine.X))
    np.testing.assert_array_equal(mine(use_raw=False, layer="doubled").cells.X.toarray(), mine.X * 2)
    assert mine().labels.isna().all()


def test_a_loaded_h5ad_can_be_written(mine, tmp_path):
    write_cells(tmp_path / "out.h5ad", mine(labels="cell_type").cells)
    np.testing.assert_array_equal(read_cells(tmp_path / "out.h5ad").X.toarray(), mine.X)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"labels": "celltype"},
            r"labels: obs has no column 'celltype'; columns: cell_type, donor_id, lab, gap",
        ),
        ({"batch": "donor"}, r"batch: obs has no column 'donor'; columns: cell_type"),
        ({"batch": "gap"}, r"obs\['gap'\] is missing for 1 cells"),
        ({"use_raw": False, "layer": "counts"}, "has no layer 'counts'; layers: doubled"),
        ({"use_raw": False}, "values='counts' are integers, but X holds"),
        ({"values": "lognorm"}, "values='lognorm', but every value of X is an integer"),
        ({"path": "none.h5ad"}, r"none\.h5ad: there is no such file"),
        ({"expect": {"cells": 5}}, "cells: expected 5, came 4"),
    ],
)
def test_rows_that_do_not_fit_the_file(mine, row, words):
    with pytest.raises(DataError, match=words):
        mine(**row)


def _set_nan(adata):
    adata.layers["doubled"][0, 0] = np.nan


@pytest.mark.filterwarnings("ignore:.*names are not unique")
@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (lambda a: setattr(a, "var_names", ["G1", "G1", "G3"]), {"use_raw": False, "values": "lognorm"},
         r"mine: names of genes must be unique; 1 of them repeat, e\.g\. G1"),
        (lambda a: setattr(a, "obs_names", list("aacd")), {}, "mine: names of cells must be unique"),
        (_set_nan, {"use_raw": False, "layer": "doubled"}, "1 NaN or infinite values"),
        (lambda a: delattr(a, "raw"), {}, "use_raw is set, but the file has no .raw"),
        (lambda a: setattr(a, "X", None), {"use_raw": False}, r"X is empty; name the matrix.*layers: doubled"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(mine, change, row, words):
    with pytest.raises(DataError, match=words):
        mine(change, **row)


def test_a_file_that_is_no_h5ad(mine):
    mine.path.write_text("a,b\n")
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        mine()
