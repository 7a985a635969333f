"""The benchmark itself: it draws what it says, keeps every repeat, and does not let a wrong answer pass."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import cli
from benchmarks.case_growth import growth_facts
from benchmarks.contestants import FLAT, Contestant, build
from benchmarks.cosine import cosine_facts, nearest_by_cosine
from benchmarks.race import Limits, race, recall
from benchmarks.results import DIFFERENT, EQUAL, SEARCH_COLUMNS, Problem, Results
from benchmarks.settings import QUICK, Settings, search_races
from benchmarks.simulator import LEVELS, simulated_codes
from benchmarks.targets import verdicts
from schash.neighbors import Neighbors

pytest.importorskip("faiss")


@pytest.fixture
def problem():
    codes = simulated_codes(LEVELS["13"], 500, (64,))[64]
    queries = simulated_codes(LEVELS["13"], 40, (64,), queries=True)[64]
    return Problem("search", "simulator", "13", codes, queries)


def test_a_small_simulated_database_is_the_beginning_of_a_large_one():
    small = simulated_codes(LEVELS["6"], 100, (100, 128))
    large = simulated_codes(LEVELS["6"], 70_000, (100, 128))
    assert all(small[bits] == large[bits][:100] for bits in (100, 128))
    assert simulated_codes(LEVELS["6"], 100, (128,), queries=True)[128] != small[128]
    assert simulated_codes(LEVELS["uniform"], 100, (100,))[100].n_bits == 100


def test_levels_are_in_order_of_difficulty():
    d10 = []
    for level in LEVELS.values():
        codes = simulated_codes(level, 4096, (128,))[128]
        queries = simulated_codes(level, 50, (128,), queries=True)[128]
        d10.append(build(["linear"], codes, n_threads=1)[0].search(queries, 10, 1).distances[:, -1].mean())
    assert d10 == sorted(d10)
    assert d10[0] < 8 < 40 < d10[-1]


def test_race_keeps_every_repeat_and_finds_equal_answers(problem, tmp_path):
    built = build(["multi_fast", "multi_tables", "linear", FLAT], problem.codes, n_threads=1)
    runs = race(built, problem.queries, 10, n_threads=1, limits=Limits(3, 100))
    rows = Results(tmp_path, keep=False).add_race(problem, runs, 10, 1)
    assert list(rows["answers"]) == [EQUAL] * 4
    assert list(rows["repeats"]) == [3] * 4
    assert rows["repeats_ms"].str.split().map(len).eq(3).all()
    assert rows.loc[3, "speedup"] == 1
    assert (rows["recall"] == 1).all()
    assert rows["candidates"].isna().tolist() == [False, False, False, True]


def test_a_wrong_answer_is_seen_and_fails_the_run(problem, tmp_path, monkeypatch):
    built = build([FLAT, "linear"], problem.codes, n_threads=1)

    def search(queries, k, n_threads):
        found = built[1].search(queries, k, n_threads)
        return Neighbors(
            found.ids, found.distances + (len(queries) == 40), found.n_candidates, found.n_lookups
        )

    wrong = Contestant("linear", search, 1.0, 0.0, "none")

    def run(settings, report):
        runs = race([built[0], wrong], problem.queries, 10, n_threads=1, limits=Limits(1, 1))
        report.race(problem, runs, 10, 1)

    monkeypatch.setattr(cli, "CASES", {"search": run})
    result = CliRunner().invoke(cli.app, ["--quick", "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert "not faiss's" in result.output
    table = pd.read_csv(tmp_path / "bench.tsv", sep="\t")
    assert table.loc[table["contestant"] == "linear", "answers"].tolist() == [DIFFERENT]


def test_a_contestant_out_of_time_sits_out(problem):
    built = build([FLAT], problem.codes, n_threads=1)
    runs = race(built, problem.queries, 5, n_threads=1, limits=Limits(50, 0.0))
    assert len(runs[0].seconds) == 1


def test_recall_counts_any_of_those_at_one_distance():
    exact = np.array([[1, 2, 2], [0, 0, 5]])
    assert recall(np.array([[1, 2, 2], [0, 5, 6]]), exact) == pytest.approx(5 / 6)


def test_growth_facts_are_the_slope_and_the_ratio():
    sizes = [1 << power for power in range(13, 17)]
    (_, slope, _), (name, ratio, _) = growth_facts(sizes, [np.sqrt(n) for n in sizes])
    assert (slope, ratio, name) == (pytest.approx(0.5), pytest.approx(np.sqrt(8)), "2^13 to 2^16")


def test_cosine_neighbours_across_blocks(rng, monkeypatch):
    monkeypatch.setattr("benchmarks.cosine._BLOCK", 7)
    database, queries = rng.standard_normal((50, 6)), rng.standard_normal((9, 6))
    unit = database / np.linalg.norm(database, axis=1, keepdims=True)
    exact = np.argsort(-(queries @ unit.T), axis=1)[:, :4]
    np.testing.assert_array_equal(nearest_by_cosine(unit, queries, 4), exact)
    values = {name: value for name, value, _ in cosine_facts(database, queries, exact)}
    assert values["recall of the exact cosine 4-NN"] == values["nearest cell among the 4 found"] == 1


def test_quick_grid_is_a_part_of_the_default_and_that_of_the_full():
    quick, default, full = (set(search_races(s)) for s in (QUICK, Settings(), Settings(full=True)))
    assert quick < default < full
    assert sum(one.with_peers for one in default) == 1


def test_one_case_from_the_command_line_leaves_the_others_there(tmp_path):
    arguments = ["--quick", "--max-log2n", "11", "--output", str(tmp_path), "--only"]
    assert CliRunner().invoke(cli.app, [*arguments, "growth"]).exit_code == 0
    first = pd.read_csv(tmp_path / "bench.tsv", sep="\t")
    assert CliRunner().invoke(cli.app, [*arguments, "memory"]).exit_code == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "bench.tsv", sep="\t"), first)
    assert set(pd.read_csv(tmp_path / "facts.tsv", sep="\t")["case"]) == {"growth", "memory"}
    assert (tmp_path / "bench.png").stat().st_size > 10_000
    assert (tmp_path / "bench.svg").is_file()


def test_targets_are_judged_from_the_tables(tmp_path):
    results = Results(tmp_path, keep=False)
    assert verdicts((results.search, results.facts)).empty
    row = dict.fromkeys(SEARCH_COLUMNS, 0) | {
        "case": "search",
        "n": 1 << 20,
        "threads": 2,
        "k": 10,
        "bits": 128,
    }
    rows = [
        row | {"level": "13", "contestant": "multi_fast", "speedup": 20.0},
        row | {"level": "30", "contestant": "multi_fast", "ms_per_query": 2.0},
        row | {"level": "30", "contestant": "linear", "ms_per_query": 1.0},
        row | {"case": "learned", "contestant": "multi_fast", "ms_per_query": 0.01},
    ]
    results.add_facts(
        "memory", "simulator", 1 << 20, "compact, 4 x 128 bits", [("memory", 183.5, "bytes a cell")]
    )
    reached = verdicts((pd.DataFrame(rows), results.facts)).set_index("what")
    assert reached["verdict"].tolist() == ["least met", "MISSED", "met", "MISSED"]
    assert reached["reached"].tolist() == [20, 0.5, 0.01, 183.5]


def test_an_unknown_case_is_refused_with_the_known_ones():
    result = CliRunner().invoke(cli.app, ["--only", "serach"])
    assert result.exit_code == 2
    assert "cellfishing" in result.output
