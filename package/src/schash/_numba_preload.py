"""A first call of something compiled, for a fork server to import after the modules that its children need.

At the first function that a process compiles or loads, numba registers its own types and those of other packages (entry
points `numba_extensions`): 0.15 s, which every child would spend anew. No thread is started.
"""

import sys

if "numba" in sys.modules:
    from schash._numba import njit

    @njit
    def _same(x: int) -> int:
        return x

    _same(0)
