"""The real cells in the scanpy wheel, and the simulated rows: what `make demo` runs on without a network."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from schash.data import embedded
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.errors import DataError

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")


def test_pbmc68k_reduced():
    labelled = load_dataset(REGISTRY.dataset("pbmc68k_reduced"), {})
    cells = labelled.cells
    assert cells.shape == (700, 765)
    assert cells.uns["values"] == "lognorm"
    assert cells.uns["stand_in_for"] == "Zheng 68K"
    assert labelled.labels.value_counts()["Dendritic"] == 240
    assert cells.X.max() < 10
    np.testing.assert_allclose(cells.X[0, :3].toarray(), [[0, 0, 0]])
    assert list(cells.var_names[:2]) == ["HES4", "TNFRSF4"]


def test_the_values_are_those_of_raw():
    scanpy = pytest.importorskip("scanpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the file's old format
        reference = scanpy.datasets.pbmc68k_reduced()
    cells = load_dataset(REGISTRY.dataset("pbmc68k_reduced"), {}).cells
    assert (cells.X != reference.raw.X).nnz == 0
    assert list(cells.obs_names) == list(reference.obs_names)


def test_without_scanpy_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scanpy"):
        load_dataset(REGISTRY.dataset("pbmc68k_reduced"), {})


@pytest.mark.parametrize("name", ["sim_studies", "sim_types"])
def test_simulated_rows(name):
    row = REGISTRY.dataset(name)
    labelled = load_dataset(row, {})
    assert labelled.cells.n_obs == row.expect.cells
    assert "simulated" in labelled.cells.uns["stand_in_for"]
    assert labelled.labels.value_counts().min() == (6 if name == "sim_types" else 11)
