"""The machine code of the scan: vector popcounts where the processor has them, nothing slow in the inner loop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = 2
SCRIPT = """
from test_search import clustered_bits
from schash._linear_kernels import search_all
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex

codes = pack_bits(clustered_bits(300, 128))
LinearIndex(codes).search(codes[:3], 2)
print(search_all.inspect_asm(search_all.signatures[0]))
"""


def test_the_scan_counts_bits_in_vector_registers(tmp_path):
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "avx512_vpopcntdq" not in flags.read_text():
        pytest.skip("this processor has no AVX-512 VPOPCNTDQ")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}  # code from the cache cannot be read
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    popcounts = [i for i, line in enumerate(lines) if "vpopcntq" in line]
    assert all("%zmm" in lines[i] for i in popcounts)
    assert len(popcounts) >= 5 * WORDS  # four groups at a time, and one
    four = lines[popcounts[0] : popcounts[4 * WORDS - 1] + 8]
    assert not any(word in line for line in four for word in ("gather", "NRT", "call"))
    assert sum("vpminuq" in line for line in four) == 3  # the nearest of each lane, then one comparison
    assert sum("vpcmp" in line for line in four) >= 1
