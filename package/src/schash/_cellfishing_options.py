"""What CellFishing checks of its parameters, and the index that a layout names."""

from importlib import import_module
from numbers import Integral
from typing import Any

from schash._transforms import TRANSFORMS
from schash.errors import ConfigError

STATS = ("database", "query", "both")
LAYOUTS = ("fast", "compact", "linear")
MIN_BITS = 8


def check_options(model: Any) -> None:
    """Raise `ConfigError` naming the parameter of a `CellFishing` that is none, what came and what is allowed."""
    for name, least in (("n_bits", MIN_BITS), ("n_hashes", 1), ("n_dims", 1)):
        _check_whole(name, getattr(model, name), least)
    for name in ("min_features", "n_threads"):
        if getattr(model, name) is not None:
            _check_whole(name, getattr(model, name), 1)
    if model.n_tables is not None and model.n_tables != "cellfishing":
        _check_whole("n_tables", model.n_tables, 1)
    for name, allowed in (("transform", TRANSFORMS), ("stats", STATS), ("layout", LAYOUTS)):
        if getattr(model, name) not in allowed:
            message = f"{name}={getattr(model, name)!r} is not known; allowed: {', '.join(allowed)}"
            raise ConfigError(message)
    for name in ("include_genes", "exclude_genes"):
        if isinstance(getattr(model, name), str):
            message = f"{name} must be a list of names, got the text {getattr(model, name)!r}"
            raise ConfigError(message)


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        message = f"{name} must be a whole number of at least {least}, got {value!r}"
        raise ConfigError(message)


def check_k(k: Any) -> None:
    """Raise `ConfigError` unless `k` is a number of neighbours."""
    if isinstance(k, bool) or not isinstance(k, Integral) or k < 0:
        message = f"k must be a whole number of neighbours, 0 or more, got {k!r}"
        raise ConfigError(message)


def index_type(layout: str) -> Any:
    """The class of the index that each hash gets."""
    if layout == "linear":
        return import_module("schash.linear_index").LinearIndex
    return import_module("schash.mih").MultiIndex
