"""Bugs planted in the package that a run uses are named by the comparison with the run before, and then are gone."""

import re
import subprocess
import sys

import pytest
import yaml

from schash.config import KINDS

METRICS = "out/demo/metrics.tsv"
OVERLAY = {
    "results": "out",
    "bootstrap": 100,
    "experiments": {
        "fig2a": {
            "datasets": ["sim_studies"],
            "methods": ["svm", "svm_norm", "true_labels"],
            "confusion": [],
            "skip": {},
        },
        "table2": {"datasets": ["sim_studies"], "methods": ["exact_cosine", "true_labels"]},
        **dict.fromkeys(set(KINDS) - {"fig2a", "table2"}),
    },
}
BUGS = {
    "methods/svm.py": (  # labels shuffled in one method
        "self._model.fit(self._features(train), train.y)",
        "y = train.y if self.scale else np.random.default_rng(0).permutation(train.y)\n"
        "        self._model.fit(self._features(train), y)",
    ),
    "metrics/retrieval.py": (  # divided by all relevant cells, where at most k of them can be found
        "return np.maximum(np.minimum(k, n_relevant), 1)",
        "return np.maximum(n_relevant, 1)",
    ),
}


@pytest.fixture(scope="module")
def run(workspace):
    """Run the cut-down suite up to its metrics."""
    (workspace.folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))

    def call():
        result = workspace.snakemake("--configfile", "overlay.yaml", "--cores", "2", "--", METRICS)
        assert result.returncode == 0, result.stdout
        return (workspace.folder / METRICS).read_bytes()

    return call


def compare(folder):
    """Exit code and output of `schash regress` against the run before."""
    code = "import sys; from schash.cli import app; sys.argv[0] = 'schash'; app()"
    command = [sys.executable, "-c", code, "regress", METRICS, "--reference", "reference.tsv"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def test_planted_bugs_are_named_and_the_mended_run_raises_no_alarm(workspace, run):
    lines = run().decode().splitlines(keepends=True)
    # without calibration no times: they are of three runs on a machine that tests share
    (workspace.folder / "reference.tsv").write_text(
        "".join(line for line in lines if "\tcalibration" not in line)
    )
    package = workspace.folder / "package/src/schash"
    clean = {name: (package / name).read_text() for name in BUGS}
    for name, (right, wrong) in BUGS.items():
        assert clean[name].count(right) == 1, name
        (package / name).write_text(clean[name].replace(right, wrong))
    run()
    code, output = compare(workspace.folder)
    assert code == 1, output
    rows = [line for line in output.splitlines() if re.match("│ +\\w", line)]
    assert all(line.startswith("│ worse ") for line in rows), output
    places = {line.split("│")[2].strip() for line in rows}
    assert places == {
        "fig2a / sim_studies / cv5 / svm",
        "table2 / sim_studies / cv5 / exact_cosine",
        "table2 / sim_studies / cv5 / true_labels",
    }
    assert "min_k_r" in output
    for name, text in clean.items():
        (package / name).write_text(text)
    run()
    code, output = compare(workspace.folder)
    assert code == 0, output
    assert "No drift" in output
