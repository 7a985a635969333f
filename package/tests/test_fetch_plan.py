"""What is said of downloads beforehand, and the check of what is there and what addresses answer."""

import gzip
import hashlib
from pathlib import Path

import pytest
from loopback import html, ranged, redirect, send, status, whole

from schash.config import resolve
from schash.data.download_plan import Fetch, all_fetches, announcement, fetches_of
from schash.data.fetch import fetch_source
from schash.data.fetch_check import check_fetch, check_table
from schash.data.registry import load_registry
from schash.data.web import Retry
from schash.methods.catalogue import load_catalogue
from schash.plan import Plan

CONFIG = Path(__file__).parents[2] / "config"
REGISTRY = load_registry(CONFIG / "datasets.yaml")
BODY = bytes(range(256)) * 100
MD5 = hashlib.md5(BODY).hexdigest()
ONCE = Retry(attempts=1, connect_timeout=2, read_timeout=2)


def plan(**given):
    config = resolve(given, default_path=CONFIG / "config.yaml", suites=CONFIG / "suites")
    return Plan(config, REGISTRY, load_catalogue(CONFIG / "methods.yaml"))


# ---- jobs ----


def test_members_are_fetched_data_set_by_data_set():
    xin, amb = (fetches_of(REGISTRY, name, "members")[0] for name in ("zenodo_xin", "zenodo_amb92"))
    assert (xin.manifest, amb.manifest) == ("zenodo_benchmark/zenodo_xin", "zenodo_benchmark/zenodo_amb92")
    assert xin.members["scRNAseq_Benchmark_datasets.zip"] == (
        ("Intra-dataset/Pancreatic_data/Xin/Filtered_Xin_HumanPancreas_data.csv",),
        ("Intra-dataset/Pancreatic_data/Xin/Labels.csv",),
        ("Intra-dataset/Pancreatic_data/Xin/CV_folds.RData",),
    )
    aligned = fetches_of(REGISTRY, "zenodo_pancreas_aligned", "members")[0]
    assert [len(names) for names in aligned.members["scRNAseq_Benchmark_datasets.zip"]] == [2, 1]


def test_the_whole_is_fetched_once():
    jobs = all_fetches(REGISTRY, ["zenodo_xin", "zenodo_amb92", "baron_mouse", "sim_types"], "whole")
    assert [job.manifest for job in jobs] == ["zenodo_benchmark", "baron_mouse"]


def test_a_data_set_of_two_sources_has_two_jobs():
    jobs = fetches_of(REGISTRY, "baron_species", "members")
    assert [job.manifest for job in jobs] == ["baron_mouse", "baron_human_1k"]


# ---- what is announced ----


def test_the_demo_downloads_nothing():
    assert plan(suite="demo").downloads() == "Downloads: none"


def test_a_suite_says_how_much_of_what_and_where_to(tmp_path, monkeypatch):
    monkeypatch.delenv("SCHASH_MIRROR", raising=False)
    text = plan(suite="small", downloads=str(tmp_path)).overview()
    assert f"Downloads: 37.4 MB of 7 sources, to {tmp_path}" in text
    assert "baron_human_1k: 2.1 MB (Baron.zip)" in text


def test_the_paper_names_what_is_not_known(tmp_path, monkeypatch):
    monkeypatch.delenv("SCHASH_MIRROR", raising=False)
    text = plan(suite="paper", downloads=str(tmp_path)).downloads()
    assert text.startswith("Downloads: at most about 7.7 GB and ")
    assert "files of unpublished size of 9 sources" in text
    assert "zenodo_benchmark: at most 3.7 GB (" in text
    assert "members of scRNAseq_Benchmark_datasets.zip)" in text
    exact = plan(suite="paper", downloads=str(tmp_path), archives="whole").downloads()
    assert "zenodo_benchmark: 3.7 GB (scRNAseq_Benchmark_datasets.zip)" in exact


@pytest.fixture
def source():
    row = {"title": "Lake", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}]}
    files = [
        {"name": "a.bin", "urls": ["http://127.0.0.1:9/a"], "bytes": 1_000_000},
        {"name": "b.zip", "urls": ["http://127.0.0.1:9/b"], "bytes": 5_000_000},
    ]
    return load_registry({"sources": {"lake": row | {"files": files}}}).source("lake")


