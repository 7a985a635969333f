"""cf_fig2 and cf_fig3: tables and figures hold what was measured, and nothing that failed is silently absent."""

import numpy as np
import pandas as pd
import pytest

from schash.angle_estimates import ANGLE, BIAS, BITS, CHANCE, ORTHOGONAL, PLAIN, RECALL, VARIANCE, binned
from schash.angle_estimates import named as angle_named
from schash.angle_table import ALL_ANGLES, angle_table
from schash.expected import read_expected
from schash.plotting.cf_fig2 import draw_cf_fig2, published_genes
from schash.plotting.cf_fig3 import draw_cf_fig3, published_recall
from schash.svd_table import ALL_RANKS, svd_table
from schash.svd_timing import (
    CAPTURED,
    DENSE,
    DENSITY,
    EXPLAINED,
    FULL,
    GENE_FRACTION,
    GENES,
    RANDOMIZED,
    SPARSE,
    SPREAD,
    TRUNCATED,
    WAYS,
    error_of,
    named,
    seconds_of,
    worst_error,
)
from schash.timing_table import Scores, gathered

SECONDS = dict(zip(WAYS, (12.0, 3.0, 6.0, 0.25, 0.5), strict=True))


def fact(dataset, **changes):
    known = {"dataset": dataset, "stand_in_for": "", "simulated": False, "cells": 1886, "genes": 14_878}
    return known | changes


FACTS = [
    fact("first"),
    fact("shekhar"),
    fact("broken", stand_in_for="simulated cells", simulated=True),
]


def gather(experiment, tables):
    common = {"suite": "small", "experiment": experiment, "scheme": "random5", "method": "cellfishing"}
    rest = {"stand_in": "", "preset": "", "variant": "", "seed": 0}
    runs = [{**common, **rest, "dataset": name} for name in tables]
    return gathered([table.table() for table in tables.values()], runs)


def scores():
    return Scores({"threads": 1, "host": "vm"})


def decompositions():
    made = scores()
    for way, seconds in SECONDS.items():
        made.add(seconds_of(*way), seconds, 1886, peak_mb=500.0)
    facts = {GENES: 1597.0, GENE_FRACTION: 0.107, DENSITY: 0.35, CAPTURED: 0.98, EXPLAINED: 0.36}
    for name, value in facts.items():
        made.add(name, value, 1886)
    for form in (DENSE, SPARSE):
        for other, other_form in ((FULL, DENSE), (TRUNCATED, form)):
            ratio = SECONDS[other, other_form] / SECONDS[RANDOMIZED, form]
            made.add(f"{named(RANDOMIZED, form)}_speedup_over_{other}", ratio, 1886)
    for algorithm, size in ((TRUNCATED, 0.0), (RANDOMIZED, 1e-3)):
        for rank in range(1, 51):
            for factor, of_seeds in zip((1, 0.5, 2), SPREAD, strict=True):
                made.add(error_of(algorithm, rank, of_seeds), size * rank * factor, 1886)
        made.add(worst_error(algorithm, 10), size * 20, 1886)
        made.add(worst_error(algorithm, 50), size * 100, 1886)
    return made


@pytest.fixture
def svd():
    broken = scores()
    broken.miss(seconds_of(FULL), 0, "timeout", "took longer than its limit of 9 s")
    return gather("cf_fig2", {"first": decompositions(), "shekhar": decompositions(), "broken": broken})


def estimates():
    made = scores()
    made.add(CHANCE, 0.005, 1886)
    for place in (5, 9):
        made.add(f"{ANGLE}[bin={place}]", (place + 0.5) * np.pi / 18, 900 if place == 5 else 4)
    for kind in (ORTHOGONAL, PLAIN):
        for bits in BITS:
            variance = (1.5 if kind == ORTHOGONAL else 2.4) / bits
            for metric, value in {BIAS: 0.002, VARIANCE: variance}.items():
                made.add(angle_named(metric, kind, bits), value, 904)
                made.add(f"{angle_named(metric, kind, bits)}_se", 0.001, 904)
                for place in (5, 9):
                    made.add(binned(metric, kind, bits, place), value, 900 if place == 5 else 4)
                    made.add(binned(f"{metric}_se", kind, bits, place), 0.003, 900 if place == 5 else 4)
            for part, value in {"": bits / 600, "_sd": 0.04, "_averaged": bits / 601}.items():
                made.add(angle_named(f"{RECALL}{part}", kind, bits), value, 5000)
    for bits in BITS:
        made.add(f"angle_variance_orthogonal_over_plain_{bits}bits", 0.625, 904)
        made.add(f"angle_variance_orthogonal_over_plain_{bits}bits_se", 0.01, 904)
        made.add(f"angle_variance_plain_over_binomial_{bits}bits", 1.01, 904)
    return made


@pytest.fixture
def angles():
    broken = scores()
    broken.miss(angle_named(BIAS, ORTHOGONAL, 64), 0, "failed", "RuntimeError: planted")
    return gather("cf_fig3", {"first": estimates(), "broken": broken})


def texts(figure):
    everything = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in everything)


