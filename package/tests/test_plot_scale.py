"""cf_table3, cf_fig9 and cf_table2: tables hold what was measured, and nothing that failed is silently absent."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from schash.file_timing import GZIP, LOAD, LOAD_MB, PLAIN, SAVE, SAVE_MB, SIZE, ZSTD
from schash.folds import NOT_APPLICABLE
from schash.plotting.cf_fig9 import cf_fig9, draw_cf_fig9
from schash.plotting.cf_table2 import cf_table2, draw_cf_table2
from schash.plotting.cf_table3 import cf_table3, draw_cf_table3
from schash.plotting.scale_panels import power_of_two
from schash.plotting.scale_table import short
from schash.query_stages import STAGES
from schash.scale_numbers import (
    BYTES,
    CONSISTENCY,
    COPIED,
    COUNTS,
    INDEX,
    LARGE,
    NAMED,
    PEAK,
    QUERY,
    SMALL,
    what_of,
)
from schash.stage_timing import LINEAR, MULTI, STAGE
from schash.tables import EXPERIMENT_COLUMNS, conform
from schash.timing_table import TOO_SLOW, Scores, gathered, sized

SIZES = (SMALL, 1 << 16, LARGE)
SEARCHES = {128: ("", "1thread", "fast", "linear"), 256: ("", "linear"), 512: ("", "linear")}
FACTS = [
    {
        "dataset": name,
        "stand_in_for": "1M_neurons" if name == "cells" else "",
        "simulated": False,
        "cells": 3874,
        "cells_over_10": 3874,
        "types_over_10": 5,
    }
    for name in ("cells", "other")
]
PUBLISHED = {
    "query_ms_2p20_128bits": 0.74,
    "bytes_per_cell_2p20_128bits": 183.4,
    "bytes_per_cell_2p20_256bits": 366.1,
    "consistency_2p13_128bits": 0.777,
    "consistency_2p20_128bits": 0.824,
}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def gather(experiment, tables, dataset="cells"):
    run = {
        "suite": "small",
        "experiment": experiment,
        "dataset": dataset,
        "stand_in": "1M_neurons",
        "scheme": "random5",
        "method": "cellfishing",
        "preset": "",
        "variant": "",
        "seed": 0,
    }
    return conform(
        gathered([one.table() for one in tables], [run] * len(tables)), EXPERIMENT_COLUMNS, name="x"
    )


def scores():
    return Scores({"threads": 2, "host": "vm"})


def texts(figure):
    found = [text.get_text() for text in figure.findobj(match=plt.Text)]
    return "\n".join(found)


def scale_scores(sizes=SIZES):
    made = scores()
    for n in sizes:
        for name, value in (
            (COPIED, 1),
            (PEAK, 700),
            *((one, 10.0) for one in (*COUNTS.values(), *NAMED.values())),
        ):
            made.add(sized(name, n), value, n)
        for bits, searches in SEARCHES.items():
            for search in searches:
                what = what_of(bits, search)
                on = {"threads": 1} if search == "1thread" else {}
                made.add(
                    sized(QUERY, n, what), 0.01 * np.log2(n) * (10 if search == "linear" else 1), 10, **on
                )
                if search != "1thread":
                    made.add(sized(INDEX, n, what), n / 1e4, n)
                    made.add(sized(BYTES, n, what), 180.0 * bits / 128, n)
                if search in ("", "linear"):
                    made.add(sized(CONSISTENCY, n, what), 0.8, n)
    made.add("query_slope_128bits", 0.25, LARGE)
    return made


def test_the_table_of_growth_has_a_row_for_each_search_and_size():
    table = cf_table3(gather("cf_table3", [scale_scores()]))
    assert len(table) == 3 * sum(map(len, SEARCHES.values()))
    row = table[(table["bits"] == 128) & (table["search"] == "1thread") & (table["size"] == LARGE)].iloc[0]
    assert row[QUERY] == pytest.approx(0.2)
    assert row["threads"] == 1
    assert row["query_growth"] == pytest.approx(20 / 13)
    assert np.isnan(row["query_slope"])
    own = table[(table["bits"] == 128) & (table["search"] == "")]
    assert own["size"].tolist() == list(SIZES)
    assert own["threads"].eq(2).all()
    assert own["query_slope"].eq(0.25).all()
    assert own[PEAK].eq(700).all()
    assert table.loc[table["bits"] == 256, "query_slope"].isna().all()
    assert table[BYTES].notna().sum() == len(table) - 3


def test_the_figure_of_growth_says_what_it_is_of():
    table = cf_table3(gather("cf_table3", [scale_scores()]))
    figure = draw_cf_table3(table, FACTS, PUBLISHED)
    words = texts(figure)
    for word in (
        "cells (stand-in): copies",
        "3,874 cells",
        "2 threads on vm",
        "non-zeros",
        "1,048,576",
        "the paper, 1M_neurons",
        "4 x 256 bits",
        "1 x 512 bits",
        "x 128",
        "slope 1.00",
    ):
        assert word in words, word
    drawn = {line.get_label(): line for axis in figure.findobj(plt.Axes) for line in axis.lines}
    assert "peak while indexing" in drawn


def test_without_a_million_the_papers_numbers_are_not_drawn():
    table = cf_table3(gather("cf_table3", [scale_scores(sizes=(512, 2048))]))
    assert "the paper" not in texts(draw_cf_table3(table, FACTS, PUBLISHED))


def test_sizes_that_did_not_run_are_named():
    slow = scores()
    slow.miss(sized(QUERY, 1 << 21, what_of(128)), 1 << 21, TOO_SLOW, "predicted to take long")
    failed = scores()
    failed.miss(sized(QUERY, 1 << 22), 1 << 22, "failed", "ValueError: no")
    table = cf_table3(gather("cf_table3", [scale_scores(), slow, failed]))
    bad = table[table["status"] != "ok"]
    assert bad["size"].tolist() == [1 << 21, 1 << 22]
    words = texts(draw_cf_table3(table, FACTS, {})).replace("\n", " ")
    assert "2,097,152 cells: too slow (predicted to take long)" in words
    assert "4,194,304 cells: failed (ValueError: no)" in words
    assert "x 128" in words


def test_a_method_that_does_not_apply_is_named():
    none = scores()
    none.miss(QUERY, 0, NOT_APPLICABLE, "takes counts")
    tables = [gather("cf_table3", [scale_scores()]), gather("cf_table3", [none], "other")]
    table = cf_table3(pd.concat(tables, ignore_index=True))
    words = texts(draw_cf_table3(table, FACTS, {})).replace("\n", " ")
    assert "not applicable (takes counts)" in words


@pytest.mark.parametrize(("value", "text"), [(8192, "2¹³"), (1 << 20, "2²⁰"), (54_865, "54,865"), (1, "2⁰")])
def test_sizes_in_short(value, text):
    assert power_of_two(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0741, "0.0741"), (183.44, "183"), (np.nan, "-"), (13504, "13,504")]
)
def test_numbers_in_short(value, text):
    assert short(value) == text


def stage_scores(sizes=(512, 2048)):
    made = scores()
    for n in sizes:
        for name in COUNTS.values():
            made.add(sized(name, n), 10, n)
        for place, stage in enumerate(STAGES):
            made.add(sized(STAGE, n, stage), 0.01 * (place + 1), 10)
        made.add(sized(STAGE, n, "search-linear"), 0.9, 10)
        made.add(sized(STAGE, n, "rank-linear"), 0.05, 10)
        made.add(sized(QUERY, n, MULTI), 0.25, 10)
        made.add(sized(QUERY, n, LINEAR), 1.1, 10)
    return made


def test_shares_of_the_stages():
    table = cf_fig9(gather("cf_fig9", [stage_scores()]))
    assert len(table) == 2 * 2 * len(STAGES)
    first = table[(table["index"] == MULTI) & (table["size"] == 512)].set_index("stage")
    assert list(first.index) == list(STAGES)
    assert first.loc["search", "share"] == pytest.approx(6 / 28)
    assert first["share"].sum() == pytest.approx(1)
    scan = table[(table["index"] == LINEAR) & (table["size"] == 2048)].set_index("stage")
    assert scan.loc["search", "ms"] == pytest.approx(0.9)
    assert scan.loc["hash", "ms"] == pytest.approx(0.05)
    assert scan[QUERY].eq(1.1).all()
    assert first[QUERY].eq(0.25).all()


def test_the_figure_of_stages():
    missing = scores()
    missing.miss(sized(QUERY, 4096), 4096, "failed", "ValueError: no")
    table = cf_fig9(gather("cf_fig9", [stage_scores(), missing]))
    words = texts(draw_cf_fig9(table, FACTS)).replace("\n", " ")
    for word in (
        "cells (stand-in)",
        "4,096 cells: failed (ValueError: no)",
        "1.12 of a whole query",
        "linear scan",
        "21",
    ):
        assert word in words, word
    bars = [patch for axis in draw_cf_fig9(table, FACTS).axes for patch in axis.patches]
    assert all(bar.get_height() < 1.01 for bar in bars if hasattr(bar, "get_height"))


def file_scores():
    made = scores()
    for metric, value in (
        ("cells", 1000),
        ("memory_bytes", 200_000),
        ("scanned_bytes", 70_000),
        ("index_s", 2.0),
        ("query_s", 0.5),
    ):
        made.add(metric, value, 1000)
    for name, size in ((PLAIN, 100_000), (GZIP, 60_000), (ZSTD, 70_000)):
        for metric, value in ((SIZE, size), (SAVE, 0.1), (LOAD, 0.05), (SAVE_MB, 1.0), (LOAD_MB, 2.0)):
            made.add(f"{metric}[{name}]", value, 1000)
    made.add("gzip_size_reduction", 0.4, 1000)
    return made


def test_files_of_every_data_set():
    failed = scores()
    failed.miss(SIZE, 0, "failed", "ValueError: no")
    both = [gather("cf_table2", [file_scores()]), gather("cf_table2", [failed], "other")]
    table = cf_table2(pd.concat(both, ignore_index=True))
    assert table["file"].tolist() == [PLAIN, GZIP, ZSTD, ""]
    np.testing.assert_allclose(table["size_reduction"][:3], [0, 0.4, 0.3])
    assert table["load_over_query_time"][1] == pytest.approx(0.1)
    assert table["cells"][0] == 1000
    words = texts(draw_cf_table2(table, FACTS)).replace("\n", " ")
    for word in (
        "cells (stand-in)",
        "1,000 cells",
        "(-40%)",
        "cellfishing on other: failed (ValueError: no)",
    ):
        assert word in words, word
