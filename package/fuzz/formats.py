"""The formats by name."""

from fuzz.archives import Folds, Tars, Zips
from fuzz.array_files import Indexes, Models
from fuzz.cases import Format
from fuzz.configs import Configs, Labels, Methods, Registries
from fuzz.h5ad import H5ad
from fuzz.mtx import Mtx
from fuzz.tables import Tables
from fuzz.tenx import Tenx

_ALL: tuple[type[Format], ...] = (
    H5ad, Tenx, Mtx, Tables, Models, Indexes, Configs, Registries, Labels, Methods, Zips, Tars, Folds,
)  # fmt: skip
FORMATS: dict[str, type[Format]] = {form.name: form for form in _ALL}
