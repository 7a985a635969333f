"""Scores of searches: databases, k, ties and reasons, against slow twins, controls and hand-made lists."""

import importlib.util
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from schash.errors import ConfigError
from schash.found import write_neighbors
from schash.methods.contract import NearestCells
from schash.methods.nearest import nearest_rows
from schash.metrics.ranked import rank_by_distance
from schash.metrics.retrieval import DENOMINATORS, TIES, retrieval_scores
from schash.retrieval_databases import DATABASES, database_rows
from schash.retrieval_ids import (
    AVERAGES,
    CURVE_COLUMNS,
    MEASURES,
    RECALL_WITHIN_TYPE,
    RECALL_WITHIN_TYPE_CHANCE,
    SHARE_AT_CEILING,
    cells_per_type_metric,
    k_metric,
    k_parts,
    map_metric,
    map_parts,
    precision_metric,
)
from schash.retrieval_ranking import FoldLabels, RetrievalOptions
from schash.retrieval_scoring import score_retrieval
from schash.seeds import derive_seed
from schash.tables import EXPERIMENT_COLUMNS, SCORE_COLUMNS, STATUS_COLUMNS, read_table, write_table

SIZES = {"A": 48, "B": 30, "C": 22, "rare": 4}
N_QUERY = 24
OPTIONS = RetrievalOptions("d", "cv5")
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def labels(rng):
    """Two folds: 104 training cells of four types, 24 queries."""
    train = np.repeat(list(SIZES), list(SIZES.values()))
    return {fold: FoldLabels(rng.permutation(train), rng.choice(train, N_QUERY)) for fold in range(2)}


def status(n_folds=2, **bad):
    """STATUS_COLUMNS; `bad` names folds f0, f1 that did not run, with their status."""
    rows = [{"fold": fold, "status": bad.get(f"f{fold}", "ok"), "reason": ""} for fold in range(n_folds)]
    table = pd.DataFrame(rows).assign(fit_s=2.0, predict_s=0.5, peak_mb=99.0, threads=1, host="h")
    table.loc[table["status"] != "ok", "reason"] = "why not"
    return table[list(STATUS_COLUMNS)].astype(STATUS_COLUMNS)


def points(labels, rng, spread):
    """Distances of queries to training cells, by fold: types are points in space, cells spread about them."""
    centre = {name: rng.normal(size=5) for name in SIZES}
    made = {}
    for fold, of_fold in labels.items():
        train, query = (np.stack([centre[t] for t in part]) for part in of_fold)
        train, query = (part + spread * rng.normal(size=part.shape) for part in (train, query))
        made[fold] = np.linalg.norm(query[:, None] - train, axis=2).astype(np.float32)
    return made


def lists(distances, depth=None):
    return lambda fold: nearest_rows(distances[fold], depth or distances[fold].shape[1])


def by_type(labels):
    """What a search that knows the types finds."""
    return {fold: (of.query[:, None] != of.train).astype(np.float32) for fold, of in labels.items()}


def values(scores, fold="0"):
    return scores[scores["fold"] == fold].set_index("metric")["value"]


def kept_rows(labels, database, fold):
    seed = derive_seed("database", database, "d", "cv5", fold, 0)
    return database_rows(labels[fold].train, DATABASES[database], seed=seed)


# ---- scores ----


@pytest.mark.parametrize("database", list(DATABASES))
def test_scores_are_those_of_all_distances_to_the_database(labels, rng, database):
    distances = {fold: np.round(d, 1) for fold, d in points(labels, rng, 1.0).items()}
    scores, curves = score_retrieval(lists(distances), labels, status(), OPTIONS)
    for fold in labels:
        rows = kept_rows(labels, database, fold)
        types = labels[fold].train[rows]
        mean = len(rows) / 4
        ks = {"0.5x": round(mean / 2), "1x": round(mean), "2x": round(2 * mean)}
        got = values(scores, str(fold))
        assert got[cells_per_type_metric(database)] == mean
        assert {name: got[k_metric(name, database)] for name in ks} == ks
        ranked = rank_by_distance(
            distances[fold][:, rows], len(rows), database_labels=types, query_labels=labels[fold].query
        )
        grid = [n for n in (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100) if n <= len(rows)]
        ns = sorted({*grid, *ks.values()})
        expected = retrieval_scores(ranked, ks=list(ks.values()), ns=ns)
        expected = expected.set_index(["metric", "denominator", "k", "ties", "average"])
        for ties, average in itertools.product(TIES, AVERAGES):
            for (name, k), denominator in itertools.product(ks.items(), DENOMINATORS):
                truth = expected.loc[("map_at_k", denominator, k, ties, average)]
                assert got[map_metric(name, denominator, ties, average, database)] == pytest.approx(
                    truth["value"]
                )
            assert got[precision_metric(10, ties, average, database)] == pytest.approx(
                expected.loc[("precision_at_n", "", 10, ties, average), "value"]
            )
        curve = curves[(curves["fold"] == str(fold)) & (curves["database"] == database)]
        for row in curve.itertuples():
            truth = expected.loc[("precision_at_n", "", row.n, row.ties, row.average)]
            assert (row.precision, row.ceiling) == pytest.approx((truth["value"], truth["ceiling"]))
        assert len(curve) == len(ns) * 4
        assert set(curve["n"]) == set(ns)


