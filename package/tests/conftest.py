"""Fixtures that several test modules share."""

import numpy as np
import pytest
from loopback import RETRY, lake, serving
from metrics_tables import write
from scipy import sparse

from schash.data.fetch import fetch_source
from schash.regression.comparison import compare
from schash.regression.reading import read_metrics


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240)


@pytest.fixture
def planted(rng):
    """Counts of 4 well separated types, 40 cells each, 60 genes: X (160, 60) CSR, y (160,) str, genes (60,) str."""
    profile = np.full((4, 60), 0.3)
    for i in range(4):
        profile[i, 10 * i : 10 * i + 10] = 8
    y = np.repeat([f"type {name}" for name in "ABCD"], 40)
    X = rng.poisson(profile[np.repeat(np.arange(4), 40)]).astype(np.float32)
    genes = np.array([f"GENE{i:03d}" for i in range(60)])
    return sparse.csr_matrix(X), y, genes


@pytest.fixture
def server():
    with serving() as state:
        yield state


@pytest.fixture
def fetch(tmp_path):
    """Fetch a source of one file `data.bin` with these urls and pins into `tmp_path / "cache"`."""

    def run(*urls, name="data.bin", mirror=None, lock=None, retry=RETRY, report=None, **pins):
        (fetched,) = fetch_source(
            lake({"name": name, "urls": list(urls), **pins}),
            cache_dir=tmp_path / "cache",
            mirror=mirror,
            lock_path=lock,
            progress=False,
            report=report,
            retry=retry,
        )
        return fetched

    run.folder = tmp_path / "cache" / "lake"
    run.target = run.folder / "data.bin"
    return run


@pytest.fixture
def against(tmp_path):
    """Compare two tables by way of their files."""

    def call(old, new, spread=None, **options):
        read = [read_metrics(write(frame, tmp_path / f"{i}.tsv")) for i, frame in enumerate((old, new))]
        return compare(*read, spread, **options)

    return call
