"""The papers' numbers are read with care, and the committed file holds them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schash.data.registry import load_registry
from schash.errors import DataError
from schash.expected import EXPECTED_COLUMNS, RELATIONS, TARGETS, read_expected

CONFIG = Path(__file__).parents[2] / "config"
DESIGNED_TARGETS = {
    *("table1", "fig2a", "fig2b", "fig2c", "fig2d", "table2", "fig3a", "fig3b", "fig4", "variants"),
    *("cf_table1", "cf_fig2", "cf_fig3", "cf_fig4", "cf_fig5", "cf_fig6", "cf_fig7", "cf_species", "cf_fig8"),
    *("cf_table2", "cf_table3", "cf_fig9"),
}
METHODS = {"", "deephash", "cellfishing", "svm", "actinn", "castle", "singlecellnet", "singler", "scanvi"} | {
    "scmap_cell"
}
ROW = {
    **{
        "id": "a",
        "paper": "scdeephash",
        "target": "fig2a",
        "dataset": "tm",
        "data_name": "TM",
        "scheme": "cv5",
    },
    **{"method": "svm", "metric": "median_f1", "relation": "about", "value": "0.9", "tolerance": "0.02"},
    **{"source": "section 4.1", "note": ""},
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_rows(*rows: dict[str, str], columns: list[str] | None = None) -> Path:
        columns = columns or list(EXPECTED_COLUMNS)
        lines = ["\t".join(columns)]
        for changes in rows:
            row = ROW | changes
            lines.append("\t".join(row.get(name, "") for name in columns))
        path = tmp_path / "expected.tsv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_rows


def test_reads_numbers_and_an_empty_tolerance_as_zero(write: Callable[..., Path]) -> None:
    table = read_expected(write({}, {"id": "b", "tolerance": "", "relation": "at_most", "note": 'a "note"'}))
    assert list(table.columns) == list(EXPECTED_COLUMNS)
    assert table["value"].dtype == table["tolerance"].dtype == np.float64
    assert table["tolerance"].tolist() == [0.02, 0.0]
    assert table["note"].tolist() == ["", 'a "note"']


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "a"}, r"line 3 \(id 'a'\), column 'id': is given twice"),
        ({"id": "A b"}, r"line 3 \(id 'A b'\), column 'id': allowed are lower-case letters"),
        ({"id": ""}, r"line 3 \(id ''\), column 'id': is empty"),
        ({"source": " "}, r"\(id 'b'\), column 'source': is empty"),
        ({"value": ""}, "column 'value': is empty"),
        ({"value": "x"}, "column 'value': 'x' is not a finite number"),
        ({"value": "nan"}, "column 'value': 'nan' is not a finite number"),
        ({"tolerance": "inf"}, "column 'tolerance': 'inf' is not a finite number"),
        ({"tolerance": "-1"}, "column 'tolerance': '-1' is negative"),
        ({"relation": "above"}, "column 'relation': 'above' is not known; allowed: about, at_least, at_most"),
        ({"paper": "scmap"}, "column 'paper': 'scmap' is not known; allowed: cellfishing, scdeephash"),
        ({"target": "fig9"}, "column 'target': 'fig9' is not known; allowed: fig2a, "),
        ({"paper": "cellfishing"}, "column 'target': 'fig2a' is not known; allowed: cf_fig2, "),
        ({"note": "two\tfields"}, "line 3 has 14 fields, the header has 13"),
    ],
)
def test_a_bad_row_is_named(write: Callable[..., Path], changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_expected(write({}, {"id": "b"} | changes))


def test_a_bad_header_or_file_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    columns = [name for name in EXPECTED_COLUMNS if name != "value"]
    with pytest.raises(
        DataError, match=r"expected.tsv: missing columns \['value'\], unknown columns \['v'\]"
    ):
        read_expected(write({}, columns=[*columns, "v"]))
    with pytest.raises(DataError, match=r"none.tsv: cannot be read as a table"):
        read_expected(tmp_path / "none.tsv")
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(DataError, match=r"empty.tsv: cannot be read as a table"):
        read_expected(tmp_path / "empty.tsv")


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return read_expected(CONFIG / "expected.tsv")


def test_the_committed_file_is_consistent(committed: pd.DataFrame) -> None:
    assert committed["id"].is_unique
    assert len(committed) > 200
    assert set(committed["target"]) <= DESIGNED_TARGETS == set().union(*TARGETS.values())
    assert set(committed["method"]) <= METHODS
    assert set(committed["relation"]) == set(RELATIONS)
    assert set(committed["scheme"]) <= {"", "cv5", "random5", "loso", "batch", "protocol", "species"}
    names = committed.groupby("dataset")["data_name"].nunique()
    assert (names == 1).all()


def test_every_data_set_is_in_the_registry_and_is_a_papers_own(committed: pd.DataFrame) -> None:
    registry = load_registry(CONFIG / "datasets.yaml")
    for name in committed["dataset"].unique():
        assert registry.dataset(name).stand_in_for is None


def test_table1_has_one_row_for_each_data_set_and_quantity(committed: pd.DataFrame) -> None:
    table1 = committed[committed["target"] == "table1"]
    assert not table1.duplicated(["dataset", "metric"]).any()
    assert table1.groupby("metric").size().to_dict() == dict.fromkeys(
        ("cells", "genes", "types", "types_over_10"), 7
    )


@pytest.mark.parametrize(
    ("row_id", "relation", "value"),
    [
        ("table1_tm_cells", "about", 54865),
        ("table1_amb92_types_over_10", "about", 92),
        ("fig2a_tm_deephash_median_f1", "about", 0.973),
        ("fig2a_tm_svm_median_f1", "about", 0.980),
        ("fig2a_amb92_deephash_median_f1", "about", 0.920),
        ("fig2a_amb92_svm_median_f1", "about", 0.891),
        ("fig2a_zheng68k_deephash_median_f1_gap_to_castle", "about", -0.016),
        ("fig2a_zheng68k_deephash_median_f1_checkpoint_validation", "about", 0.728),
        ("fig2a_tm_deephash_median_f1_spread", "at_most", 0.012),
        ("fig2a_tm_singler_median_f1", "at_most", 0.90),
        ("fig2a_tm_scanvi_median_f1", "about", 0),
        ("fig2a_zheng68k_svm_recall_of_best_cd4_type", "at_most", 0.40),
        ("fig2d_tm_deephash_annotate_s", "at_most", 3),
        ("fig2d_tm_castle_annotate_s", "at_least", 10000),
        ("table2_amb92_scmap_cell_map_hits_at_50", "about", 0.743),
        ("table2_tm_cellfishing_map_hits_at_1000", "about", 0.897),
        ("table2_tm_deephash_map_hits_at_100", "about", 0.956),
        ("fig4_tm_deephash_median_f1_predefined_minus_learned", "about", 0.083),
        ("cf_fig2_shekhar_cellfishing_genes_selected", "about", 3270),
        ("cf_fig3_shekhar_cellfishing_top10_recall_128bits", "about", 0.45),
        ("cf_fig4_tm_droplet_cellfishing_index_s", "at_most", 32.7),
        ("cf_fig4_tm_droplet_scmap_cell_query_s", "about", 780.6),
        ("cf_fig4_plass_cellfishing_consistency_gain_by_scmap_genes", "about", 0.017),
        ("cf_species_baron_human_scmap_cell_consistency_mouse_to_human", "about", 0.832),
        ("cf_species_baron_human_orthologs", "about", 12413),
        ("cf_table3_neurons_1m_cellfishing_throughput_2p20_128bits", "at_least", 1350),
        ("cf_table3_neurons_1m_cellfishing_bytes_per_cell_2p20_128bits", "at_most", 183.4),
        ("cf_table3_neurons_1m_cellfishing_consistency_2p20_128bits", "about", 0.824),
    ],
)
def test_headline_numbers_are_there(
    committed: pd.DataFrame, row_id: str, relation: str, value: float
) -> None:
    row = committed.set_index("id").loc[row_id]
    assert (row["relation"], row["value"]) == (relation, value)
