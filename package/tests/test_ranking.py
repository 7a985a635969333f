"""The nearest of the nominated: the naive twin over ties, repeats, missing ones and any k."""

import naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schash._ranking import rank_candidates
from schash.hamming import pack_bits
from schash.linear_index import LinearIndex
from schash.neighbors import Neighbors


@settings(deadline=None)  # the first example compiles
@given(
    n_query=st.integers(0, 4),
    n_cells=st.integers(1, 9),
    n_hashes=st.integers(1, 4),
    k=st.integers(0, 6),
    n_bits=st.sampled_from([8, 64, 70]),
    seed=st.integers(0, 10_000),
)
def test_the_naive_twin_agrees(n_query, n_cells, n_hashes, k, n_bits, seed):
    rng = np.random.default_rng(seed)
    # Few distinct codes, hence many ties
    bits = [rng.random((2, n_bits))[rng.integers(0, 2, n_cells)] > 0.5 for _ in range(n_hashes)]
    query_bits = [rng.random((n_query, n_bits)) > 0.5 for _ in range(n_hashes)]
    nominated = [rng.integers(-1, n_cells, (n_query, k)) for _ in range(n_hashes)]
    found = [
        Neighbors(ids, np.zeros(ids.shape, np.int32), np.full(n_query, 3), np.full(n_query, 2))
        for ids in nominated
    ]
    result = rank_candidates(
        found, [pack_bits(b) for b in query_bits], [LinearIndex(pack_bits(b)) for b in bits], k
    )
    candidates = np.hstack(nominated).tolist()
    ids, distances = naive.ranked(candidates, query_bits, bits, k)
    assert result.ids.shape == result.distances.shape == (n_query, k)
    assert result.ids.dtype == np.int64
    assert result.distances.dtype == np.int32
    for q in range(n_query):
        missing = k - len(ids[q])
        assert result.ids[q].tolist() == ids[q] + [-1] * missing
        assert result.distances[q].tolist() == distances[q] + [n_bits * n_hashes + 1] * missing
    np.testing.assert_array_equal(result.n_candidates, np.full(n_query, 3 * n_hashes))
    np.testing.assert_array_equal(result.n_lookups, np.full(n_query, 2 * n_hashes))
