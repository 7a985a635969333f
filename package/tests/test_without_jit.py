"""The compiled loops once more as plain Python: what the compiler hides (overflow, bounds) shows there."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import naive, numpy as np
from schash.anchor_index import AnchorIndex
from schash.cellfishing import CellFishing
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex
from schash.mih import MultiIndex
from schash.transformer import HammingTransformer
from test_search import clustered_bits

for n_bits, repeats in ((13, 1), (128, 1), (64, 10)):
    codes, queries = clustered_bits(60, n_bits, repeats=repeats), clustered_bits(3, n_bits, seed=1)
    packed, asked = pack_bits(codes), pack_bits(queries)
    for k in (2, 70):
        ids, _ = naive.nearest(codes, queries, k)
        for index in (LinearIndex(packed), MultiIndex(packed), MultiIndex(packed, 9, "compact")):
            assert (index.search(asked, k).ids == ids).all(), (n_bits, repeats, k)
        for layout in ("fast", "compact"):
            found = MultiIndex(packed, 9, layout).search(asked, k, strategy="tables")
            assert (found.ids == ids).all(), (n_bits, repeats, k, layout)
    anchors = clustered_bits(3, n_bits, seed=2)
    found = AnchorIndex(packed, pack_bits(anchors)).search(asked, 20)
    assert (found.ids == naive.nearest_in_buckets(codes, anchors, queries, 20)[0]).all()

rng = np.random.default_rng(0)
counts = rng.poisson(rng.gamma(0.5, 2.0, (3, 40))[rng.integers(3, size=50)]).astype(np.float32)
genes = [f"g{i}" for i in range(40)]
cells = CellFishing(n_bits=20, n_hashes=2, n_dims=4, min_features=30).fit(counts, genes=genes)
assert (cells.search(counts, 50, genes=genes).distances[:, 0] == 0).all()
for metric in ("angle", "euclidean"):
    graph = HammingTransformer(n_neighbors=3, n_bits=32, metric=metric).fit_transform(counts)
    assert graph.shape == (50, 50)
print("same")
"""


def test_kernels_run_as_plain_python():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "same"
