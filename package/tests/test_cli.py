"""The command line as a user types it: train, annotate, and errors that help."""

import anndata
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from schash.cli import app


@pytest.fixture(scope="module")
def run():
    runner = CliRunner()

    def call(*arguments):
        return runner.invoke(app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def files(planted, tmp_path):
    """Half of the planted cells as a reference, the other half as a query."""
    X, y, genes = planted
    obs = pd.DataFrame({"cell_type": y}, index=[f"c{i}" for i in range(160)])
    for name, half in (("reference", slice(0, None, 2)), ("query", slice(1, None, 2))):
        adata = anndata.AnnData(X[half], obs=obs.iloc[half])
        adata.var_names = genes
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    return tmp_path


@pytest.fixture(scope="module")
def trained():
    """Holds the one model that is trained for all tests."""
    return {}


@pytest.fixture
def model(run, files, trained, tmp_path_factory):
    if not trained:
        path = tmp_path_factory.mktemp("model") / "model.schash"
        result = run("train", files / "reference.h5ad", "--label", "cell_type", "-o", path)
        assert result.exit_code == 0, result.stderr
        trained.update(path=path, said=result.stderr)
    return trained["path"]


def test_train_says_on_what(model, trained):
    assert "Trained on 80 cells x 60 genes, 4 types" in trained["said"]
    assert f"Model written to {model}" in trained["said"]


@pytest.mark.parametrize("suffix", [".h5ad", ".tsv", ".csv"])
def test_annotate_finds_the_types(run, files, model, suffix):
    out = files / f"out{suffix}"
    result = run("annotate", files / "query.h5ad", "-m", model, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "60 of the model's 60 genes found by var_names" in result.stderr
    if suffix == ".h5ad":
        annotated = anndata.read_h5ad(out)
        table, truth = annotated.obs, annotated.obs["cell_type"]
        assert annotated.uns["schash"]["genes_shared"] == 60
    else:
        table = pd.read_csv(out, sep="\t" if suffix == ".tsv" else ",", index_col="cell")
        truth = anndata.read_h5ad(files / "query.h5ad").obs["cell_type"]
    assert (table["schash_label"].astype(str).to_numpy() == truth.astype(str).to_numpy()).mean() > 0.95
    assert {"schash_distance", "schash_margin"} <= set(table.columns)


def test_min_margin_leaves_cells_unassigned(run, files, model):
    result = run("annotate", files / "query.h5ad", "-m", model, "-o", files / "o.tsv", "--min-margin", 1000)
    assert result.exit_code == 0
    assert "80 cells unassigned" in result.stderr
    assert set(pd.read_csv(files / "o.tsv", sep="\t")["schash_label"]) == {"unassigned"}


def test_an_existing_output_is_kept_without_force(run, files, model):
    (files / "o.tsv").write_text("mine")
    result = run("annotate", files / "query.h5ad", "-m", model, "-o", files / "o.tsv")
    assert result.exit_code == 1
    assert "exists already; --force replaces it" in result.stderr
    assert (files / "o.tsv").read_text() == "mine"
    assert run("annotate", files / "query.h5ad", "-m", model, "-o", files / "o.tsv", "--force").exit_code == 0


def test_errors_are_messages_not_tracebacks(run, files, model):
    other = anndata.read_h5ad(files / "query.h5ad")
    other.var_names = [f"Mouse{i}" for i in range(60)]
    other.write_h5ad(files / "mouse.h5ad")
    other.X = other.X * 0.3
    other.write_h5ad(files / "half.h5ad")
    (files / "broken.schash").write_bytes(b"nothing")
    reference, out = files / "reference.h5ad", files / "x.h5ad"
    cases = [
        (
            ["train", reference, "--label", "type", "-o", files / "m2"],
            "has no column 'type' (it has: cell_type)",
        ),
        (["train", files / "none.h5ad", "--label", "t", "-o", files / "m2"], "none.h5ad: does not exist"),
        (["train", reference, "--label", "cell_type", "-o", files / "no/m"], "its folder does not exist"),
        (
            ["train", reference, "--label", "cell_type", "-o", files / "m2", "--values", "umi"],
            "allowed: counts",
        ),
        (
            ["train", reference, "--label", "cell_type", "-o", files / "m2", "--preset", "big"],
            "compact, paper",
        ),
        (["train", files / "half.h5ad", "--label", "cell_type", "-o", files / "m2"], "are no integers"),
        (["annotate", files / "mouse.h5ad", "-m", model, "-o", out], "none of its 60 genes"),
        (["annotate", files / "half.h5ad", "-m", model, "-o", out], "are no integers"),
        (["annotate", files / "query.h5ad", "-m", files / "broken.schash", "-o", out], "broken.schash"),
        (
            ["annotate", files / "query.h5ad", "-m", model, "-o", files / "x.xlsx"],
            "must end in .h5ad, .tsv, .csv",
        ),
    ]
    for arguments, words in cases:
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert words in result.stderr.replace("\n", " "), (arguments, result.stderr)
        assert "Traceback" not in result.stderr
        assert not out.exists()


def test_one_type_is_no_classifier(run, files):
    one = anndata.read_h5ad(files / "reference.h5ad")
    one.obs["cell_type"] = "same"
    one.write_h5ad(files / "one.h5ad")
    result = run("train", files / "one.h5ad", "--label", "cell_type", "-o", files / "m2")
    assert "at least two types, found ['same']" in result.stderr


def test_cells_without_a_label_are_left_out_and_counted(run, files):
    some = anndata.read_h5ad(files / "reference.h5ad")
    labels = some.obs["cell_type"].astype(object)
    labels.iloc[:5] = np.nan
    some.obs["cell_type"] = labels
    some.write_h5ad(files / "some.h5ad")
    result = run("train", files / "some.h5ad", "--label", "cell_type", "-o", files / "m2")
    assert "Trained on 75 cells" in result.stderr
    assert "5 cells without a label left out" in result.stderr


def test_help_names_the_options(run):
    assert {"train", "annotate"} <= set(run("--help").stdout.split())
    text = run("annotate", "--help").stdout
    assert all(word in text for word in ("--layer", "--raw", "--min-margin", "--model", "Example"))