def test_tables_have_their_schemas(labels, rng):
    distances = points(labels, rng, 1.0)
    scores, curves = score_retrieval(lists(distances), labels, status(), OPTIONS, exact=lists(distances))
    assert list(scores.columns) == list(SCORE_COLUMNS)
    assert list(curves.columns) == [name for name in CURVE_COLUMNS if name != "method"]
    assert set(curves["dataset"]) == {"d"}
    assert set(curves["scheme"]) == {"cv5"}
    assert not scores.duplicated(["fold", "metric"]).any()
    assert not curves.duplicated(["fold", "database", "average", "ties", "n"]).any()
    assert set(scores["fit_s"]) == {2.0}
    cut = scores["reason"] != ""
    assert scores["value"][~cut].notna().all()
    assert scores["metric"][cut].str.startswith("precision_at_n[n=100").all()  # of 78 cells in db60
    assert scores["metric"][cut].str.endswith("db60]").all()


def test_the_positive_control_reaches_the_ceiling_and_is_at_chance_within_types(labels, rng):
    scores, curves = score_retrieval(
        lists(by_type(labels)), labels, status(), OPTIONS, exact=lists(points(labels, rng, 1.0))
    )
    for fold in ("0", "1"):
        got = values(scores, fold)
        assert got[SHARE_AT_CEILING] == 1.0
        assert got[RECALL_WITHIN_TYPE] == pytest.approx(got[RECALL_WITHIN_TYPE_CHANCE])
        standard = got[got.index.str.contains(r"map_at_k\[k=\dx,(?:min_k_r|hits)")]
        np.testing.assert_allclose(standard, 1)
        assert got[map_metric("2x", "k", "averaged", "queries", "db80")] < 1
    np.testing.assert_allclose(curves["precision"], curves["ceiling"])


def test_a_search_that_is_wrong_once_is_below_the_ceiling(labels):
    distances = by_type(labels)
    wrong = distances[0][0]
    beside = np.setdiff1d(np.flatnonzero(wrong == 1), kept_rows(labels, "db60", 0))
    wrong[beside[0]] = 0  # in the larger database alone
    scores, _ = score_retrieval(lists(distances), labels, status(), OPTIONS)
    assert values(scores, "0")[SHARE_AT_CEILING] < 1
    assert values(scores, "1")[SHARE_AT_CEILING] == 1


def test_a_search_that_knows_nothing_is_at_chance(labels):
    nothing = {fold: np.zeros((N_QUERY, len(of.train)), np.float32) for fold, of in labels.items()}
    scores, curves = score_retrieval(lists(nothing), labels, status(), OPTIONS, exact=lists(nothing))
    averaged = curves[curves["ties"] == "averaged"]
    np.testing.assert_allclose(averaged["precision"], averaged["chance"])
    share = {name: size / sum(SIZES.values()) for name, size in SIZES.items()}
    here = (
        curves[(curves["fold"] == "0") & (curves["database"] == "db80")].groupby("average")["chance"].first()
    )
    query = labels[0].query
    assert here["queries"] == pytest.approx(np.mean([share[name] for name in query]))
    assert here["types"] == pytest.approx(np.mean([share[name] for name in np.unique(query)]))
    got = values(scores)
    assert got[RECALL_WITHIN_TYPE] == pytest.approx(got[RECALL_WITHIN_TYPE_CHANCE])
    assert got[SHARE_AT_CEILING] == 0


