"""A demo cut down to a minute that goes through every stage, and what its results must be."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import anndata
import numpy as np
import pandas as pd
import yaml
from PIL import Image

from schash.calibration import CALIBRATION
from schash.config import KINDS
from schash.tables import METRIC_COLUMNS, read_table

N_CELLS, N_GENES, TYPES = 240, 60, ("alpha", "beta", "delta")
TIMES = ("fit_s", "predict_s", "peak_mb")


def table_of_cells() -> bytes:
    """Counts of planted types, as a csv with labels and batches."""
    rng = np.random.default_rng(5)
    profile = np.full((len(TYPES), N_GENES), 0.4)
    for i in range(len(TYPES)):
        profile[i, 15 * i : 15 * i + 15] = 2.5
    kinds = np.arange(N_CELLS) % len(TYPES)
    counts = pd.DataFrame(rng.poisson(profile[kinds]), columns=[f"GENE{i}" for i in range(N_GENES)])
    counts.insert(0, "label", np.array(TYPES)[kinds])
    counts.insert(1, "batch", [f"b{i % 2}" for i in range(N_CELLS)])
    counts.index = [f"cell{i}" for i in range(N_CELLS)]
    return counts.to_csv(index_label="cell").encode()


def write_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cells.csv", table_of_cells())


def overlay(url: str, results: str, downloads: str) -> dict:
    """One data set from a web server, and experiments of three kinds on it."""
    source = {
        "id": "pond_files", "title": "Pond", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": "pond.zip", "urls": [url]}],
    }  # fmt: skip
    options = {"file": "pond.zip", "member": "cells.csv", "label_column": "label", "batch_column": "batch"}
    short = {"parameters": {"steps": 40, "n_members": 1}}
    return {
        "sources": {"pond_files": {key: value for key, value in source.items() if key != "id"}},
        "config": {
            "results": results,
            "downloads": downloads,
            "lock": f"{downloads}/lock.tsv",
            "bootstrap": 100,
            "datasets": {"pond": {"source": "pond_files", "loader": "labelled_csv", "values": "counts", "options": options}},  # noqa: E501
            "methods": {
                "deephash_compact": short,
                "cellfishing": {"parameters": {"n_dims": 8, "min_features": 30}},
            },
            "experiments": {
                **dict.fromkeys(KINDS),
                "table1": {"datasets": ["pond"], "minutes": 1},
                "fig2a": {
                    "datasets": ["pond"], "scheme": "cv5", "skip": {}, "confusion": ["pond"], "minutes": 1,
                    "methods": ["deephash", "svm", "knn9", "true_labels", "random"],
                },
                "table2": {
                    "datasets": ["pond"], "scheme": "cv5", "search_depth": 200, "minutes": 1,
                    "methods": ["exact_cosine", "cellfishing", "true_labels"],
                },
            },
        },
    }  # fmt: skip


def prepare(folder: Path, url: str, name: str = "out") -> list[str]:
    """Add the source to the registry of a copy of the workflow; the arguments for Snakemake."""
    given = overlay(url, name, f"{name}/downloads")
    registry = folder / "config/datasets.yaml"
    rows = yaml.safe_load(registry.read_text())
    rows["sources"] |= given["sources"]
    registry.write_text(yaml.safe_dump(rows, sort_keys=False))
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(given["config"], sort_keys=False))
    return ["--configfile", str(path)]


def quality(root: Path) -> pd.DataFrame:
    """Every metric of quality, in an order of its own: what must be the same whatever happened."""
    table = read_table(root / "metrics.parquet", METRIC_COLUMNS)
    table = table[~table["metric"].isin(TIMES) & (table["experiment"] != CALIBRATION)]
    kept = [
        name
        for name in table
        if name not in ("run_id", "git_sha", "fit_s", "predict_s", "peak_mb", "host", "threads")
    ]
    keys = [name for name in kept if name not in ("value", "n")]
    return table[kept].sort_values(keys).reset_index(drop=True)


def damaged(root: Path) -> list[str]:
    """Files under a result's name that do not open. Hidden ones are half written, and never read."""
    found = []
    for path in sorted(root.rglob("*")) if root.exists() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden and not {"logs", "benchmarks"} & set(path.relative_to(root).parts):
            try:
                open_whole(path)
            except Exception as error:
                found.append(f"{path.relative_to(root)}: {type(error).__name__}: {error}")
    return found


def open_whole(path: Path) -> None:
    """Read a file to its end, by what its suffix says."""
    readers = {
        ".parquet": pd.read_parquet,
        ".tsv": lambda p: pd.read_csv(p, sep="\t", comment="#"),
        ".json": lambda p: json.loads(p.read_text()),
        ".h5ad": anndata.read_h5ad,
        ".yaml": lambda p: yaml.safe_load(p.read_text()),
        ".svg": ElementTree.parse,
        ".zip": lambda p: zipfile.ZipFile(p).testzip(),
    }
    if path.suffix == ".png":
        with Image.open(path) as image:
            image.load()
    elif path.suffix in readers:
        readers[path.suffix](path)


class Suite:
    """scripts/run_suite.sh in a copy of the workflow, as make calls it."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder, self.arguments = folder, arguments
        (folder / "bin").mkdir(exist_ok=True)
        program = folder / "bin/snakemake"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m snakemake "$@"\n')
        program.chmod(0o755)

    def start(self, log: Path, **environment: str) -> subprocess.Popen:
        """In a process group of its own."""
        given = {
            "PYTHONPATH": str(self.folder / "package/src"),
            "BIN": "bin",
            "SCHASH_SUITE": "demo",
            "SCHASH_MIRROR": "",
        }
        with log.open("w") as out:
            return subprocess.Popen(
                ["scripts/run_suite.sh", "--cores", "2", *self.arguments], cwd=self.folder, stdout=out, stderr=subprocess.STDOUT,  # noqa: E501
                start_new_session=True, env={**os.environ, **given, **environment},
            )  # fmt: skip

    def kill(self, process: subprocess.Popen) -> None:
        """kill -9 of the whole group, and a wait for those who end when their caller is gone."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 30
        while any(self._at_work()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _at_work(self) -> Iterator[int]:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == str(self.folder.resolve()):
                    yield int(entry.name)
            except OSError:
                continue


def wipe(folder: Path, name: str = "out") -> None:
    """Results and what Snakemake remembers of them."""
    shutil.rmtree(folder / name, ignore_errors=True)
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
