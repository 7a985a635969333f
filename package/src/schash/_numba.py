"""The one door to numba: flags and cache are set here, and nowhere else.

`fastmath` stays off: everything compiled is compared with a slow twin. `nogil` lets callers use threads.
With NUMBA_DISABLE_JIT=1 the same functions run as plain Python, so that coverage sees them.
"""

from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.extending import intrinsic


def njit(function: Callable | None = None, *, parallel: bool = False, inline: bool = False) -> Any:
    """Compile to machine code, cached on disk. Use as `@njit`, `@njit(parallel=True)` or `@njit(inline=True)`.

    `inline` is for short loops that take many arrays: each array is seven words to pass.
    """
    decorate = numba.njit(  # noqa: TID251
        cache=True, nogil=True, fastmath=False, parallel=parallel, inline="always" if inline else "never"
    )
    return decorate if function is None else decorate(function)


prange = numba.prange
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