def test_what_is_at_hand_is_not_counted(source, tmp_path):
    job, folder = Fetch(source), tmp_path / "lake"
    folder.mkdir()
    assert announcement([job], tmp_path, None) == (
        f"Downloads: 6.0 MB of 1 source, to {tmp_path}\n  lake: 6.0 MB (a.bin, b.zip)"
    )
    (folder / "a.bin").write_bytes(bytes(999_999))
    assert "6.0 MB" in announcement([job], tmp_path, None), "a file of another size is not there"
    (folder / "a.bin").write_bytes(bytes(1_000_000))
    assert "5.0 MB (b.zip)" in announcement([job], tmp_path, None)
    mirror = tmp_path / "mirror" / "lake"
    mirror.mkdir(parents=True)
    (mirror / "b.zip").write_bytes(bytes(5_000_000))
    assert announcement([job], tmp_path, mirror.parent) == (
        f"Downloads: none; 1 source at hand in {tmp_path} and {mirror.parent}"
    )


def test_members_at_hand_are_not_counted(source, tmp_path):
    jobs = [Fetch(source, name, {"b.zip": [(f"{name}.csv",), ("labels.csv",)]}) for name in ("one", "two")]
    folder = tmp_path / "lake" / "b.zip.members"
    folder.mkdir(parents=True)
    text = announcement(jobs, tmp_path, None)
    assert "Downloads: at most 6.0 MB of 1 source" in text
    assert "(a.bin, 3 members of b.zip)" in text
    for name in ("one", "two", "labels"):
        (folder / f"{name}.csv.gz").write_bytes(b"1")
    assert "lake: 1.0 MB (a.bin)" in announcement(jobs, tmp_path, None)


def test_many_files_are_counted_and_what_only_a_hand_gets_is_no_download(tmp_path):
    row = {"title": "Lake", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}]}
    files = [{"name": f"{name}.bin", "urls": ["http://127.0.0.1:9/a"], "bytes": 1000} for name in "abcde"]
    by_hand = {"name": "z.bin", "manual": "sign in"}
    both, alone = (
        load_registry({"sources": {"lake": row | {"files": rows}}}).source("lake")
        for rows in ([*files, by_hand], [by_hand])
    )
    assert announcement([Fetch(both)], tmp_path, None) == (
        f"Downloads: 5.0 kB of 1 source, to {tmp_path}\n"
        "  lake: 5.0 kB (a.bin, b.bin, c.bin, and 2 more)\n    by hand: z.bin: sign in"
    )
    assert "lake: nothing from a server\n    by hand: z.bin" in announcement([Fetch(alone)], tmp_path, None)


# ---- the check ----


@pytest.fixture
def check(tmp_path, server):
    """The row of a file with these addresses and pins, after `fetch-check`."""

    def run(*urls, members=None, manual=None, **pins):
        file = {"name": "a.zip", "urls": list(urls), "manual": manual, **pins}
        row = {"title": "Lake", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
               "files": [file]}  # fmt: skip
        source = load_registry({"sources": {"lake": row}}).source("lake")
        job = Fetch(source, members={"a.zip": members} if members else {})
        return check_fetch(job, cache_dir=tmp_path, lock_path=tmp_path / "lock.tsv", retry=ONCE)

    run.target = tmp_path / "lake" / "a.zip"
    run.target.parent.mkdir()
    return run


def test_an_address_is_asked_for_its_size_alone(server, check):
    (row,) = check(server.says("/a", ranged(BODY)), md5=MD5, bytes=len(BODY))
    assert (server.methods, server.sent) == (["HEAD"], 0)
    assert row.addresses == ((server.url + "/a", f"{len(BODY)} bytes, ranges served"),)
    assert (row.cache, row.is_there, row.can_come, row.is_fine) == ("absent", False, True, True)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(404), "HTTP 404 Not Found"),
        (status(503), "HTTP 503"),
        (whole(BODY[:-1]), f"has {len(BODY) - 1} bytes, expected {len(BODY)}"),
        (html, "came an HTML page"),
        (redirect("/a"), "a redirect loop"),
    ],
)
def test_an_address_that_cannot_be_used(server, check, answer, words):
    (row,) = check(server.says("/a", answer), md5=MD5, bytes=len(BODY))
    assert words in row.addresses[0][1]
    assert not row.is_fine
    text = check_table([row])
    assert text.startswith("MISSING lake/a.zip: absent (expected 25.6 kB, md5)")
    assert text.endswith("1 files: 0 at hand, 0 to come, 1 missing")


