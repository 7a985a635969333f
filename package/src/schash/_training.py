"""The training loop of DeepHash: minimise L_CA + lambda L_Q (Eq. 5), read from top to bottom."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from scipy import sparse
from sklearn.metrics import f1_score

from schash._learned_anchors import separation_loss
from schash._network import HashNetwork, SparseBatch
from schash._presets import Options
from schash.losses import cauchy_quantisation, cell_anchor_loss, smooth_anchors, squared_quantisation

Inputs = np.ndarray | sparse.csr_matrix
"""Coordinates (n, r) float32, or genes (n, n_genes) CSR where the network's first layer is sparse."""

ROWS_AT_ONCE = 4096
"""Cells encoded in one go."""
N_RECORDS = 100
"""Losses are kept at about this many steps."""
SMALL = 2_000_000
"""Weights up to which a network is trained on one thread."""


@dataclass(frozen=True)
class LabelledInputs:
    """Cells with their types as numbers. inputs : (n, ...); types : (n,) int64."""

    inputs: Inputs
    types: np.ndarray


def train(
    network: HashNetwork,
    cells: LabelledInputs,
    held_out: LabelledInputs | None,
    type_weights: np.ndarray,
    options: Options,
    *,
    seed: int,
) -> pd.DataFrame:
    """Train in place; return the losses by step. `held_out` cells only choose the epoch whose weights are
    kept.

    type_weights : (n_types,), Eq. 1
    """
    device = network.anchors.device
    n = len(cells.types)
    n_steps, epoch = _length(n, options)
    types = torch.from_numpy(cells.types)
    weights = torch.from_numpy(type_weights.astype(np.float32)).to(device)
    optimiser = _optimiser(network, options)
    schedule = _schedule(optimiser, options, n_steps=n_steps, epoch=epoch)
    orders = _orders(n, options.batch_size, network.shape.n_members, torch.Generator().manual_seed(seed))
    fetch = _fetcher(cells.inputs, device)
    records: list[dict[str, float]] = []
    best: tuple[float, dict[str, torch.Tensor]] | None = None
    with _seeded(seed, device), _few_threads(network), _progress(options) as progress:
        task = progress.add_task("training", total=n_steps) if progress else None
        for step in range(1, n_steps + 1):
            rows = next(orders)  # (E, batch)
            kind = types[rows].to(device)  # (E, batch)
            network.train()
            loss, parts = _losses(network, fetch(rows), kind, weights[kind], options)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()

            record = _record(step, n_steps, loss, network.shape.n_members, parts)
            if held_out is not None and (step == n_steps or step % (options.validate_every * epoch) == 0):
                score = _median_f1(network, held_out, options)
                record = {**(record or {"step": step}), "validation_median_f1": score}
                if best is None or score > best[0]:
                    best = score, {name: value.clone() for name, value in network.state_dict().items()}
            if record:
                records.append(record)
            if progress and task is not None:
                progress.update(task, advance=1)
    if best is not None:
        network.load_state_dict(best[1])
    network.eval()
    columns = ["step", "loss", *parts, "validation_median_f1"]
    return pd.DataFrame(records, columns=columns).astype({"step": int})


