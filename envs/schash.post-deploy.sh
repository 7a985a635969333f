#!/usr/bin/env bash
# Runs in the folder that Snakemake was started in, with the new conda environment active.
# SCHASH_HOME says where the checkout is when that folder is not it.
set -euo pipefail
python -m pip install --no-deps --editable "${SCHASH_HOME:-.}/package"
