"""Code digests: they follow imports, and only imports, and only code."""

from pathlib import Path

import pytest

from schash import digests

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


def methods_reached(script, *modules):
    digests._imports.cache_clear()
    seen, todo = set(), [*digests._imports(ROOT / "scripts" / script), *modules]
    while todo:
        name = todo.pop()
        path = digests._module_path(name)
        if path and name not in seen:
            seen.add(name)
            todo.extend(digests._imports(path))
    return seen


def test_stages_depend_on_what_they_use_and_no_more():
    run = methods_reached("run_method.py", "schash.methods.svm")
    assert {"schash.methods.svm", "schash.splits", "schash.preprocess", "schash.data.cells"} <= run
    assert not {"schash.methods.knn", "schash.deephash", "schash.scoring", "schash.plotting.fig2a"} & run
    assert "schash.deephash" in methods_reached("run_method.py", "schash.methods.deephash")
    assert not {"schash.folds", "schash.methods.svm"} & methods_reached("score.py")
    assert "schash.metrics.annotation" in methods_reached("score.py")
    assert "schash.plotting.fig2a" not in methods_reached("variants.py")
