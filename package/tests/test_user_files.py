"""A user's own files: every supported format reads the same, genes match by any naming, and errors help."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.io
from scipy import sparse

from schash.errors import DataError
from schash.user.files import check_values, labels_of, read_user_cells
from schash.user.genes import align, match_genes


@pytest.fixture
def adata(planted):
    X, y, genes = planted
    adata = anndata.AnnData(X, obs=pd.DataFrame({"cell_type": y}, index=[f"c{i}" for i in range(160)]))
    adata.var_names = genes
    adata.layers["counts"] = X.copy()
    return adata


def write_10x_folder(folder, X, genes):
    folder.mkdir()
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, sparse.coo_matrix(X.T.astype(int)))
    features = "".join(f"ENSG{i:011d}\t{gene}\tGene Expression\n" for i, gene in enumerate(genes))
    barcodes = "".join(f"c{i}\n" for i in range(X.shape[0]))
    for name, text in (("features.tsv.gz", features), ("barcodes.tsv.gz", barcodes)):
        with gzip.open(folder / name, "wt") as file:
            file.write(text)


def test_h5ad_layer_and_raw(adata, tmp_path):
    adata.raw = adata.copy()
    adata.X = adata.X * 0.5
    adata.write_h5ad(tmp_path / "a.h5ad")
    counts = adata.layers["counts"].toarray()
    np.testing.assert_array_equal(read_user_cells(tmp_path / "a.h5ad", layer="counts").X.toarray(), counts)
    np.testing.assert_array_equal(read_user_cells(tmp_path / "a.h5ad", use_raw=True).X.toarray(), counts)
    np.testing.assert_array_equal(read_user_cells(tmp_path / "a.h5ad").X.toarray(), counts / 2)


def test_10x_folder(planted, tmp_path):
    X, _, genes = planted
    write_10x_folder(tmp_path / "folder", X.toarray(), genes)
    cells = read_user_cells(tmp_path / "folder")
    np.testing.assert_array_equal(cells.X.toarray(), X.toarray())
    assert list(cells.var.index) == list(genes)
    assert cells.var["gene_ids"].iloc[3] == "ENSG00000000003"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.h5ad", None, "does not exist"),
        ("text.h5ad", b"hello", "cannot be read.*expected an .h5ad file"),
        ("text.h5", b"hello", "cannot be read"),
        ("cells.csv", b"a,b", "unknown format; expected an .h5ad file"),
    ],
)
def test_unreadable_files_say_so(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words) as error:
        read_user_cells(path)
    assert name in str(error.value)


def test_missing_layer_raw_and_label_list_what_there_is(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(DataError, match=r"no layer 'count' \(it has: counts\)"):
        read_user_cells(tmp_path / "a.h5ad", layer="count")
    with pytest.raises(DataError, match=r"has no \.raw"):
        read_user_cells(tmp_path / "a.h5ad", use_raw=True)
    with pytest.raises(DataError, match=r"no column 'type' \(it has: cell_type\)"):
        labels_of(adata, "type", where="a.h5ad")


def test_nan_is_refused_with_the_file(adata, tmp_path):
    adata.X[0, 0] = np.nan
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(DataError, match=r"a\.h5ad: .*1 NaN"):
        read_user_cells(tmp_path / "a.h5ad")


def test_values_that_contradict_their_kind():
    half = sparse.csr_matrix(np.array([[0.5, 1]], dtype=np.float32))
    with pytest.raises(DataError, match=r"found 1 values that are no integers, e.g. 0.5. Use .*--layer"):
        check_values(half, "counts", where="q")
    check_values(half, "noninteger", where="q")
    with pytest.raises(DataError, match=r"cannot be negative, found -2"):
        check_values(-half * 2, "noninteger", where="q")
    check_values(-half, "corrected", where="q")


MODEL_GENES = np.array(["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"])


def test_genes_match_by_the_naming_that_shares_most():
    var = pd.DataFrame(
        {"gene_ids": ["ENSG00000000003.7", "ENSG00000000001.2", "ENSG00000000009"]},
        index=["TP53", "MYC", "CD4"],
    )
    names = match_genes(var, MODEL_GENES)
    assert (names.column, names.n_shared) == ("gene_ids", 2)
    aligned = align(sparse.csr_matrix(np.array([[3, 1, 9]], dtype=np.float32)), names.names, MODEL_GENES)
    np.testing.assert_array_equal(aligned.toarray(), [[1, 0, 3]])  # a missing gene is 0


def test_no_shared_gene_names_both_sides():
    with pytest.raises(DataError, match=r"none of its 2 genes.*Actb, Gapdh.*the model knows e.g. ENSG"):
        match_genes(pd.DataFrame(index=["Actb", "Gapdh"]), MODEL_GENES)


def test_a_repeated_shared_gene_is_refused_and_a_repeated_foreign_one_is_not():
    X = sparse.csr_matrix(np.ones((1, 3), dtype=np.float32))
    with pytest.raises(DataError, match="more than once: ENSG00000000001"):
        align(X, np.array(["ENSG00000000001", "ENSG00000000001", "x"], dtype=object), MODEL_GENES)
    align(X, np.array(["ENSG00000000001", "x", "x"], dtype=object), MODEL_GENES)
