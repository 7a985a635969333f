"""Config files (config.yaml and a suite), the registry, the table of common labels and the table of methods.

Accepted, a config must say what its files say, leaf by leaf; a key that a file has twice says two things.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fuzz.cases import Made, WrongAnswerError, require
from fuzz.mutations import BYTES, TEXT, Rng, changed
from fuzz.trees import change_tree
from schash.config import merge, resolve
from schash.data.download_plan import all_fetches, announcement
from schash.data.label_table import read_label_table
from schash.data.registry import load_registry
from schash.methods.catalogue import load_catalogue
from schash.plan import Plan

BOOLEANS = {
    True: ("1", "1.0", "yes", "on", "true", "t", "y"),
    False: ("0", "0.0", "no", "off", "false", "f", "n"),
}
CONFIG = Path(__file__).parents[2] / "config"
TREES = ("*x", "&x [*x]", "&x {a: *x}", "!!python/object:os.system {}", "2020-01-01", "0o17", "1_000", "1:30", "~", "<<: 3", "? [a]", "{[]: 1}", "!!binary aGk=", "!!set {a}", "12e03", ".inf", "0x1F", "off")  # fmt: skip  # noqa: E501


def change_yaml(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """A change of the tree, of the text, or of bytes; or a construct of YAML in place of a value."""
    way = rng.random()
    if way < 0.5:
        tree, how = change_tree(rng, yaml.safe_load(data))
        return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass"), how
    if way < 0.65:
        lines = data.decode().splitlines()
        i = int(rng.integers(len(lines)))
        odd = TREES[int(rng.integers(len(TREES)))]
        lines[i] = lines[i].partition(":")[0] + ": " + odd
        return "\n".join(lines).encode(), f"line {i + 1}: {odd}"
    if way < 0.75:  # a key twice
        lines = data.decode().splitlines(keepends=True)
        i = int(rng.integers(len(lines)))
        return "".join([*lines[: i + 1], lines[i], *lines[i + 1 :]]).encode(), f"line {i + 1} twice"
    return changed(rng, data, TEXT if way < 0.9 else BYTES)


def repeated_keys(node: Any) -> Iterator[str]:
    """Keys that a mapping of the text has more than once."""
    seen: set[int] = set()
    todo = [node]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.MappingNode):
            keys = [
                (key.tag, key.value)
                for key, _ in current.value
                if isinstance(key, yaml.ScalarNode) and key.value != "<<"
            ]
            yield from (str(value) for tag, value in set(keys) if keys.count((tag, value)) > 1)
            todo += [part for pair in current.value for part in pair]
        elif isinstance(current, yaml.SequenceNode):
            todo += current.value


def check_no_key_twice(path: Path) -> None:
    twice = next(repeated_keys(yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)), None)
    require(twice is None, f"key {twice!r} stands twice, and one was taken")


def holds(resolved: Any, given: Any, where: str = "") -> None:
    """Every leaf of `given` is in `resolved`."""
    if isinstance(given, dict) and isinstance(resolved, dict):
        for key, value in given.items():
            if value is None and key not in resolved:
                continue  # an experiment that is left out
            require(key in resolved, f"{where}.{key} is lost")
            holds(resolved[key], value, f"{where}.{key}")
    elif isinstance(given, list) and isinstance(resolved, list | tuple):
        require(len(given) == len(resolved), f"{where} has {len(resolved)} of {len(given)} items")
        for i, (ours, value) in enumerate(zip(resolved, given, strict=True)):
            holds(ours, value, f"{where}[{i}]")
    else:
        given, resolved = (
            value.decode() if isinstance(value, bytes) else value for value in (given, resolved)
        )
        same = resolved == given or str(resolved) == str(given) or (resolved != resolved and given != given)
        same = same or str(given).strip() in (
            str(resolved),
            f"{resolved:.0f}" if isinstance(resolved, float) else "",
        )
        same = same or (isinstance(resolved, bool) and str(given).lower() in BOOLEANS[resolved])
        same = same or (isinstance(given, str) and isinstance(resolved, float) and float(given) == resolved)
        require(same or given == "deephash", f"{where} is {resolved!r}, the file says {given!r}"[:400])


class Configs:
    """config.yaml and the suite demo, with the project's registry and methods."""

    name = "config"
    changed_files = ("config.yaml", "suites/demo.yaml")

    def prepare(self, folder: Path) -> None:
        """The project's own, cut down to what needs no download."""
        shutil.copytree(CONFIG, folder / "config")
        rows: Any = yaml.safe_load((CONFIG / "datasets.yaml").read_text())["datasets"]
        own = {name: row for name, row in rows.items() if row.get("source") in ("embedded", "simulated")}
        (folder / "config/datasets.yaml").write_text(yaml.safe_dump({"datasets": own}))
        suite: Any = yaml.safe_load((CONFIG / "suites/demo.yaml").read_text())
        suite["experiments"] = {
            name: suite["experiments"][name] for name in ("table1", "table2", "fig2b", "fig2d", "cf_fig4")
        }
        (folder / "config/suites/demo.yaml").write_text(yaml.safe_dump(suite, sort_keys=False))

    def load(self, folder: Path) -> None:
        self.folder = folder / "config"
        self._resolved(self.folder, self.folder / "config.yaml")

    def make(self, rng: Rng, folder: Path) -> Made:
        shutil.copytree(self.folder, folder / "config")
        name = self.changed_files[int(rng.integers(len(self.changed_files)))]
        path = folder / "config" / name
        data, how = change_yaml(rng, path.read_bytes())
        path.write_bytes(data)
        return Made(
            path,
            f"{name}: {how}",
            words=(path.name, "config: ", "config (suite", "methods.yaml", "<overlay>"),
        )

    def judge(self, made: Made) -> str:
        folder = made.path.parent if made.path.name == "config.yaml" else made.path.parents[1]
        return self._resolved(folder, made.path)

    def _resolved(self, folder: Path, path: Path) -> str:
        config = resolve({"suite": "demo"}, default_path=folder / "config.yaml", suites=folder / "suites")
        registry = load_registry(folder / "datasets.yaml", overlay={"datasets": config.datasets})
        plan = Plan(config, registry, load_catalogue(folder / "methods.yaml", overlay=config.methods))
        plan.overview()
        for name in config.experiments:
            plan.runs(name)
        check_no_key_twice(path)
        files = [
            yaml.safe_load(p.read_text(encoding="utf-8"))
            for p in (folder / "config.yaml", folder / "suites/demo.yaml")
        ]
        given = {**merge(*files), "suite": "demo"}
        holds(
            config.model_dump(),
            {key: value for key, value in given.items() if value is not None and key != "mirror"},
        )
        return "resolved"


class Registries:
    """A registry of one's own over the project's: a source with two files, data sets with and without it."""

    name = "registry"
    text = """\
sources:
  lake:
    title: Lake
    version: "1"
    licence: CC0
    citation: [{key: k, text: t, doi: 10.1/2}]
    files:
      - {name: a.zip, urls: ["https://example.org/a.zip"], bytes: 10, sha256: SHA}
      - {name: b.csv, manual: sign in, about_bytes: 100, md5: MD5}
datasets:
  pond:
    title: Pond
    source: lake
    loader: labelled_csv
    values: counts
    options: {file: a.zip, member: a.csv, label_column: l, batch_column: b}
    expect: {cells: 10, genes: 5, labels: {B cell: 5, T cell: 5}}
    type_groups: {b: B cell}
    stand_in_for: sea
  own:
    path: own.h5ad
    labels: type
    batch: donor
    columns: {study: study}
    unlabelled: [unknown, "NA"]
    values: noninteger
    common_labels: pancreas
""".replace("SHA", "ab" * 32).replace("MD5", "cd" * 16)

    def prepare(self, folder: Path) -> None:
        (folder / "own.yaml").write_text(self.text)

    def load(self, folder: Path) -> None:
        self._read(folder / "own.yaml")

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "own.yaml"
        data, how = change_yaml(rng, self.text.encode())
        path.write_bytes(data)
        return Made(path, how)

    def judge(self, made: Made) -> str:
        return self._read(made.path)

    def _read(self, path: Path) -> str:
        registry = load_registry({}, overlay=path, labels=CONFIG / "labels.tsv")
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        check_no_key_twice(path)
        names = list(given.get("datasets") or ())
        announcement(all_fetches(registry, names, "members"), "downloads", None)
        for kind, table in (("sources", registry.sources), ("datasets", registry.datasets)):
            for name, row in (given.get(kind) or {}).items():
                plain = {key: value for key, value in row.items() if value is not None}
                holds(table[name].model_dump(), plain, f"{kind}.{name}")
        return "read"


class Labels:
    """The table of common labels."""

    name = "labels"

    def prepare(self, folder: Path) -> None:
        shutil.copyfile(CONFIG / "labels.tsv", folder / "labels.tsv")

    def load(self, folder: Path) -> None:
        self.data = b"".join((folder / "labels.tsv").read_bytes().splitlines(keepends=True)[:25])
        self._read(folder / "labels.tsv")

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "labels.tsv"
        data, how = changed(rng, self.data, (*TEXT, *BYTES))
        path.write_bytes(data)
        return Made(path, how)

    def judge(self, made: Made) -> str:
        return self._read(made.path)

    def _read(self, path: Path) -> str:
        groups = read_label_table(path)
        right: dict[str, dict[str, str]] = {}
        for line in (
            path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")[1:]
        ):
            if line:
                group, source, common, _ = line.split("\t")
                require(source not in right.setdefault(group, {}), f"{source!r} stands twice")
                right[group][source] = common
        require(groups == right, "other labels")
        return "read"


class Methods:
    """The table of methods."""

    name = "methods"

    def prepare(self, folder: Path) -> None:
        tree = yaml.safe_load((CONFIG / "methods.yaml").read_text())
        few = dict(list(tree["methods"].items())[:8])
        (folder / "methods.yaml").write_text(yaml.safe_dump({"methods": few}, sort_keys=False))

    def load(self, folder: Path) -> None:
        self.data = (folder / "methods.yaml").read_bytes()
        self._read(folder / "methods.yaml")

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "methods.yaml"
        data, how = change_yaml(rng, self.data)
        path.write_bytes(data)
        return Made(path, how)

    def judge(self, made: Made) -> str:
        return self._read(made.path)

    def _read(self, path: Path) -> str:
        catalogue = load_catalogue(path)
        check_no_key_twice(path)
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        holds(catalogue.model_dump(by_alias=True), given)
        if not given:
            raise WrongAnswerError("nothing was accepted")
        return "read"
