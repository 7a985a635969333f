"""The registry: every row of the real one, and every way in which a row can be wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from schash.data.options import OPTIONS
from schash.data.registry import load_registry
from schash.data.registry_table import registry_table, updated
from schash.errors import ConfigError
from schash.values import KINDS

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "datasets.yaml"
SMALL = ("baron_mouse", "baron_human_1k", "pancreas_pair", "zheng_sorted", "geact_fetal7", "cellbench_mixology",
         "tm_immune_1k")  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return load_registry(REGISTRY)


@pytest.fixture
def rows():
    """The least that is a registry: one source with one file, one data set of it."""
    return {
        "sources": {
            "lake": {
                "title": "Lake",
                "version": "1",
                "licence": "CC0",
                "citation": [{"key": "lake2020", "text": "Lake 2020"}],
                "files": [{"name": "lake.zip", "urls": ["https://example.org/lake.zip"], "sha256": "0" * 64}],
            }
        },
        "datasets": {
            "lake": {
                "source": "lake",
                "loader": "labelled_csv",
                "options": {"file": "lake.zip", "member": "a.csv", "label_column": "y", "batch_column": "b"},
                "values": "counts",
            }
        },
    }


def put(rows, path, value):
    *parents, last = path.split("/")
    place = rows
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    return rows


def test_small_sources_are_pinned_by_sha256_and_size(registry):
    files = [file for source in SMALL for file in registry.source(source).files]
    assert len(files) == 32
    assert all(file.sha256 and file.bytes for file in files)
    assert 36e6 < sum(file.bytes for file in files) < 38e6


def test_every_row_has_what_the_report_needs(registry):
    for row in registry.datasets.values():
        assert row.loader in OPTIONS
        assert row.values in KINDS
        assert (row.source in ("embedded", "simulated")) or registry.source_of(row.id) is not None


def test_label_counts_add_up(registry):
    for row in registry.datasets.values():
        expect = row.expect
        if expect.labels is not None:
            assert sum(expect.labels.values()) == expect.cells, row.id
            assert len(expect.labels) == expect.types, row.id
            over = sum(count > 10 for count in expect.labels.values())
            assert expect.types_over_10 in (None, over), row.id
        if expect.batches is not None:
            assert sum(expect.batches.values()) == expect.cells, row.id


def test_both_papers_sets_are_known(registry):
    names = {name for row in registry.datasets.values() for name in row.paper_names}
    scdeephash = {
        "Xin",
        "Baron",
        "Muraro",
        "Segerstolpe",
        "TM",
        "AMB92",
        "Zheng 68K",
        "inter-dataset pancreas",
    }
    cellfishing = {
        "Baron2016",
        "Shekhar2016",
        "Plass2018",
        "TabulaMuris",
        "TabulaMuris Smart-Seq2",
        "1M_neurons",
    }
    assert scdeephash | cellfishing <= names
    assert registry.source("mgi_orthologs").files[0].name == "HOM_MouseHumanSequence.rpt"


def test_simulated_rows_say_so(registry):
    for name in ("sim_studies", "sim_types"):
        row = registry.dataset(name)
        assert "simulated" in row.title
        assert "simulated" in row.stand_in_for
        assert registry.source_of(name) is None


def test_reading_it_imports_nothing_heavy():
    code = (
        "import sys; from schash.data.registry import load_registry; "
        f"load_registry({str(REGISTRY)!r}); "
        "heavy = {'anndata', 'numpy', 'pandas', 'torch', 'requests', 'scanpy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_ids_get_the_closest_and_all(registry):
    with pytest.raises(
        ConfigError, match=r"no data set 'baron_mose'; did you mean 'baron_mouse'\?.*zheng_sorted"
    ):
        registry.dataset("baron_mose")
    with pytest.raises(ConfigError, match=r"no source 'zenodo'.*tm_immune_1k"):
        registry.source("zenodo")
    with pytest.raises(ConfigError, match=r"source pancreas_pair: there is no file 'x'.*Seg_scRNA"):
        registry.source("pancreas_pair").file("x")


def test_the_least_registry_loads(rows):
    row = load_registry(rows).dataset("lake")
    assert (row.id, row.title, row.species, row.stand_in_for) == ("lake", "lake", None, None)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("datasets/lake/valeus", 1, r"datasets.lake.valeus: unknown key; did you mean 'values'"),
        ("sources/lake/files/0/sha", "x", r"sources.lake.files.0.sha: unknown key; did you mean 'sha256'"),
        ("dataset", {}, r"dataset: unknown key; did you mean 'datasets'"),
        ("datasets/lake/values", "cuonts", r"datasets.lake.values.*'counts'.*came 'cuonts'"),
        ("datasets/lake/expect", {"cells": "many"}, r"datasets.lake.expect.cells.*integer.*came 'many'"),
        ("datasets/lake/expect", {"cell": 1}, r"datasets.lake.expect.cell: unknown key; did you mean 'cells'"),
        ("datasets/lake/loader", "csv", r"datasets.lake.*loader 'csv' is not known; allowed: actinn, baron_geo"),
        ("datasets/lake/source", "lak", r"datasets.lake.source: there is no source 'lak'; did you mean 'lake'"),
        ("datasets/lake/source", None, r"give either 'path'.*or 'source'"),
        ("datasets/lake/labels", "y", r"labels: only for the loader 'h5ad', came 'labelled_csv'"),
        ("datasets/lake/options/file", "sea.zip", r"datasets.lake.options: source lake has no file 'sea.zip'"),
        ("datasets/lake/options/colour", "x", r"datasets.lake.options.*colour: unknown key"),
        ("datasets/lake", "lake.zip", r"datasets.lake.*came 'lake.zip'"),
        ("datasets", ["lake"], r"datasets: .*dictionary.*came \['lake'\]"),
        ("sources/lake/files", [], r"sources.lake.files.*at least 1"),
        ("sources/lake/files/0/sha256", "abc", r"sources.lake.files.0.sha256.*came 'abc'"),
        ("sources/lake/files/0/name", "../lake.zip", r"sources.lake.files.0.name.*came '../lake.zip'"),
        ("sources/lake/files/0/urls", ["ftp://x/y"], r"sources.lake.files.0.urls.0.*came 'ftp://x/y'"),
        ("sources/lake/files/0/urls", [], r"give at least one url, or say under 'manual'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(rows, path, value, words):
    with pytest.raises(ConfigError, match=f"(?s){words}"):
        load_registry(put(rows, path, value))


@pytest.mark.parametrize("key", ["title", "version", "licence", "citation", "files"])
def test_what_is_missing_is_named(rows, key):
    del rows["sources"]["lake"][key]
    with pytest.raises(ConfigError, match=f"sources.lake.{key}: is required and missing"):
        load_registry(rows)


def test_a_file_name_given_twice(rows):
    rows["sources"]["lake"]["files"] *= 2
    with pytest.raises(ConfigError, match=r"same name: lake\.zip"):
        load_registry(rows)


def test_the_message_names_the_file(rows, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(put(rows, "datasets/lake/values", "x")))
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_registry(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_registry(tmp_path / "none.yaml")


def test_a_path_is_all_that_your_own_h5ad_needs(rows):
    mine = {"path": "cells.h5ad", "labels": "cell_type", "batch": "donor", "values": "counts", "layer": None,
            "use_raw": False}  # fmt: skip
    registry = load_registry(rows, {"datasets": {"my_cells": mine}})
    row = registry.dataset("my_cells")
    assert (row.loader, row.title, row.path, row.labels) == ("h5ad", "my_cells", "cells.h5ad", "cell_type")
    assert registry.source_of("my_cells") is None
    assert registry.dataset("lake").source == "lake"


def test_an_overlay_row_takes_the_place_of_a_known_one(rows):
    overlay = {"datasets": {"lake": {"path": "lake.h5ad", "values": "lognorm"}}}
    row = load_registry(rows, overlay).dataset("lake")
    assert (row.source, row.values) == (None, "lognorm")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"path": "x.h5ad"}, "my_cells.values: is required and missing"),
        ({"path": "x.h5ad", "values": "counts", "source": "lake"}, "give either 'path'"),
        (
            {"path": "x.h5ad", "values": "counts", "label": "y"},
            "my_cells.label: unknown key; did you mean 'labels'",
        ),
        (
            {"path": "x.h5ad", "values": "counts", "layer": "raw", "use_raw": True},
            "'layer' or 'use_raw', not both",
        ),
        ({"path": "x.csv", "values": "counts", "loader": "actinn"}, "'path' goes with the loader 'h5ad'"),
        ({"path": "x.h5ad", "values": "counts", "columns": {"cell_type": "y"}}, "columns.cell_type.*'batch'"),
    ],
)
def test_faults_of_an_overlay_name_the_overlay(rows, row, words):
    with pytest.raises(ConfigError, match=f"(?s)<overlay>.*{words}"):
        load_registry(rows, {"datasets": {"my_cells": row}})


def test_an_overlay_may_bring_a_source(rows):
    overlay = {
        "sources": {
            "sea": {**rows["sources"]["lake"], "files": [{"name": "sea.h5ad", "manual": "ask the sea"}]}
        },
        "datasets": {
            "sea": {"source": "sea", "loader": "h5ad", "options": {"file": "sea.h5ad"}, "values": "counts"}
        },
    }
    assert load_registry(rows, overlay).source_of("sea").title == "Lake"


def test_the_page_on_data_is_up_to_date(registry):
    page = (ROOT / "docs" / "data.md").read_text()
    assert updated(page, registry) == page, (
        "run: python -m schash.data.registry_table config/datasets.yaml docs/data.md"
    )


def test_the_table_has_every_row(registry):
    table = registry_table(registry)
    assert all(f"`{name}`" in table for name in [*registry.datasets, *registry.sources])
    with pytest.raises(ConfigError, match="must hold each of these lines once"):
        updated("no marks", registry)
