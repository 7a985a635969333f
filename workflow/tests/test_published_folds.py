"""Folds that a data set was published with, from its archive to the split that methods run on."""

import json
import zipfile

import numpy as np
import pandas as pd
import rdata
import yaml

from schash.data.fetch import FetchedFile, write_manifest

ARCHIVE = "scRNAseq_Benchmark_datasets.zip"
LABELS = ["rare", *["alpha", "pp"] * 15]
TEST = [np.arange(fold, 30, 5) for fold in (4, 3, 2, 1, 0)]


def write_archive(path):
    folds = {
        "n_folds": np.array([5.0]),
        "Train_Idx": [np.int32(np.setdiff1d(np.arange(30), test) + 1) for test in TEST],
        "Test_Idx": [np.int32(test + 1) for test in TEST],
        "col_Index": np.array([1.0]),
        "Cells_to_Keep": np.array([label != "rare" for label in LABELS]),
    }
    rdata.write_rda(path.with_suffix(".RData"), folds)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "Intra-dataset/My set/data.csv", '"","G1"\n' + "".join(f'"c{i}",{i}\n' for i in range(31))
        )
        archive.writestr(
            "Intra-dataset/My set/Labels.csv", '"x"\n' + "".join(f'"{label}"\n' for label in LABELS)
        )
        archive.write(path.with_suffix(".RData"), "Intra-dataset/My set/CV_folds.RData")


def test_cv5_takes_them_and_other_schemes_do_not(workspace, tmp_path):
    write_archive(tmp_path / ARCHIVE)
    results = tmp_path / "results"
    fetched = FetchedFile(
        source="zenodo_benchmark", file=ARCHIVE, path=str(tmp_path / ARCHIVE), url="http://localhost", bytes=1,
        sha256="0", date="2019-08-01", how="mirror",
    )  # fmt: skip
    (results / "demo/raw").mkdir(parents=True)
    write_manifest(results / "demo/raw/zenodo_benchmark.tsv", [fetched])
    part = {"data": "Intra-dataset/My set/data.csv", "labels": "Intra-dataset/My set/Labels.csv"}
    options = {"file": ARCHIVE, "folds": "CV_folds.RData", "parts": [part]}
    row = {"source": "zenodo_benchmark", "loader": "zenodo_csv", "options": options, "values": "counts"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"results": str(results), "datasets": {"tiny": row}}))

    splits = results / "demo/splits/tiny"
    targets = [str(splits / scheme / "split.json") for scheme in ("cv5", "random5")]
    result = workspace.snakemake("--cores", "1", "--quiet", "--configfile", str(config), "--", *targets)
    assert result.returncode == 0, result.stdout
    facts = {
        scheme: json.loads((splits / scheme / "split.json").read_text()) for scheme in ("cv5", "random5")
    }
    assert facts["cv5"]["folds_from"] == "CV_folds.RData"
    assert facts["random5"]["folds_from"] == ""
    rows = pd.read_parquet(splits / "cv5/rows.parquet")
    for fold, test in enumerate(TEST):
        of_fold = rows[(rows["fold"] == fold) & (rows["part"] == "query")]
        assert of_fold["row"].tolist() == (test + 1).tolist(), "row 0 is the rare cell"
