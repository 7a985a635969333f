"""Files that are written from others are up to date, and the checkout has what others look for."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_conda_environment_carries_the_pins_of_pip():
    expected = load(ROOT / "envs/write_conda.py").conda_environment(
        (ROOT / "envs/constraints.txt").read_text()
    )
    assert (ROOT / "envs/schash.yaml").read_text() == expected


def test_every_environment_file_has_the_pins_of_pip_and_no_other():
    text = (ROOT / "envs/constraints.txt").read_text()
    pins = {line for line in text.splitlines() if line and not line.startswith("#")}
    files = sorted((ROOT / "envs").glob("*.yaml"))
    assert files
    for path in files:
        listed = yaml.safe_load(path.read_text())["dependencies"]
        by_pip = [entry["pip"] for entry in listed if isinstance(entry, dict)]
        by_conda = [entry for entry in listed if isinstance(entry, str)]
        assert set(by_pip[0]) == pins, path
        assert [re.split("[ =]", entry)[0] for entry in by_conda] == ["python", "pip"], path


@pytest.mark.parametrize("name", ["Dockerfile", "schash.def"])
def test_images_install_the_same_pins_on_the_same_python(name):
    text = (ROOT / "envs" / name).read_text()
    assert "--constraint envs/constraints.txt" in text
    assert re.search(r"python:3\.11-", text)
    assert "python =3.11" in (ROOT / "envs/schash.yaml").read_text()
    assert not re.search(r"pip install[^\n]*==", text)
    assert "NOT BUILT" in text


def test_torch_is_pinned_everywhere():
    assert "torch==2.13.0\n" in (ROOT / "envs/constraints.txt").read_text()
    assert '"torch==2.13.0"' in (ROOT / "package/pyproject.toml").read_text()


def test_pins_are_versions_and_nothing_local():
    lines = [
        line for line in (ROOT / "envs/constraints.txt").read_text().splitlines() if not line.startswith("#")
    ]
    assert len(lines) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)


@pytest.mark.parametrize("name", ["config", "methods"])
def test_schemas_are_up_to_date(name):
    write = load(ROOT / "workflow/schemas/write.py")
    assert (ROOT / f"workflow/schemas/{name}.schema.json").read_text() == write.schema_text(name)


def test_the_snakefile_is_a_contents_page():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 40


def test_scripts_are_thin_and_importable():
    for path in sorted((ROOT / "scripts").glob("*.py")):
        text = path.read_text()
        assert len(text.splitlines()) <= 60, path
        head, guard, _ = text.partition('if __name__ == "__main__":')
        assert guard, path
        assert "snakemake." not in head, path
        assert callable(load(path).main)


def test_snakemake_never_appears_inside_the_package():
    for path in (ROOT / "package/src").rglob("*.py"):
        assert "import snakemake" not in path.read_text()


def test_every_target_has_a_caption():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    captions = set(re.findall(r'caption="\.\./report/([\w.]+)"', rules))
    assert captions
    assert all((ROOT / "workflow/report" / name).is_file() for name in captions)
    assert {path.name for path in (ROOT / "workflow/report").iterdir()} == captions | {"workflow.rst"}


def test_catalog_and_citation_are_valid_yaml():
    assert yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {reference["doi"] for reference in citation["references"]} == {
        "10.1101/2021.11.08.467820", "10.1186/s13059-019-1639-x",
    }  # fmt: skip
