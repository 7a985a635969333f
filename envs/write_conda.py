"""Write envs/schash.yaml from envs/constraints.txt, so that conda environments carry pip's pins."""

from pathlib import Path

HERE = Path(__file__).parent
HEADER = """\
# Written by 'make constraints' from constraints.txt; do not edit by hand.
# The package itself is installed by schash.post-deploy.sh, see docs/decisions/0003-environments.md.
name: schash
channels: [conda-forge]
dependencies:
  - python =3.11
  - pip
  - pip:
"""


def conda_environment(constraints: str) -> str:
    """The text of the conda environment: Python from conda-forge, every pin through pip."""
    pins = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    return HEADER + "".join(f"      - {pin}\n" for pin in pins)


if __name__ == "__main__":
    text = conda_environment((HERE / "constraints.txt").read_text())
    (HERE / "schash.yaml").write_text(text)
