"""The page `paper and ours` is one well-formed file that says every verdict in words; no text of a cell is markup."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schash.expected import TARGETS as KNOWN_TARGETS
from schash.expected import read_expected
from schash.page_style import STYLE
from schash.paper_vs_ours import OUTCOMES, VERDICT_COLUMNS
from schash.paper_vs_ours_page import CLASSES, PAPERS, SIGNS, TARGETS, page, words, write_page

CONFIG = Path(__file__).parents[2] / "config"
VOID = {"meta", "input", "br"}
NASTY = "<script>alert('x')</script> & \"quoted\" </td></style>"


def verdict(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {name: "" for name, kind in VERDICT_COLUMNS.items() if kind == "str"}
    row |= {"paper_value": 0.9, "tolerance": 0.02, "ours": 0.91, "ours_sd": 0.01, "n": 5, "difference": 0.01}
    row |= {"id": "a", "paper": "scdeephash", "target": "fig2a", "dataset": "tm", "data_name": "TM"}
    row |= {"metric": "median_f1", "relation": "about", "method": "deephash", "ran": "deephash_compact"}
    row |= {"same": "same", "ran_on": "tm", "verdict": "agrees", "source": "section 4.1"}
    row |= {"reason": "deephash_compact ran; ties by row; +0.01 from the paper's value, tolerance 0.02"}
    return row | changes


def not_run(**changes: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("ours", "ours_sd", "difference"), np.nan) | {"n": 0}
    unsaid = dict.fromkeys(("same", "ran_on", "ran"), "")
    return verdict(**(nothing | unsaid | {"verdict": "not run", "reason": "no time"} | changes))


def html(*rows: dict[str, Any], titles: dict[str, str] | None = None) -> str:
    table = pd.DataFrame(rows)[list(VERDICT_COLUMNS)].astype(VERDICT_COLUMNS)
    return page(table, run={"suite": "small"}, titles=titles or {})


class Reader(HTMLParser):
    """Texts by cell of the table of numbers; raises where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[str]] = {}
        self.row: list[str] | None = None
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.row = self.rows.setdefault(str(dict(attrs).get("id")), [])
        if tag in ("td", "th") and self.row is not None:
            self.row.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.row and {"td", "th"} & set(self.open):
            self.row[-1] += f" {data}" if self.row[-1] else data


def cells(*rows: dict[str, Any], titles: dict[str, str] | None = None) -> list[str]:
    return Reader(html(*rows, titles=titles)).rows["a"]


def test_a_row_says_all_that_is_known() -> None:
    titles = {"deephash_compact": "DeepHash (compact)"}
    found = cells(verdict(same="stand-in", ran_on="mini", note="a note"), titles=titles)
    assert found == [
        "✓ agrees on a stand-in", "TM on mini, a stand-in", "DeepHash DeepHash (compact)", "median F1 section 4.1",
        "0.900 ± 0.02", "0.910 ± 0.010 5 folds", "+0.010", "ties by row a note",
    ]  # fmt: skip


def test_what_was_not_run_says_why_and_has_no_number() -> None:
    assert cells(not_run())[4:] == ["0.900 ± 0.02", "·", "·", "no time"]
    assert cells(not_run())[0] == "· not run"
    assert "nan" not in html(not_run()).lower()


def test_bounds_signs_and_large_numbers() -> None:
    bound = verdict(relation="at_least", paper_value=10000.0, tolerance=0.0, ours=1234567.5, difference=-3.5)
    found = cells(bound | {"ours_sd": np.nan, "n": 1})
    assert found[4:7] == ["≥ 10,000", "1,234,568", "\N{MINUS SIGN}3.500"]


@pytest.mark.parametrize(
    "field", ["data_name", "method", "metric", "source", "reason", "note", "ran_on", "ran"]
)
def test_no_text_of_a_row_becomes_html(field: str) -> None:
    changes: dict[str, Any] = {field: NASTY, "same": "stand-in"}
    if field == "reason":
        changes = {"reason": NASTY + "; x", "same": "stand-in"}
    text = html(verdict(**changes), titles={"svm": NASTY, "deephash": NASTY})
    assert "<script" not in text
    assert "script" not in {tag for tag, _ in Reader(text).tags}


