"""Some hundred seeded inputs of each format that is read from users; `make fuzz` runs thousands.

None may end otherwise than accepted and right, or refused with an error that names the file.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.cases import Made, WrongAnswerError, run_case
from fuzz.children import outcomes
from fuzz.formats import FORMATS
from schash.errors import DataError

INPUTS = 100


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """In a process of its own, which has no threads and no children that the fuzzed ones would inherit."""
    folder = tmp_path_factory.mktemp("fuzz")
    command = [sys.executable, "-m", "fuzz", "--inputs", str(INPUTS), "--out", str(folder)]
    package = Path(__file__).parents[1]
    paths = os.pathsep.join([str(package), str(package / "src")])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    return pd.read_csv(folder / "summary.tsv", sep="\t").set_index("format"), done.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_every_input_is_read_right_or_refused_by_name(name, summary):
    table, said = summary
    row = table.loc[name]
    assert row["inputs"] == INPUTS
    assert row["failed"] == 0, said
    assert row["accepted"] > 0
    assert row["refused"] > 0


class Odd:
    """A format whose reader does what the number of the input says."""

    name = "odd"

    def prepare(self, folder):
        pass

    def load(self, folder):
        pass

    def make(self, rng, folder):
        self.n = getattr(self, "n", -1) + 1
        (folder / "a.txt").write_text("x")
        return Made(folder / "a.txt", f"way {self.n}")

    def judge(self, made):
        return WAYS[int(made.how.split()[1])](made)


def crash(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def warn(_):
    import warnings

    warnings.warn("careful", UserWarning, stacklevel=1)
    return "read"


def refuse(made):
    message = f"{made.path}: no"
    raise DataError(message)


def mumble(_):
    message = "something is wrong"
    raise DataError(message)


def lie(_):
    message = "3 for 4"
    raise WrongAnswerError(message)


def stumble(_):
    raise KeyError


WAYS = [lambda made: "read", refuse, mumble, lie, stumble, warn]
STATUSES = [
    "accepted", "refused", "failed: message", "failed: wrong answer", "failed: KeyError", "failed: warning",
]  # fmt: skip


def test_what_is_wrong_is_called_by_its_name(tmp_path):
    form = Odd()
    assert [run_case(form, 0, number, tmp_path / "input").status for number in range(len(WAYS))] == STATUSES


def test_a_crash_and_a_hang_are_survived_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("fuzz.children.SECONDS", 0.5)
    form = Odd()
    form.judge = lambda made: (crash, lambda _: "read", hang)[number_of(made)](made)
    form.make = lambda rng, folder: numbered(rng, folder)
    kinds = [outcome.status for outcome in outcomes(form, 3, range(8), tmp_path)]
    assert len(kinds) == 8
    assert {"accepted", "failed: crash", "failed: hang"} == set(kinds)
    assert (tmp_path / "failures").is_dir()


def hang(_):
    import time

    time.sleep(60)


def numbered(rng, folder):
    (folder / "a.txt").write_text(str(rng.integers(3)))
    return Made(folder / "a.txt", "drawn")


def number_of(made):
    return int(made.path.read_text())
