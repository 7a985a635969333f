"""The formats by name."""

from collections.abc import Callable

from fuzz.cases import Format
from fuzz.h5ad import H5ad

FORMATS: dict[str, Callable[[], Format]] = {
    "h5ad": H5ad,
}
