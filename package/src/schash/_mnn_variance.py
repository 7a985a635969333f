"""Variance adjustment of mnnCorrect: correction vectors are lengthened until the two clouds mix, not merely touch.

For a target cell c with vector v, unit g = v/|v|, all cells are projected on the line through c along g and weighted by
their distance from it, w = exp(-dist^2 / sigma). The weighted quantile of c among the target is sought among the
reference; the vector is stretched to end there, and never shortened:

    q       sum of w over target cells with  x.g <= c.g   /  sum of w over the target       c itself always counts
    t       smallest reference projection at which the cumulated weight reaches q
    scale   max(1, (t - c.g) / |v|)
"""

import numpy as np

from schash._mnn_blocks import blocks, distances_from_products, dot_products, squared_lengths

TIE = 1e-13
"""Quantiles closer than this are equal, lest rounding break exact ties (a batch against itself). With a bandwidth far
below the distances all quantiles lie near 1 and differ by as little as 1e-12: a wider tolerance would merge those."""


def stretched(reference: np.ndarray, target: np.ndarray, vectors: np.ndarray, *, sigma: float) -> np.ndarray:
    """Vectors (n_target, n_genes) float32, each multiplied by its scale; a vector of zeros stays."""
    lengths = (squared_lengths(reference), squared_lengths(target))
    scales = np.empty(len(target))
    for rows in blocks(len(target)):
        scales[rows] = _scales(reference, target, vectors, rows, lengths, sigma)
    return vectors * scales[:, None].astype(np.float32)


def _scales(
    reference: np.ndarray,
    target: np.ndarray,
    vectors: np.ndarray,
    rows: slice,
    lengths: tuple[np.ndarray, np.ndarray],
    sigma: float,
) -> np.ndarray:
    cells = target[rows].astype(np.float64)
    directions = vectors[rows].astype(np.float64)
    norms = np.linalg.norm(directions, axis=1)
    moving = norms > 0
    directions[moving] /= norms[moving, None]
    position = np.einsum("ij,ij->i", cells, directions)

    projections, log_weights = _around_lines(cells, directions, position, target, lengths[1], sigma)
    own = np.arange(len(cells))
    log_weights[own, rows.start + own] = 0
    quantiles = _quantiles(projections, log_weights, position, own_columns=rows.start + own)

    projections, log_weights = _around_lines(cells, directions, position, reference, lengths[0], sigma)
    ends = _at_quantiles(projections, log_weights, quantiles)
    scales = np.ones(len(cells))
    scales[moving] = np.maximum(1, (ends[moving] - position[moving]) / norms[moving])
    return scales


def _around_lines(
    cells: np.ndarray,
    directions: np.ndarray,
    position: np.ndarray,
    others: np.ndarray,
    other_lengths: np.ndarray,
    sigma: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Projections of the other cells on each line, and logarithms of their weights, both (n_cells, n_others)."""
    products = dot_products(np.vstack([cells, directions]), others)
    distances = distances_from_products(products[: len(cells)], cells, other_lengths)
    projections = products[len(cells) :]
    # Pythagoras: less the way along the line, what remains is the distance from it.
    distances -= (projections - position[:, None]) ** 2
    return projections, np.maximum(distances, 0, out=distances) / -sigma


def _quantiles(
    projections: np.ndarray, log_weights: np.ndarray, position: np.ndarray, *, own_columns: np.ndarray
) -> np.ndarray:
    weights = np.exp(log_weights)  # the cell's own is 1, so the sum cannot underflow
    below = projections <= position[:, None]
    below[np.arange(len(position)), own_columns] = True
    return np.where(below, weights, 0).sum(axis=1) / weights.sum(axis=1)


def _at_quantiles(projections: np.ndarray, log_weights: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Smallest projection at which the share of the cumulated weight reaches each quantile."""
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    order = np.argsort(projections, axis=1)
    cumulated = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    shares = cumulated / cumulated[:, -1:]
    first = (shares >= quantiles[:, None] - TIE).argmax(
        axis=1
    )  # the last share is 1, so one is always reached
    return projections[np.arange(len(first)), order[np.arange(len(first)), first]]
