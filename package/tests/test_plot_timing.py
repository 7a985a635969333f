"""fig2d and fig3b: the tables behind them hold what was measured, and nothing that failed is silently absent."""

import numpy as np
import pandas as pd
import pytest

from schash.annotation_timing import ANNOTATE, COPIES_EQUAL, NETWORK, PREDICTED, SLOPE
from schash.code_databases import ANCHOR, FAISS, LINEAR, MULTI
from schash.expected import read_expected
from schash.folds import NOT_APPLICABLE
from schash.marks import marks_of
from schash.plotting.fig2d import bounds_of, draw_fig2d, fig2d
from schash.plotting.fig3b import draw_fig3b, fig3b
from schash.plotting.growth import spread
from schash.search_race import BUILD, BYTES, D10, ENCODE, IDENTICAL, QUERY, RECALL, SEARCH
from schash.search_timing import BITS, DISTINCT, OWN
from schash.timing_table import FAISS_METHOD, TM_CELLS, TOO_SLOW, Scores, gathered, sized

SIZES = (1000, 8000, TM_CELLS)
TITLES = {
    "deephash_compact": "DeepHash (compact)",
    "cellfishing": "CellFishing",
    "scmap_cell": "scmap-cell",
    "svm": "SVM",
    "scanvi": "scANVI",
    "singler": "SingleR",
    "castle": "CaSTLe",
}
FACTS = [
    {"dataset": "cells", "stand_in_for": "TM", "simulated": False, "cells_over_10": 900, "types_over_10": 5}
]


def gather(experiment, tables):
    common = {
        "suite": "small",
        "experiment": experiment,
        "dataset": "cells",
        "stand_in": "TM",
        "scheme": "cv5",
    }
    runs = [{**common, "method": name, "preset": "", "variant": "", "seed": 0} for name in tables]
    return gathered([table.table() for table in tables.values()], runs)


def scores():
    return Scores({"threads": 2, "host": "vm", "fit_s": 3.0, "peak_mb": 500.0})


@pytest.fixture
def annotation():
    tables = {name: scores() for name in ("deephash_compact", "svm", "scanvi", "singler", "castle")}
    for name, seconds in {"deephash_compact": 6e-4, "svm": 1e-5, "scanvi": 5e-5, "singler": 4e-3}.items():
        tables[name].add(COPIES_EQUAL, 1.0, 2000)
        for n in SIZES if name != "singler" else SIZES[:2]:
            tables[name].add(sized(ANNOTATE, n), seconds * n, n)
        tables[name].add(SLOPE, 1.0, SIZES[-1])
    tables["deephash_compact"].add(sized(NETWORK, TM_CELLS), 0.3, TM_CELLS)
    tables["deephash_compact"].add(ANNOTATE, 6e-4 * TM_CELLS, TM_CELLS)
    tables["singler"].miss(
        sized(ANNOTATE, TM_CELLS), TM_CELLS, TOO_SLOW, "predicted to take 219 s, limit 60 s"
    )
    tables["singler"].add(sized(PREDICTED, TM_CELLS), 219.0, TM_CELLS)
    for n in SIZES:
        tables["castle"].miss(sized(ANNOTATE, n), n, "failed", "RuntimeError: planted")
    return gather("fig2d", tables)


@pytest.fixture
def search():
    tables = {name: scores() for name in ("deephash_compact", "cellfishing", "scmap_cell")}
    growth = {ANCHOR: (0.001, 0.1), MULTI: (0.002, 0.1), LINEAR: (1e-5, 0.9), FAISS: (1e-5, 0.95)}
    of = {"deephash_compact": (ANCHOR, MULTI, LINEAR, FAISS), "cellfishing": (MULTI, LINEAR)}
    for name, indexes in of.items():
        encode = 0.12 if name == "deephash_compact" else 0.01
        tables[name].add(ENCODE, encode, 1000)
        tables[name].add(BITS, 16 if name == "deephash_compact" else 512, 1000)
        for n in SIZES:
            tables[name].add(sized(DISTINCT, n), n / 10, n)
            for index in indexes:
                factor, power = growth[index]
                ms = factor * n**power * (10 if name == "cellfishing" else 1)
                values = {SEARCH: ms, QUERY: encode + ms, BUILD: n * 1e-6, BYTES: 8.0, D10: 3.0, RECALL: 1.0}
                values[RECALL] = 0.97 if index == ANCHOR else 1.0
                for metric, value in values.items():
                    tables[name].add(sized(metric, n, index), value, n)
                if index != ANCHOR:
                    tables[name].add(sized(IDENTICAL, n, index), 1.0, n)
    for n in SIZES[:2]:
        for metric, value in {QUERY: 1e-4 * n, BUILD: 2e-4 * n, D10: 0.2}.items():
            tables["scmap_cell"].add(sized(metric, n, OWN), value, n)
    tables["scmap_cell"].miss(
        sized(QUERY, TM_CELLS, OWN), TM_CELLS, TOO_SLOW, "predicted to take 99 s, limit 60 s"
    )
    return gather("fig3b", tables)


def texts(figure):
    everything = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in everything)


def test_fig2d_has_a_row_for_each_method_and_size_even_where_it_did_not_run(annotation):
    table = fig2d(annotation, TITLES)
    assert len(table) == 5 * len(SIZES)
    assert not table.duplicated(["method", "size"]).any()
    singler = table[table["method"] == "singler"].set_index("size")
    assert singler.loc[TM_CELLS, "status"] == TOO_SLOW
    assert np.isnan(singler.loc[TM_CELLS, ANNOTATE])
    assert singler.loc[TM_CELLS, PREDICTED] == 219
    assert singler["slope_to"].unique().tolist() == [8000]
    svm = table[table["method"] == "svm"].set_index("size")
    assert svm.loc[8000, ANNOTATE] == pytest.approx(0.08)
    assert svm.loc[8000, "ms_a_cell"] == pytest.approx(0.01)
    assert table.loc[table["method"] == "castle", "status"].eq("failed").all()
    assert table.set_index(["method", "size"]).loc[("deephash_compact", TM_CELLS), NETWORK] == 0.3


