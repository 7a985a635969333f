"""Eight codes at a time: LLVM vectors over codes that lie in groups of eight.

A group holds LANES codes word by word, groups[g, w, lane], so that one vector register takes word w of eight codes.
The query's word is broadcast, and the ones of the difference are counted by LLVM's ctpop on the vector: VPOPCNTQ
where the processor has it, a table look-up in registers elsewhere. numba's own vectoriser does not get there: it guards
every index against negative values and gathers.

`width` is a tuple of as many zeros as a code has words: its type tells the compiler the number, which unrolls the loop.
With NUMBA_DISABLE_JIT=1 plain Python stands in.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from schash._numba import JIT_DISABLED

LANES = 8
_I64, _I32, _I16, _I8 = (ir.IntType(bits) for bits in (64, 32, 16, 8))
_VECTOR = ir.VectorType(_I64, LANES)
_LINES = 4  # cache lines fetched ahead of a group: the processor's own prefetcher goes on from there


def _start(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Pointer to element `index` of the memory of a C-contiguous array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index], inbounds=True)


def _times(builder: Any, index: Any, n: int) -> Any:
    return builder.mul(index, ir.Constant(_I64, n))


def _splat(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))


def _distances(builder: Any, group: Any, query: Any, n_words: int) -> Any:
    """Vector of the eight distances of one group to one query."""
    ctpop = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), "llvm.ctpop.v8i64"
    )
    total = None
    for w in range(n_words):
        address = builder.gep(group, [ir.Constant(_I64, w * LANES)], inbounds=True)
        words = builder.load(builder.bitcast(address, _VECTOR.as_pointer()))
        words.align = 8
        word = builder.load(builder.gep(query, [ir.Constant(_I64, w)], inbounds=True))
        ones = builder.call(ctpop, [builder.xor(words, _splat(builder, word))])
        total = ones if total is None else builder.add(total, ones)
    return total


def _mask_of(n_groups: int) -> Any:
    """An intrinsic: which lanes of any of `n_groups` groups from g on are within `threshold` of query i."""

    def near(typing: Any, groups: Any, g: Any, queries: Any, i: Any, threshold: Any, width: Any) -> Any:
        n_words = len(width)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            group = _start(
                context, builder, signature.args[0], args[0], _times(builder, args[1], n_words * LANES)
            )
            query = _start(context, builder, signature.args[2], args[2], _times(builder, args[3], n_words))
            nearest = None
            for u in range(n_groups):
                address = builder.gep(group, [ir.Constant(_I64, u * n_words * LANES)], inbounds=True)
                d = _distances(builder, address, query, n_words)
                nearest = (
                    d
                    if nearest is None
                    else builder.select(builder.icmp_unsigned("<", nearest, d), nearest, d)
                )
            within = builder.icmp_unsigned("<=", nearest, _splat(builder, args[4]))
            return builder.zext(builder.bitcast(within, _I8), _I64)

        return types.uint64(groups, types.int64, queries, types.int64, types.uint64, width), generate

    return near


def _store_distances(
    typing: Any, groups: Any, g: Any, queries: Any, i: Any, out: Any, j: Any, width: Any
) -> Any:
    n_words = len(width)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        group = _start(
            context, builder, signature.args[0], args[0], _times(builder, args[1], n_words * LANES)
        )
        query = _start(context, builder, signature.args[2], args[2], _times(builder, args[3], n_words))
        narrow = ir.VectorType(_I16, LANES)
        d = builder.trunc(_distances(builder, group, query, n_words), narrow)
        target = builder.bitcast(
            _start(context, builder, signature.args[4], args[4], args[5]), narrow.as_pointer()
        )
        builder.store(d, target).align = 2
        return context.get_dummy_value()

    return types.none(groups, types.int64, queries, types.int64, out, types.int64, width), generate


def _prefetch_group(typing: Any, groups: Any, g: Any, width: Any) -> Any:
    n_words = len(width)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        group = _start(
            context, builder, signature.args[0], args[0], _times(builder, args[1], n_words * LANES)
        )
        pointer = _I8.as_pointer()
        prefetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32]), "llvm.prefetch.p0"
        )
        for line in range(min(n_words, _LINES)):  # a line of 64 bytes is one word of eight codes
            address = builder.gep(group, [ir.Constant(_I64, line * LANES)])
            builder.call(prefetch, [builder.bitcast(address, pointer), _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.none(groups, types.int64, width), generate


if JIT_DISABLED:

    def _group_distances(groups: Any, g: Any, queries: Any, i: Any) -> np.ndarray:
        differences = groups[g] ^ queries[i][:, np.newaxis]  # (n_words, LANES)
        return np.bitwise_count(differences).sum(axis=0, dtype=np.int64)

    def near(groups: Any, g: Any, queries: Any, i: Any, threshold: Any, width: Any) -> int:
        """Bit mask of the lanes of group g whose distance to query i is at most `threshold`."""
        within = _group_distances(groups, g, queries, i) <= int(threshold)
        return int(sum(1 << lane for lane in range(LANES) if within[lane]))

    def near_in_four(groups: Any, g: Any, queries: Any, i: Any, threshold: Any, width: Any) -> int:
        """The same for groups g to g + 3 together: a lane is set if it is in any of them."""
        mask = 0
        for u in range(4):
            mask |= near(groups, g + u, queries, i, threshold, width)
        return mask

    def store_distances(groups: Any, g: Any, queries: Any, i: Any, out: Any, j: Any, width: Any) -> None:
        """Write the distances of the eight codes of group g to query i to out.ravel()[j : j + 8] (uint16)."""
        out.reshape(-1)[j : j + LANES] = _group_distances(groups, g, queries, i)

    def prefetch(groups: Any, g: Any, width: Any) -> None:
        """Ask for the first cache lines of group g ahead of time."""

else:
    near = intrinsic(_mask_of(1))
    near_in_four = intrinsic(_mask_of(4))
    store_distances = intrinsic(_store_distances)  # type: ignore[assignment]
    prefetch = intrinsic(_prefetch_group)  # type: ignore[assignment]
