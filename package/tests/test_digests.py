"""Code digests: they follow imports, and only imports, and only code."""

from pathlib import Path

import pytest

from schash import digests
from schash.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package: entry -> a -> sub.b; c stands apart."""
    files = {
        "__init__.py": "",
        "a.py": '"""Docs."""\nfrom schash.sub import b\n\ndef f():\n    """More docs."""\n    return 1  # a comment\n',
        "sub/__init__.py": "",
        "sub/b.py": "x = 1\n",
        "c.py": "y = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / "schash" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "entry.py").write_text("import numpy\n\ndef main():\n    from schash.a import f\n")
    monkeypatch.setattr(digests, "ROOT", tmp_path / "schash")
    return tmp_path


def digest(package, *more):
    digests._imports.cache_clear()
    digests._code_of.cache_clear()
    return digests.code_digest(package / "entry.py", *more)


@pytest.mark.parametrize("name", ["a.py", "sub/b.py", "sub/__init__.py", "__init__.py"])
def test_editing_an_imported_module_changes_the_digest(package, name):
    before = digest(package)
    (package / "schash" / name).write_text((package / "schash" / name).read_text() + "\nz = 2\n")
    assert digest(package) != before


def test_editing_another_module_does_not(package):
    before = digest(package)
    (package / "schash/c.py").write_text("y = 2\n")
    assert digest(package) == before


def test_a_named_module_counts(package):
    before = digest(package, "schash.c")
    assert before != digest(package)
    (package / "schash/c.py").write_text("y = 2\n")
    assert digest(package, "schash.c") != before


def test_comments_docstrings_and_layout_do_not_count(package):
    before = digest(package)
    (package / "schash/a.py").write_text(
        "from schash.sub import b\n\n\ndef f():\n    # other\n    return   1\n"
    )
    assert digest(package) == before


def modules_reached(script, *modules):
    source = ROOT / "package/src"
    paths = digests.closure(ROOT / "scripts" / script, *modules)
    return {".".join(path.relative_to(source).with_suffix("").parts) for path in paths}


def test_stages_depend_on_what_they_use_and_no_more():
    run = modules_reached("run_method.py", "schash.methods.svm")
    assert {"schash.methods.svm", "schash.splits", "schash.preprocess", "schash.data.cells"} <= run
    assert not {"schash.methods.knn", "schash.deephash", "schash.scoring", "schash.plotting.fig2a"} & run
    assert "schash.deephash" in modules_reached("run_method.py", "schash.methods.deephash")
    assert not {"schash.folds", "schash.methods.svm"} & modules_reached("score.py")
    assert "schash.metrics.annotation" in modules_reached("score.py")
    assert "schash.plotting.fig2a" not in modules_reached("variants.py")
    assert "schash.deephash" not in modules_reached("score.py") | modules_reached("prepare.py")


def test_imports_for_type_checkers_do_not_count(package):
    before = digest(package)
    (package / "schash/__init__.py").write_text("if TYPE_CHECKING:\n    from schash.c import y\n")
    with_block = digest(package)
    (package / "schash/c.py").write_text("y = 3\n")
    assert digest(package) == with_block != before


def test_a_method_outside_the_package_counts_with_its_own_code(package, monkeypatch):
    (package / "mine.py").write_text("from schash.c import y\n")
    monkeypatch.syspath_prepend(str(package))
    before = digest(package, "mine")
    (package / "mine.py").write_text("from schash.c import y\nz = 1\n")
    edited = digest(package, "mine")
    (package / "schash/c.py").write_text("y = 2\n")
    assert len({digest(package), before, edited, digest(package, "mine")}) == 4


def test_a_module_that_does_not_exist_is_named(package):
    with pytest.raises(ConfigError, match=r"module 'schahs\.methods\.svm' cannot be found"):
        digest(package, "schahs.methods.svm")
