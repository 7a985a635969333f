"""A fitted CellFishing as arrays and a description, and back: what `schash.array_file` writes."""

from pathlib import Path
from typing import Any

import numpy as np

from schash._cellfishing_options import check_options, index_type
from schash._reduction import Reduction
from schash._standardized import GeneStatistics
from schash._transforms import TRANSFORMS
from schash._version import __version__
from schash.array_file import read_arrays, write_arrays
from schash.errors import ModelFileError
from schash.hamming_index import PARTS_ERRORS
from schash.lsh import SignHash
from schash.packed_strings import pack_strings, unpack_strings

FORMAT = "schash.CellFishing"
VERSION = 1
"""Raised when a reader of the previous version could not read the new file."""


def save_index(model: Any, path: str | Path, *, compression: Any) -> None:
    """Write a fitted `CellFishing`."""
    arrays, description = to_arrays(model)
    write_arrays(path, arrays, description, format=FORMAT, version=VERSION, compression=compression)


def load_index(cls: type, path: str | Path) -> Any:
    """Read a fitted `CellFishing`; `ModelFileError` where the file's parts do not make one."""
    arrays, description = read_arrays(path, format=FORMAT, version=VERSION)
    try:
        return from_arrays(cls, arrays, description)
    except PARTS_ERRORS as error:
        message = (
            f"{path}: damaged: its parts do not make an index ({type(error).__name__}: {str(error)[:500]})"
        )
        raise ModelFileError(message) from error


def to_arrays(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays by name and a description for JSON; the hashes' own are named hash.I and index.I.NAME."""
    reduction: Reduction = model._reduction
    texts, ends = pack_strings(reduction.genes.astype(object))
    arrays = {
        "genes.bytes": texts,
        "genes.ends": ends,
        "mean": reduction.statistics.mean,
        "variance": reduction.statistics.variance,
        "vectors": reduction.vectors,
        "singular_values": reduction.singular_values,
    }
    described = []
    for i, (hash_, index) in enumerate(zip(model._hashes, model._indexes, strict=True)):
        arrays[f"hash.{i}"] = hash_.normals
        parts, description = index._to_arrays()
        arrays |= {f"index.{i}.{name}": array for name, array in parts.items()}
        described.append(description)
    return arrays, {
        "schash": __version__,
        "params": {name: _plain(value) for name, value in model.get_params().items()},
        "transform": reduction.transform,
        "n_cells": int(model.n_cells_),
        "n_learned_from": int(reduction.statistics.n_cells),  # of a shard, the cells of the first
        "layout": model._layout,
        "indexes": described,
    }


def from_arrays(cls: type, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> Any:
    """The `CellFishing` of which `to_arrays` made this."""
    params = dict(description["params"])
    for name in ("include_genes", "exclude_genes"):
        params[name] = tuple(params[name])
    model = cls(**params)
    n_learned_from = description.get("n_learned_from", description["n_cells"])
    statistics = GeneStatistics(n_learned_from, arrays["mean"], arrays["variance"])
    genes = unpack_strings(arrays["genes.bytes"], arrays["genes.ends"]).astype(str)
    model._reduction = Reduction(
        genes, description["transform"], statistics, arrays["vectors"], arrays["singular_values"]
    )
    model._layout = description["layout"]
    kind = index_type(model._layout)
    model._hashes, model._indexes = [], []
    for i, described in enumerate(description["indexes"]):
        prefix = f"index.{i}."
        parts = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        model._hashes.append(SignHash(arrays[f"hash.{i}"]))
        model._indexes.append(kind._from_arrays(parts, described))
    model.genes_, model.n_cells_ = genes, description["n_cells"]
    model.singular_values_ = arrays["singular_values"]
    _check(model)
    return model


def _check(model: Any) -> None:
    check_options(model)
    reduction: Reduction = model._reduction
    if reduction.transform not in TRANSFORMS:
        message = f"transform {reduction.transform!r}"
        raise ValueError(message)
    statistics = reduction.statistics
    if any(array.ndim != 1 for array in (statistics.mean, statistics.variance, reduction.singular_values)):
        message = "means, variances or singular values are no lists"
        raise ValueError(message)
    n_genes, n_dims = reduction.vectors.shape
    sizes = {
        len(reduction.genes),
        len(reduction.statistics.mean),
        len(reduction.statistics.variance),
        n_genes,
    }
    cells = {model.n_cells_, *(len(index) for index in model._indexes)}
    bits = {(hash_.n_bits, hash_.n_dims) for hash_ in model._hashes}
    bits |= {(index.n_bits, n_dims) for index in model._indexes}
    if len(sizes) > 1 or len(cells) > 1 or len(bits) != 1 or len(reduction.singular_values) != n_dims:
        message = f"sizes differ: genes {sizes}, cells {cells}, bits and dimensions {bits}"
        raise ValueError(message)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, str | int | float) else [str(item) for item in value]
