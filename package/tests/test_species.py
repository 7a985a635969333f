"""Cells of two species on the genes of one symbol, from two sources."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from schash.data.fetch import fetch_source
from schash.data.loaders import load_dataset
from schash.data.loaders.orthologs import one_to_one
from schash.data.registry import load_registry
from schash.errors import ConfigError, DataError
from schash.splits import make_split

CONFIG = Path(__file__).parents[2] / "config"
MIRROR = os.environ.get("SCHASH_MIRROR")
MOUSE = (
    ",barcode,assigned_cluster,Gcg,Ins1,Sst,Dup,DUP\nc1,A,quiescent_stellate,1,2,3,4,5\nc2,C,beta,0,6,0,7,0\n"
)
HUMAN = "\n".join(
    [
        ",sampleID,label,GCG,PPY,SST,DUP",
        "h1,1,stellate,8,9,0,1",
        "h2,1,beta,0,0,5,1",
        "c1,1,acinar,3,0,0,0",
        "",
    ]
)


def source(name):
    return {
        "title": "s", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": name, "manual": "written by the test"}],
    }  # fmt: skip


def registry(*, orthologs=None, species="mouse", **changes):
    mouse = {"parts": [{"file": "m.zip", "member": "m.csv", "batch": "m1"}]}
    human = {"file": "h.zip", "member": "h.csv", "label_column": "label", "batch_column": "sampleID"}
    row = {
        "source": "mouse",
        "more_sources": ["human"],
        "loader": "species",
        "values": "counts",
        "common_labels": "pancreas",
        "options": {
            "parts": [
                {"species": species, "loader": "baron_geo", "options": mouse},
                {"species": "human", "loader": "labelled_csv", "options": human},
            ],
        },
    }
    if orthologs:
        row["more_sources"].append("homology")
        row["options"]["orthologs"] = {"file": orthologs}
    sources = {"mouse": source("m.zip"), "human": source("h.zip"), "homology": source("HOM.rpt")}
    rows = {"pair": {**row, **changes}}
    return load_registry({"sources": sources, "datasets": rows}, labels=CONFIG / "labels.tsv")


@pytest.fixture
def pair(tmp_path):
    for name, member, text in (("m.zip", "m.csv", MOUSE), ("h.zip", "h.csv", HUMAN)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, text)
    files = {name: tmp_path / name for name in ("m.zip", "h.zip")}
    return load_dataset(registry().dataset("pair"), files)


def test_genes_are_matched_whatever_their_case_and_one_to_one(pair):
    cells = pair.cells
    assert cells.var_names.tolist() == ["GCG", "SST"]  # DUP stands for two genes of the mouse
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 3], [0, 0], [8, 0], [0, 5], [3, 0]])


def test_cells_know_their_species_and_types_their_one_name(pair):
    assert pair.cells.obs["species"].tolist() == ["mouse", "mouse", "human", "human", "human"]
    assert pair.cells.obs_names.is_unique  # both have a c1
    assert pair.labels.tolist() == ["stellate", "beta", "stellate", "beta", "acinar"]
    assert pair.labels.index.equals(pair.cells.obs_names)


HEADER = "DB Class Key\tCommon Organism Name\tNCBI Taxon ID\tSymbol\tEntrezGene ID\n"
CLASSES = [
    ("1", "9606", "PPY"), ("1", "10090", "Gcg"),  # not of one symbol: the table decides
    ("2", "10090", "Sst"), ("2", "9606", "SST"),
    ("3", "9606", "DUP"), ("3", "10090", "Dup"), ("3", "10090", "DUP"),  # two genes of the mouse
    ("4", "9606", "GCG"),  # none of the mouse
    ("5", "9606", "A"), ("5", "10090", "Ins1"), ("6", "9606", "B"), ("6", "10090", "Ins1"),  # in two classes
    ("7", "9606", "NOT MEASURED"), ("7", "10090", "Not measured"),
]  # fmt: skip


@pytest.fixture
def homology(tmp_path):
    path = tmp_path / "HOM.rpt"
    path.write_text(
        HEADER + "".join(f"{key}\tname\t{taxon}\t{symbol}\t1\n" for key, taxon, symbol in CLASSES)
    )
    return path


def test_orthologs_are_pairs_that_nothing_else_is_paired_with(homology):
    pairs = one_to_one(homology)
    assert pairs.to_dict("list") == {
        "human": ["PPY", "SST", "NOT MEASURED"],
        "mouse": ["Gcg", "Sst", "Not measured"],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\tb\n1\t2\n", "no column NCBI Taxon ID, Symbol"),
        (HEADER + "1\tname\t9606\tPPY\t1\n", "no homology class"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_table_of_orthologs(tmp_path, text, words):
    path = tmp_path / "HOM.rpt"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        one_to_one(path)


def test_genes_are_matched_by_a_table_of_orthologs_where_there_is_one(tmp_path, homology, pair):
    known = registry(orthologs="HOM.rpt")
    files = {name: tmp_path / name for name in ("m.zip", "h.zip", "HOM.rpt")}
    cells = load_dataset(known.dataset("pair"), files).cells
    assert cells.var_names.tolist() == ["PPY", "SST"]
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 3], [0, 0], [9, 0], [0, 5], [0, 0]])
    assert [row.id for row in known.sources_of("pair")] == ["mouse", "human", "homology"]
    with pytest.raises(DataError, match=r"file 'HOM\.rpt' is not at hand"):
        load_dataset(known.dataset("pair"), {name: files[name] for name in ("m.zip", "h.zip")})


def test_a_table_of_orthologs_is_of_two_species_and_of_a_source():
    with pytest.raises(ConfigError, match="came parts of rat"):
        registry(orthologs="HOM.rpt", species="rat")
    with pytest.raises(ConfigError, match=r"no file 'other\.rpt'"):
        registry(orthologs="other.rpt")


def test_the_papers_own_pair_takes_the_table_of_mouse_genome_informatics():
    known = load_registry(CONFIG / "datasets.yaml")
    assert [row.id for row in known.sources_of("baron_species_geo")] == ["baron_geo", "mgi_orthologs"]
    assert not known.dataset("baron_species_geo").stand_in_for


def test_all_sources_of_a_data_set_are_known_and_checked():
    known = registry()
    assert [row.id for row in known.sources_of("pair")] == ["mouse", "human"]
    assert known.source_of("pair").id == "mouse"
    with pytest.raises(ConfigError, match=r"source mouse has no file 'h\.zip'"):
        registry(more_sources=[])
    with pytest.raises(ConfigError, match="'mice'"):
        registry(more_sources=["mice"])
    own = {"source": "simulated", "more_sources": ["baron_mouse"], "loader": "simulate", "values": "counts"}
    with pytest.raises(ConfigError, match="more_sources: only beside a source that is downloaded"):
        load_registry(CONFIG / "datasets.yaml", overlay={"datasets": {"own": own}})


def test_options_of_a_part_are_checked():
    parts = [{"species": "mouse", "loader": "baron_geo", "options": {"part": []}}] * 2
    with pytest.raises(ConfigError, match="parts"):
        registry(options={"parts": parts})


@pytest.mark.skipif(not MIRROR, reason="SCHASH_MIRROR is not set: the real small data sets are not at hand")
def test_the_real_pair_is_what_the_registry_expects(tmp_path):
    known = load_registry(CONFIG / "datasets.yaml")
    files = {
        file.file: Path(file.path)
        for row in known.sources_of("baron_species")
        for file in fetch_source(row, cache_dir=tmp_path, mirror=MIRROR, progress=False)
    }
    loaded = load_dataset(known.dataset("baron_species"), files)  # checks sizes, types and total
    split = make_split(
        loaded.labels.reset_index(drop=True), loaded.cells.obs, dataset="baron_species", scheme="species"
    )
    assert split.fold_names == ["human", "mouse"]
    assert split.unseen == [956 + 168, 36 + 10 + 8 + 7 + 6]
