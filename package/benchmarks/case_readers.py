"""`readers`: files larger than memory ought to hold, read in blocks; and pandas and scanpy on what they can hold."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reader_files import Sums, csv_blocks, write_csv, write_csv_zip, write_tenx
from benchmarks.readers import (
    CSV,
    PREPARE,
    TENX,
    csv_dataset,
    prepare_in_child,
    read_back_in_child,
    read_in_child,
    tenx_dataset,
)
from benchmarks.report import Facts, Report
from benchmarks.settings import Settings
from schash.errors import DataError
from schash.timing import MEGABYTE, Measurement

CASE = "readers"
TM_CELLS, TM_GENES, TM_TYPES = 54_865, 19_791, 55
CSV_DENSITY = 0.1
TENX_GENES = 27_998
TENX_ENTRIES = 256
"""Entries a cell, 0.9 %; the real 1.3 million cells have some 2,000."""
PREPARED = "prepared by schash"
PEAK = "peak memory"


@dataclass(frozen=True)
class Sizes:
    """Cells of the files that are read in blocks, and of those that everything reads; genes of the csv."""

    csv: int = TM_CELLS
    csv_genes: int = TM_GENES
    csv_small: int = 4_000
    tenx: int = 1 << 20
    tenx_small: int = 1 << 16


QUICK = Sizes(csv=600, csv_genes=2_000, csv_small=300, tenx=1 << 12, tenx_small=1 << 10)


def run(settings: Settings, report: Report) -> None:
    """Files are made in a temporary folder (TMPDIR), at most 2 GB at a time."""
    sizes = QUICK if settings.quick else Sizes(tenx=settings.n, tenx_small=min(Sizes.tenx_small, settings.n))
    for measure in (_csv, _csv_small, _tenx, _tenx_small):
        with TemporaryDirectory(prefix="schash-readers-") as folder:
            measure(sizes, Path(folder), report)


def _csv(sizes: Sizes, folder: Path, report: Report) -> None:
    report.step("writing a csv")
    path = folder / "cells.zip"
    sums = write_csv_zip(path, sizes.csv, sizes.csv_genes, CSV_DENSITY, TM_TYPES)
    row = csv_dataset(path.name, sizes.csv, sizes.csv_genes, TM_TYPES)
    report.step("preparing the csv")
    facts = _facts(prepare_in_child("schash", row, path)) + _read_back(path, sums)
    report.facts(CASE, _csv_title(sizes.csv_genes), sizes.csv, PREPARED, facts)


def _csv_small(sizes: Sizes, folder: Path, report: Report) -> None:
    path = folder / "cells.csv"
    with path.open("wb") as handle:
        blocks = csv_blocks(sizes.csv_small, sizes.csv_genes, CSV_DENSITY)
        sums = write_csv(handle, blocks, sizes.csv_genes)
    for name in CSV:
        report.step(f"csv: {name}")
        measurement, came = read_in_child("CSV", name, path)
        _compare(came, sums, f"csv, {name}")
        size = path.stat().st_size / MEGABYTE
        facts = [*_facts(measurement), ("rate", size / measurement.seconds, "MB of text/s")]
        report.facts(CASE, _csv_title(sizes.csv_genes), sizes.csv_small, f"read by {name}", facts)


def _tenx(sizes: Sizes, folder: Path, report: Report) -> None:
    report.step("writing a 10x h5")
    path = folder / "cells.h5"
    sums = write_tenx(path, sizes.tenx, TENX_GENES, TENX_ENTRIES)
    report.step("preparing the 10x h5")
    row = tenx_dataset(path.name, sizes.tenx, TENX_GENES)
    facts = _facts(prepare_in_child("schash", row, path)) + _read_back(path, sums)
    report.facts(CASE, _tenx_title(), sizes.tenx, PREPARED, facts)


def _tenx_small(sizes: Sizes, folder: Path, report: Report) -> None:
    path = folder / "cells.h5"
    sums = write_tenx(path, sizes.tenx_small, TENX_GENES, TENX_ENTRIES)
    row = tenx_dataset(path.name, sizes.tenx_small, TENX_GENES)
    for name in TENX:
        report.step(f"10x h5: {name}")
        measurement, came = read_in_child("TENX", name, path)
        _compare(came, sums, f"10x h5, {name}")
        report.facts(CASE, _tenx_title(), sizes.tenx_small, f"read by {name}", _facts(measurement))
    for name in PREPARE:
        report.step(f"10x h5: prepared by {name}")
        facts = _facts(prepare_in_child(name, row, path)) + _read_back(path, sums)
        report.facts(CASE, _tenx_title(), sizes.tenx_small, f"prepared by {name}", facts)


def _facts(measurement: Measurement) -> Facts:
    return [("time", measurement.seconds, "s"), (PEAK, measurement.peak_mb, "MB")]


def _read_back(path: Path, sums: Sums) -> Facts:
    h5ad = path.with_suffix(".h5ad")
    measurement, came = read_back_in_child(h5ad)
    _compare(came, sums, str(h5ad))
    return [
        ("file", path.stat().st_size / MEGABYTE, "MB"),
        ("h5ad", h5ad.stat().st_size / MEGABYTE, "MB"),
        ("entries", float(sums.nonzeros), ""),
        ("h5ad read in blocks", measurement.seconds, "s"),
        (f"h5ad read in blocks, {PEAK}", measurement.peak_mb, "MB"),
    ]


def _compare(came: Sums, expected: Sums, where: str) -> None:
    if came != expected:
        message = f"{where}: what was read is not what was written: came {came}, expected {expected}"
        raise DataError(message)


def _csv_title(n_genes: int) -> str:
    return f"csv, {n_genes:,} genes, {CSV_DENSITY:.0%} not 0"


def _tenx_title() -> str:
    return f"10x h5, {TENX_GENES:,} genes, {TENX_ENTRIES / TENX_GENES:.1%} not 0"
