"""`import schash` stays light, and every name that it offers is there."""

import subprocess
import sys

import pytest

import schash


@pytest.mark.parametrize("name", schash.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(schash, name) is not None
    assert name in dir(schash)


def test_the_list_of_names_is_that_of_the_places():
    assert set(schash.__all__) == {*schash._WHERE, "__version__"}


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = schash.nothing


def test_importing_the_package_and_its_command_line_imports_nothing_heavy():
    code = (
        "import sys, schash, schash.cli; "
        "print([m for m in ('torch', 'anndata', 'numba', 'sklearn', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
