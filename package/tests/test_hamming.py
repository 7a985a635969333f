"""Packed codes and Hamming distances: the bit order by hand, the naive twin, and faiss as an oracle."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schash._numba import popcount
from schash.errors import DataError
from schash.hamming import BitCodes, hamming_distances, pack_bits, unpack_bits


def random_bits(n, n_bits, seed=0):
    return np.random.default_rng(seed).random((n, n_bits)) > 0.5


def test_bit_order_by_hand():
    bits = np.zeros((3, 70), dtype=bool)
    bits[0, [0, 3]] = True
    bits[1, 63] = True
    bits[2, [64, 69]] = True
    codes = pack_bits(bits)
    np.testing.assert_array_equal(codes.words, np.array([[9, 0], [1 << 63, 0], [0, 33]], dtype=np.uint64))
    assert codes.n_bits == 70
    assert len(codes) == 3
    assert codes.nbytes == 48


@given(n=st.integers(0, 5), n_bits=st.integers(1, 200), seed=st.integers(0, 100))
def test_unpack_undoes_pack(n, n_bits, seed):
    bits = random_bits(n, n_bits, seed)
    codes = pack_bits(bits)
    assert codes.words.shape == (n, -(-n_bits // 64))
    np.testing.assert_array_equal(unpack_bits(codes), bits)
    assert codes == pack_bits(bits.astype(int))


@pytest.mark.parametrize("n_bits", [1, 8, 63, 64, 65, 128, 200])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 3), (0, 3), (3, 0)])
def test_distances_equal_the_naive_twin(n, m, n_bits):
    codes, others = random_bits(n, n_bits, 1), random_bits(m, n_bits, 2)
    found = hamming_distances(pack_bits(codes), pack_bits(others))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, naive.hamming_distances(codes, others))


def test_distances_equal_faiss():
    faiss = pytest.importorskip("faiss")
    codes, others = random_bits(40, 128, 1), random_bits(30, 128, 2)
    index = faiss.IndexBinaryFlat(128)
    index.add(np.packbits(others, axis=1, bitorder="little"))
    distances, rows = index.search(np.packbits(codes, axis=1, bitorder="little"), 30)
    ours = hamming_distances(pack_bits(codes), pack_bits(others))
    np.testing.assert_array_equal(np.take_along_axis(ours, rows, axis=1), distances)


def test_distance_is_a_metric():
    codes = pack_bits(random_bits(12, 70))
    d = hamming_distances(codes, codes)
    np.testing.assert_array_equal(d, d.T)
    assert not np.diag(d).any()
    assert (d[:, :, None] + d[None] >= d[:, None, :]).all()


@pytest.mark.parametrize("word", [0, 1, 2**63, 2**64 - 1, 0x0F0F0F0F0F0F0F0F])
def test_distance_of_one_word_counts_its_ones(word):
    codes = BitCodes(np.array([[word]], dtype=np.uint64), 64)
    zero = BitCodes(np.zeros((1, 1), dtype=np.uint64), 64)
    assert hamming_distances(codes, zero)[0, 0] == word.bit_count()
    assert popcount is not None


def test_rows_and_equality():
    bits = random_bits(6, 70)
    codes = pack_bits(bits)
    assert codes[2] == pack_bits(bits[2:3])
    assert codes[np.int64(2)] == codes[2]
    assert codes[1:4] == pack_bits(bits[1:4])
    assert codes[np.array([4, 0])] == pack_bits(bits[[4, 0]])
    assert codes != pack_bits(~bits)
    assert codes != pack_bits(bits[:, :69])
    assert codes != "codes"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pack_bits(np.zeros(8, dtype=bool)), "must be an .n, n_bits. matrix"),
        (lambda: pack_bits(np.zeros((2, 0), dtype=bool)), "n_bits >= 1"),
        (lambda: pack_bits(np.full((2, 8), 2)), "other values"),
        (lambda: pack_bits(np.full((2, 8), 0.5)), "other values"),
        (lambda: BitCodes(np.zeros((2, 1), dtype=np.int64), 8), "uint64 array"),
        (lambda: BitCodes(np.zeros((2, 1), dtype=np.uint64), 65), "take 2 words, got 1"),
        (lambda: BitCodes(np.full((2, 1), 256, dtype=np.uint64), 8), "must be zero"),
        (lambda: BitCodes(np.zeros((2, 1), dtype=np.uint64), 0), "at least 1 bit"),
        (lambda: hamming_distances(pack_bits(random_bits(1, 8)), pack_bits(random_bits(1, 9))), "8 and of 9"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()