def test_fig2d_names_every_method_and_says_what_is_predicted_and_what_failed(annotation):
    published = bounds_of(read_expected("config/expected.tsv"), TITLES)
    figure = draw_fig2d(
        fig2d(annotation, TITLES), FACTS, TITLES, marks=marks_of(["scanvi"], []), published=published
    )
    said = texts(figure)
    for part in (
        "DeepHash (compact)  33 s, slope 1.00",
        "SVM  0.55 s",
        "scANVI ◇",
        "SingleR  ~219 s",
        "CaSTLe: failed",
        "paper: DeepHash < 3 s",
        "paper: SingleR, CaSTLe > 10,000 s",
        "size of Tabula Muris",
        "2 threads on vm",
        "cells (stand-in)",
    ):
        assert part in said


def test_fig2d_leaves_the_papers_numbers_out_where_no_size_is_near(annotation):
    few = annotation[~annotation["metric"].str.contains(str(TM_CELLS))]
    published = bounds_of(read_expected("config/expected.tsv"), TITLES)
    said = texts(draw_fig2d(fig2d(few, TITLES), FACTS, TITLES, published=published))
    assert "paper:" not in said
    assert "size of Tabula Muris" not in said


def test_the_papers_bounds_are_of_seconds_alone():
    bounds = bounds_of(read_expected("config/expected.tsv"), TITLES).set_index("title")
    assert bounds["relation"].to_dict() == {
        "DeepHash": "at_most",
        "SingleR": "at_least",
        "CaSTLe": "at_least",
    }


def test_a_method_that_does_not_take_the_values_is_in_table_and_figure(annotation):
    other = scores()
    other.miss(ANNOTATE, 0, NOT_APPLICABLE, "takes counts; these cells are lognorm")
    both = pd.concat([annotation, gather("fig2d", {"cellfishing": other})], ignore_index=True)
    table = fig2d(both, TITLES)
    assert (table["method"] == "cellfishing").sum() == 1
    assert "CellFishing: not applicable" in texts(draw_fig2d(table, FACTS, TITLES))


def test_fig3b_has_a_row_for_each_index_and_size(search):
    table = fig3b(search, TITLES)
    assert not table.duplicated(["method", "index", "size"]).any()
    assert len(table) == (4 + 2 + 1) * len(SIZES)
    linear = table[(table["method"] == "deephash_compact") & (table["index"] == LINEAR)]
    assert linear[f"{SEARCH}_slope"].unique() == pytest.approx([0.9])
    assert (linear[DISTINCT] == linear["size"] / 10).all()
    assert (table.loc[table["method"] == FAISS_METHOD, "index"] == FAISS).all()
    assert (table["status"] == TOO_SLOW).sum() == 1


def test_fig3b_says_what_each_search_costs_and_finds(search):
    said = texts(draw_fig3b(fig3b(search, TITLES), FACTS, TITLES))
    for part in (
        "DeepHash (compact), buckets of anchors (the paper's)",
        "DeepHash (compact), linear scan",
        "CellFishing, multi-index",
        "faiss IndexBinaryFlat",
        "0.97",
        "3.00 of 512 bits",
        "0.20 (1 - cosine)",
        "the same answers to every query in all 6",
        "scmap-cell at 54,865 cells: too slow",
        "54,865",
        "8,000",
    ):
        assert part in said


def test_fig3b_shows_a_search_much_faster_than_its_query(search):
    search.loc[search["metric"].str.startswith(SEARCH), "value"] *= 1e-3
    axes = draw_fig3b(fig3b(search, TITLES), FACTS, TITLES).axes
    drawn = np.concatenate([line.get_ydata() for line in axes[1].lines if len(line.get_xdata()) > 2])
    low, high = axes[1].get_ylim()
    assert low <= drawn.min() < 1e-2 * axes[0].lines[0].get_ydata().min()
    assert drawn.max() <= high


def test_fig3b_claims_nothing_where_an_answer_differs(search):
    search.loc[search["metric"] == sized(IDENTICAL, 8000, MULTI), "value"] = 0.0
    assert "gives up no accuracy" not in texts(draw_fig3b(fig3b(search, TITLES), FACTS, TITLES))


def test_fig3b_without_faiss_says_how_to_get_it(search):
    search = search[search["method"] != FAISS_METHOD]
    missing = scores()
    missing.miss(sized(SEARCH, 0, FAISS), 0, NOT_APPLICABLE, "pip install it")
    both = pd.concat([search, gather("fig3b", {"deephash_compact": missing})], ignore_index=True)
    said = texts(draw_fig3b(fig3b(both, TITLES), FACTS, TITLES))
    assert "faiss IndexBinaryFlat" in said
    assert "pip install it" in said


def test_names_are_apart_in_order_and_as_near_as_can_be():
    assert spread(np.array([10.0, 30.0, 50.0]), 10, 100).tolist() == [10, 30, 50]
    assert spread(np.array([30.0, 30.0, 30.0]), 10, 100).tolist() == [20, 30, 40]
    crowded = spread(np.array([50.0, 1.0, 2.0, 3.0, 99.0]), 10, 100)
    assert np.diff(np.sort(crowded)).min() >= 10 - 1e-9
    assert crowded.argsort().tolist() == [1, 2, 3, 0, 4]
    assert crowded.min() >= 0
    assert crowded.max() <= 100
    assert spread(np.array([]), 10, 100).size == 0