def test_the_page_needs_nothing_from_elsewhere() -> None:
    reader = Reader(html(verdict(), not_run(id="b", paper="cellfishing", target="cf_fig9")))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in reader.tags}
    names = {name for _, attributes in reader.tags for name in attributes}
    assert not {"src", "onclick", "style"} & names
    assert all(str(given["href"]).startswith("#") for _, given in reader.tags if "href" in given)
    assert not re.search(r"url\(|@import|https?:", STYLE)


def test_every_outcome_has_a_word_a_sign_and_a_box_that_hides_it() -> None:
    reader = Reader(html(verdict(), not_run(id="b", paper="cellfishing", target="cf_fig9")))
    boxes = {given["id"]: given for tag, given in reader.tags if tag == "input"}
    assert set(boxes) == {f"show-{name}" for name in CLASSES.values()} | {f"paper-{name}" for name in PAPERS}
    assert all("checked" in given for given in boxes.values())
    for name in CLASSES.values():
        assert f"body:has(#show-{name}:not(:checked)) .numbers tr.{name}" in STYLE
        assert f".badge.{name} " in STYLE
    for name in PAPERS:
        assert f"body:has(#paper-{name}:not(:checked)) section.paper-{name}" in STYLE
    assert list(CLASSES) == list(SIGNS) == list(OUTCOMES)


def test_the_head_counts_the_rows() -> None:
    text = html(verdict(), verdict(id="b", verdict="differs"), not_run(id="c"), not_run(id="d"))
    counts = dict(re.findall(r'<div class="count ([\w-]+)"><b>(\d+)</b>', text))
    assert counts == {"agrees": "1", "differs": "1", "agrees-si": "0", "differs-si": "0", "not-run": "2"}
    assert "4 published numbers" in text
    assert "1 agrees, 1 differs, 2 not run" in text


def test_rows_stand_by_paper_target_and_data_set() -> None:
    places = [
        ("a", "cellfishing", "cf_fig2", "tm"), ("b", "scdeephash", "table2", "tm"), ("c", "scdeephash", "fig2a", "x"),
        ("d", "scdeephash", "fig2a", "y"), ("e", "scdeephash", "fig2a", "x"), ("f", "scdeephash", "table1", "z"),
    ]  # fmt: skip
    rows = [verdict(id=i, paper=p, target=t, dataset=d) for i, p, t, d in places]
    order = [given["id"] for tag, given in Reader(html(*rows)).tags if tag == "tr" and "id" in given]
    assert order == ["f", "c", "e", "d", "b", "a"]


def test_every_link_has_its_place_and_every_target_a_title() -> None:
    reader = Reader(html(verdict(), not_run(id="b", paper="cellfishing", target="cf_fig9")))
    ids = {given["id"] for _, given in reader.tags if "id" in given}
    links = [str(given["href"])[1:] for _, given in reader.tags if "href" in given]
    assert links
    assert set(links) <= ids
    committed = read_expected(CONFIG / "expected.tsv")
    assert set(committed["target"]) <= set(TARGETS) <= set().union(*KNOWN_TARGETS.values())
    assert set(PAPERS) == set(KNOWN_TARGETS)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("median_f1_gap_to_svm", "median F1 minus that of SVM"),
        ("map_hits_at_100_gap_to_scmap_cell", "mAP@100 (over hits) minus that of scmap-cell"),
        ("precision_at_100_over_types", "P@100 (mean over types)"),
        ("annotate_s_ratio_to_deephash", "annotation time (s) as a multiple of deephash's"),
        ("types_over_10", "types of more than 10 cells"),
        ("query_ms_2p20_128bits", "query time (ms) at 2^20 cells, 128 bits"),
        ("median_f1_spread", "median F1, range over folds"),
    ],
)
def test_metrics_in_words(metric: str, text: str) -> None:
    assert words(metric, {"svm": "SVM", "scmap_cell": "scmap-cell"}) == text


def test_every_published_metric_has_words_without_underscores(tmp_path: Path) -> None:
    committed = read_expected(CONFIG / "expected.tsv")
    assert not [name for name in committed["metric"] if "_" in words(name)]
    write_page(html(verdict()), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
