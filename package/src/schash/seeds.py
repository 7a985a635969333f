"""Seeds derived from what a random step belongs to, so that no step depends on the order of the others."""

import hashlib

MAX_SEED = 2**31 - 1
"""Largest seed that every library in use accepts (scikit-learn wants a signed 32-bit number)."""


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**31 - 1) that is a fixed function of `parts`, e.g. (dataset, fold, method, seed)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % MAX_SEED