def test_one_good_address_is_enough(server, check):
    bad, good = server.says("/a", status(404)), server.says("/b", ranged(BODY))
    (row,) = check(bad, good, md5=MD5)
    assert row.is_fine
    assert check_table([row]).startswith("to come lake/a.zip")


def test_no_connection(check):
    (row,) = check("http://127.0.0.1:9/a", md5=MD5)
    assert "ConnectionError" in row.addresses[0][1]
    assert not row.is_fine


def test_a_server_that_refuses_head_is_asked_for_one_byte(server, check):
    def answer(handler):
        status(405)(handler) if handler.command == "HEAD" else ranged(BODY)(handler)

    (row,) = check(server.says("/a", answer), bytes=len(BODY))
    assert row.addresses[0][1] == f"{len(BODY)} bytes, ranges served"
    assert server.requests[-1] == ("/a", "bytes=0-0")
    assert server.sent < 10


def test_what_the_cache_holds_is_told(server, check):
    url = server.says("/a", status(404))
    check.target.write_bytes(BODY)
    (row,) = check(url, md5=MD5)
    assert (row.cache, row.is_fine) == ("in the cache, verified", True)
    check.target.write_bytes(BODY[:-1])
    (row,) = check(url, md5=MD5)
    assert row.cache.startswith("wrong: came md5")
    assert not row.is_fine
    assert check.target.read_bytes() == BODY[:-1], "a check changes nothing"
    check.target.rename(check.target.with_name("a.zip.part"))
    (row,) = check(url, md5=MD5, bytes=2 * len(BODY))
    assert row.cache == "begun: 25.6 kB (50%)"


def test_what_only_a_hand_gets_is_told(check):
    (row,) = check(manual="sign in")
    assert row.addresses == (("by hand", "sign in"),)
    assert row.expected == "any size, no checksum yet"
    assert not row.is_fine


def test_members_have_rows_of_their_own(server, check):
    folder = check.target.parent / "a.zip.members"
    folder.mkdir()
    (folder / "one.csv.gz").write_bytes(gzip.compress(b"1,2\n"))
    rows = check(server.says("/a", ranged(BODY)), members=[("one.csv",), ("two.csv", "zwei.csv")])
    assert [(row.file, row.cache) for row in rows] == [
        ("a.zip", "absent"),
        ("a.zip/one.csv", "in the cache, without a checksum"),
        ("a.zip/two.csv", "absent"),
    ]
    assert "3 files: 1 at hand, 2 to come, 0 missing" in check_table(rows)
    (folder / "two.csv.gz").write_bytes(gzip.compress(b"1,2\n"))
    whole_archive, *parts = check(
        server.says("/a", status(404)), members=[("one.csv",), ("two.csv", "zwei.csv")]
    )
    assert whole_archive.cache == "not needed: its members are there"
    assert all(row.is_fine for row in (whole_archive, *parts))


def test_the_lock_file_is_asked_too(server, check, tmp_path, source):
    url = server.says("/a", lambda handler: send(handler, BODY))
    lake = load_registry(
        {"sources": {"lake": {"title": "L", "version": "1", "licence": "CC0",
                              "citation": [{"key": "k", "text": "t"}],
                              "files": [{"name": "a.bin", "urls": [url]}]}}}
    ).source("lake")  # fmt: skip
    fetch_source(lake, cache_dir=tmp_path, lock_path=tmp_path / "lock.tsv", progress=False, retry=ONCE)
    (row,) = check_fetch(Fetch(lake), cache_dir=tmp_path, lock_path=tmp_path / "lock.tsv", retry=ONCE)
    assert (row.cache, row.expected) == ("in the cache, verified", "25.6 kB, sha256 of the lock file")
