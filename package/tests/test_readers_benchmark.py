"""The files of the readers' benchmark are what others read them as, and a wrong reader does not pass."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.case_readers import _compare
from benchmarks.reader_files import GROUP, csv_blocks, sums_of, write_csv, write_csv_zip, write_tenx
from benchmarks.readers import CSV, TENX, csv_dataset, tenx_dataset
from schash.data.cells import read_cells
from schash.data.prepare import prepare
from schash.errors import DataError


def test_sums_tell_matrices_apart(rng):
    X = sp.csr_matrix(rng.poisson(0.5, (20, 9)))
    dense = X.toarray()
    sums = sums_of([X])
    assert sums == sums_of([X[:7], X[7:7], X[7:]])
    assert sums.total == dense.sum()
    assert sums.by_row == (dense * np.arange(20)[:, None]).sum()
    assert sums.by_column == (dense * np.arange(9)).sum()
    for other in (X[::-1], X[:, ::-1], 2 * X):
        with pytest.raises(DataError, match="what was read is not what was written"):
            _compare(sums_of([sp.csr_matrix(other)]), sums, "x")


def test_every_reader_of_csv_reads_the_same(tmp_path):
    path = tmp_path / "cells.csv"
    with path.open("wb") as handle:
        sums = write_csv(handle, csv_blocks(300, 50, 0.1), 50)
    frame = pd.read_csv(path, index_col=0)
    assert frame.shape == (300, 50)
    assert frame.index[299] == "cell 299"
    assert np.count_nonzero(frame) / frame.size == pytest.approx(0.1, abs=0.02)
    assert frame.to_numpy().max() > 9
    for read in CSV.values():
        assert sums_of([read(path)]) == sums


def test_every_reader_of_tenx_reads_the_same(tmp_path):
    path = tmp_path / "cells.h5"
    sums = write_tenx(path, 9000, 1000, 10)
    assert sums.nonzeros / 9000 == pytest.approx(10, rel=0.2)
    assert sc.read_10x_h5(path, genome=GROUP).shape == (9000, 1000)
    for read in TENX.values():
        assert sums_of([read(path)]) == sums


def test_both_files_can_be_prepared(tmp_path):
    zipped, h5 = tmp_path / "a.zip", tmp_path / "b.h5"
    expected = {
        zipped: (csv_dataset("a.zip", 40, 30, 5), write_csv_zip(zipped, 40, 30, 0.2, 5)),
        h5: (tenx_dataset("b.h5", 50, 100), write_tenx(h5, 50, 100, 10)),
    }
    for path, (row, sums) in expected.items():
        prepare(row, {path.name: path}, cells=tmp_path / "c.h5ad", labels=tmp_path / "l.parquet")
        assert sums_of([read_cells(tmp_path / "c.h5ad").X]) == sums
