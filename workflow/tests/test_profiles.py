"""Profiles for clusters: every key is one that Snakemake or the executor knows, every rule they name is there, and the
workflow dry-runs with them wherever their executor is installed."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

ROOT = Path(__file__).parents[2]
PROFILES = {path.parent.name: path for path in ROOT.glob("workflow/profiles/**/profile.yaml")}
CLUSTERS = sorted(set(PROFILES) - {"default"})
EXAMPLES = sorted(set(CLUSTERS) - {"slurm"})
RULES = {
    name
    for path in (ROOT / "workflow/rules").glob("*.smk")
    for name in re.findall(r"^(?:rule|use rule \w+ as) (\w+)", path.read_text(), flags=re.MULTILINE)
}


def rules_of(path):
    """Name and text of every rule of a file."""
    return re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), re.MULTILINE | re.DOTALL)


def settings(name):
    return yaml.safe_load(PROFILES[name].read_text())


def is_installed(executor):
    return importlib.util.find_spec(f"snakemake_executor_plugin_{executor.replace('-', '_')}") is not None


def test_the_clusters_that_the_documents_name_have_a_profile():
    assert EXAMPLES == ["aws_batch", "google_batch", "kubernetes", "lsf", "pbs"]
    text = (ROOT / "docs/cluster.md").read_text()
    assert all(f"profiles/examples/{name}" in text for name in EXAMPLES)


@pytest.mark.parametrize("name", PROFILES)
def test_every_key_is_an_option_of_snakemake_or_of_the_executor(name):
    given = settings(name)
    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    unknown = [key for key in given if f"--{key}" not in known]
    executor = given.get("executor")
    if executor and not is_installed(executor):
        unknown = [key for key in unknown if not key.startswith(f"{executor}-")]
    assert not unknown


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_rule_that_a_profile_names_is_one(name):
    given = settings(name)
    assert set(given.get("groups", {})) | set(given.get("set-resources", {})) <= RULES


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_job_is_retried_by_the_profile_alone(name):
    assert settings(name)["retries"] >= 1
    assert settings(name)["keep-going"]
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert not re.search(r"^\s+retries:", path.read_text(), flags=re.MULTILINE), path


def test_examples_say_that_nobody_has_run_them():
    for name in EXAMPLES:
        assert PROFILES[name].read_text().startswith("# NOT RUN"), name
    assert "NOT RUN" not in PROFILES["slurm"].read_text()


def test_every_small_table_and_figure_is_in_a_group_of_the_slurm_profile():
    grouped = set(settings("slurm")["groups"])
    small = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for name, body in rules_of(path):
            if 'memory("table")' in body:
                small.add(name)
    assert len(small) > 25
    assert small <= grouped


def test_the_groups_of_the_slurm_profile_leave_an_order_to_run_in(workspace):
    """A group that waits for itself would be an error while the jobs are planned."""
    groups = [f"{rule}={group}" for rule, group in settings("slurm")["groups"].items()]
    for suite in ("demo", "small"):
        jobs = workspace.planned("--config", f"suite={suite}", "--groups", *groups)
        assert jobs["fig2a"] == 1


def test_every_job_asks_for_memory_and_time_that_grow():
    """By a function of the attempt, or by a limit of the workflow's own, above which more would not help."""
    functions = (
        r"(?:memory\(|runtime\(|run_memory,|run_minutes,|retrieval_memory,|limited_mb\(|minutes_within\()"
    )
    n_rules = 0
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for name, body in rules_of(path):
            if "script:" in body and name != "fetch_check":
                n_rules += 1
                assert re.search(rf"^        mem_mb={functions}", body, re.MULTILINE), name
                assert re.search(rf"^        runtime={functions}", body, re.MULTILINE), name
    assert n_rules > 40


def test_whatever_takes_all_cores_of_a_machine_has_a_node_to_itself():
    """Seconds mean something on a cluster, too, and so does the calibration that they are divided by."""
    alone = {}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for name, body in rules_of(path):
            if re.search(r"^    threads: \w+_cores$", body, re.MULTILINE):
                alone[name] = bool(re.search(r"^        slurm_extra=\w+_on_its_own,$", body, re.MULTILINE))
    assert {"run_method", "time_method", "calibrate"} <= set(alone)  # others are made of them by `use rule`
    assert all(alone.values()), alone


IN_CLOUDS = ("aws_batch", "google_batch", "kubernetes")


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_workflow_dry_runs(workspace, name, monkeypatch, tmp_path):
    given = settings(name)
    if not is_installed(given["executor"]):
        pytest.skip(f"snakemake-executor-plugin-{given['executor']} is not installed")
    store = []
    if name in IN_CLOUDS:  # a folder in place of the bucket, which would be asked what is in it
        if importlib.util.find_spec("snakemake_storage_plugin_fs") is None:
            pytest.skip("snakemake-storage-plugin-fs is not installed")
        store = ["--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path)]
    for variable in given.get("envvars", ()):
        monkeypatch.setenv(variable, "no secret")
    profile = PROFILES[name].parent.relative_to(ROOT)
    arguments = ["--workflow-profile", str(profile), "--config", "suite=demo", *store]
    result = workspace.snakemake("-n", "--quiet", "reason", *arguments)
    assert result.returncode == 0, result.stdout
    assert f"workflow specific profile {profile}" in result.stdout
    assert re.search(r"^verdict +1$", result.stdout, flags=re.MULTILINE)
