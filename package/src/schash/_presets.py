"""Options of DeepHash: every choice has a name, a preset and a variant fill them in, and any can be given on
its own.

A variant owns the meaning of the method: what the paper says (`as_written`) or what its released code does
(`as_coded`). A preset owns size and recipe: the published network (`paper`, needs a GPU) or one for two CPU
cores (`compact`).
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from schash._learned_anchors import LEARNED
from schash.anchors import SCHEMES
from schash.errors import ConfigError
from schash.losses import CLASS_WEIGHTS
from schash.preprocess import TRANSFORMS

Preset = Literal["compact", "paper"]
Variant = Literal["as_written", "as_coded"]


@dataclass(frozen=True)
class Options:
    """All choices of one model, resolved. Defaults are `as_written` with the `compact` size and recipe."""

    # Meaning: the variant's
    input: str = "log1p"  # of counts, as Abdelaal's wrappers do; views are joined by "+"
    code: str = "sigmoid_bits"  # "tanh_float": never binarised, as coded
    distance: str = "hamming"  # "l1": of the relaxed codes, as coded
    quantisation: str = "cauchy"
    gamma: float = 1.0  # published nowhere; 1 makes the loss bend at one undecided bit
    reduction: str = "sum"  # over bits, Eq. 2; "mean" as coded
    class_weight: str = "effective"  # Eq. 1
    beta: float = 0.9999  # section 3.4
    lambda_: float = 1e-4  # section 3.4
    n_bits: int | None = None  # None: the rule
    anchors: Any = "sampled"  # or "first_rows", "learned", or an (n_types, n_bits) array
    anchor_margin: float = 0.25  # of learned anchors, as a share of the bits (schash._learned_anchors)
    # Size: the preset's
    min_cells: int = 3  # genes seen in fewer training cells say nothing that could be checked
    # Principal components of the training cells as a fixed first layer, in all views together; None: learned
    projection: int | None = 512
    hidden: tuple[int, ...] = (256, 128)
    n_members: int = 4  # networks side by side whose outputs are averaged before the bits are taken
    dropout: float = 0.3
    n_dropout: int = 2  # hidden layers, from the first, that are followed by dropout
    head: str = "linear"  # hash layer: the paper's, or a "mixture" of anchors
    # Recipe: the preset's
    label_smoothing: float = 0.1  # of the anchor bits: ours, against overconfidence; the paper has none
    optimiser: str = "adamw"
    learning_rate: float = 3e-3  # 1e-3 is not done after 400 steps
    schedule: str = "one_cycle"
    halve_every: int = 100  # epochs, for schedule "halving"
    weight_decay: float = 1e-2
    batch_size: int = 128
    # Whatever the number of cells: 200 are too few for many types, 600 gain nothing. None: go by epochs
    steps: int | None = 400
    epochs: int | None = None
    validation_fraction: float = 0.0  # of the training cells, held out to choose the best epoch
    validate_every: int = 10  # epochs
    progress: bool = True  # a progress bar, where the error stream is a terminal

    @property
    def learns_anchors(self) -> bool:
        """Whether the anchors are learned with the hash function."""
        return isinstance(self.anchors, str) and self.anchors == LEARNED


CHOICES: dict[str, tuple[str, ...]] = {
    "code": ("sigmoid_bits", "tanh_float"),
    "distance": ("hamming", "l1"),
    "quantisation": ("cauchy", "squared"),
    "reduction": ("sum", "mean"),
    "class_weight": CLASS_WEIGHTS,
    "head": ("mixture", "linear"),
    "optimiser": ("adam", "adamw"),
    "schedule": ("one_cycle", "constant", "halving"),
}
"""Allowed values of the options that have a closed list."""

ANCHORS: tuple[str, ...] = (*SCHEMES, LEARNED)
"""Schemes of anchors by name; an array of bits is allowed as well."""

VARIANTS: dict[str, dict[str, Any]] = {
    "as_written": {},
    "as_coded": {
        "input": "raw",
        "code": "tanh_float",
        "distance": "l1",
        "quantisation": "squared",
        "reduction": "mean",
        "class_weight": "effective_sum_m",
        "lambda_": 1e-3,
        "n_bits": 64,
        "anchors": "first_rows",
    },
}

PRESETS: dict[str, dict[str, Any]] = {
    "compact": {},
    "paper": {
        "min_cells": 1,
        "projection": None,
        "hidden": (9000, 3150, 900, 450, 200),  # the code; the paper says five fully connected layers
        "n_members": 1,
        "dropout": 0.2,
        "n_dropout": 3,
        "label_smoothing": 0.0,
        "optimiser": "adam",
        "learning_rate": 1e-5,
        "schedule": "constant",
        "weight_decay": 5e-4,
        "batch_size": 128,  # the code takes 64 for TM, AMB and Zheng
        "steps": None,
        "epochs": 301,  # not said in the paper: the code's
    },
}

COMBINATIONS: dict[tuple[str, str], dict[str, Any]] = {
    # Counts say how deeply a cell was sequenced, scaled counts what it is; chosen on inner validation
    ("compact", "as_written"): {"input": "log1p+scaled_log", "beta": 0.99},
    ("paper", "as_coded"): {
        "learning_rate": 1.2e-5,
        "schedule": "halving",
        "weight_decay": 1e-4,
        "validation_fraction": 0.25,  # stratified, of the training cells; the best epoch by median F1 is kept
    },
}
"""What only one preset with one variant does: the optimiser's numbers differ between paper and code."""

