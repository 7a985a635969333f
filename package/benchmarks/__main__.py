"""`python -m benchmarks`."""

import os

# faiss's OpenMP threads spin while they wait for each other, which on a machine that others use as well slows it down
# several times. It is read when the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from benchmarks.cli import app

app()
