"""The one door to numba: flags and cache are set here, and nowhere else.

`fastmath` stays off: everything compiled is compared with a slow twin. `nogil` lets callers use threads.
With NUMBA_DISABLE_JIT=1 the same functions run as plain Python, so that coverage sees them.
"""

from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.extending import intrinsic


def njit(function: Callable) -> Any:
    """Compile to machine code, cached on disk."""
    return numba.njit(cache=True, nogil=True, fastmath=False)(function)  # noqa: TID251


JIT_DISABLED = bool(getattr(numba.config, "DISABLE_JIT", False))

if JIT_DISABLED:

    def popcount(word: Any) -> int:
        """Number of ones in a 64-bit word."""
        return int(word).bit_count()

else:

    @intrinsic
    def popcount(typing_context: Any, word: Any) -> Any:
        """Number of ones in a 64-bit word: LLVM's ctpop, one instruction on today's processors."""
        if word != types.uint64:
            message = f"popcount counts the bits of a uint64, got {word}"
            raise TypeError(message)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate
