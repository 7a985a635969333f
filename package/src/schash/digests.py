"""Digests of the code that a stage depends on, so that editing a module re-runs exactly the stages that use it.

Snakemake re-runs a job when its script changes, but not when a module that the script imports does. A digest over the
script's closure of `schash` imports, handed to the rule as a parameter, closes that gap: Snakemake re-runs a job whose
parameters changed. Comments, docstrings and layout do not count.
"""

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from schash.errors import ConfigError

PACKAGE = "schash"
ROOT = Path(__file__).parent


def code_digest(*entry_points: str | Path) -> str:
    """Digest of the schash modules that `entry_points` (module names or script paths) import, directly or not.

    Imports inside functions count as well; those for type checkers alone do not. A module that is only named in a
    string, as the methods are in methods.yaml, does not count: name it as an entry point where it matters. Such a
    module may lie outside the package; then its own code counts too.

    Raises
    ------
    ConfigError
        if a named module cannot be found
    """
    digest = hashlib.sha256()
    for path in closure(*entry_points):
        digest.update(f"{path.name}\x1f{_code_of(path)}\x1e".encode())
    return digest.hexdigest()[:16]


def closure(*entry_points: str | Path) -> list[Path]:
    """Files of the modules that `entry_points` reach; a script itself is not among them: Snakemake watches it."""
    todo: list[str] = []
    for entry in entry_points:
        todo.extend([entry] if isinstance(entry, str) else _imports(entry))
    seen: dict[str, Path] = {}
    while todo:
        name = todo.pop()
        path = _module_path(name) if name.split(".")[0] == PACKAGE else _foreign_path(name)
        if path is None or name in seen:
            continue
        seen[name] = path
        todo.extend(_imports(path))
        if name.split(".")[0] == PACKAGE:
            todo.append(name.rpartition(".")[0])
    return [seen[name] for name in sorted(seen)]


def _module_path(name: str) -> Path | None:
    """File of a module of this package; None where the name is that of a function or class in one."""
    base = ROOT.joinpath(*name.split(".")[1:])
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _foreign_path(name: str) -> Path | None:
    """File of a module outside the package that an entry point names; None for the empty parent of one."""
    if not name:
        return None
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        message = f"module {name!r} cannot be found; it must lie where Python can import it from"
        raise ConfigError(message)
    return Path(spec.origin)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Names of all schash modules that a file imports; `from a import b` may mean the module a.b, so both count."""
    names: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in names if name.split(".")[0] == PACKAGE))


@cache
def _code_of(path: Path) -> str:
    """Code of a file without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
