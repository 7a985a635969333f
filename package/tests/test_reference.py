"""The committed reference and the README's headline."""

import pandas as pd
import pytest

from schash.errors import DataError
from schash.reference import KEPT, copy_reference, headline_markdown, markers, write_block

TABLE = pd.DataFrame(
    [
        ("d1", "a", "A", "median_f1", 0.9, 0.01, None, None, "ok"),
        ("d1", "b", "B", "median_f1", 0.8, 0.02, -0.1, 0.001, "ok"),
        ("d1", "c", "C", "median_f1", 0.89, 0.02, -0.01, 0.4, "ok"),
        ("d1", "true", "T", "median_f1", 1.0, 0.0, None, None, "ok"),
        ("d_2", "a", "A", "median_f1", 0.5, 0.01, -0.2, 0.01, "ok"),
        ("d_2", "b", "B", "median_f1", 0.7, 0.01, None, None, "ok"),
        ("d_2", "c", None, None, None, None, None, None, "not applicable"),
    ],
    columns=["dataset", "method", "title", "metric", "mean", "sd", "difference", "p_holm", "status"],
)


def test_headline_by_hand():
    lines = headline_markdown(TABLE, ["true"], marks={"b": "◇"}).splitlines()
    assert lines[0] == "| method | d1 | d_<br>2 | mean | mean rank | not worse than best |"
    assert lines[1] == "|---|---|---|---|---|---|"
    # a and b are complete, with means .7 and .75 and ranks (1, 2) and (2, 1). The data sets' means over the two are .85
    # and .6: the leads are -.025 of a, +.025 of b, and +.04 of c on d1
    assert lines[2:] == [
        "| C | .890 ±.020 | not applicable | - | - | 1 of 1 |",
        "| B ◇ | .800† ±.020 | **.700** ±.010 | .750 | 1.5 | 1 of 2 |",
        "| A | **.900** ±.010 | .500† ±.010 | .700 | 1.5 | 1 of 2 |",
    ]


def test_headline_counts_only_what_was_compared_and_ties_are_bold():
    table = TABLE[TABLE["dataset"] == "d1"].copy()
    table.loc[table["method"] == "c", ["mean", "p_holm"]] = [0.8996, None]
    lines = headline_markdown(table, ["true"]).splitlines()
    assert lines[2:] == [
        "| A | **.900** ±.010 | .900 | 1.5 | 1 of 1 |",
        "| C | **.900** ±.020 | .900 | 1.5 | 0 of 0 |",
        "| B | .800† ±.020 | .800 | 3.0 | 0 of 1 |",
    ]


def test_headline_of_a_method_that_was_left_out_of_a_data_set_or_was_too_slow():
    left_out = TABLE[(TABLE["method"] != "c") | (TABLE["dataset"] != "d_2")]
    assert "| C | .890 ±.020 | not run | - |" in headline_markdown(left_out, ["true"])
    slow = TABLE.replace({"status": {"not applicable": "timeout"}})
    assert "| C | .890 ±.020 | too slow | - |" in headline_markdown(slow, ["true"])


def test_a_significant_difference_upwards_is_not_worse():
    table = TABLE.copy()
    table.loc[(table["method"] == "b") & (table["dataset"] == "d1"), "difference"] = 0.001
    assert "| B | .800 ±.020 | **.700** ±.010 | .750 | 1.5 | 2 of 2 |" in headline_markdown(table, ["true"])


def test_only_the_block_between_the_markers_changes(tmp_path):
    readme = tmp_path / "README.md"
    begin, end = markers("headline")
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    write_block(readme, "headline", "new")
    assert readme.read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"
    readme.write_text("no markers")
    with pytest.raises(DataError, match="needs the markers"):
        write_block(readme, "headline", "new")


def test_only_a_run_that_ended_well_becomes_the_reference(tmp_path):
    run, target = tmp_path / "run", tmp_path / "reference"
    (run / "figures").mkdir(parents=True)
    for name in KEPT:
        (run / name).write_text("metric\tgit_sha\nf1\tabc\n" if name == "metrics.tsv" else name)
    for kind in ("png", "svg", "tsv"):
        (run / "figures" / f"f.{kind}").write_text(kind)
    with pytest.raises(DataError, match=r"has no verdict\.txt"):
        copy_reference(run, target, ["f"])
    (run / "verdict.txt").write_text("well")
    copy_reference(run, target, ["f"])
    assert (target / "config.yaml").read_text() == "config.yaml"
    assert (target / "figures/f.svg").read_text() == "svg"
    (run / "metrics.tsv").write_text("metric\tgit_sha\nf1\tabc-dirty\n")
    with pytest.raises(DataError, match="one clean commit, found abc-dirty"):
        copy_reference(run, target, ["f"])
