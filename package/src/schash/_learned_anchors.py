"""Anchors that are learned together with the hash function, as scDeepHash tried it (section 4.3, Fig. 4).

From the paper: a separate fully connected network, which takes ones, puts out the anchors. It is trained jointly with
the hash function, as the representatives of RepMet are (Karlinsky et al. 2019), so that they separate the types best;
what it learned is then made binary. Nothing of it is in the released code. What is open, and what is done here:

* The network has one hidden layer. RepMet's has none, which makes each relaxed bit a free number. Adam moves a number
  by no more than the sum of its learning rates, here 0.7 of a logit: most bits would stay as they were drawn.
* Eq. 2 takes the relaxed anchors in place of the bits, and its gradient goes to both sides. Alone it has a useless
  minimum, one code for all types. What separates them is RepMet's cross-entropy over types, on distances to anchors:

      L_S = alpha_i K [ -log p(y_i | h_i) + s (m - min_j D(a_i, a_j) / K)_+ ],    p(j | h) ~ exp(-s D(h, a_j) / K)

  with the weight alpha of Eq. 2, s = 8, which is RepMet's sigma = 1/2 for codes of unit length, and no K where Eq. 2
  averages over bits. It is added to Eq. 5, and it reaches the hash function as well.
* The second term is a guard of ours: no two anchors nearer than m K bits. RepMet's own margin, between a cell and
  another type's representative, let anchors of types that look alike become the same. m = 1/4 (`anchor_margin`) is half
  the distance of predefined anchors. m = 0 is the paper without a guard: types may then share an anchor, and the first
  of them gets all of their cells.
* D between relaxed codes is sum_k h_k (1 - a_k) + (1 - h_k) a_k, the expected Hamming distance of independent bits. It
  is linear in each side, so that an undecided bit is pushed as well as a decided one.
* Binary, a > 0.5, once training is over; before, only the score of held-out cells sees bits. The anchors have no
  quantisation loss: Eq. 2 is linear in them and drives them away from 1/2 by itself.
* All members (schash._network) share one set of anchors.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

from schash.errors import ConfigError

LEARNED = "learned"
"""Name of this scheme of anchors."""
SHARPNESS = 8.0
"""s of L_S."""
_WIDTH = 64
"""Units of the hidden layer."""


class AnchorNetwork(nn.Module):
    """Ones -> hidden layer with ReLU -> relaxed anchors, (n_types, n_bits) in [0, 1]."""

    ones: torch.Tensor

    def __init__(self, n_types: int, n_bits: int, *, seed: int) -> None:
        super().__init__()
        self.shape = n_types, n_bits
        self.register_buffer("ones", torch.ones(n_bits), persistent=False)
        # a generator of its own: the hash function starts as it does with predefined anchors
        generator = torch.Generator().manual_seed(seed)
        self.hidden = _linear(n_bits, _WIDTH, 2.0, generator)
        # a small gain: every bit starts undecided
        self.out = _linear(_WIDTH, n_types * n_bits, 0.3, generator)

    def forward(self) -> torch.Tensor:
        """The relaxed anchors: (n_types, n_bits)."""
        return torch.sigmoid(self.out(F.relu(self.hidden(self.ones)))).view(self.shape)


def expected_distances(h: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Expected Hamming distances of relaxed codes h (..., n_bits) to relaxed anchors: (..., n_types)."""
    return h @ (1 - anchors).T + (1 - h) @ anchors.T


def separation_loss(
    h: torch.Tensor,
    anchors: torch.Tensor,
    types: torch.Tensor,
    weights: torch.Tensor,
    margin: float,
    *,
    reduction: str = "sum",
) -> torch.Tensor:
    """L_S, one number per cell: (...,).

    h : (..., n_bits); anchors : (n_types, n_bits); types, weights : (...,), a cell's type and the weight of that type
    """
    n_types, n_bits = anchors.shape
    exponents = -SHARPNESS * expected_distances(h, anchors) / n_bits  # (..., n_types)
    of_type = exponents.gather(-1, types.unsqueeze(-1)).squeeze(-1)
    itself = torch.eye(n_types, dtype=torch.bool, device=anchors.device)
    apart = (
        expected_distances(anchors, anchors).masked_fill(itself, torch.inf).amin(-1) / n_bits
    )  # (n_types,)
    guard = SHARPNESS * F.relu(margin - apart)[types]
    return weights * (exponents.logsumexp(-1) - of_type + guard) * (n_bits if reduction == "sum" else 1)


def check_distinct(anchors: np.ndarray, classes: np.ndarray) -> None:
    """Raise `ConfigError` naming types that learned the same anchor. anchors : (n_types, n_bits) bool."""
    _, first, which = np.unique(anchors, axis=0, return_index=True, return_inverse=True)
    model = first[which.reshape(-1)]  # (n_types,), the first type with the same anchor
    doubles = np.flatnonzero(model != np.arange(len(anchors)))
    if len(doubles):
        named = ", ".join(f"{str(classes[model[i]])!r} and {str(classes[i])!r}" for i in doubles[:3])
        message = (
            f"no code could tell types apart that learned the same anchor of {anchors.shape[1]} bits: {named}"
            f"{' and others' if len(doubles) > 3 else ''} ({len(doubles)} of {len(anchors)} anchors are repetitions); "
            "take more steps, more n_bits, a larger anchor_margin or predefined anchors (sampled, first_rows), or "
            "anchor_margin=0 to let types share anchors"
        )
        raise ConfigError(message)


def _linear(n_in: int, n_out: int, gain: float, generator: torch.Generator) -> nn.Linear:
    # without memory first: the draws of nn.Linear itself would be the global generator's
    layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.randn((n_out, n_in), generator=generator) * (gain / n_in) ** 0.5)
        layer.bias.zero_()
    return layer
