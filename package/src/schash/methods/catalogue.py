"""Rows of config/methods.yaml: which class runs a method, with which parameters, on which kinds of values."""

import importlib
import inspect
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from schash.config import merge
from schash.errors import ConfigError
from schash.methods.contract import Method
from schash.schema import Strict, load_yaml, one_of, validate
from schash.values import ValuesKind


class MethodRow(Strict):
    """One compared method. A variant of a method is a row of its own with the same class."""

    title: str
    class_: str = Field(alias="class", description="module:Class, e.g. schash.methods.svm:LinearSVM")
    parameters: dict[str, Any] = Field(default_factory=dict)
    accepts: tuple[ValuesKind, ...] = Field(min_length=1)
    preset: str = ""
    variant: str = ""
    seed_as: str | None = Field(
        None,
        description="draw the random numbers of this method instead of its own, so that only the parameters differ",
    )
    transductive: bool = Field(False, description="is shown the unlabelled query cells while it is fitted")
    searcher: bool = Field(False, description="also finds the nearest training cells")
    rejects: bool = Field(False, description="may leave a cell unassigned, which counts as wrong")
    control: bool = False
    sees_solution: bool = Field(False, description="only for the positive control")
    extra: str | None = Field(None, description="extra of the package that brings what the method needs")
    citation: str | None = None
    note: str = ""

    @field_validator("class_")
    @classmethod
    def _module_and_class(cls, value: str) -> str:
        module, _, name = value.partition(":")
        if not module or not name.isidentifier():
            message = "must be 'module:Class', e.g. schash.methods.svm:LinearSVM"
            raise ValueError(message)
        return value

    @property
    def module(self) -> str:
        return self.class_.partition(":")[0]


class Catalogue(Strict):
    """All methods by id."""

    methods: dict[str, MethodRow]

    def row(self, method: str) -> MethodRow:
        """The row of a method; `ConfigError` naming the known ids where there is none."""
        return one_of(self.methods, method, what="method", where="methods.yaml")


def load_catalogue(path: str | Path, overlay: dict[str, Any] | None = None) -> Catalogue:
    """Read methods.yaml and lay `overlay` (the config's own `methods:`) over it, key by key."""
    rows = load_yaml(path)
    merged = merge(rows, {"methods": overlay}) if overlay else rows
    return validate(Catalogue, merged, where=str(path))


def build_method(row: MethodRow, *, seed: int) -> Method:
    """Import the class of a row and construct it with the row's parameters and the seed.

    Raises
    ------
    ConfigError
        if the module or class does not exist or does not know one of the parameters
    """
    module_name, _, class_name = row.class_.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = f"; pip install 'schash[{row.extra}]' brings it" if row.extra else ""
        message = f"method {row.title!r} needs the module {error.name}{hint}"
        raise ConfigError(message) from None
    try:
        method_class = getattr(module, class_name)
    except AttributeError:
        message = f"method {row.title!r}: module {module_name} has no class {class_name}"
        raise ConfigError(message) from None
    known = inspect.signature(method_class).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    unknown = [] if takes_any else sorted(set(row.parameters) - set(known))
    if unknown:
        message = (
            f"method {row.title!r}: {row.class_} has no parameter {', '.join(unknown)}; "
            f"it takes {', '.join(name for name in known if name != 'seed')}"
        )
        raise ConfigError(message)
    method: Method = method_class(**row.parameters, seed=seed)
    _check_flags(row, method)
    return method


def _check_flags(row: MethodRow, method: Method) -> None:
    """A flag that the row lacks would hide in every figure what the class does; one too many would invent it."""
    does = {
        "transductive": "unlabelled" in inspect.signature(method.fit).parameters,
        "searcher": hasattr(method, "search"),
        "sees_solution": hasattr(method, "reveal"),
    }
    wrong = [name for name, value in does.items() if getattr(row, name) != value]
    if wrong:
        flags = ", ".join(f"{name}: {str(does[name]).lower()}" for name in wrong)
        message = f"method {row.title!r}: its row must say {flags}, as {row.class_} is"
        raise ConfigError(message)
