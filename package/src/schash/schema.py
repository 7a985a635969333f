"""Checked YAML: unknown keys are refused, and an error names the file, the key, what came and what is allowed."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from schash.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")

DEEPEST = 30
MOST_VALUES = 100_000
"""Of a file, with what its aliases stand for written out. Our largest has 3,000."""
MOST_FAULTS = 20
"""That a message lists."""
LONGEST = 200
"""Characters of a key or value that a message shows."""


class Strict(BaseModel):
    """A schema that refuses unknown keys and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; `ConfigError` with file and line where it does not parse."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_Loader)
        _check_size(data)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: a date of month 13
        message = f"{path}: cannot be read as YAML: {str(error)[:2000]}"
        raise ConfigError(message) from None
    if not isinstance(data, dict):
        message = f"{path}: must hold a mapping of keys to values, found {type(data).__name__}"
        raise ConfigError(message)
    return data


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML's own loader takes the last and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        met = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                key = (key_node.tag, key_node.value)
                if key in met:
                    problem = f"found the key {key_node.value!r} twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                met.add(key)
        return super().construct_mapping(node, deep=deep)


def _check_size(data: Any) -> None:
    """Raise `ValueError` for what is nested too deeply, contains itself, or grows beyond measure by its aliases."""
    level, n_values = [data], 0
    for _ in range(DEEPEST):
        level = [
            part
            for item in level
            for part in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
        n_values += len(level)
        if n_values > MOST_VALUES:
            message = f"it holds more than {MOST_VALUES:,} values"
            raise ValueError(message)
    if level:
        message = f"it is nested more than {DEEPEST} deep, or contains itself"
        raise ValueError(message)


def validate(model: type[Model], data: Any, *, where: str) -> Model:
    """Check `data` against `model`; a `ConfigError` lists every fault with its key."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        faults = "\n".join(f"  {_describe(fault, model)}" for fault in found[:MOST_FAULTS])
        more = f"\n  and {len(found) - MOST_FAULTS} more" if len(found) > MOST_FAULTS else ""
        message = f"{where} is not valid:\n{faults}{more}"
    raise ConfigError(message)


def _describe(fault: Any, model: type[BaseModel]) -> str:
    path = ".".join(_shown(str(part)) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        allowed = _fields_at(model, fault["loc"][:-1])
        close = difflib.get_close_matches(str(fault["loc"][-1]), allowed, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        listing = f" (allowed here: {', '.join(allowed)})" if allowed else ""
        return f"{path}: unknown key{hint}{listing}"
    if fault["type"] == "missing":
        return f"{path}: is required and missing"
    return f"{path}: {_shown(fault['msg'])}; came {_shown(repr(fault['input']))}"


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names of the fields that the schema allows at a location in the data."""
    current: Any = model
    for part in location:
        fields = getattr(current, "model_fields", {})
        annotation = next((f.annotation for n, f in fields.items() if part in (n, f.alias)), None)
        if annotation is None:  # an index or key of a container: its items' schema has been entered already
            continue
        current = _inner_model(annotation) or current
    fields = getattr(current, "model_fields", {})
    return sorted(field.alias or name for name, field in fields.items())


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None


def one_of(table: Mapping[str, Value], key: str, *, what: str, where: str) -> Value:
    """`table[key]`, or a `ConfigError` that names the closest and all allowed keys."""
    if key in table:
        return table[key]
    close = difflib.get_close_matches(key, table, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    message = f"{where}: there is no {what} {_shown(repr(key))}{hint} (known: {', '.join(sorted(table))})"
    raise ConfigError(message)
