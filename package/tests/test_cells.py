"""The artefacts of the prepare stage: what is refused when written, and again when read."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from schash.data.cells import LabelledCells, make_cells, read_cells, read_labels, write_cells, write_labels
from schash.errors import DataError

X = np.array([[1, 0, 2], [0, 3, 0], [0, 0, 0], [4, 0, 1]], dtype=np.float32)
CELLS = ["a", "b", "c", "d"]
GENES = ["G1", "G2", "G3"]


def made(matrix=X, *, values="counts", **kwargs):
    given = {"labels": ["x", "y", None, ""], "dataset": "tiny", **kwargs}
    return make_cells(matrix, CELLS, given.pop("genes", GENES), values=values, **given)


def test_made_cells_meet_the_schema():
    labelled = made(obs={"donor": ["d1", "d1", "d2", "d2"], "study": "s"}, gene_id=["E1", "E2", "E3"])
    cells = labelled.cells
    assert cells.X.format == "csr"
    assert cells.X.dtype == np.float32
    np.testing.assert_array_equal(cells.X.toarray(), X)
    assert list(cells.obs.columns) == ["batch", "donor", "study"]
    assert list(cells.obs["batch"]) == ["all"] * 4
    assert dict(cells.uns) == {"values": "counts", "dataset": "tiny", "stand_in_for": ""}
    assert list(labelled.labels) == ["x", "y", None, None]
    assert list(labelled.labels.index) == CELLS


@pytest.mark.parametrize(
    "form", [sp.csc_matrix, sp.coo_matrix, sp.csr_array, np.asarray, lambda X: X.astype(np.int64)]
)
def test_any_matrix_is_taken_and_left_alone(form):
    given = form(X)
    made(given)
    np.testing.assert_array_equal(given.toarray() if sp.issparse(given) else given, X)


def test_stored_zeros_and_unsorted_indices_are_put_right():
    messy = sp.csr_matrix((np.float32([2, 1, 0, 3]), [2, 0, 1, 1], [0, 3, 4, 4, 4]), shape=(4, 3))
    cells = made(messy).cells
    assert cells.X.nnz == 3
    assert cells.X.has_sorted_indices
    np.testing.assert_array_equal(cells.X.toarray()[:2], [[1, 0, 2], [0, 3, 0]])


@pytest.mark.parametrize(
    ("matrix", "values", "words"),
    [
        (X + 0.5, "counts", r"values='counts' are integers, but X holds e.g. 1.5"),
        (-X, "counts", "never negative, but X holds -4"),
        (-X - 0.5, "lognorm", "never negative"),
        (np.where(X == 3, np.nan, X), "counts", "1 NaN or infinite"),
        (np.where(X == 3, np.inf, X), "corrected", "1 NaN or infinite"),
        (X, "lognorm", "every value of X is an integer"),
        (X, "noninteger", "every value of X is an integer"),
        (X, "umis", "values='umis' is not a kind.*counts, noninteger"),
        (X * 2**24, "counts", "float32 holds integers only up to 16777216"),
        (X.astype(np.int64) * 2**24, "counts", "float32 holds integers only up to 16777216"),
        (X[:, :2], "counts", "X is 4 x 2, but there are 4 cell names, 3 gene names"),
    ],
)
def test_values_that_contradict_their_kind(matrix, values, words):
    with pytest.raises(DataError, match=f"tiny: .*{words}" if values != "umis" else words):
        made(matrix, values=values)


@pytest.mark.parametrize("values", ["corrected", "compressed"])
def test_kinds_that_may_hold_anything_finite(values):
    assert made(-X, values=values).cells.uns["values"] == values


def test_names_must_be_unique():
    with pytest.raises(DataError, match=r"names of genes must be unique; 1 of them repeat, e\.g\. G1"):
        made(genes=["G1", "G1", "G2"])
    with pytest.raises(DataError, match="4 cell names, 3 gene names and 3 labels"):
        made(labels=["x"] * 3)


def test_labels_must_be_those_of_the_cells():
    labelled = made()
    with pytest.raises(DataError, match="not that of the cells"):
        LabelledCells(labelled.cells, labelled.labels[::-1])


def test_cells_survive_the_disk(tmp_path):
    cells = made(obs={"donor": ["d1", "d1", "d2", "d2"]}, gene_id=["E1", "E2", "E3"], stand_in_for="TM").cells
    write_cells(tmp_path / "new" / "tiny.h5ad", cells)
    again = read_cells(tmp_path / "new" / "tiny.h5ad")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny.h5ad"]
    np.testing.assert_array_equal(again.X.toarray(), X)
    pd.testing.assert_frame_equal(again.obs, cells.obs)
    pd.testing.assert_frame_equal(again.var, cells.var)
    assert dict(again.uns) == dict(cells.uns)


def _with(change):
    cells = made().cells
    change(cells)
    return cells


BROKEN = {
    "label column": (
        lambda a: setattr(a, "obs", a.obs.assign(cell_type="x")),
        r"obs\['cell_type'\] is not allowed; allowed: batch",
    ),
    "cluster column": (
        lambda a: setattr(a, "obs", a.obs.assign(louvain="1")),
        r"obs\['louvain'\] is not allowed",
    ),
    "number in obs": (
        lambda a: setattr(a, "obs", a.obs.assign(batch=[1, 2, 3, 4])),
        r"obs\['batch'\] must hold strings",
    ),
    "no batch": (lambda a: setattr(a, "obs", a.obs.drop(columns="batch")), "obs has no column 'batch'"),
    "gene column": (lambda a: setattr(a, "var", a.var.assign(symbol="x")), r"var\['symbol'\] is not allowed"),
    "more in uns": (
        lambda a: a.uns.__setitem__("labels", "x"),
        "uns must hold exactly values, dataset, stand_in_for",
    ),
    "less in uns": (lambda a: a.uns.pop("values"), "uns must hold exactly"),
    "a layer": (lambda a: a.layers.__setitem__("raw", a.X), "layers must be empty"),
    "an embedding": (lambda a: a.obsm.__setitem__("X_pca", np.ones((4, 2))), "obsm must be empty"),
    "raw": (lambda a: setattr(a, "raw", a.copy()), "raw must be empty"),
    "dense": (lambda a: setattr(a, "X", X), "X must be CSR float32, came ndarray float32"),
    "columns": (lambda a: setattr(a, "X", sp.csc_matrix(X)), "X must be CSR float32, came csc float32"),
    "float64": (
        lambda a: setattr(a, "X", sp.csr_matrix(X.astype(float))),
        "X must be CSR float32, came csr float64",
    ),
    "fractions": (lambda a: setattr(a, "X", sp.csr_matrix(X / 2)), "values='counts' are integers"),
    "names": (lambda a: setattr(a, "var_names", ["G1", "G1", "G2"]), "names of genes must be unique"),
}


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_cells_are_refused_when_written_and_when_read(fault, tmp_path):
    change, words = BROKEN[fault]
    path = tmp_path / "tiny.h5ad"
    with pytest.raises(DataError, match=f"tiny.h5ad: {words}"):
        write_cells(path, _with(change))
    assert not list(tmp_path.iterdir())
    _with(change).write_h5ad(path, convert_strings_to_categoricals=False)
    with pytest.raises(DataError, match=f"tiny.h5ad: {words}"):
        read_cells(path)


def test_files_that_are_no_cells(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        read_cells(tmp_path / "none.h5ad")
    (tmp_path / "text.h5ad").write_text("text")
    with pytest.raises(DataError, match="cannot be read as h5ad"):
        read_cells(tmp_path / "text.h5ad")
    anndata.AnnData(sp.csr_matrix(X)).write_h5ad(tmp_path / "other.h5ad")
    with pytest.raises(DataError, match="obs has no column 'batch'"):
        read_cells(tmp_path / "other.h5ad")


def test_labels_survive_the_disk(tmp_path):
    labels = made().labels
    write_labels(tmp_path / "tiny.parquet", labels)
    again = read_labels(tmp_path / "tiny.parquet")
    pd.testing.assert_series_equal(again, labels)
    assert list(again.isna()) == [False, False, True, True]
    none = pd.Series([None, None], index=["a", "b"], dtype=object, name="label")
    write_labels(tmp_path / "none.parquet", none)
    pd.testing.assert_series_equal(read_labels(tmp_path / "none.parquet"), none)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (pd.Series(["x", "y"], index=["a", "a"]), "names of cells must be unique"),
        (pd.Series([1, 2], index=["a", "b"]), "must be a non-empty string or missing, came 1"),
        (pd.Series(["x", ""], index=["a", "b"]), "must be a non-empty string or missing, came ''"),
        (pd.Series(["x", "y"]), "must be non-empty strings"),
    ],
)
def test_broken_labels(labels, words, tmp_path):
    with pytest.raises(DataError, match=words):
        write_labels(tmp_path / "tiny.parquet", labels)
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_labels(tmp_path):
    pd.DataFrame({"cell": ["a"], "type": ["x"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(
        DataError, match="must have the columns cell string, label string; found: cell string, type"
    ):
        read_labels(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_labels(tmp_path / "text.parquet")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_labels(tmp_path / "none.parquet")
