"""Transforms of CellFishing's selected counts; compiled loops know them by their place."""

from typing import Literal, get_args

Transform = Literal["log", "freeman_tukey", "none"]

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)
LOG, FREEMAN_TUKEY, NONE = range(len(TRANSFORMS))
