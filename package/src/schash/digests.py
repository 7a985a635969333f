"""Digests of the code that a stage depends on, so that editing a module re-runs exactly the stages that use it.

Snakemake re-runs a job when its script changes, but not when a module that the script imports does. A digest over the
script's closure of `schash` imports, handed to the rule as a parameter, closes that gap: Snakemake re-runs a job whose
parameters changed. Comments, docstrings and layout do not count.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "schash"
ROOT = Path(__file__).parent


def code_digest(*entry_points: str | Path) -> str:
    """Digest of the schash modules that `entry_points` (module names or script paths) import, directly or not.

    Imports inside functions count as well. A module that is only named in a string, as the methods are in
    methods.yaml, does not count: name it as an entry point where it matters.
    """
    todo: list[str] = []
    for entry in entry_points:
        todo.extend([entry] if isinstance(entry, str) else _imports(entry))
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        path = _module_path(name)
        if path is None or name in seen:
            continue
        seen.add(name)
        todo.extend(_imports(path))
        todo.append(name.rpartition(".")[0])
    digest = hashlib.sha256()
    for name in sorted(seen):
        digest.update(f"{name}\x1f{_code_of(_module_path(name))}\x1e".encode())
    return digest.hexdigest()[:16]


def _module_path(name: str) -> Path | None:
    """File of a module of this package; None for anything else."""
    head, *rest = name.split(".")
    if head != PACKAGE:
        return None
    base = ROOT.joinpath(*rest)
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Names of all schash modules that a file imports; `from a import b` may mean the module a.b, so both count."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in names if name.split(".")[0] == PACKAGE))


@cache
def _code_of(path: Path | None) -> str:
    """Code of a file without comments and docstrings."""
    if path is None:
        return ""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
