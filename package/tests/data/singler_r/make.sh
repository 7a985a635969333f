#!/bin/sh
# Labels of the R package SingleR, which test_singler.py compares with: Debian's r-bioc-singler 2.0.0 on R 4.2.2.
# PYTHON=.venv/bin/python SCHASH_MIRROR=FOLDER package/tests/data/singler_r/make.sh, from the root of the project.
# FOLDER holds the public files (see test_loaders.py); only the labels and their margins come into this one.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
"${PYTHON:-python}" "$here/export.py" "$work"
for cells in "$work"/*/; do
  Rscript "$here/make.R" "$cells" "$here/$(basename "$cells").tsv"
done