def test_exact_search_finds_itself_within_types(labels, rng):
    distances = points(labels, rng, 1.0)
    scores, _ = score_retrieval(lists(distances), labels, status(), OPTIONS, exact=lists(distances))
    row = scores.set_index(["fold", "metric"]).loc[("0", RECALL_WITHIN_TYPE)]
    large = np.isin(labels[0].query, ["A", "B", "C"])
    assert (row["value"], row["n"]) == (1.0, large.sum())
    sizes = np.array([SIZES[name] for name in labels[0].query[large]])
    assert values(scores)[RECALL_WITHIN_TYPE_CHANCE] == pytest.approx(np.mean(10 / sizes))


def test_without_exact_neighbours_the_recall_says_so(labels):
    for exact in (None, lambda fold: None):
        scores, _ = score_retrieval(lists(by_type(labels)), labels, status(), OPTIONS, exact=exact)
        rows = scores[scores["metric"].isin([RECALL_WITHIN_TYPE, RECALL_WITHIN_TYPE_CHANCE])]
        assert rows["value"].isna().all()
        assert set(rows["reason"]) == {"there are no exact cosine neighbours to compare with"}


def test_where_no_type_is_large_enough_the_recall_says_so(rng):
    small = {0: FoldLabels(np.repeat(["a", "b"], 20), np.array(["a", "b"]))}
    find = lists(by_type(small))
    scores, _ = score_retrieval(find, small, status(1), OPTIONS, exact=find)
    row = scores.set_index("metric").loc[RECALL_WITHIN_TYPE]
    assert row["reason"] == "no query has 10 known exact neighbours of a type of more than 20 cells"
    assert row["n"] == 0


def test_a_fold_that_did_not_run_is_a_row_with_its_reason(labels):
    asked = []

    def find(fold):
        asked.append(fold)
        return lists(by_type(labels))(fold)

    scores, curves = score_retrieval(find, labels, status(f1="timeout"), OPTIONS)
    (bad,) = scores[scores["fold"] == "1"].to_dict("records")
    assert (bad["status"], bad["reason"], bad["metric"], bad["n"]) == ("timeout", "why not", "", 0)
    assert np.isnan(bad["value"])
    assert asked == [0]
    scores, curves = score_retrieval(find, labels, status(f0="error", f1="error"), OPTIONS)
    assert (len(scores), len(curves)) == (2, 0)
    assert "n" in curves


def test_queries_of_types_that_the_database_lacks_are_not_counted(labels):
    labels = {0: labels[0]._replace(query=np.r_[labels[0].query[:-2], ["new", "new"]])}
    scores, _ = score_retrieval(lists(by_type(labels)), labels, status(1), OPTIONS)
    rows = scores.set_index("metric")
    name = map_metric("1x", "min_k_r", "averaged", "queries", "db80")
    assert (rows.loc[name, "value"], rows.loc[name, "n"]) == (1, N_QUERY - 2)
    assert rows.loc[SHARE_AT_CEILING, "value"] == 1


def test_k_may_be_given_as_numbers(labels):
    options = OPTIONS._replace(ks=(3, 40))
    scores, curves = score_retrieval(lists(by_type(labels)), labels, status(), options)
    parts = map_parts(scores["metric"]).dropna()
    assert set(parts["k"]) == {"3", "40"}
    assert k_parts(scores["metric"]).isna().all(axis=None)
    assert 40 in set(curves["n"])
    assert set(curves["n"]) >= {1, 70, 100}
    for ks in ((0,), (2.5,), (5, -1)):
        with pytest.raises(ConfigError, match="every k must be a whole number of at least 1"):
            score_retrieval(lists(by_type(labels)), labels, status(), options._replace(ks=ks))


def test_the_grid_of_n_goes_on_to_the_largest_k_that_is_given(rng):
    many = {0: FoldLabels(np.repeat(["a", "b"], 500), np.array(["a", "b"]))}
    for ks, last in (((), 1000), ((400,), 400), ((10,), 200)):
        _, curves = score_retrieval(lists(by_type(many)), many, status(1), OPTIONS._replace(ks=ks))
        ns = set(curves.loc[curves["database"] == "db80", "n"])
        assert max(ns) == last
        assert (300 in ns) == (ks == (400,))  # multiples of the cells a type do not set its end


