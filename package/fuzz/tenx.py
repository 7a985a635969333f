"""10x HDF5 files of Cell Ranger 2 and 3."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fuzz.cases import Made, WrongAnswerError, attempt, require
from fuzz.h5ad import compare
from fuzz.hdf5 import change_structure
from fuzz.mutations import BYTES, Rng, changed
from fuzz.planted import planted_cells
from fuzz.slow_readers import Unreadable, compressed, text_of
from schash import h5_check
from schash.data.loaders.tenx import load as load_dataset
from schash.data.registry import Dataset
from schash.errors import SchashError
from schash.user.files import check_values, read_user_cells
from schash.user.streams import open_cells

SEEDS = ("v2", "v3")
Found = tuple[np.ndarray, list[str], list[str]]


def write_tenx(path: Path, version: str) -> None:
    """The planted cells, genes x cells by columns; version 3 has an antibody too."""
    cells = planted_cells()
    X = cells.X.astype(np.int32)
    names = [str(name) for name in cells.var_names]
    ids = [str(name) for name in cells.var["gene_ids"]]
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == "v3" else "GRCh38")
        for name in ("data", "indices", "indptr"):
            group.create_dataset(
                name, data=getattr(X, name).astype("i8" if name != "data" else "i4"), compression="gzip"
            )
        group["shape"] = np.array(X.shape[::-1], dtype="i4")
        group["barcodes"] = [f"{name}-1".encode() for name in cells.obs_names]
        if version == "v2":
            group["genes"], group["gene_names"] = [i.encode() for i in ids], [n.encode() for n in names]
            return
        features = group.create_group("features")
        features["id"], features["name"] = [i.encode() for i in ids], [n.encode() for n in names]
        features["feature_type"] = [b"Gene Expression"] * (len(ids) - 1) + [b"Antibody Capture"]
        features["genome"] = [b"GRCh38"] * len(ids)


class Tenx:
    """Read whole by scanpy, in blocks by schash, and as a data set of the benchmark."""

    name = "10x-h5"

    def prepare(self, folder: Path) -> None:
        for seed in SEEDS:
            write_tenx(folder / f"{seed}.h5", seed)

    def load(self, folder: Path) -> None:
        h5_check.SECONDS = 3.0
        self.folder = folder
        for seed in SEEDS:
            self.judge(Made(folder / f"{seed}.h5", "none", same=True))

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "cells.h5"
        seed = SEEDS[int(rng.integers(len(SEEDS)))]
        shutil.copyfile(self.folder / f"{seed}.h5", path)
        if rng.random() < 0.4:
            data, how = changed(rng, path.read_bytes(), BYTES)
            path.write_bytes(data)
            return Made(path, f"{seed}: {how}")
        how, same = change_structure(rng, path)
        return Made(path, f"{seed}: {how}", same)

    def judge(self, made: Made) -> str:
        path = made.path
        readers = (self._whole, self._blocks, self._loaded)
        answers = [attempt(lambda read=read: read(path), path) for read in readers]  # type: ignore[misc]
        found = [answer for answer in answers if not isinstance(answer, SchashError)]
        if not found:
            require(not made.same, f"the same content is refused: {answers[0]}")
            raise answers[0]
        try:
            X, barcodes, genes = slow_tenx(path)
        except (
            Unreadable,
            OSError,
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            RuntimeError,
            IndexError,
        ) as error:
            message = f"accepted, but not by the slow reader: {type(error).__name__}: {error}"
            raise WrongAnswerError(message) from None
        for answer in found:
            compare((answer[0], answer[1], genes), (X, barcodes, genes))
            require(unlike(answer[2], genes), f"names of genes: {answer[2]} for {genes}"[:600])
        return f"{len(found)} of 3 readers"

    def _whole(self, path: Path) -> Found:
        cells = read_user_cells(path)
        check_values(cells.X, "counts", where=str(path))
        return cells.X.toarray(), list(cells.adata.obs_names), list(cells.var.index)

    def _blocks(self, path: Path) -> Found:
        cells = open_cells(path)
        blocks = list(cells.blocks("counts"))
        return (
            np.concatenate([block.toarray() for _, block in blocks]),
            [name for names, _ in blocks for name in names],
            list(cells.var.index),
        )

    def _loaded(self, path: Path) -> Found:
        row = Dataset(
            id="own",
            title="own",
            source="own",
            loader="tenx_h5",
            values="counts",
            options={"file": path.name},
        )
        loaded = load_dataset(row, {path.name: path})
        blocks = [block.toarray() for block in loaded.blocks()]
        return np.concatenate(blocks), list(loaded.cells.obs_names), list(loaded.cells.var_names)


def unlike(came: list[str], right: list[str]) -> bool:
    """Repeated names are made unique by a suffix; the others are as they are in the file."""
    if len(came) != len(right) or len(set(came)) < len(came):
        return False
    return all(
        ours == name or (right.count(name) > 1 and ours.startswith(name))
        for ours, name in zip(came, right, strict=True)
    )


def slow_tenx(path: Path) -> Found:
    with h5py.File(path, "r") as file:
        groups = [name for name in file if isinstance(file[name], h5py.Group)]
        group: Any = file["matrix" if "matrix" in groups else groups[0] if len(groups) == 1 else "GRCh38"]
        shape = tuple(int(size) for size in group["shape"][()])
        if len(shape) != 2:
            message = "shape"
            raise Unreadable(message)
        X = compressed(group["data"], group["indices"], group["indptr"], shape[::-1], transposed=False)
        barcodes = [text_of(value) for value in group["barcodes"][()]]
        genes = [
            text_of(value)
            for value in (group["features/name"] if "features" in group else group["gene_names"])[()]
        ]
        if "features" in group:
            kept = [
                i
                for i, kind in enumerate(group["features/feature_type"][()])
                if text_of(kind) == "Gene Expression"
            ]
            X, genes = X[:, kept], [genes[i] for i in kept]
        return X, barcodes, genes
