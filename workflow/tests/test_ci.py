"""The workflow of continuous integration: what it runs exists, what it takes from others is pinned."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / ".github/workflows/ci.yml"
GENERATED = re.compile(r"results/[\w./-]+\.(?:md|html|tsv)")


@pytest.fixture(scope="module")
def ci():
    return yaml.safe_load(CI.read_text())


@pytest.fixture(scope="module")
def steps(ci):
    return [step for job in ci["jobs"].values() for step in job["steps"]]


def make_targets():
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_command_is_a_target_that_exists(steps):
    called = [
        line for step in steps for line in re.findall(r"^\s*make (.+)$", step.get("run", ""), re.MULTILINE)
    ]
    targets = [word for line in called for word in line.split() if "=" not in word]
    assert {"lint", "types", "unit", "demo", "regression", "test-slurm"} <= set(targets) <= make_targets()
    others = [step["run"] for step in steps if "run" in step and not step["run"].startswith("make ")]
    assert all("summary.md" in command for command in others), others


def test_the_steps_run_in_an_order_that_works(ci):
    commands = [step.get("run", "") for step in ci["jobs"]["regression"]["steps"]]
    places = [
        commands.index(command) for command in ("make setup", "make demo", "make regression SUITE=demo")
    ]
    assert places == sorted(places)


def test_actions_are_pinned_to_a_commit_and_their_version_stands_beside_it():
    uses = re.findall(r"uses: (.+)", CI.read_text())
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in uses), uses


def test_it_runs_on_pull_requests_and_may_write_nothing_but_the_comment(ci):
    assert "pull_request" in ci[True]  # YAML reads `on` as true
    assert ci["permissions"] == {"contents": "read"}
    assert ci["jobs"]["test"].get("permissions") is None
    assert ci["jobs"]["regression"]["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_the_summary_is_posted_even_where_the_comparison_fails(steps):
    posts = [step for step in steps if "summary.md" in step.get("run", "")]
    assert len(posts) == 2
    assert all("always()" in step["if"] for step in posts)
    assert "GITHUB_STEP_SUMMARY" in posts[0]["run"]
    assert "gh pr comment" in posts[1]["run"]


def test_the_files_that_it_takes_are_those_that_the_targets_write(steps):
    named = {path for step in steps for path in GENERATED.findall(str(step))}
    assert named == {
        "results/demo/report.html",
        "results/demo/metrics.tsv",
        "results/demo/regression/summary.md",
    }
    makefile = (ROOT / "Makefile").read_text()
    assert "--output results/$(SUITE)/regression" in makefile
