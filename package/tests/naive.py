"""Slow, obvious twins of the fast functions. The tests hold the fast ones against these."""

import numpy as np

# --- Hamming ---------------------------------------------------------------------------------------------------


def hamming_distances(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances between (n, n_bits) and (m, n_bits) booleans: (n, m)."""
    out = np.zeros((len(codes), len(others)), dtype=np.int64)
    for i, code in enumerate(codes):
        for j, other in enumerate(others):
            out[i, j] = sum(a != b for a, b in zip(code, other, strict=True))
    return out