EXPLICIT = ("n_bits", "anchors")
"""Options that are parameters of DeepHash in their own right, not overrides."""


def views_of(input_: str) -> tuple[str, ...]:
    """The transforms that `input` names: one, or several joined by "+"."""
    return tuple(input_.split("+"))


def option_names() -> tuple[str, ...]:
    """Names that DeepHash takes as overrides."""
    return tuple(field.name for field in fields(Options) if field.name not in EXPLICIT)


def check_names(names: Any) -> None:
    """Raise `ConfigError` naming the allowed overrides if one of `names` is not among them."""
    unknown = sorted(set(names) - set(option_names()))
    if unknown:
        message = f"DeepHash has no option {', '.join(unknown)}; allowed: {', '.join(option_names())}"
        raise ConfigError(message)


def resolve(preset: str, variant: str, overrides: dict[str, Any]) -> Options:
    """Options of a preset and a variant; `overrides` win, except those that are None for n_bits and anchors.

    Raises
    ------
    ConfigError
        for an unknown preset, variant or value
    """
    _check_one_of("preset", preset, get_args(Preset))
    _check_one_of("variant", variant, get_args(Variant))
    given = {k: v for k, v in overrides.items() if not (k in EXPLICIT and v is None)}
    merged = {**VARIANTS[variant], **PRESETS[preset], **COMBINATIONS.get((preset, variant), {}), **given}
    if given.get("epochs") is not None and "steps" not in given:
        merged["steps"] = None  # a length in epochs replaces the preset's length in steps
    if "hidden" in merged:
        merged["hidden"] = tuple(int(width) for width in merged["hidden"])
    options = replace(Options(), **merged)
    _check_values(options)
    return options


def _check_one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        message = f"{name}={value!r} is not known; allowed: {', '.join(allowed)}"
        raise ConfigError(message)


def _check_values(options: Options) -> None:
    for view in views_of(options.input):
        _check_one_of("input", view, TRANSFORMS)
    for name, allowed in CHOICES.items():
        _check_one_of(name, getattr(options, name), allowed)
    if isinstance(options.anchors, str):
        _check_one_of("anchors", options.anchors, ANCHORS)
    if options.learns_anchors and options.head == "mixture":
        message = "head='mixture' mixes predefined anchors; learned anchors need head='linear'"
        raise ConfigError(message)
    at_least = {
        "gamma": 1e-12, "lambda_": 0, "learning_rate": 1e-12, "weight_decay": 0, "n_dropout": 0,
        "n_members": 1, "batch_size": 1, "min_cells": 0, "validate_every": 1, "halve_every": 1,
    }  # fmt: skip
    if options.projection is not None:
        at_least["projection"] = 1
    at_least["epochs" if options.steps is None else "steps"] = 1
    for name, low in at_least.items():
        value = getattr(options, name)
        if value is None or value < low:
            message = f"{name} must be {'above 0' if low == 1e-12 else f'at least {low}'}, got {value!r}"
            raise ConfigError(message)
    for name in ("dropout", "label_smoothing", "validation_fraction", "beta", "anchor_margin"):
        if not 0 <= getattr(options, name) < 1:
            message = f"{name} must be in [0, 1), got {getattr(options, name)!r}"
            raise ConfigError(message)
    if not options.hidden or min(options.hidden) < 1:
        message = f"hidden must hold the widths of one or more layers, got {options.hidden!r}"
        raise ConfigError(message)
    if options.n_members > 1 and options.projection is None:
        message = "n_members > 1 needs a projection: a learned first layer is shared by no two members"
        raise ConfigError(message)