def test_cf_fig2s_table_has_every_decomposition_and_rank(svd):
    table = svd_table(svd)
    assert list(dict.fromkeys(table["dataset"])) == ["first", "shekhar", "broken"]
    here = table[table["dataset"] == "first"]
    whole = here[here["rank"] == ALL_RANKS].set_index(["algorithm", "matrix"])
    assert whole["seconds"].to_dict() == SECONDS
    assert whole.loc[(RANDOMIZED, DENSE), "over_full"] == 48
    assert whole.loc[(RANDOMIZED, SPARSE), "over_truncated"] == 12
    assert whole.loc[(RANDOMIZED, DENSE), "max_error_top_10"] == pytest.approx(0.02)
    assert np.isnan(whole.loc[(FULL, DENSE), "max_error_top_50"])
    assert (whole[GENES] == 1597).all()
    ranks = here[here["rank"] != ALL_RANKS]
    assert ranks.groupby("algorithm")["rank"].apply(list).to_dict() == {
        name: list(range(1, 51)) for name in (TRUNCATED, RANDOMIZED)
    }
    seventh = ranks[(ranks["algorithm"] == RANDOMIZED) & (ranks["rank"] == 7)].iloc[0]
    assert seventh[["error_smallest", "error", "error_largest"]].tolist() == [0.0035, 0.007, 0.014]
    failed = table[table["dataset"] == "broken"]
    assert failed["status"].tolist() == ["timeout"]


def test_cf_fig2_says_what_was_selected_gained_and_lost(svd):
    published = published_genes(read_expected("config/expected.tsv"), FACTS)
    assert published == {"shekhar": 3270}
    figure = draw_cf_fig2(svd_table(svd), FACTS, published)
    said = texts(figure)
    for part in (
        "1,597\npaper 3,270",
        "10.7%",
        "35%",
        "48 x\n24 x",
        "12 x\n12 x",
        "0.02",
        "0.1",
        "broken\n(simulated)",
        "broken: timeout (took longer than its limit of 9 s)",
        "1 thread on vm",
        "randomised (CellFishing's)",
    ):
        assert part in said
    assert said.count("paper 3,270") == 1


def test_cf_fig2_draws_seconds_where_they_are_and_no_error_of_zero(svd):
    axes = draw_cf_fig2(svd_table(svd), FACTS, {}).axes
    drawn = sorted(float(line.get_xdata()[0]) for line in axes[0].lines if len(line.get_xdata()) == 1)
    assert drawn == sorted(2 * list(SECONDS.values()))
    low, high = axes[0].get_xlim()
    assert low < min(drawn)
    assert max(drawn) < high
    errors = [line.get_ydata() for line in axes[2].lines]
    assert [len(values) for values in errors] == [50, 50]
    assert min(values.min() for values in errors) >= axes[2].get_ylim()[0] > 0


def test_cf_fig3s_table_has_all_pairs_and_bins(angles):
    table = angle_table(angles)
    here = table[table["dataset"] == "first"]
    assert not here.duplicated(["kind", "bits", "bin"]).any()
    assert len(here) == 2 * len(BITS) * 3
    whole = here[here["bin"] == ALL_ANGLES].set_index(["kind", "bits"])
    assert whole.loc[(ORTHOGONAL, 128), "recall"] == pytest.approx(128 / 600)
    assert whole.loc[(ORTHOGONAL, 128), "variance_over_plain"] == 0.625
    assert whole.loc[(PLAIN, 128), "variance_over_binomial"] == 1.01
    assert np.isnan(whole.loc[(PLAIN, 128), "variance_over_plain"])
    assert whole["recall_sd"].eq(0.04).all()
    assert (whole["n_pairs"] == 904).all()
    bins = here[here["bin"] == 5]
    assert (bins["n_pairs"] == 900).all()
    assert bins["bias_se"].eq(0.003).all()
    assert np.degrees(bins["angle"]).to_numpy() == pytest.approx(55)
    assert table.loc[table["dataset"] == "broken", "reason"].tolist() == ["RuntimeError: planted"]


def test_cf_fig3_shows_deviations_and_recall_beside_the_papers(angles):
    published = published_recall(read_expected("config/expected.tsv"))
    assert published == {64: 0.28, 128: 0.45, 256: 0.75, 512: 0.85}
    figure = draw_cf_fig3(angle_table(angles), FACTS, published)
    said = texts(figure)
    for part in (
        "first: 1,886 cells",
        "broken (simulated)",
        "broken: failed (RuntimeError: planted)",
        "orthogonal\n+0.11 ± 0.06",
        "21%",
        "85%",
        "paper, Shekhar2016",
        "27,499 cells",
    ):
        assert part in said
    deviations, _, recalls = figure.axes[:3]
    points = [line for line in deviations.lines if line.get_marker() == "o"]
    assert len(points) == 2 * len(BITS)
    assert all(len(line.get_xdata()) == 1 for line in points)  # the bin of 4 pairs is not drawn
    assert points[0].get_ydata()[0] == pytest.approx(np.degrees(np.sqrt(1.5 / 64)))
    crosses = next(line for line in recalls.lines if line.get_marker() == "x")
    assert list(crosses.get_ydata()) == list(published.values())


def test_cf_fig3_without_the_papers_numbers(angles):
    assert "Shekhar" not in texts(draw_cf_fig3(angle_table(angles), FACTS, {}))


def test_nothing_but_failures_is_still_a_figure(svd, angles):
    for scores_, make, draw in ((svd, svd_table, draw_cf_fig2), (angles, angle_table, draw_cf_fig3)):
        table = make(pd.DataFrame(scores_[scores_["dataset"] == "broken"]))
        assert "broken: " in texts(draw(table, FACTS, {}))
