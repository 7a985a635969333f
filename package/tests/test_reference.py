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
        ("d2", "a", "A", "median_f1", 0.5, 0.01, -0.2, 0.01, "ok"),
        ("d2", "b", "B", "median_f1", 0.7, 0.01, None, None, "ok"),
        ("d2", "c", None, None, None, None, None, None, "not applicable"),
    ],
    columns=["dataset", "method", "title", "metric", "mean", "sd", "difference", "p_holm", "status"],
)


def test_headline_by_hand():
    lines = headline_markdown(TABLE, ["true"]).splitlines()
    assert lines[0] == "| method | d1 | d2 | mean |"
    assert lines[2:] == [
        "| A | **0.900 ± 0.010** | 0.500 ± 0.010† | 0.900 |",
        "| C | 0.890 ± 0.020 | not applicable | 0.890 |",
        "| B | 0.800 ± 0.020† | **0.700 ± 0.010** | 0.800 |",
    ]


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
