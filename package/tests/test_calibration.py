"""The unit that times are compared in."""

import numpy as np
import pytest

from schash import calibration
from schash._calibration_kernels import nearest_of_all
from schash.calibration import (
    CALIBRATION,
    KERNELS,
    METRIC,
    calibrate,
    hamming_scan,
    plain_python,
    sparse_product,
)
from schash.regression.directions import rule_of
from schash.tables import EXPERIMENT_COLUMNS


def test_a_row_a_kernel_with_the_shortest_of_its_seconds(monkeypatch):
    small = {"hamming_scan": lambda: hamming_scan(64, 8), "plain_python": lambda: plain_python(2000)}
    monkeypatch.setattr(calibration, "KERNELS", small)
    table = calibrate("demo", 3, repeats=2)
    assert list(table) == list(EXPERIMENT_COLUMNS)
    assert list(table["method"]) == ["hamming_scan", "plain_python"]
    assert set(table["experiment"]) == {CALIBRATION}
    assert set(table["metric"]) == {METRIC}
    assert (table["value"] > 0).all()
    assert set(table["seed"]) == {3}
    assert rule_of(METRIC).direction == "seconds"


def test_the_best_of_the_rounds_counts_and_the_first_one_does_not(monkeypatch):
    seconds = iter([0.5, 3.0, 1.0, 2.0])
    monkeypatch.setattr(calibration, "KERNELS", {"one": lambda: None})
    monkeypatch.setattr(calibration, "_seconds", lambda work: next(seconds))
    assert calibrate("demo", 0, repeats=3)["value"].tolist() == [1.0]


def test_the_work_is_the_same_every_time():
    """Pinned: whoever changes the work makes every older time incomparable, and must give the metric another name."""
    assert set(KERNELS) == {"hamming_scan", "sparse_product", "plain_python"}
    assert hamming_scan(256, 16)() == 776
    assert plain_python(5000)() == 14
    assert float(sparse_product(50, 60)().sum()) == pytest.approx(3836.093, rel=1e-4)


def test_the_scan_is_that_of_a_slow_twin():
    rng = np.random.default_rng(0)
    codes, queries = (rng.integers(0, 2**64, (n, 2), dtype=np.uint64) for n in (30, 7))
    slow = sum(
        min(sum(int(a ^ b).bit_count() for a, b in zip(code, query, strict=True)) for code in codes)
        for query in queries
    )
    assert nearest_of_all(codes, queries) == slow
