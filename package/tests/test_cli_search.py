"""The command line as a user types it: index, search, and errors that help."""

import anndata
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from schash.cli import app
from schash.deephash import DeepHash

SMALL = ("--n-bits", 32, "--n-hashes", 2, "--n-dims", 8, "--min-features", 40)


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
    obs = pd.DataFrame({"cell_type": y, "plate": np.arange(160) % 2}, index=[f"c{i}" for i in range(160)])
    for name, half in (("reference", slice(0, None, 2)), ("query", slice(1, None, 2))):
        adata = anndata.AnnData(X[half], obs=obs.iloc[half])
        adata.var_names = genes
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    return tmp_path


@pytest.fixture
def atlas(run, files):
    path = files / "atlas.schash"
    result = run("index", files / "reference.h5ad", "--label", "cell_type", "-o", path, *SMALL, "--quiet")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return path


def test_index_says_what_it_made(run, files):
    path = files / "atlas.schash"
    labels = ("--label", "cell_type", "--label", "plate")
    result = run("index", files / "reference.h5ad", *labels, "-o", path, *SMALL, "--threads", 1)
    assert result.exit_code == 0, result.stderr
    assert "80 cells, 40 of 60 genes selected, 2 codes of 32 bits a cell" in result.stderr
    assert "cell_type                           4 labels" in result.stderr
    assert "plate                               1 labels" in result.stderr
    assert " MB in " in result.stderr
    assert f"Atlas written to {path}" in result.stderr


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".h5ad"])
def test_search_finds_the_types(run, files, atlas, suffix):
    out, summary = files / f"out{suffix}", files / "s.tsv"
    result = run("search", files / "query.h5ad", "-d", atlas, "-k", 5, "-o", out, "--summary", summary)
    assert result.exit_code == 0, result.stderr
    assert "40 of the atlas's 40 selected genes found by var_names" in result.stderr
    assert "80 cells searched among 80" in result.stderr
    assert f"Neighbours written to {out}" in result.stderr
    assert f"Summary written to {summary}" in result.stderr
    truth = anndata.read_h5ad(files / "query.h5ad").obs["cell_type"].astype(str).to_numpy()
    labels = pd.read_csv(summary, sep="\t")["schash_cell_type"].to_numpy()
    assert (labels == truth).mean() > 0.95
    if suffix == ".h5ad":
        assert anndata.read_h5ad(out).obsm["schash_neighbors"].shape == (80, 5)
    else:
        table = pd.read_csv(out, sep="\t" if suffix == ".tsv" else ",")
        assert (table["neighbor_cell_type"].to_numpy() == np.repeat(truth, 5)).mean() > 0.9


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("layout", ["fast", "compact"])
def test_layout_and_compression_change_no_neighbour(run, files, atlas, compression, layout):
    other = files / "other.schash"
    options = ("--layout", layout, "--compression", compression, "--label", "cell_type")
    assert run("index", files / "reference.h5ad", "-o", other, *SMALL, *options).exit_code == 0
    for name, path in (("a", atlas), ("b", other)):
        assert run("search", files / "query.h5ad", "-d", path, "-o", files / f"{name}.tsv").exit_code == 0
    assert (files / "a.tsv").read_text() == (files / "b.tsv").read_text()


def test_exclude_self(run, files, atlas):
    query = ("search", files / "reference.h5ad", "-d", atlas, "-k", 3)
    assert run(*query, "-o", files / "with.tsv").exit_code == 0
    assert run(*query, "-o", files / "without.tsv", "--exclude-self").exit_code == 0
    tables = [pd.read_csv(files / f"{name}.tsv", sep="\t") for name in ("with", "without")]
    assert (tables[0]["cell"] == tables[0]["neighbor"]).sum() == 80
    assert (tables[1]["cell"] == tables[1]["neighbor"]).sum() == 0
    assert len(tables[0]) == len(tables[1]) == 240


def test_an_existing_output_is_kept_without_force(run, files, atlas):
    (files / "o.tsv").write_text("mine")
    for option in ("-o", "--summary"):
        result = run("search", files / "query.h5ad", "-d", atlas, option, files / "o.tsv")
        assert result.exit_code == 1
        assert "exists already; --force replaces it" in result.stderr
        assert (files / "o.tsv").read_text() == "mine"
    result = run("index", files / "reference.h5ad", "-o", atlas, *SMALL)
    assert "exists already; --force replaces it" in result.stderr
    assert run("search", files / "query.h5ad", "-d", atlas, "-o", files / "o.tsv", "--force").exit_code == 0


def test_errors_are_messages_not_tracebacks(run, files, atlas, planted):
    X, y, genes = planted
    DeepHash(steps=2, n_members=1, projection=8).fit(X, y, genes=genes).save(files / "model")
    (files / "broken").write_bytes(atlas.read_bytes()[:-100])
    other = anndata.read_h5ad(files / "query.h5ad")
    other[:0].write_h5ad(files / "empty.h5ad")
    other.var_names = [f"Mouse{i}" for i in range(60)]
    other.write_h5ad(files / "mouse.h5ad")
    reference, query, out = files / "reference.h5ad", files / "query.h5ad", files / "x.tsv"
    index, search = ["index", reference, "-o", out], ["search", query, "-o", out, "-d"]
    cases = [
        ([*index, "--label", "type", *SMALL], "has no column 'type' (it has: cell_type, plate)"),
        ([*index], "n_dims=50 needs at least as many"),
        ([*index, "--layer", "umi"], "has no layer 'umi'"),
        ([*index, "--values", "lognorm"], "cannot be hashed"),
        ([*index, "--transform", "sqrt", *SMALL], "freeman_tukey"),
        ([*index, "--layout", "slow", *SMALL], "compact"),
        ([*index, "--compression", "bz2", *SMALL], "allowed: none, gzip, zstd"),
        (["index", files / "none.h5ad", "-o", out], "none.h5ad: does not exist"),
        (["index", reference, "-o", files / "no" / "x"], "its folder does not exist"),
        ([*search, files / "none"], "there is no such"),
        ([*search, files / "broken"], "truncated, damaged"),
        ([*search, files / "model"], "no atlas: it is a DeepHash model"),
        ([*search, query], "not a schash"),
        ([*search, atlas, "--values", "lognorm"], "cannot be hashed"),
        ([*search, atlas, "-k", 0], "k=0 is too few"),
        (["search", files / "mouse.h5ad", "-o", out, "-d", atlas], "none of its 60 genes"),
        (["search", files / "empty.h5ad", "-o", out, "-d", atlas], "holds no cells"),
        (["search", query, "-d", atlas], "name an output"),
        (["search", query, "-d", atlas, "-o", files / "x.xlsx"], "must end in .h5ad, .tsv, .csv"),
        (["search", query, "-d", atlas, "-o", out, "--summary", out], "two files"),
    ]
    for arguments, words in cases:
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert words in result.stderr.replace("\n", " "), (arguments, result.stderr)
        assert "Traceback" not in result.stderr
        assert not out.exists()


def test_help_names_the_options(run):
    assert {"train", "annotate", "index", "search"} <= set(run("--help").stdout.split())
    text = run("index", "--help").stdout
    assert all(
        word in text for word in ("--label", "--layer", "--n-bits", "--layout", "--include-genes", "Example")
    )
    text = run("search", "--help").stdout
    assert all(word in text for word in ("--database", "--exclude-self", "--summary", "--raw", "Example"))