def test_lists_that_end_among_ties_have_no_averaged_score_and_say_why(labels):
    distances, options = by_type(labels), OPTIONS._replace(ks=(2, 30, 60))
    scores, curves = score_retrieval(lists(distances, 50), labels, status(1), options)
    rows = scores.set_index("metric")

    def row(k, ties):
        return rows.loc[map_metric(k, "min_k_r", ties, "queries", "db80")]

    assert row("2", "by_row")["value"] == row("30", "by_row")["value"] == 1
    assert row("60", "by_row")["reason"] == "rank 60 is beyond the 50 cells that every list has"
    assert row("60", "averaged")["reason"] == row("60", "by_row")["reason"]
    small = {name: np.count_nonzero(labels[0].query == name) for name in SIZES}
    cut = N_QUERY - small["A"] - small["B"]  # their cells of the type do not fill 30 ranks
    assert row("30", "averaged")["reason"] == (
        f"rank 30 of {cut} of {N_QUERY} lists is among ties that go on beyond the list"
    )
    assert np.isnan(row("30", "averaged")["value"])
    assert row("30", "averaged")["n"] == N_QUERY
    assert (rows["status"] == "ok").all()
    assert rows.loc[SHARE_AT_CEILING, "value"] == 1  # of what is known
    known = curves[curves["database"] == "db80"].groupby("ties")["n"].max()
    assert known["by_row"] == 50
    assert known["averaged"] < 30
    assert curves["precision"].notna().all()


def test_deep_enough_lists_score_as_whole_ones(labels, rng):
    distances = points(labels, rng, 1.0)  # hardly a tie
    whole, _ = score_retrieval(lists(distances), labels, status(), OPTIONS._replace(ks=(5, 20)))
    cut, _ = score_retrieval(lists(distances, 60), labels, status(), OPTIONS._replace(ks=(5, 20)))
    parts = map_parts(cut["metric"])
    chosen = parts["k"].notna()
    np.testing.assert_allclose(cut["value"][chosen], whole["value"][chosen])


def test_candidates_alone_are_scored_as_found(labels):
    distances = by_type(labels)

    def find(fold):  # five candidates of the query's type and nothing else
        found = nearest_rows(distances[fold], 5)
        return NearestCells(found.ids, np.zeros_like(found.distances))

    options = OPTIONS._replace(ks=(4, 10), as_found=True)
    exact = lists(distances)
    scores, curves = score_retrieval(find, labels, status(1), options, exact=exact)
    rows = scores.set_index("metric")
    got = rows["value"]
    enough = np.mean([min(5, SIZES[name]) / min(10, SIZES[name]) for name in labels[0].query])
    assert got[map_metric("4", "min_k_r", "averaged", "queries", "db80")] > 0.7
    assert got[map_metric("10", "hits", "by_row", "queries", "db80")] > 0.9
    if "rare" not in labels[0].query:  # whose fifth candidate is of another type
        assert got[map_metric("10", "min_k_r", "averaged", "queries", "db80")] == pytest.approx(enough)
        assert got[map_metric("10", "k", "averaged", "queries", "db80")] == pytest.approx(0.5)
        assert got[precision_metric(10, "averaged", "queries", "db80")] == pytest.approx(0.5)
    assert rows.loc[RECALL_WITHIN_TYPE, "reason"] == ""
    assert got[RECALL_WITHIN_TYPE] > 0
    assert set(curves["n"]) >= {10, 50}
    unknown, _ = score_retrieval(find, labels, status(1), options._replace(as_found=False), exact=exact)
    assert np.isnan(values(unknown)[map_metric("4", "min_k_r", "averaged", "queries", "db80")])
    assert (
        unknown.set_index("metric")
        .loc[RECALL_WITHIN_TYPE, "reason"]
        .endswith("lists do not show the first 10 cells of the query's type")
    )


def test_db60_depends_on_the_seed_and_the_fold_alone(labels, rng):
    distances = points(labels, rng, 1.0)
    first, _ = score_retrieval(lists(distances), labels, status(), OPTIONS)
    again, _ = score_retrieval(lists(distances), labels, status(), OPTIONS)
    pd.testing.assert_frame_equal(first, again)
    other, _ = score_retrieval(lists(distances), labels, status(), OPTIONS._replace(seed=1))
    differs = first["value"].ne(other["value"]) & first["value"].notna()
    assert differs.any()
    assert first.loc[differs, "metric"].str.contains("db60|share").all()


