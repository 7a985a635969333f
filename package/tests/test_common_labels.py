"""The table of common labels: how it is read, what names it, and that it has every type of the studies."""

from pathlib import Path

import pytest
from written_files import dataset

from schash.data.cells import make_cells
from schash.data.label_table import COLUMNS, NO_TYPE, read_label_table
from schash.data.loaders.common_labels import with_common_labels
from schash.data.registry import load_registry
from schash.errors import ConfigError, DataError

CONFIG = Path(__file__).parents[2] / "config"
HEADER = "\t".join(COLUMNS)


@pytest.fixture
def table(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "labels.tsv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def named(path, group="islets", **row):
    """A registry row that takes its labels from a group of the table."""
    row = {"path": "mine.h5ad", "values": "counts", "common_labels": group} | row
    return load_registry({"datasets": {"mine": row}}, labels=path).dataset("mine")


ROWS = (
    "islets\tpp\tgamma\tMuraro",
    "islets\tgamma\tgamma\tXin",
    "islets\tunclear\t-\tMuraro",
    "other\tpp\tppp\tx",
)


def cells(labels):
    names = [f"c{i}" for i in range(len(labels))]
    return make_cells([[1.0]] * len(labels), names, ["G"], labels=labels, dataset="mine", values="counts")


def test_labels_are_given_their_common_names(table):
    row = named(table(*ROWS))
    assert row.label_names == {"pp": "gamma", "gamma": "gamma", "unclear": NO_TYPE}
    loaded = with_common_labels(cells(["pp", "gamma", None, "unclear", "pp"]), row)
    assert list(loaded.labels) == ["gamma", "gamma", None, None, "gamma"]
    assert list(loaded.labels.index) == [f"c{i}" for i in range(5)]


def test_without_a_group_labels_stay_as_they_are():
    loaded = cells(["pp", None])
    assert with_common_labels(loaded, dataset("embedded", {}, files=["x"])) is loaded


def test_unknown_labels_are_named_with_their_cells_and_the_table(table):
    with pytest.raises(DataError) as raised:
        with_common_labels(cells(["PP", "pp", "PP", "Gamma"]), named(table(*ROWS)))
    message = str(raised.value)
    for words in ("mine: ", "'PP' (2 cells)", "'Gamma' (1 cells)", "group 'islets'", "labels.tsv"):
        assert words in message
    assert "'pp'" not in message


def test_a_group_that_the_table_lacks_and_names_given_by_hand(table):
    path = table(*ROWS)
    with pytest.raises(
        ConfigError, match=r"common_labels: there is no group 'islet'; did you mean 'islets'\?"
    ):
        named(path, group="islet")
    with pytest.raises(ConfigError, match="label_names comes from the table of common labels"):
        named(path, label_names={"a": "b"})
    with pytest.raises(ConfigError, match="there is no table of common labels"):
        named(None)
    with pytest.raises(ConfigError, match=r"none\.tsv: cannot be read as a table of labels"):
        named("none.tsv")


@pytest.mark.parametrize(
    ("lines", "header", "words"),
    [
        (
            (),
            "group\tlabel",
            "must be tab-separated with the columns group, source_label, common_label, studies; found",
        ),
        (("islets\tpp\tgamma",), HEADER, "line 2: must hold 4 fields"),
        ((ROWS[0], "islets\t\tgamma\tx"), HEADER, "line 3: must hold 4 fields, none empty"),
        (("islets\tpp \tgamma\tx",), HEADER, "line 2: must hold 4 fields, none empty or padded"),
        ((ROWS[0], ROWS[0]), HEADER, "line 3: group 'islets' has the label 'pp' twice"),
    ],
)
def test_tables_that_are_none(table, lines, header, words):
    with pytest.raises(ConfigError, match=words) as raised:
        read_label_table(table(*lines, header=header))
    assert "labels.tsv" in str(raised.value)


# ---- the table of the project ----


def studies_of(group):
    """Study -> its source labels -> common label, of the project's table."""
    types = {}
    for line in (CONFIG / "labels.tsv").read_text().splitlines()[1:]:
        of_group, source, common, studies = line.split("\t")
        for study in studies.split(", ") if of_group == group else ():
            types.setdefault(study, {})[source] = common
    return types


def test_every_study_has_as_many_types_as_the_papers_count():
    of = {study: len(types) for study, types in studies_of("pancreas").items()}
    expected = {"Baron human": "zenodo_baron_human", "Baron mouse": "zenodo_baron_mouse", "Muraro": "zenodo_muraro",
                "Segerstolpe": "zenodo_segerstolpe", "Xin": "zenodo_xin"}  # fmt: skip
    registry = load_registry(CONFIG / "datasets.yaml")
    assert {study: of[study] for study in expected} == {
        study: registry.dataset(name).expect.types for study, name in expected.items()
    }
    assert {study: len(types) for study, types in studies_of("baron_species").items()} == {
        "Baron human": 14,
        "Baron mouse": 13,
    }


def test_types_that_all_four_studies_share_are_those_of_the_combined_set():
    types = studies_of("pancreas")
    shared = set.intersection(
        *(set(types[name].values()) for name in ("Baron human", "Muraro", "Segerstolpe", "Xin"))
    )
    assert shared == set(load_registry(CONFIG / "datasets.yaml").dataset("zenodo_pancreas").expect.labels)


def test_mouse_types_of_the_table_are_those_of_the_data():
    registry = load_registry(CONFIG / "datasets.yaml")
    known = set(registry.dataset("baron_mouse").expect.labels)
    for group in ("pancreas", "baron_species"):
        assert set(studies_of(group)["Baron mouse"]) == known
    assert set(studies_of("pancreas")["Baron human (1,000 genes)"]) <= set(
        registry.dataset("baron_human_1k").expect.labels
    )


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("pancreas_pair", "pancreas"),
        ("zenodo_pancreas", "pancreas"),
        ("zenodo_pancreas_aligned", "pancreas"),
        ("baron_species", "pancreas"),
        ("baron_species_geo", "baron_species"),
    ],
)
def test_sets_of_several_studies_take_common_labels(name, group):
    row = load_registry(CONFIG / "datasets.yaml").dataset(name)
    assert row.common_labels == group
    if row.expect.labels:
        assert set(row.expect.labels) <= set(row.label_names.values())


def test_names_stay_with_the_row_that_a_job_is_given():
    row = load_registry(CONFIG / "datasets.yaml").dataset("zenodo_pancreas")
    given = row.model_dump(mode="json", exclude_unset=True)
    assert type(row).model_validate(given).label_names["pp"] == "gamma"
