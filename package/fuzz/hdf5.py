"""Changes of the structure of an HDF5 file: types, shapes, values, links, attributes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fuzz.mutations import NUMBERS, TEXTS, Rng, pick

Change = Callable[[Rng, h5py.File], str]
DTYPES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u1", "?", "c16", "S4", "V3", "text", "enum", "compound", "object reference")  # fmt: skip  # noqa: E501


def names_of(file: h5py.File, kind: type) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, kind) else None)
    return found


def _dataset(rng: Rng, file: h5py.File) -> tuple[str, Any]:
    name = str(pick(rng, names_of(file, h5py.Dataset)))
    return name, file[name]


def _replace(file: h5py.File, name: str, data: Any, **options: Any) -> None:
    """Put data in place of a dataset, whose attributes stay."""
    kept = dict(file[name].attrs) if name in file else {}
    if name in file:
        del file[name]
    made = file.create_dataset(name, data=data, **options)
    for key, value in kept.items():
        made.attrs[key] = value


def retype(rng: Rng, file: h5py.File) -> str:
    name, item = _dataset(rng, file)
    kind, values = str(pick(rng, DTYPES)), item[()]
    as_text = np.array([str(v) for v in np.ravel(values)], dtype=object)
    if kind == "text":
        _replace(file, name, as_text, dtype=h5py.string_dtype())
    elif kind == "object reference":
        _replace(file, name, np.array([file.ref] * len(as_text), dtype=h5py.ref_dtype))
    elif kind == "compound":
        _replace(file, name, np.zeros(item.shape, dtype=[("a", "i4"), ("b", "f8")]))
    elif kind == "enum":
        _replace(file, name, np.zeros(item.shape, "i4"), dtype=h5py.enum_dtype({"A": 0, "B": 1}, "i4"))
    elif item.dtype == object:
        _replace(
            file, name, as_text.astype("S20") if kind[0] == "S" else np.arange(len(as_text)).astype(kind)
        )
    else:
        _replace(file, name, np.asarray(values).astype(kind))
    return f"{name} as {kind}"


def reshape(rng: Rng, file: h5py.File) -> str:
    name, item = _dataset(rng, file)
    values, way = item[()], int(rng.integers(7))
    options: dict[str, Any] = {"dtype": h5py.string_dtype()} if item.dtype == object else {}
    flat = np.ravel(np.asarray(values, dtype=item.dtype))
    made = (
        lambda: flat[:-1], lambda: np.concatenate([flat, flat[-1:]]), lambda: flat[:0], lambda: flat[:, np.newaxis],
        lambda: flat[np.newaxis], lambda: flat[0] if len(flat) else flat, lambda: np.concatenate([flat] * 3),
    )[way]()  # fmt: skip
    _replace(file, name, made, **options)
    return f"{name} of another shape ({way})"


def set_value(rng: Rng, file: h5py.File) -> str:
    name, item = _dataset(rng, file)
    if item.size == 0 or item.shape == ():
        return f"{name} left alone"
    at = tuple(int(rng.integers(size)) for size in item.shape)
    if item.dtype == object or item.dtype.kind in "SO":
        text = str(pick(rng, TEXTS)).replace("\x00", "")
        item[at] = text
        return f"{name}{at} = {text[:20]!r}"
    number: Any = pick(rng, NUMBERS)
    if item.dtype.kind in "iub":
        info = np.iinfo(item.dtype) if item.dtype.kind in "iu" else np.iinfo(np.int8)
        number = int(
            np.clip(
                np.nan_to_num(number, posinf=2**63 - 1, neginf=-(2**31)),
                info.min,
                float(info.max) * (1 - 1e-9),
            )
        )
    item[at] = number
    return f"{name}{at} = {number}"


def reorder(rng: Rng, file: h5py.File) -> str:
    """Two entries change places, one is written over another, or all are turned around or sorted."""
    name, item = _dataset(rng, file)
    if item.shape == () or len(item) < 2:
        return f"{name} left alone"
    values = item[()]
    i, j = (int(rng.integers(len(values))) for _ in range(2))
    way = int(rng.integers(4))
    if way == 0:
        values[[i, j]] = values[[j, i]]
    elif way == 1:
        values[i] = values[j]
    else:
        values = values[::-1].copy() if way == 2 else np.sort(values, axis=0)
    item[...] = values
    return f"{name} reordered ({way})"


def remove(rng: Rng, file: h5py.File) -> str:
    name = str(pick(rng, names_of(file, h5py.Dataset) + names_of(file, h5py.Group)))
    del file[name]
    return f"without {name}"


def set_attribute(rng: Rng, file: h5py.File) -> str:
    owners = [file, *(file[name] for name in names_of(file, object))]
    keys = [(item, key) for item in owners for key in item.attrs]
    if not keys:
        return "no attribute"
    item, key = keys[int(rng.integers(len(keys)))]
    odd: tuple[Any, ...] = (
        "", "csr_matrix", "csc_matrix", "array", "dataframe", "dict", "categorical", "nullable-integer", "nullable-boolean",  # noqa: E501
        "string-array", "raw", "anndata", "awkward-array", "null", "0.2.0", "9.9", 5, -1, 1.5, True, np.array([3, 4]),
        np.array([-1, 8]), np.array([2**40, 2**40]), np.array([12, 8, 1]), np.array([12.0, 8.0]), np.array(["a", "b"], dtype="S1"),  # noqa: E501
        h5py.Empty("f4"), "_index", "x", np.array([], dtype="i8"),
    )  # fmt: skip
    if rng.integers(4) == 0:
        del item.attrs[key]
        return f"{item.name}@{key} removed"
    value = pick(rng, odd)
    item.attrs[key] = value
    return f"{item.name}@{key} = {value!r}"


def relink(rng: Rng, file: h5py.File) -> str:
    """Links in a circle, to nowhere, to another file, or to another part of this one."""
    names = names_of(file, h5py.Dataset) + names_of(file, h5py.Group)
    name, other = str(pick(rng, names)), str(pick(rng, names))
    way = int(rng.integers(6))
    parent = file[name].parent.name
    if way == 5:
        target = file[other]
    del file[name]
    if way == 0:
        file[name] = h5py.SoftLink("/" + name)
    elif way == 1:
        file[name] = h5py.SoftLink("/nowhere")
    elif way == 2:
        file[name] = file[parent]  # a circle of hard links
    elif way == 3:
        file[name] = h5py.ExternalLink("/nonexistent.h5", "/x")
    elif way == 4:
        file[name] = h5py.SoftLink("/")
    else:
        file[name] = target
    return f"{name} linked ({way}, {other})"


def exchange_kind(rng: Rng, file: h5py.File) -> str:
    """A group where a dataset is expected, or the other way round."""
    names = names_of(file, object)
    name = str(pick(rng, names))
    was_group = isinstance(file[name], h5py.Group)
    del file[name]
    if was_group:
        file[name] = np.arange(5)
    else:
        file.create_group(name)
    return f"{name} is a {'dataset' if was_group else 'group'}"


def declare_huge(rng: Rng, file: h5py.File) -> str:
    """A dataset of terabytes that takes no space, since nothing was written to it."""
    name, item = _dataset(rng, file)
    kept, dtype = dict(item.attrs), item.dtype
    rank = max(1, item.ndim)
    shape = tuple(int(rng.choice([2**20, 2**33, 2**40])) for _ in range(rank))
    del file[name]
    made = file.create_dataset(name, shape=shape, dtype=dtype, chunks=(1024,) * rank, compression="gzip")
    for key, value in kept.items():
        made.attrs[key] = value
    return f"{name} of shape {shape}"


def nest(rng: Rng, file: h5py.File) -> str:
    groups = ["/", *names_of(file, h5py.Group)]
    name, depth = str(pick(rng, groups)), int(rng.choice([5, 200, 1500]))
    item: Any = file[name]
    for _ in range(depth):
        item = item.create_group("d")
        item.attrs["encoding-type"], item.attrs["encoding-version"] = "dict", "0.1.0"
    return f"{name} nested {depth} deep"


def repack(rng: Rng, file: h5py.File) -> str:
    """The same content stored in another way."""
    name, item = _dataset(rng, file)
    if item.shape == () or item.size == 0:
        return f"{name} left alone"
    ways: tuple[dict[str, Any], ...] = (
        {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}, {"fletcher32": True}, {"chunks": True},
        {"maxshape": (None,) * item.ndim},
    )  # fmt: skip
    values = item[()]
    if item.dtype == object:
        values = np.array([v.decode() for v in values], dtype=object)
        _replace(file, name, values, dtype=h5py.string_dtype(), **ways[int(rng.integers(len(ways)))])
    else:
        _replace(file, name, values, **ways[int(rng.integers(len(ways)))])
    return f"{name} repacked"


STRUCTURE: tuple[Change, ...] = (
    retype, retype, reshape, reshape, set_value, set_value, set_value, reorder, reorder, remove, set_attribute,
    set_attribute, relink, exchange_kind, declare_huge, nest, repack,
)  # fmt: skip


def change_structure(rng: Rng, path: Path, more: tuple[Change, ...] = ()) -> tuple[str, bool]:
    """One to three changes in place; what they were, and whether the content is the same."""
    notes, same = [], True
    changes = STRUCTURE + more
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        change = changes[int(rng.integers(len(changes)))]
        try:
            with h5py.File(path, "r+") as file:
                notes.append(change(rng, file))
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            RuntimeError,
            AttributeError,
            OverflowError,
            IndexError,
        ) as error:
            notes.append(f"{change.__name__} half done: {type(error).__name__}")  # an odd file all the same
            same = False
        same = same and (change is repack or change in more)
    return "; ".join(notes), same