def test_each_experiment_scores_its_measures_and_together_they_are_all(labels, rng):
    distances = {fold: np.round(d, 1) for fold, d in points(labels, rng, 1.0).items()}
    exact = lists(points(labels, rng, 1.0))
    every, curves = score_retrieval(lists(distances), labels, status(), OPTIONS, exact=exact)
    parts = {
        name: score_retrieval(
            lists(distances), labels, status(), OPTIONS._replace(measures=measures), exact=exact
        )
        for name, measures in MEASURES.items()
    }
    assert parts["table2"][1].empty
    pd.testing.assert_frame_equal(parts["fig3a"][1], curves)
    scores = {name: made.set_index(["fold", "metric"]) for name, (made, _) in parts.items()}
    shared = scores["table2"].index.intersection(scores["fig3a"].index)
    assert set(shared.get_level_values("metric")) == {
        SHARE_AT_CEILING, cells_per_type_metric("db80"), cells_per_type_metric("db60")
    }  # fmt: skip
    together = pd.concat([scores["table2"], scores["fig3a"].drop(index=shared)]).drop(
        SHARE_AT_CEILING, level=1
    )
    whole = every.set_index(["fold", "metric"]).drop(SHARE_AT_CEILING, level=1)
    pd.testing.assert_frame_equal(together.sort_index(), whole.sort_index())


# ---- files ----


def test_the_script_reads_what_runs_leave(labels, tmp_path):
    spec = importlib.util.spec_from_file_location("score_retrieval", SCRIPTS / "score_retrieval.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    parts = [
        pd.DataFrame({"fold": fold, "row": np.arange(len(y)) + start, "part": part, "label": y})
        for fold, of in labels.items()
        for part, start, y in (("train", 0, of.train), ("query", 500, of.query))
    ]
    table = pd.concat(parts, ignore_index=True)
    given = SimpleNamespace(rows=tmp_path / "rows.parquet", neighbors=[], status=[])
    given.train_labels, given.solution = tmp_path / "train.parquet", tmp_path / "solution.parquet"
    table[["fold", "row", "part"]].to_parquet(given.rows)
    table[table["part"] == "train"].to_parquet(given.train_labels)
    table[table["part"] == "query"].to_parquet(given.solution)
    runs = []
    for method, bad in (("true_labels", {}), ("exact_cosine", {"f1": "timeout"})):
        folder = tmp_path / method
        folder.mkdir()
        for fold in range(2 - len(bad)):  # the folder lacks what did not run
            write_neighbors(folder / f"{fold}.schash", lists(by_type(labels))(fold), n_train=104, seconds=1.0)
        write_table(status(**bad), STATUS_COLUMNS, folder / "status.parquet")
        given.neighbors.append(str(folder))
        given.status.append(folder / "status.parquet")
        facts = {"suite": "s", "experiment": "table2", "dataset": "d", "scheme": "cv5", "method": method}
        runs.append({**facts, "preset": "", "variant": "", "stand_in": "", "seed": 0})
    output = SimpleNamespace(scores=tmp_path / "scores.parquet", curves=tmp_path / "curves.parquet")
    script.main(given, runs, "exact_cosine", (), output)
    scores = read_table(output.scores, EXPERIMENT_COLUMNS).set_index(["method", "fold", "metric"])
    assert scores.loc[("true_labels", "1", SHARE_AT_CEILING), "value"] == 1
    assert scores.loc[("true_labels", "0", RECALL_WITHIN_TYPE), "value"] > 0
    assert np.isnan(scores.loc[("true_labels", "1", RECALL_WITHIN_TYPE), "value"])
    assert scores.loc[("exact_cosine", "1", ""), "status"] == "timeout"
    assert read_table(output.curves, CURVE_COLUMNS).empty
    script.main(given, [{**run, "experiment": "fig3a"} for run in runs], "exact_cosine", (7,), output)
    curves = read_table(output.curves, CURVE_COLUMNS)
    assert curves.groupby("method")["fold"].nunique().to_dict() == {"true_labels": 2, "exact_cosine": 1}
    assert 7 in set(curves["n"])
