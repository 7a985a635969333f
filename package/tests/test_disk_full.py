"""A disk that is full in the middle of a write: one clear error, nothing half written, the old file as it was.

On a file system of a megabyte where one may be mounted, and everywhere under a limit on the size of a file.
"""

import os
import resource
import subprocess
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from loopback import RETRY, lake, whole
from scipy import sparse

from schash.atomic import write_text
from schash.cell_chunks import CellChunks
from schash.cellfishing import CellFishing
from schash.data.cells import make_cells, write_cells, write_labels
from schash.data.fetch import fetch_source
from schash.data.streamed import stream_cells, write_loaded
from schash.deephash import DeepHash
from schash.errors import SchashError
from schash.plotting.style import save_figure
from schash.tables import HISTORY_COLUMNS, write_table
from schash.user.atlas import Atlas

LEFT = 16 * 1024
"""Bytes that fit before the disk is full; every writer here needs more."""


class Limited:
    """A folder in which no file may grow beyond LEFT."""

    def __init__(self, folder):
        self.folder = folder

    @contextmanager
    def full(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LEFT, hard))  # Python ignores the signal, and gets EFBIG
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Small:
    """A file system of a megabyte, filled up but for LEFT."""

    def __init__(self, folder):
        self.folder = folder

    @contextmanager
    def full(self):
        ballast = self.folder / "ballast"
        ballast.write_bytes(bytes(os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize - LEFT))
        try:
            yield
        finally:
            ballast.unlink()


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    """A tmpfs, or None where one may not be mounted."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    yield folder if done else None
    if done:
        plt.close("all")
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(params=["file system", "limit"])
def disk(request, tmp_path, mounted):
    if request.param == "limit":
        return Limited(tmp_path)
    if mounted is None:
        pytest.skip("no file system may be mounted here (it takes root)")
    for path in mounted.iterdir():
        path.unlink()
    return Small(mounted)


@pytest.fixture(scope="module")
def cells():
    """Incompressible: 200 cells x 300 genes of large counts."""
    rng = np.random.default_rng(1)
    values = rng.integers(1, 2**20, (200, 300)) * (rng.random((200, 300)) < 0.4)
    X = sparse.csr_matrix(values.astype(np.float32))
    names = [f"cell{i}" for i in range(200)]
    labels = ["alpha", "beta"] * 100
    return make_cells(X, names, [f"g{i}" for i in range(300)], labels=labels, dataset="d", values="counts")


@pytest.fixture(scope="module")
def trained(cells):
    X, genes = cells.cells.X, cells.cells.var_names.to_numpy(str)
    model = DeepHash(n_bits=16, steps=2, device="cpu", progress=False).fit(X, cells.labels, genes=genes)
    index = CellFishing(n_bits=64, n_dims=10, n_threads=1).fit(X, genes=genes)
    return model, Atlas(index, cells.cells.obs_names.to_numpy(object))


@pytest.fixture
def writers(cells, trained):
    """Suffix of the file, and what writes it, by what it is."""
    X, names = cells.cells.X, list(cells.cells.obs_names)
    streamed = stream_cells(
        CellChunks.from_matrix(X),
        names,
        list(cells.cells.var_names),
        labels=list(cells.labels),
        dataset="d",
        values="counts",
    )
    rng = np.random.default_rng(2)
    n = 20_000
    table = pd.DataFrame(
        {"fold": np.int16(0), "step": rng.integers(0, 2**60, n), "metric": "loss", "value": rng.random(n)}
    )
    many = pd.Series(
        [f"{a:x}" for a in rng.integers(0, 2**62, 5000)],
        index=[f"{a:x}" for a in rng.integers(0, 2**62, 5000)],
    )
    plt.close("all")
    figure, ax = plt.subplots()
    ax.imshow(rng.random((200, 200)))

    def draw(path):
        save_figure(
            figure, table, **{kind: str(path.with_suffix(f".{kind}")) for kind in ("png", "svg", "tsv")}
        )

    model, atlas = trained
    return {
        "cells": (".h5ad", lambda path: write_cells(path, cells.cells)),
        "cells in blocks": (".h5ad", lambda path: write_loaded(path, streamed, lambda totals: None)),
        "labels": (".parquet", lambda path: write_labels(path, many)),
        "table": (".parquet", lambda path: write_table(table, HISTORY_COLUMNS, path)),
        "metrics": (".tsv", lambda path: write_table(table, HISTORY_COLUMNS, path)),
        "model": (".schash", model.save),
        "index": (".schash", atlas.save),
        "packed index": (".schash", lambda path: atlas.save(path, compression="zstd")),
        "gzipped index": (".schash", lambda path: atlas.save(path, compression="gzip")),
        "facts": (".json", lambda path: write_text(path, "x" * 100_000)),
        "figure": (".png", draw),
    }


WRITERS = (
    "cells", "cells in blocks", "labels", "table", "metrics", "model", "index", "packed index", "gzipped index", "facts",  # noqa: E501
    "figure",
)  # fmt: skip


def in_child(function):
    """HDF5 that could not write its buffers complains as long as its process lives, and may crash at its end."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_is_one_clear_error_and_leaves_what_was_there(disk, writers, what):
    if what.startswith("cells"):
        in_child(lambda: full_disk(disk, *writers[what]))
    else:
        full_disk(disk, *writers[what])


def full_disk(disk, suffix, write):
    path = disk.folder / f"result{suffix}"
    with disk.full(), pytest.raises(SchashError, match="could not be written: ") as error:
        write(path)
    assert str(path) in str(error.value)
    assert "Make room" in str(error.value)
    assert list(disk.folder.iterdir()) == []

    path.write_bytes(b"from an earlier run")
    with disk.full(), pytest.raises(SchashError, match="could not be written: "):
        write(path)
    assert path.read_bytes() == b"from an earlier run"
    assert list(disk.folder.iterdir()) == [path]

    write(path)
    assert path.stat().st_size > LEFT


def test_a_download_onto_a_full_disk_is_an_error_and_goes_on_later(disk, server):
    body = np.random.default_rng(3).bytes(200_000)
    url = server.says("/data.bin", whole(body))
    source = lake({"name": "data.bin", "urls": [url], "bytes": len(body)})
    target = disk.folder / "lake/data.bin"
    try:
        with disk.full(), pytest.raises(SchashError, match=r"has room for|cannot be written"):
            fetch_source(source, cache_dir=disk.folder, progress=False, retry=RETRY)
        assert not target.exists()
        fetch_source(source, cache_dir=disk.folder, progress=False, retry=RETRY)
        assert target.read_bytes() == body
    finally:
        for path in target.parent.glob("*"):
            path.unlink()
        target.parent.rmdir()