def _losses(
    network: HashNetwork,
    x: torch.Tensor | SparseBatch,
    types: torch.Tensor,
    weights: torch.Tensor,
    options: Options,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What is minimised, one number, and its parts, (E, batch) each. types, weights : (E, batch)"""
    h = network(x)  # (E, batch, K)
    targets = network.targets()  # (M, K)
    anchors = smooth_anchors(targets[types], options.label_smoothing)  # (E, batch, K)
    anchor_loss = cell_anchor_loss(h, anchors, weights, reduction=options.reduction)
    quantisation = _quantisation(h, options)
    # the mean over cells, the sum over members: each member learns as if it were alone
    loss = (anchor_loss + options.lambda_ * quantisation).mean(dim=1).sum()
    parts = {"cell_anchor": anchor_loss, "quantisation": quantisation}
    if network.anchor_network is not None:
        parts["separation"] = separation_loss(
            h, targets, types, weights, options.anchor_margin, reduction=options.reduction
        )
        loss = loss + parts["separation"].mean(dim=1).sum()
    return loss, parts


def relaxed_codes(network: HashNetwork, inputs: Inputs) -> np.ndarray:
    """h of cells, (n, n_bits) float32, without dropout and without gradients."""
    network.eval()
    fetch = _fetcher(inputs, network.anchors.device)
    pieces = [np.empty((0, network.anchors.shape[1]), dtype=np.float32)]
    with torch.no_grad():
        for start in range(0, inputs.shape[0], ROWS_AT_ONCE):
            rows = torch.arange(start, min(start + ROWS_AT_ONCE, inputs.shape[0])).unsqueeze(0)
            pieces.append(network.codes(fetch(rows)).cpu().numpy())
    return np.concatenate(pieces)


def nearest_distances(h: np.ndarray, anchors: np.ndarray, distance: str) -> np.ndarray:
    """Distances of relaxed codes to anchors by their definition: (n, n_types). Used for held-out cells and
    for `l1`.

    L1 is between 2h - 1 and the anchors as -1 and 1, as in the released code (there 2h - 1 is the tanh).
    """
    signs = anchors.astype(np.float32) * 2 - 1
    codes = 2 * h - 1 if distance == "l1" else np.where(h > 0.5, 1, -1).astype(np.float32)
    # a and s of +-1 and |c| <= 1: |c - s| = 1 - s c, so the sum over bits is one product
    l1 = h.shape[1] - codes @ signs.T
    return l1 if distance == "l1" else np.rint(l1 / 2).astype(np.int32)


def _length(n: int, options: Options) -> tuple[int, int]:
    """Number of steps, and of steps an epoch."""
    epoch = max(1, -(-n // options.batch_size))
    if options.steps is not None:
        return options.steps, epoch
    assert options.epochs is not None
    return options.epochs * epoch, epoch


def _optimiser(network: HashNetwork, options: Options) -> torch.optim.Optimizer:
    if options.optimiser == "adam":  # the paper's and the code's: weight decay as an L2 penalty on everything
        return torch.optim.Adam(
            network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
    decayed = [p for name, p in network.named_parameters() if name.endswith("weight")]
    others = [p for name, p in network.named_parameters() if not name.endswith("weight")]
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},  # a decayed bias only shifts the decision
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, fused=True)


def _schedule(
    optimiser: torch.optim.Optimizer, options: Options, *, n_steps: int, epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if options.schedule == "one_cycle":  # warm-up over a fifth, then down to nothing: no tail to tune
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=options.learning_rate, total_steps=max(n_steps, 2), pct_start=0.2
        )
    every = options.halve_every * epoch
    halvings = (lambda step: 0.5 ** (step // every)) if options.schedule == "halving" else (lambda step: 1.0)
    return torch.optim.lr_scheduler.LambdaLR(optimiser, halvings)


def _quantisation(h: torch.Tensor, options: Options) -> torch.Tensor:
    if options.quantisation == "cauchy":
        return cauchy_quantisation(h, options.gamma)
    return squared_quantisation(h)


def _orders(n: int, size: int, n_members: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Batches of rows for ever, (n_members, <= size).

    Each member sees all cells once an epoch, in its own order.
    """
    while True:
        order = torch.stack([torch.randperm(n, generator=generator) for _ in range(n_members)])
        for start in range(0, n, size):
            yield order[:, start : start + size]


def _fetcher(inputs: Inputs, device: torch.device) -> Any:
    """A function from rows (E, batch) to what the network takes."""
    if isinstance(inputs, np.ndarray):
        table = torch.from_numpy(inputs).to(device)
        return lambda rows: table[rows.to(device)]  # (E, batch, r)
    return lambda rows: SparseBatch.of(inputs[rows[0].numpy()], device)


def _median_f1(network: HashNetwork, cells: LabelledInputs, options: Options) -> float:
    h = relaxed_codes(network, cells.inputs)
    anchors = network.targets().detach().cpu().numpy() > 0.5
    nearest = nearest_distances(h, anchors, options.distance).argmin(axis=1)
    scores = f1_score(
        cells.types, nearest, labels=np.union1d(cells.types, nearest), average=None, zero_division=0
    )
    return float(np.median(scores))


def _record(
    step: int, n_steps: int, loss: torch.Tensor, n_members: int, parts: dict[str, torch.Tensor]
) -> dict[str, float] | None:
    if step % max(1, n_steps // N_RECORDS) and step != n_steps:
        return None
    means = {name: part.mean().item() for name, part in parts.items()}
    return {"step": step, "loss": loss.item() / n_members, **means}


class _seeded:  # noqa: N801  (a context manager, used as a verb)
    """Dropout draws from torch's global generator: seed it inside, restore it outside."""

    def __init__(self, seed: int, device: torch.device) -> None:
        devices = [device] if device.type == "cuda" else []
        self._fork = torch.random.fork_rng(devices=devices)
        self._seed = seed

    def __enter__(self) -> None:
        self._fork.__enter__()
        torch.manual_seed(self._seed)

    def __exit__(self, *error: Any) -> None:
        self._fork.__exit__(*error)


@contextmanager
def _few_threads(network: HashNetwork) -> Iterator[None]:
    """One thread for a small network, whose steps are too short to share.

    Two threads gain at most a fifth on two idle cores, and are several times slower than one where anything else runs
    on them: they spin while they wait for each other.
    """
    before = torch.get_num_threads()
    if sum(weights.numel() for weights in network.parameters()) <= SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _progress(options: Options) -> Any:
    if not (options.progress and sys.stderr.isatty()):
        return nullcontext()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)
