"""Model and index files: changed bytes, which the checksum must tell, and changed content under a right checksum."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.cases import Made, require
from fuzz.mutations import BYTES, NUMBERS, Rng, changed, pick
from fuzz.planted import made_atlas, planted_cells, trained_model
from fuzz.trees import change_tree
from schash.array_file import read_arrays, write_arrays
from schash.deephash import DeepHash
from schash.errors import SchashError
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex
from schash.user.atlas import Atlas

DTYPES = ("u8", "i8", "u4", "i4", "i2", "u1", "i1", "f8", "f4", "f2", "?")


def change_array(rng: Rng, arrays: dict[str, np.ndarray]) -> str:
    """One array of another type, shape, order or value; without it; or under another name."""
    name = str(pick(rng, list(arrays)))
    array = np.array(arrays[name])
    way = int(rng.integers(9))
    if way == 0:
        del arrays[name]
    elif way == 1:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(str(pick(rng, DTYPES)))
    elif way == 2:
        arrays[name] = array[:-1] if array.ndim and len(array) else array.reshape(-1)
    elif way == 3:
        arrays[name] = array.reshape(-1)[:, np.newaxis] if rng.random() < 0.5 else array.T
    elif way == 4:
        arrays[name] = np.concatenate([array, array[:1]]) if array.ndim else array.reshape(1)
    elif way == 5:
        arrays[name + "x"] = arrays.pop(name)
    elif way == 6 and array.size:
        flat = array.reshape(-1)
        arrays[name] = rng.permutation(flat).reshape(array.shape)
    elif way == 7:
        arrays[name] = np.zeros_like(array) if rng.random() < 0.5 else array[:0]
    elif array.size:
        number = (
            pick(rng, NUMBERS)
            if array.dtype.kind == "f"
            else pick(rng, (0, 1, 2, 17, 2**31 - 1, 2**32 - 1, 2**63 - 1))
        )
        flat = array.reshape(-1)
        with np.errstate(all="ignore"):
            flat[int(rng.integers(len(flat)))] = np.asarray(number).astype(array.dtype)
        arrays[name] = flat.reshape(array.shape)
    return f"{name} ({way})"


class ArrayFile:
    """What models and indexes share. `same` inputs must answer as the original does."""

    name: str
    seeds: tuple[str, ...]
    formats: dict[str, tuple[str, int]]

    def load(self, folder: Path) -> None:
        self.folder = folder
        self.query = planted_cells()
        self.right = {seed: self.answer(seed, folder / seed) for seed in self.seeds}

    def answer(self, seed: str, path: Path) -> Any:
        raise NotImplementedError

    def make(self, rng: Rng, folder: Path) -> Made:
        seed = str(pick(rng, self.seeds))
        path = folder / seed
        shutil.copyfile(self.folder / seed, path)
        if rng.random() < 0.5:
            before = path.read_bytes()
            data, how = changed(rng, before, BYTES)
            path.write_bytes(data)
            return Made(path, f"{seed}: {how}", same=True)  # if it is accepted at all
        format, version = self.formats[seed]
        arrays, description = read_arrays(path, format=format, version=version, mmap=False)
        notes = []
        for _ in range(int(rng.choice([1, 1, 2]))):
            if rng.random() < 0.6:
                notes.append(change_array(rng, arrays))
            else:
                description, note = change_tree(rng, description)
                notes.append(note)
        try:
            json.dumps(description)
            compression: Any = pick(rng, (None, None, None, "gzip", "zstd"))
            write_arrays(path, arrays, description, format=format, version=version, compression=compression)
        except (SchashError, TypeError, ValueError, RecursionError) as error:
            notes.append(f"not written: {type(error).__name__}")
        return Made(path, f"{seed}: signed: {'; '.join(notes)}")

    def judge(self, made: Made) -> str:
        seed = made.path.name
        answer = self.answer(seed, made.path)
        if made.same:
            require(equal(answer, self.right[seed]), "accepted, and answers otherwise")
        return "as the original" if equal(answer, self.right[seed]) else "another content"


def equal(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class Models(ArrayFile):
    """DeepHash models, which annotate the planted cells."""

    name = "model"
    seeds = ("model.schash",)
    formats = {"model.schash": ("schash.DeepHash", 2)}  # noqa: RUF012

    def prepare(self, folder: Path) -> None:
        trained_model(planted_cells()).save(folder / "model.schash")

    def answer(self, seed: str, path: Path) -> Any:
        model = DeepHash.load(path, device="cpu")
        genes = self.query.var_names.to_numpy(str)
        codes, labels = model.encode(self.query.X, genes=genes), model.predict(self.query.X, genes=genes)
        require(len(labels) == self.query.n_obs, "a label a cell")
        return codes.words, labels


class Indexes(ArrayFile):
    """Atlases, and indexes of codes alone, which find the neighbours of the planted cells."""

    name = "index"
    seeds = ("atlas.schash", "fast.schash", "linear.atlas.schash", "multi.index", "linear.index")
    formats = {  # noqa: RUF012
        "atlas.schash": ("schash.Atlas", 1), "fast.schash": ("schash.Atlas", 1), "linear.atlas.schash": ("schash.Atlas", 1),  # noqa: E501
        "multi.index": ("schash.MultiIndex", 1), "linear.index": ("schash.LinearIndex", 1),
    }  # fmt: skip

    def prepare(self, folder: Path) -> None:
        cells = planted_cells()
        for seed, layout in (
            ("atlas.schash", "compact"),
            ("fast.schash", "fast"),
            ("linear.atlas.schash", "linear"),
        ):
            made_atlas(cells, layout=layout).save(folder / seed)
        bits = np.random.default_rng(3).integers(0, 2, (40, 40)).astype(bool)
        codes = pack_bits(np.concatenate([bits, bits[:20]]))
        MultiIndex(codes).save(folder / "multi.index")
        LinearIndex(codes).save(folder / "linear.index")

    def answer(self, seed: str, path: Path) -> Any:
        if seed.endswith(".index"):
            kinds: dict[str, Callable[..., Any]] = {
                "multi.index": MultiIndex.load,
                "linear.index": LinearIndex.load,
            }
            index = kinds[seed](path)
            queries = pack_bits(np.random.default_rng(4).integers(0, 2, (5, 40)).astype(bool))
            try:
                found = index.search(queries, 3, n_threads=1)
            except (
                SchashError
            ) as error:  # such as another width: the file is read, and speaks of something else
                return (str(error),)
            _check_found(found, len(index))
            return found.ids, found.distances
        atlas = Atlas.load(path)
        atlas.index.n_threads = 1
        try:
            found = atlas.index.search(self.query.X, 3, genes=self.query.var_names.to_numpy(str))
        except SchashError as error:  # such as other genes: the file is read, and speaks of something else
            return (str(error),)
        _check_found(found, len(atlas))
        labels = [atlas.labels[name].cat.codes.to_numpy() for name in atlas.labels]
        return found.ids, found.distances, atlas.cell_names, *labels


def _check_found(found: Any, n_rows: int) -> None:
    """Rows that are there, distances that rise."""
    require(
        int(found.ids.max(initial=-1)) < n_rows and int(found.ids.min(initial=0)) >= -1,
        "neighbours that are not there",
    )
    require(bool((np.diff(found.distances.astype(np.int64), axis=1) >= 0).all()), "distances that fall")
