"""Losses of scDeepHash, section 3.2, as written and as coded, each with the other's departures named.

h : (..., n_bits) in [0, 1] is the relaxed code, a the anchor of the cell's type, alpha the weight of the
    cell's type.

    class weight      alpha_j = (1 - beta) / (1 - beta^n_j)                  Eq. 1
    cell-anchor       alpha * sum_k -[a_k log h_k + (1 - a_k) log(1 - h_k)]  Eq. 2; print lacks the minus
    quantisation      log(1 + D(|2h - 1|, 1) / gamma)                        Eq. 4

As coded, the weights are rescaled to sum to M, the cell-anchor loss is the mean over bits, and the
quantisation loss is mean_k (|2h_k - 1| - 1)^2. D is a Hamming distance in print, which has no gradient; here
it is relaxed to the L1 distance sum_k (1 - |2h_k - 1|). No value of gamma is published: it is ours. Each
function returns one number per cell: the average over cells is the caller's (the paper sums; Adam's steps do
not depend on a common factor).
"""

from typing import Literal, get_args

import numpy as np
import torch

from schash.errors import ConfigError

ClassWeight = Literal["effective", "effective_sum_m", "none"]
CLASS_WEIGHTS: tuple[ClassWeight, ...] = get_args(ClassWeight)

_EPS = 1e-7
"""Relaxed bits stay this far from 0 and 1 inside the logarithm: about float32's resolution at 1."""


def class_weights(n_cells: np.ndarray, beta: float, *, scheme: str = "effective") -> np.ndarray:
    """Weights of the types, (n_types,) float64, from their numbers of training cells `n_cells` (n_types,).

    Raises
    ------
    ConfigError
        if beta is not in [0, 1), a type has no cell, or the scheme is not known
    """
    if scheme not in CLASS_WEIGHTS:
        message = f"class weight {scheme!r} is not known; allowed: {', '.join(CLASS_WEIGHTS)}"
        raise ConfigError(message)
    if not 0 <= beta < 1:
        message = f"beta must be in [0, 1), got {beta}"
        raise ConfigError(message)
    counts = np.asarray(n_cells, dtype=np.float64)
    if counts.min() < 1:
        message = "every type needs at least one training cell"
        raise ConfigError(message)
    if scheme == "none":
        return np.ones(len(counts))
    weights = (1 - beta) / (1 - beta**counts)
    return weights * len(counts) / weights.sum() if scheme == "effective_sum_m" else weights


def smooth_anchors(anchors: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Anchor bits drawn towards 1/2: 0 -> s/2, 1 -> 1 - s/2. A choice of the recipe, not of the paper.

    S = 0 is the paper's.
    """
    return anchors * (1 - smoothing) + smoothing / 2


def cell_anchor_loss(
    h: torch.Tensor, anchors: torch.Tensor, weights: torch.Tensor, *, reduction: str = "sum"
) -> torch.Tensor:
    """Weighted binary cross-entropy of relaxed codes against anchors, summed or averaged over bits: (...,)."""
    h = h.clamp(_EPS, 1 - _EPS)
    per_bit = -(anchors * torch.log(h) + (1 - anchors) * torch.log1p(-h))  # (..., n_bits)
    return weights * (per_bit.sum(-1) if reduction == "sum" else per_bit.mean(-1))


def cauchy_quantisation(h: torch.Tensor, gamma: float) -> torch.Tensor:
    """log(1 + D / gamma), D = sum_k (1 - |2 h_k - 1|): (...,). 0 for a binary code."""
    return torch.log1p((1 - (2 * h - 1).abs()).sum(-1) / gamma)


def squared_quantisation(h: torch.Tensor) -> torch.Tensor:
    """mean_k (|2 h_k - 1| - 1)^2, the released code's: (...,). 0 for a binary code."""
    return ((2 * h - 1).abs() - 1).square().mean(-1)
