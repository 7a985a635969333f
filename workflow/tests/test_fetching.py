"""Fetching without a network: files put in by hand, right and wrong, and members of an archive in a mirror."""

import gzip
import hashlib

import pytest
import yaml

RIGHT = b"index,barcode\n" * 100


@pytest.fixture
def fetching(workspace, tmp_path):
    """Snakemake on a suite whose one download cannot come from any server."""
    registry = workspace.folder / "config/datasets.yaml"
    text = registry.read_text()
    rows = yaml.safe_load(text)
    rows["sources"]["lake"] = {
        "title": "Lake", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": "a.csv", "manual": "sign in at the lake", "sha256": hashlib.sha256(RIGHT).hexdigest()}],
    }  # fmt: skip
    options = {"file": "a.csv", "member": "a", "label_column": "l", "batch_column": "b"}
    rows["datasets"]["pond"] = {
        "source": "lake", "loader": "labelled_csv", "values": "counts", "options": options,
    }  # fmt: skip
    registry.write_text(yaml.safe_dump(rows))
    overlay = {"results": str(tmp_path / "out"), "downloads": str(tmp_path / "raw"),
               "lock": str(tmp_path / "lock.tsv"), "experiments": {"table1": {"datasets": ["pond"]}}}  # fmt: skip
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    yield lambda target: workspace.snakemake(
        "--configfile", str(tmp_path / "overlay.yaml"), "--cores", "1", "--", target
    )
    registry.write_text(text)


def test_a_file_by_hand_is_refused_or_taken(fetching, tmp_path):
    result = fetching("fetch_check")
    assert result.returncode != 0
    assert "MISSING lake/a.csv: absent" in result.stdout
    assert "by hand: sign in at the lake" in result.stdout

    path = tmp_path / "raw/lake/a.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(RIGHT[:-1])
    result = fetching("fetch_all")
    assert result.returncode != 0
    assert "Error: lake: cannot get 'a.csv'" in result.stdout
    assert "moved aside to a.csv.wrong" in result.stdout
    assert "Traceback" not in result.stdout

    path.write_bytes(RIGHT)
    assert fetching("fetch_all").returncode == 0
    assert (tmp_path / "out/demo/raw/lake.tsv").exists()
    result = fetching("fetch_check")
    assert result.returncode == 0, result.stdout
    assert "ok      lake/a.csv: in the cache, verified" in result.stdout


def test_cells_of_members_that_lie_in_a_mirror(workspace, tmp_path):
    """The way of a data set whose archive is fetched in parts, from the members' files to cells."""
    mirror = tmp_path / "mirror/zenodo_benchmark/scRNAseq_Benchmark_datasets.zip.members"
    folder = mirror / "Intra-dataset/Pancreatic_data/Xin"
    folder.mkdir(parents=True)
    table = ",A,B\n" + "".join(f"c{i},{i}.5,1\n" for i in range(4))
    (folder / "Filtered_Xin_HumanPancreas_data.csv.gz").write_bytes(gzip.compress(table.encode()))
    (folder / "Labels.csv.gz").write_bytes(gzip.compress(b"x\nalpha\nbeta\nbeta\nalpha\n"))
    (folder / "CV_folds.RData.gz").write_bytes(gzip.compress(b"read for folds alone"))
    rows = yaml.safe_load((workspace.folder / "config/datasets.yaml").read_text())
    row = rows["datasets"]["zenodo_xin"] | {"expect": {"cells": 4, "genes": 2, "types": 2}}
    overlay = {"results": str(tmp_path / "out"), "downloads": str(tmp_path / "raw"), "lock": str(tmp_path / "lock.tsv"),
               "mirror": str(tmp_path / "mirror"), "datasets": {"zenodo_xin": row},
               "experiments": {"table1": {"datasets": ["zenodo_xin"]}}}  # fmt: skip
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    cells = tmp_path / "out/demo/cells/zenodo_xin.h5ad"
    result = workspace.snakemake(
        "--configfile", str(tmp_path / "overlay.yaml"), "--cores", "1", "--", str(cells)
    )
    assert result.returncode == 0, result.stdout
    assert "zenodo_xin: 4 cells x 2 genes, 2 types" in result.stdout
    assert cells.exists()
    locked = (tmp_path / "lock.tsv").read_text()
    assert "scRNAseq_Benchmark_datasets.zip/Intra-dataset/Pancreatic_data/Xin/Labels.csv\t" in locked
