"""The hash function: cells to relaxed codes h in [0, 1]^K. scDeepHash section 3.2 and figure 1.

    inputs -> hidden layers with ReLU (and dropout) -> hash layer -> h

Inputs are the coordinates of a fixed projection (dense) or the genes themselves (CSR, through a sparse first
layer). Several members of the same shape stand side by side, each with its own weights; in training each has
its own loss, in use their outputs are averaged before the code is taken.

Hash layer, with z the last layer's output:

    linear   h = sigmoid(s z), z of K numbers                   the paper's and the code's
    mixture  h = sum_j p_j a_j, p = softmax(z), z of M numbers  h_k is the probability that bit k of the
    anchor is 1

s = 2 gives h = (tanh z + 1) / 2, so that the released code's tanh is 2h - 1. A mixture's bits agree with
each other: they are an anchor's wherever one type has more than half of p, and a vote of the likely anchors
elsewhere.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

from schash._learned_anchors import AnchorNetwork


@dataclass(frozen=True)
class Shape:
    """What fixes the tensors of a network."""

    n_inputs: int
    hidden: tuple[int, ...]
    n_members: int
    sparse_input: bool
    head: str
    sharpness: float
    dropout: float
    n_dropout: int


@dataclass(frozen=True)
class SparseBatch:
    """Rows of a CSR matrix as torch tensors."""

    indptr: torch.Tensor
    indices: torch.Tensor
    data: torch.Tensor

    @classmethod
    def of(cls, X: sparse.csr_matrix, device: torch.device) -> "SparseBatch":
        """Rows of `X`, on a device."""
        indptr = torch.from_numpy(X.indptr.astype(np.int64)).to(device)
        indices = torch.from_numpy(X.indices.astype(np.int64)).to(device)
        return cls(indptr, indices, torch.from_numpy(X.data).to(device))


class SparseLinear(nn.Module):
    """A fully connected layer on CSR rows.

    A weighted sum of the weights of the genes that a cell expresses.
    """

    def __init__(self, n_in: int, n_out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform((n_in, n_out), n_in, generator))
        self.bias = nn.Parameter(_uniform((n_out,), n_in, generator))

    def forward(self, x: SparseBatch) -> torch.Tensor:
        sums = F.embedding_bag(
            x.indices, self.weight, x.indptr, mode="sum", per_sample_weights=x.data, include_last_offset=True
        )  # (n, n_out)
        return (sums + self.bias).unsqueeze(0)  # (1, n, n_out)


class MemberLinear(nn.Module):
    """A fully connected layer of every member: (E, n, n_in) -> (E, n, n_out)."""

    def __init__(
        self, n_members: int, n_in: int, n_out: int, gain: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        weight = torch.randn((n_members, n_in, n_out), generator=generator)
        self.weight = nn.Parameter(weight * math.sqrt(gain / n_in))
        self.bias = nn.Parameter(torch.zeros(n_members, 1, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class HashNetwork(nn.Module):
    """See the module's head.

    anchors : (n_types, n_bits) of 0 and 1; while they are learned, what `anchor_network` puts out has their place
    """

    anchors: torch.Tensor
    anchor_network: AnchorNetwork | None

    def __init__(self, shape: Shape, anchors: np.ndarray, *, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.shape = shape
        self.register_buffer("anchors", torch.from_numpy(anchors.astype(np.float32)), persistent=False)
        n_out = anchors.shape[1] if shape.head == "linear" else anchors.shape[0]
        widths = (shape.n_inputs, *shape.hidden)
        layers: list[nn.Module] = []
        for i in range(len(shape.hidden)):
            if i == 0 and shape.sparse_input:
                layers.append(SparseLinear(widths[0], widths[1], generator))
            else:  # gain 2 keeps the variance through a ReLU
                layers.append(MemberLinear(shape.n_members, widths[i], widths[i + 1], 2.0, generator))
        self.layers = nn.ModuleList(layers)
        # a small gain: every code starts undecided
        self.hash_layer = MemberLinear(shape.n_members, widths[-1], n_out, 0.3, generator)
        self.anchor_network = None

    def targets(self) -> torch.Tensor:
        """What codes are drawn to: the anchors, or the relaxed ones while they are learned."""
        return self.anchors if self.anchor_network is None else self.anchor_network()

    def settle_anchors(self) -> np.ndarray:
        """Make learned anchors binary, for good: (n_types, n_bits) bool."""
        bits = self.targets().detach() > 0.5
        self.anchors, self.anchor_network = bits.float(), None
        return bits.cpu().numpy()

    def outputs(self, x: torch.Tensor | SparseBatch) -> torch.Tensor:
        """Outputs of the last layer by member. x.

        (E, n, n_inputs), (1, n, n_inputs) for all members, or CSR rows.
        """
        h = x
        if isinstance(x, torch.Tensor):
            h = x.expand(self.shape.n_members, -1, -1)
        for i, layer in enumerate(self.layers):
            h = F.relu(layer(h))  # (E, n, width)
            if i < self.shape.n_dropout:
                h = dropout(h, self.shape.dropout) if self.training else h
        z: torch.Tensor = self.hash_layer(h)  # (E, n, K or M)
        return z

    def relax(self, z: torch.Tensor) -> torch.Tensor:
        """Relaxed codes h in [0, 1] of outputs: (..., n_bits)."""
        if self.shape.head == "mixture":
            return (torch.softmax(z, dim=-1) @ self.anchors).clamp(max=1.0)  # rounding may pass 1
        return torch.sigmoid(self.shape.sharpness * z)

    def forward(self, x: torch.Tensor | SparseBatch) -> torch.Tensor:
        """Relaxed codes of the members: (E, n, n_bits)."""
        return self.relax(self.outputs(x))

    def codes(self, x: torch.Tensor | SparseBatch) -> torch.Tensor:
        """Relaxed codes of the averaged members: (n, n_bits)."""
        return self.relax(self.outputs(x).mean(dim=0))


def dropout(h: torch.Tensor, p: float) -> torch.Tensor:
    """Zero each element with probability p, to the next 1/256, and scale the others so that the mean stays.

    One random byte an element: torch's own dropout draws a float for each, which was a third of the training time on a
    CPU.
    """
    level = round(p * 256)
    words = torch.empty(-(-h.numel() // 8), dtype=torch.int64, device=h.device).random_(-(2**63), None)
    kept = (words.view(torch.uint8)[: h.numel()] >= level).view(
        h.shape
    )  # a byte is below `level` with p = level/256
    return h * kept * (256 / (256 - level))


def _uniform(size: tuple[int, ...], n_in: int, generator: torch.Generator) -> torch.Tensor:
    # torch.nn.Linear's own initialisation, which the released code uses
    return (torch.rand(size, generator=generator) * 2 - 1) / math.sqrt(n_in)
