"""What Snakemake says before it runs anything: plans of every suite, errors of bad configs, use as a module."""

import pytest
import yaml


@pytest.mark.parametrize(("suite", "sources", "members"), [("demo", 0, 0), ("small", 7, 0), ("paper", 8, 8)])
def test_every_suite_plans(workspace, suite, sources, members):
    jobs = workspace.planned("--config", f"suite={suite}")
    assert (jobs.get("fetch", 0), jobs.get("fetch_members", 0)) == (sources, members)
    assert {
        "prepare",
        "split",
        "run_method",
        "run_control",
        "score",
        "fig2a",
        "table1",
        "variants",
        "verdict",
    } <= set(jobs)


def test_a_dry_run_says_what_it_would_download_and_where_to(workspace, monkeypatch):
    monkeypatch.delenv("SCHASH_MIRROR", raising=False)
    result = workspace.snakemake("-n", "--quiet", "all", "--config", "suite=paper", "downloads=/there")
    assert result.returncode == 0, result.stdout
    assert "Downloads: at most about 7.7 GB and " in result.stdout
    assert " of 9 sources, to /there\n" in result.stdout


def test_the_archive_may_be_fetched_whole(workspace):
    jobs = workspace.planned("--config", "suite=paper", "archives=whole", "--", "fetch_all")
    assert jobs == {"fetch": 9, "fetch_all": 1}


@pytest.mark.parametrize("target", ["table1", "fig2a", "variants"])
def test_every_experiment_is_a_target_of_its_own(workspace, target):
    jobs = workspace.planned("--config", "suite=small", "--", target)
    assert target in jobs
    assert not ({"table1", "fig2a", "variants"} - {target}) & set(jobs)


def test_the_paper_preset_swaps_the_network(workspace):
    result = workspace.snakemake("-n", "--quiet", "reason", "--config", "suite=paper", "preset=paper")
    assert "Run deephash_paper on zenodo_tm" in result.stdout
    assert "Run deephash_compact on" not in result.stdout


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"sede": 1}, "sede: unknown key; did you mean 'seed'?"),
        (
            {"experiments": {"fig2a": {"datasets": ["zheng_sort"]}}},
            "no data set 'zheng_sort'; did you mean 'zheng_sorted'?",
        ),
        ({"experiments": {"fig2a": {"methods": ["svmm"]}}}, "no method 'svmm'; did you mean 'svm"),
        ({"datasets": {"mine": {"path": "a.h5ad", "values": "umis"}}}, "datasets.mine.values"),
        ({"suite": "huge"}, "suite 'huge' is not known (known: demo, paper, small)"),
    ],
)
def test_bad_configs_are_named_and_nothing_else_is_printed(workspace, tmp_path, overlay, words):
    path = tmp_path / "overlay.yaml"
    path.write_text(yaml.safe_dump(overlay))
    result = workspace.snakemake("-n", "--configfile", str(path))
    assert result.returncode != 0
    assert words in result.stdout
    assert "Traceback" not in result.stdout


def test_others_can_take_it_in_as_a_module(workspace, tmp_path):
    (tmp_path / "Snakefile").write_text(
        f"""
module schash:
    snakefile: "{workspace.folder}/Snakefile"
    config: {{"suite": "demo", "results": "hashing"}}

use rule * from schash as schash_*

rule mine:
    input: "hashing/demo/figures/fig2a.svg"
    output: "mine.txt"
    shell: "cp {{input}} {{output}}"
"""
    )
    result = workspace.snakemake("-n", "--cores", "2", "mine.txt", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert "schash_fig2a" in result.stdout
    assert "schash_run_method" in result.stdout
