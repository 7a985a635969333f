"""Config: precedence, strictness, and errors that name file, key, what came and what is allowed."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import yaml

from schash.config import KINDS, ExperimentName, merge, resolve
from schash.data.registry import load_registry
from schash.errors import ConfigError
from schash.methods.catalogue import MethodRow, build_method, load_catalogue
from schash.methods.contract import Method
from schash.plan import Plan
from schash.schema import load_yaml

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
SUITES = sorted(path.stem for path in (CONFIG / "suites").glob("*.yaml"))


def resolved(**given):
    return resolve(given, default_path=CONFIG / "config.yaml", suites=CONFIG / "suites")


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_is_valid(suite):
    config = resolved(suite=suite)
    assert config.root == f"results/{suite}"
    assert {"table1", "fig2a", "variants"} <= set(config.experiments)


def test_precedence_is_default_then_suite_then_user():
    assert resolved().limits.fold_seconds == 120  # the demo's
    config = resolved(limits={"fold_seconds": 7})
    assert config.limits.fold_seconds == 7
    assert config.limits.fold_memory_mb == 6000  # the rest of a mapping stays


def test_lists_are_replaced_not_merged():
    assert merge({"a": {"b": [1, 2], "c": 3}}, {"a": {"b": [4]}}) == {"a": {"b": [4], "c": 3}}


def test_preset_chooses_the_deephash_that_runs():
    assert "deephash_compact" in resolved().experiments["fig2a"].methods
    assert "deephash_paper" in resolved(preset="paper").experiments["fig2a"].methods


def test_downloads_come_from_the_config_or_the_environment(monkeypatch):
    monkeypatch.delenv("SCHASH_DOWNLOADS", raising=False)
    assert resolved().downloads == "results/downloads"
    monkeypatch.setenv("SCHASH_DOWNLOADS", "/shared")
    assert resolved().downloads == "/shared"
    assert resolved(downloads="/here").downloads == "/here"


def test_mirror_comes_from_the_config_or_the_environment(monkeypatch):
    monkeypatch.delenv("SCHASH_MIRROR", raising=False)
    assert resolved().mirror is None
    monkeypatch.setenv("SCHASH_MIRROR", "/there")
    assert resolved().mirror == "/there"
    assert resolved(mirror="/here").mirror == "/here"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"suite": "smal"}, r"suite 'smal' is not known \(known: demo, paper, small\)"),
        ({"sed": 1}, r"sed: unknown key; did you mean 'seed'\? \(allowed here: archives, bootstrap, .*seed"),
        ({"limits": {"fold_second": 1}}, "limits.fold_second: unknown key; did you mean 'fold_seconds'"),
        ({"archives": "parts"}, "archives: Input should be 'members' or 'whole'; came 'parts'"),
        ({"preset": "big"}, "preset: Input should be 'compact' or 'paper'; came 'big'"),
        ({"seed": -1}, "seed: .*greater than or equal to 0; came -1"),
        ({"experiments": {"fig2a": {"scheme": "cv7"}}}, "experiments.fig2a.scheme: .*'cv5'.*; came 'cv7'"),
        (
            {"experiments": {"fig2a": {"metods": []}}},
            "experiments.fig2a.metods: unknown key; did you mean 'methods'",
        ),
    ],
)
def test_bad_config_is_refused_by_key(given, words):
    with pytest.raises(ConfigError, match=words):
        resolved(**given)


def test_bad_yaml_names_the_file(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("a: [1, 2")
    with pytest.raises(ConfigError, match=r"broken\.yaml: cannot be read as YAML"):
        load_yaml(path)
    path.write_text("- 1")
    with pytest.raises(ConfigError, match=r"must hold a mapping.*found list"):
        load_yaml(path)


def test_the_configs_own_methods_add_rows_and_replace_keys_of_rows():
    own = {
        "svm": {"parameters": {"C": 0.1}},
        "mine": {"title": "Mine", "class": "mine:Mine", "accepts": ["counts"]},
    }
    before, after = (load_catalogue(CONFIG / "methods.yaml", overlay) for overlay in (None, own))
    assert after.row("svm").parameters == {**before.row("svm").parameters, "C": 0.1}
    assert (after.row("svm").title, after.row("mine").title) == (before.row("svm").title, "Mine")
    assert len(after.methods) == len(before.methods) + 1


def test_every_method_row_builds():
    catalogue = load_catalogue(CONFIG / "methods.yaml")
    for name, row in catalogue.methods.items():
        assert isinstance(build_method(row, seed=1), Method), name


def test_ids_of_the_methods_that_others_rely_on():
    expected = (
        "deephash_compact deephash_paper deephash_as_coded cellfishing svm svm_norm svm_rejection knn9 knn50 actinn "
        "castle singlecellnet singler scanvi scmap_cell scmap_cluster celltypist true_labels majority random "
        "exact_cosine"
    )
    assert set(expected.split()) <= set(load_catalogue(CONFIG / "methods.yaml").methods)


def test_only_the_positive_control_sees_the_solution():
    rows = load_catalogue(CONFIG / "methods.yaml").methods
    assert [name for name, row in rows.items() if row.sees_solution] == ["true_labels"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"class": "schash.methods.svm", "accepts": ["counts"]}, "methods.x.class: .*'module:Class'"),
        (
            {"class": "schash.methods.svm:SVM", "accepts": ["umis"]},
            "methods.x.accepts.0: .*'counts'.*came 'umis'",
        ),
        ({"class": "schash.methods.svm:SVM"}, "methods.x.accepts: is required and missing"),
        (
            {"class": "a:B", "accepts": ["counts"], "param": {}},
            "methods.x.param: unknown key; did you mean 'parameters'",
        ),
    ],
)
def test_bad_method_rows_are_refused(row, words):
    with pytest.raises(ConfigError, match=words):
        load_catalogue(CONFIG / "methods.yaml", overlay={"x": {"title": "X", **row}})


@pytest.mark.parametrize(
    ("class_", "parameters", "words"),
    [
        ("schash.methods.svm:Nothing", {}, "has no class Nothing"),
        ("schash.methods.knn:KNearestNeighbours", {"k": 3}, "no parameter k; it takes n_neighbors"),
    ],
)
def test_rows_that_do_not_fit_their_class_are_refused(class_, parameters, words):
    overlay = {"x": {"title": "X", "class": class_, "accepts": ["counts"], "parameters": parameters}}
    row = load_catalogue(CONFIG / "methods.yaml", overlay=overlay).row("x")
    with pytest.raises(ConfigError, match=words):
        build_method(row, seed=0)


def test_a_missing_library_says_which_extra_brings_it():
    row = MethodRow.model_validate(
        {"title": "X", "class": "no_such_library.x:X", "accepts": ["counts"], "extra": "scvi"}
    )
    with pytest.raises(
        ConfigError, match=r"needs the module no_such_library; pip install 'schash\[scvi\]' brings"
    ):
        build_method(row, seed=0)


def test_extras_that_rows_name_exist():
    with open(ROOT / "package" / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    named = {row.extra for row in load_catalogue(CONFIG / "methods.yaml").methods.values() if row.extra}
    assert named == set(re.findall(r"\w+", extras["methods"][0].removeprefix("schash")))


def test_every_method_and_its_paper_stand_in_the_documentation():
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    table, references = text.split("## Where a method departs")[0], text.split("## References")[1]
    rows = load_catalogue(CONFIG / "methods.yaml").methods
    assert [name for name, row in rows.items() if row.seed_as is None and f"`{name}`" not in table] == []
    cited = {row.citation for row in rows.values() if row.citation}
    assert [key for key in sorted(cited) if f"`{key}`" not in references] == []


def plan(**given):
    config = resolved(**given)
    return Plan(config, load_registry(CONFIG / "datasets.yaml"), load_catalogue(CONFIG / "methods.yaml"))


def test_a_scheme_for_timings_scores_no_labels():
    spec = {
        "scheme": "cells5",
        "datasets": ["sim_types"],
        "methods": ["cellfishing", "true_labels"],
        "minutes": 1,
    }
    with pytest.raises(ConfigError, match=r"fig2a scores labels.* under cells5; that scheme is for timings"):
        plan(experiments={"fig2a": spec})
    assert plan(experiments={"cf_table3": {**spec, "sizes": [10]}}).scored("cf_table3") == [
        ("sim_types", "cells5")
    ]


def test_timed_runs_have_the_machine_and_others_share_it():
    spec = {"scheme": "cv5", "datasets": ["sim_types"], "methods": ["svm", "true_labels"], "minutes": 1}
    more = {**spec, "methods": ["svm", "knn9", "true_labels"]}
    made = plan(
        experiments={"fig2a": spec, "table2": more},
        threads=3,
        shared_threads=1,
        exclusive={"fig2a": [], "fig2b": []},
    )
    runs = {run.method: run for run in made.runs("table2")}
    assert {name: made.threads(run) for name, run in runs.items()} == {"svm": 3, "knn9": 1, "true_labels": 3}
    assert [name for name, run in runs.items() if made.is_timed(run)] == ["svm", "true_labels"]


def test_runs_may_be_timed_on_some_data_sets():
    spec = {
        "scheme": "cv5",
        "datasets": ["sim_types", "sim_studies"],
        "methods": ["true_labels"],
        "minutes": 1,
    }

    def timed(named):
        made = plan(experiments={"fig2a": spec}, exclusive={"fig2a": named})
        assert made.timed_datasets("fig2a") == tuple(
            run.dataset for run in made.runs("fig2a") if made.is_timed(run)
        )
        return made.timed_datasets("fig2a")

    assert timed([]) == ("sim_types", "sim_studies")
    assert plan(exclusive={"fig2d": []}).is_undisturbed("fig2d")
    assert not plan(exclusive={"fig2d": None}).is_undisturbed("fig2d")
    assert timed(["sim_studies"]) == ("sim_studies",)
    assert timed(None) == ()
    with pytest.raises(ConfigError, match="did you mean 'sim_types'"):
        timed(["sim_type"])


def test_a_suite_leaves_methods_out_of_some_data_sets():
    spec = {
        "datasets": ["sim_types", "sim_studies"],
        "methods": ["deephash", "svm", "true_labels"],
        "skip": {"sim_types": ["deephash", "svm"], "pbmc68k_reduced": ["svm"]},
    }
    runs = plan(experiments={"fig2a": spec}).runs("fig2a")
    assert [(run.dataset, run.method) for run in runs] == [
        ("sim_types", "true_labels"),
        ("sim_studies", "deephash_compact"),
        ("sim_studies", "svm"),
        ("sim_studies", "true_labels"),
    ]
    with pytest.raises(ConfigError, match="no positive control on sim_types; add true_labels"):
        plan(experiments={"fig2a": {**spec, "skip": {"sim_types": ["true_labels"]}}})
    for skip, word in (({"sim_type": ["svm"]}, "sim_types"), ({"sim_types": ["svn"]}, "svm")):
        with pytest.raises(ConfigError, match=f"did you mean '{word}'"):
            plan(experiments={"fig2a": {**spec, "skip": skip}})


def test_a_data_set_may_have_schemes_of_its_own():
    spec = {
        "datasets": ["sim_types", "sim_studies"],
        "scheme": "cv5",
        "schemes": {"sim_studies": ["loso", "loso_mnn"]},
        "methods": ["svm", "true_labels"],
    }
    planned = plan(experiments={"fig2b": spec})
    assert planned.scored("fig2b") == [
        ("sim_types", "cv5"),
        ("sim_studies", "loso"),
        ("sim_studies", "loso_mnn"),
    ]
    assert len(planned.runs("fig2b")) == 6
    without = {**spec, "scheme": None}
    with pytest.raises(ConfigError, match=r"fig2b\.scheme is required for sim_types"):
        plan(experiments={"fig2b": without})
    with pytest.raises(ConfigError, match="no data set 'sim_study'"):
        plan(experiments={"fig2b": {**spec, "schemes": {"sim_study": ["loso"]}}})


def test_a_run_keeps_what_the_deepest_of_its_experiments_asks_for():
    spec = {"datasets": ["sim_types"], "scheme": "cv5", "methods": ["svm", "exact_cosine", "true_labels"]}
    experiments = {"fig2a": spec, "table2": {**spec, "search_depth": 70, "minutes": 1}}
    planned = plan(experiments=experiments)
    depth = {run.dataset: planned.search_depth(run) for run in planned.runs("fig2a")}
    assert depth["sim_types"] == 70
    assert planned.of_kind("retrieval")[0] == "table2"
    assert "fig2a" in planned.of_kind("annotation", "retrieval")


def test_only_annotation_and_retrieval_need_a_positive_control():
    spec = {"datasets": ["sim_types"], "scheme": "cv5", "methods": ["svm"], "minutes": 1}
    assert plan(experiments={"fig2d": spec}).scored("fig2d") == [("sim_types", "cv5")]
    for name in ("fig2b", "table2"):
        with pytest.raises(ConfigError, match=f"{name} has no positive control"):
            plan(experiments={name: spec | {"schemes": {}}})


def test_null_leaves_an_experiment_out():
    assert "variants" not in resolved(experiments={"variants": None}).experiments
    assert "variants" in resolved().experiments


def test_every_experiment_has_a_kind():
    assert set(KINDS) == set(get_args(ExperimentName))


def test_an_unknown_method_gets_a_suggestion():
    with pytest.raises(ConfigError, match="no method 'svn'; did you mean 'svm'"):
        load_catalogue(CONFIG / "methods.yaml").row("svn")


def test_suites_are_plain_yaml():
    for suite in SUITES:
        assert yaml.safe_load((CONFIG / "suites" / f"{suite}.yaml").read_text())["title"]
