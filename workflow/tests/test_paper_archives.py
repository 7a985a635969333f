"""Every data set of both papers, from its published addresses to prepared cells and folds.

The addresses are the registry's with a server on this machine in front; the archives are small and have the form of the
originals.
"""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from loopback import ranged, serving, status
from paper_archives import CELLS, EXPECTED, PUBLISHED_FOLDS, TYPES, archives

from schash.data.registry import load_registry

ZIP = "scRNAseq_Benchmark_datasets.zip"


@pytest.fixture(scope="module")
def server():
    with serving() as state:
        yield state


def local(url, server):
    """The address with the server of this machine before its host."""
    return url.replace("https://", f"{server.url}/").replace("http://bims", f"{server.url}/bims")


@pytest.fixture(scope="module")
def ran(workspace, server, tmp_path_factory):
    """Fetch and prepare everything; returns the folder of results."""
    folder = tmp_path_factory.mktemp("paper")
    path = workspace.folder / "config/datasets.yaml"
    content = archives(load_registry(path), folder)
    rows = yaml.safe_load(path.read_text())
    for source in rows["sources"].values():
        for file in source["files"]:
            if file["name"] not in content:
                continue
            body = content[file["name"]]
            file["urls"] = [local(url, server) for url in file["urls"]]
            if "bytes" in file:
                file |= {"bytes": len(body), "md5": hashlib.md5(body).hexdigest()}
            elif "md5" in file:
                file |= {"md5": hashlib.md5(body).hexdigest()}
            for url in file["urls"]:
                server.says(url.removeprefix(server.url), ranged(body))
    busy = local("https://ftp.ncbi.nlm.nih.gov/geo/series/GSE84nnn/GSE84133/suppl/GSE84133_RAW.tar", server)
    server.says(busy.removeprefix(server.url), status(503), ranged(content["GSE84133_RAW.tar"]))
    for name, expect in EXPECTED.items():
        rows["datasets"][name]["expect"] = expect
    path.write_text(yaml.safe_dump(rows, sort_keys=False))
    overlay = {"results": str(folder / "out"), "downloads": str(folder / "raw"), "lock": str(folder / "lock.tsv"),
               "experiments": {"table1": {"datasets": sorted(EXPECTED)}}}  # fmt: skip
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    targets = [str(folder / f"out/demo/cells/{name}.h5ad") for name in EXPECTED]
    targets += [str(folder / f"out/demo/splits/{name}/cv5/split.json") for name in PUBLISHED_FOLDS]
    targets.append(str(folder / "out/demo/splits/zenodo_xin/random5/split.json"))
    result = workspace.snakemake("--configfile", str(folder / "overlay.yaml"), "--cores", "2", "--", *targets)
    assert result.returncode == 0, result.stdout
    return folder, result.stdout


def test_every_data_set_of_the_paper_suite_is_among_them():
    suites = Path(__file__).parents[2] / "config/suites/paper.yaml"
    experiments = yaml.safe_load(suites.read_text())["experiments"].values()
    assert {name for experiment in experiments for name in experiment["datasets"]} <= set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_its_cells_are_what_is_expected(ran, name):
    facts = json.loads((ran[0] / f"out/demo/facts/{name}.json").read_text())
    assert {key: facts[key] for key in EXPECTED[name]} == EXPECTED[name]


@pytest.mark.parametrize("name", PUBLISHED_FOLDS)
def test_its_folds_are_the_published_ones(ran, name):
    folder = ran[0] / f"out/demo/splits/{name}/cv5"
    assert json.loads((folder / "split.json").read_text())["folds_from"].startswith("CV_folds")
    rows = pd.read_parquet(folder / "rows.parquet")
    first = rows.query("fold == 0 and part == 'query'")["row"]
    assert list(first) == list(range(4, CELLS, 5)), "the first fold of the file holds out cells 4, 9, ..."


def test_other_schemes_make_their_own_folds(ran):
    facts = json.loads((ran[0] / "out/demo/splits/zenodo_xin/random5/split.json").read_text())
    assert facts["folds_from"] == ""


def test_of_the_archive_of_gigabytes_members_are_fetched(ran, server):
    asked = [span for path, span in server.requests if ZIP in path]
    assert asked
    assert all(span for span in asked), "every request is for a range"
    assert not (ran[0] / "raw/zenodo_benchmark" / ZIP).exists()


def test_what_is_published_without_a_checksum_is_locked(ran):
    locked = {line.split("\t")[1] for line in (ran[0] / "lock.tsv").read_text().splitlines()}
    assert {"GSE84133_RAW.tar", "dge.txt.gz", "FACS.zip", "HOM_MouseHumanSequence.rpt"} <= locked
    assert "1M_neurons_filtered_gene_bc_matrices_h5.h5" not in locked, "its md5 is published"


def test_types_bear_the_common_names(ran):
    labels = pd.read_parquet(ran[0] / "out/demo/labels/zenodo_pancreas.parquet")["label"]
    assert set(labels) == {"T_cell" if name == "t_cell" else name for name in TYPES}
