#!/usr/bin/env bash
# Resolve the package with all its extras in a throwaway environment and pin what came out: constraints.txt for pip,
# and the same pins in the conda environment. Run it through `make constraints`, review the diff, commit it.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m venv "$work/venv"
pip="$work/venv/bin/python -m pip"
$pip install --quiet --upgrade pip
$pip install --quiet ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --editable "package[$EXTRAS]"
$pip check
{
  echo "# Written by 'make constraints' with $("$PYTHON" --version); do not edit by hand."
  # a local build tag (torch 2.13.0+cpu) is not on every index, and '==2.13.0' matches it as well
  $pip freeze --exclude-editable --exclude pip --exclude setuptools --exclude wheel | sed -E 's/ @ .*$//; s/\+[a-z0-9.]+$//'
} >"$work/constraints.txt"
mv "$work/constraints.txt" envs/constraints.txt
"$work/venv/bin/python" envs/write_conda.py
