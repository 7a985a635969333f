"""h5ad files: as cells to train on, to annotate, to index and to search for, and as a data set of the benchmark."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from fuzz.cases import Made, WrongAnswerError, attempt, require
from fuzz.hdf5 import change_structure
from fuzz.mutations import BYTES, Rng, changed
from fuzz.planted import made_atlas, planted_cells, trained_model
from fuzz.slow_readers import Unreadable, frame_column, frame_index, matrix
from schash import h5_check
from schash.data.loaders.h5ad import load as load_dataset
from schash.data.registry import Dataset
from schash.deephash import DeepHash
from schash.errors import SchashError
from schash.user.annotation import LABEL_KEY, annotate_cells
from schash.user.atlas import Atlas
from schash.user.files import UserCells, check_values, labels_of, read_user_cells
from schash.user.searcher import Searcher
from schash.user.streams import open_cells

SEEDS = ("csr", "csc", "dense", "zipped")


def shuffle_entries(rng: Rng, file: h5py.File) -> str:
    """The entries of a row in another order: the same matrix."""
    group: Any = file["X"]
    if not isinstance(group, h5py.Group):
        return "dense"
    ends = group["indptr"][()]
    order = np.concatenate([rng.permutation(np.arange(a, b)) for a, b in pairwise(ends)])
    for name in ("data", "indices"):
        group[name][...] = group[name][()][order]
    return "entries shuffled"


def wider_types(rng: Rng, file: h5py.File) -> str:
    """Pointers and indices of 64 bits, values in double precision."""
    group: Any = file["X"]
    for name, dtype in (
        (("indptr", "i8"), ("indices", "i8"), ("data", "f8")) if isinstance(group, h5py.Group) else ()
    ):
        values = group[name][()].astype(dtype)
        del group[name]
        group[name] = values
    return "wider types"


class H5ad:
    """name, and what is told of a file: three readers must agree with a slow one."""

    name = "h5ad"

    def prepare(self, folder: Path) -> None:
        cells = planted_cells()
        cells.write_h5ad(folder / "csr.h5ad")
        cells.write_h5ad(folder / "zipped.h5ad", compression="gzip")
        for kind, X in (("csc", cells.X.tocsc()), ("dense", cells.X.toarray())):
            other = cells.copy()
            other.X = X
            other.raw = other.copy()
            other.write_h5ad(folder / f"{kind}.h5ad")
        trained_model(cells).save(folder / "model.schash")
        made_atlas(cells).save(folder / "atlas.schash")

    def load(self, folder: Path) -> None:
        h5_check.SECONDS = 3.0  # of the ten that an input may take; these files are tiny
        self.folder = folder
        self.model = DeepHash.load(folder / "model.schash", device="cpu")
        self.atlas = Atlas.load(folder / "atlas.schash")
        self.atlas.index.n_threads = 1
        cells = planted_cells()
        self.content = (cells.X.toarray(), list(cells.obs_names), list(cells.var_names))
        self.labels = list(
            self._annotated(folder / "csr.h5ad", read_user_cells(folder / "csr.h5ad"))[LABEL_KEY]
        )
        for seed in SEEDS:
            self.judge(Made(folder / f"{seed}.h5ad", "none", same=True))

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "cells.h5ad"
        seed = SEEDS[int(rng.integers(len(SEEDS)))]
        shutil.copyfile(self.folder / f"{seed}.h5ad", path)
        if rng.random() < 0.4:
            data, how = changed(rng, path.read_bytes(), BYTES)
            path.write_bytes(data)
            return Made(path, f"{seed}: {how}")
        how, same = change_structure(rng, path, (shuffle_entries, wider_types))
        return Made(path, f"{seed}: {how}", same)

    def judge(self, made: Made) -> str:
        path = made.path
        whole = attempt(lambda: self._whole(path), path)
        blocks = attempt(lambda: self._blocks(path), path)
        loaded = attempt(lambda: self._loaded(path), path)
        found = [answer for answer in (whole, blocks, loaded) if not isinstance(answer, SchashError)]
        if not found:
            require(not made.same, f"the same content is refused: {whole}")
            raise whole
        try:
            right = slow_cells(path)
        except (Unreadable, OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            message = f"accepted, but not by the slow reader: {type(error).__name__}: {error}"
            raise WrongAnswerError(message) from None
        for answer in found:
            compare(answer, right)
        self._labels_agree(path)
        return f"{len(found)} of 3 readers"

    def _whole(self, path: Path) -> tuple[np.ndarray, list[str], list[str]]:
        cells = read_user_cells(path)
        check_values(cells.X, "counts", where=str(path))
        self._annotated_or_refused(path, cells)
        attempt(lambda: labels_of(cells.adata, "cell_type", where=str(path)), path)
        return cells.X.toarray(), list(cells.adata.obs_names), list(cells.var.index)

    def _annotated(self, path: Path, cells: UserCells) -> pd.DataFrame:
        return annotate_cells(cells, self.model, where=str(path))[0]

    def _annotated_or_refused(self, path: Path, cells: UserCells) -> None:
        table = attempt(lambda: self._annotated(path, cells), path)
        if not isinstance(table, SchashError):
            require(len(table) == cells.X.shape[0], "as many labels as cells")
            same = list(cells.var.index) == self.content[2] and np.array_equal(
                cells.X.toarray(), self.content[0]
            )
            require(not same or list(table[LABEL_KEY]) == self.labels, "the labels of the same cells")

    def _blocks(self, path: Path) -> tuple[np.ndarray, list[str], list[str]]:
        cells = open_cells(path)
        searcher = attempt(lambda: Searcher(self.atlas, cells.var, k=2, where=str(path)), path)
        blocks, names = [], []
        for block_names, block in cells.blocks("counts"):
            blocks.append(block.toarray())
            names += list(block_names)
            if not isinstance(searcher, SchashError):
                found = searcher(block, block_names)
                require(
                    found.ids.shape == (block.shape[0], 2) and found.ids.max() < len(self.atlas), "neighbours"
                )
        return np.concatenate(blocks), names, list(cells.var.index)

    def _loaded(self, path: Path) -> tuple[np.ndarray, list[str], list[str]]:
        row = Dataset(
            id="own", title="own", path=str(path), loader="h5ad", values="counts", labels="cell_type"
        )
        loaded = load_dataset(row, {})
        return loaded.cells.X.toarray(), list(loaded.cells.obs_names), list(loaded.cells.var_names)

    def _labels_agree(self, path: Path) -> None:
        try:
            with h5py.File(path, "r") as file:
                labels = frame_column(file["obs"], "cell_type")
        except (Unreadable, OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError):
            return
        came = attempt(lambda: labels_of(read_user_cells(path).adata, "cell_type", where=str(path)), path)
        if not isinstance(came, SchashError):
            texts = [None if label is None else str(label) for label in came]
            require(texts == labels or _missing_alike(texts, labels), f"labels {texts[:3]} for {labels[:3]}")


def _missing_alike(texts: list[Any], labels: list[Any]) -> bool:
    """Numbers that are missing come as None, and as "nan" from the slow reader."""
    return [None if text in (None, "nan", "NaN") else text for text in texts] == [
        None if label in (None, "nan", "NaN") else label for label in labels
    ]


def slow_cells(path: Path) -> tuple[np.ndarray, list[str], list[str]]:
    with h5py.File(path, "r") as file:
        return matrix(file["X"]), frame_index(file["obs"]), frame_index(file["var"])


def compare(
    came: tuple[np.ndarray, list[str], list[str]], right: tuple[np.ndarray, list[str], list[str]]
) -> None:
    """Equal matrices and names, or a wrong answer."""
    require(came[0].shape == right[0].shape, f"shape {came[0].shape} for {right[0].shape}")
    require(bool(np.isfinite(came[0]).all()), "values that are not finite")
    require(np.allclose(came[0], right[0], rtol=1e-6, atol=0), "other values")
    for what, ours, theirs in (("cells", came[1], right[1]), ("genes", came[2], right[2])):
        require(ours == theirs, f"names of {what}: {ours[:30]} for {theirs[:30]}"[:600])
