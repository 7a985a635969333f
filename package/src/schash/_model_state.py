"""A fitted DeepHash as arrays and a description, and back: what `schash.model_file` writes."""

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from schash import _presets
from schash._features import Features
from schash._network import HashNetwork
from schash._version import __version__
from schash.errors import ModelFileError
from schash.hamming import BitCodes, unpack_bits
from schash.model_file import read_model, write_model
from schash.values import check_kind

_NETWORK = "network."


def save_model(model: Any, path: str | Path) -> None:
    """Write a fitted `DeepHash`."""
    features: Features = model._features
    arrays = {"anchors": model.anchors_.words, "kept_genes": features.kept.astype(np.int64)}
    for i, (basis, offset) in enumerate(zip(features.bases, features.offsets, strict=True)):
        arrays[f"basis.{i}"], arrays[f"offset.{i}"] = basis, offset
    for name, tensor in model._network.state_dict().items():
        arrays[_NETWORK + name] = tensor.cpu().numpy()
    write_model(path, arrays, _describe(model))


def load_model(cls: type, path: str | Path, *, device: str) -> Any:
    """Read a fitted `DeepHash`; `ModelFileError` where the description and the arrays do not make one."""
    arrays, description = read_model(path)
    try:
        model = _restore(cls, arrays, description, device)
        _check(model)
    except Exception as error:  # whatever its parts lead to that do not fit each other
        message = (
            f"{path}: damaged: its content does not make a model ({type(error).__name__}: {str(error)[:500]})"
        )
        raise ModelFileError(message) from error
    return model


def _describe(model: Any) -> dict[str, Any]:
    classes = model.classes_
    params = model.get_params()
    params["anchors"] = params["anchors"] if isinstance(params["anchors"], str | None) else "given"
    options = asdict(model.options_)
    options["anchors"] = options["anchors"] if isinstance(options["anchors"], str) else "given"
    return {
        "schash": __version__,
        "params": params,
        "options": options,
        "values": model.values_,
        "views": list(model._features.views),
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": list(getattr(model, "feature_names_in_", [])),
        "genes": None if model.genes_ is None else model.genes_.tolist(),
        "classes": classes.tolist(),
        "classes_dtype": "object" if classes.dtype == object else classes.dtype.str,
        "n_bits": model.anchors_.n_bits,
        "history": model.history_.astype(object).where(model.history_.notna(), None).to_dict("list"),
    }


def _restore(cls: type, arrays: dict[str, np.ndarray], description: dict[str, Any], device: str) -> Any:
    from schash.deephash import _build, _device  # here, since deephash imports this module when it saves

    anchors = BitCodes(arrays["anchors"], description["n_bits"])
    params = {**description["params"], "device": device}
    if params["anchors"] == "given":
        params["anchors"] = unpack_bits(anchors)
    model = cls(**params)
    options = _presets.Options(
        **{**description["options"], "hidden": tuple(description["options"]["hidden"])}
    )
    n_views = sum(name.startswith("basis.") for name in arrays)
    features = Features(
        views=tuple(description["views"]),
        values=description["values"],
        kept=arrays["kept_genes"],
        bases=tuple(arrays[f"basis.{i}"] for i in range(n_views)),
        offsets=tuple(arrays[f"offset.{i}"] for i in range(n_views)),
    )
    model._network = _load_network(_build(features, unpack_bits(anchors), options, seed=0), arrays).to(
        _device(device)
    )
    model._features, model.options_, model.anchors_ = features, options, anchors
    model.classes_ = np.array(description["classes"], dtype=description["classes_dtype"])
    model.genes_ = None if description["genes"] is None else np.array(description["genes"], dtype=str)
    model.values_ = description["values"]
    model.n_features_in_ = description["n_features_in"]
    if description["feature_names_in"]:
        model.feature_names_in_ = np.array(description["feature_names_in"], dtype=object)
    history = pd.DataFrame(description["history"])
    model.history_ = history.astype({name: float for name in history if name != "step"})
    return model


def _check(model: Any) -> None:
    """Raise where the parts do not fit each other: found by annotating a cell without counts."""
    n_types, n_genes = len(model.anchors_), model.n_features_in_
    if model.classes_.shape != (n_types,) or (model.genes_ is not None and model.genes_.shape != (n_genes,)):
        message = f"{len(model.classes_)} types for {n_types} anchors, or genes other than {n_genes}"
        raise ValueError(message)
    check_kind(model.values_)
    named = getattr(model, "feature_names_in_", None)
    if named is not None and (named.shape != (n_genes,) or not all(isinstance(name, str) for name in named)):
        message = f"feature_names_in does not name {n_genes} genes"
        raise ValueError(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of columns without names
        distances = model.decision_distances(np.zeros((1, n_genes), np.float32))
    if distances.shape != (1, n_types):
        message = f"distances of shape {distances.shape} to {n_types} anchors"
        raise ValueError(message)


def _load_network(network: HashNetwork, arrays: dict[str, np.ndarray]) -> HashNetwork:
    state = {
        name.removeprefix(_NETWORK): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith(_NETWORK)
    }
    network.load_state_dict(state)
    return network.eval()
