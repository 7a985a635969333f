"""Signed random projections: the naive twin, what orthogonal normals are and do, the angle they estimate."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schash.errors import ConfigError, DataError
from schash.hamming import hamming_distances, unpack_bits
from schash.lsh import SignHash, estimated_angles, random_hyperplanes


@settings(deadline=None)  # the first example compiles
@given(
    n=st.integers(0, 70),
    n_dims=st.integers(1, 20),
    n_bits=st.integers(1, 300),
    seed=st.integers(0, 1000),
)
def test_codes_equal_the_naive_twin(n, n_dims, n_bits, seed):
    rng = np.random.default_rng(seed)
    points, normals = rng.normal(size=(n, n_dims)), rng.normal(size=(n_bits, n_dims))
    codes = SignHash(normals).encode(points)
    assert codes.n_bits == n_bits
    points, normals = points.astype(np.float32), normals.astype(np.float32)
    bits, expected = unpack_bits(codes), naive.sign_bits(points, normals)
    clear = np.abs(points.astype(float) @ normals.T.astype(float)) > 1e-5  # beyond the rounding of float32
    np.testing.assert_array_equal(bits[clear], expected[clear])


def test_by_hand():
    normals = np.array([[1, 0], [0, 1], [-1, 0], [1, 1]])
    bits = unpack_bits(SignHash(normals).encode(np.array([[2.0, -1], [-3, 2], [0, 0]])))
    np.testing.assert_array_equal(bits, [[1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]])


def test_a_point_alone_has_the_same_code_as_among_others(rng):
    points = rng.normal(size=(200, 50))
    hash_ = SignHash(random_hyperplanes(200, 50, seed=1))
    batch = hash_.encode(points, n_threads=2)
    for i in (0, 63, 64, 199):
        assert hash_.encode(points[i : i + 1], n_threads=1) == batch[i]
    assert hash_.encode(points[::-1])[199] == batch[0]


@pytest.mark.parametrize(("n_bits", "n_dims"), [(128, 50), (20, 50), (50, 50), (3, 1), (101, 50)])
def test_normals_are_orthonormal_in_groups_of_the_dimensions(n_bits, n_dims):
    normals = random_hyperplanes(n_bits, n_dims, seed=2).astype(float)
    assert normals.shape == (n_bits, n_dims)
    sizes = []
    for start in range(0, n_bits, n_dims):
        group = normals[start : start + n_dims]
        np.testing.assert_allclose(group @ group.T, np.eye(len(group)), atol=1e-6)
        sizes.append(len(group))
    if (n_bits, n_dims) == (128, 50):
        assert sizes == [50, 50, 28]
    plain = random_hyperplanes(128, 50, seed=2, orthogonalize=False).astype(float)
    assert np.abs(plain[:50] @ plain[:50].T - np.eye(50)).max() > 1


def test_seeds_decide():
    first = random_hyperplanes(64, 10, seed=5)
    np.testing.assert_array_equal(first, random_hyperplanes(64, 10, seed=5))
    assert not np.array_equal(first, random_hyperplanes(64, 10, seed=6))


@pytest.mark.parametrize(("angle", "share"), [(0.3, 1.3), (1.2, 0.8), (np.pi / 2, 0.8), (2.5, 1.3)])
def test_the_estimate_is_unbiased_and_orthogonal_normals_lower_its_variance(angle, share):
    n_dims, n_bits, n_repeats = 50, 50, 250
    pair = np.zeros((2, n_dims))
    pair[0, 0] = 1
    pair[1, :2] = np.cos(angle), np.sin(angle)
    estimates = {}
    for orthogonalize in (True, False):
        codes = [
            SignHash(random_hyperplanes(n_bits, n_dims, seed=s, orthogonalize=orthogonalize)).encode(pair)
            for s in range(n_repeats)
        ]
        distances = np.array([hamming_distances(c[0], c[1])[0, 0] for c in codes])
        estimates[orthogonalize] = estimated_angles(distances, n_bits)
        error = estimates[orthogonalize].std() / np.sqrt(n_repeats)
        assert abs(estimates[orthogonalize].mean() - angle) < 4 * error
    binomial = np.pi**2 * (angle / np.pi) * (1 - angle / np.pi) / n_bits
    assert estimates[False].var() == pytest.approx(binomial, rel=0.4)
    # Near 0 and pi the gain is small beside the error of a variance
    assert estimates[True].var() < share * estimates[False].var()


def test_angles_by_hand():
    np.testing.assert_allclose(estimated_angles(np.array([0, 64, 128]), 128), [0, np.pi / 2, np.pi])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: random_hyperplanes(0, 3, seed=0), DataError, "at least 1 bit"),
        (lambda: random_hyperplanes(3, 0, seed=0), DataError, "1 dimension"),
        (
            lambda: SignHash(np.ones((8, 3))).encode(np.ones((2, 4))),
            DataError,
            r"must be \(n, 3\), got shape \(2, 4\)",
        ),
        (lambda: SignHash(np.ones((8, 3))).encode(np.ones(3)), DataError, "got shape"),
        (lambda: SignHash(np.ones((8, 3))).encode(np.ones((1, 3)), n_threads=0), ConfigError, "n_threads"),
    ],
)
def test_what_cannot_be_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
