"""Correction vectors of MNN pairs, smoothed over all cells of the target by a Gaussian kernel.

    a_m     mean over the pairs (r, m) of  x_r - x_m                     one vector a target cell m with pairs
    K(m,c)  exp(-|x_m - x_c|^2 / sigma)                                  sigma divides the squared distance
    d_m     sum over paired cells m' of K(m,m')                          density of paired cells around m
    v_c     sum_m a_m K(m,c)/d_m  /  sum_m K(m,c)/d_m                    for every target cell c

The density keeps abundant types from drowning rare ones. Kernels stay logarithms until the largest is taken out,
so that a cell far from every paired cell gets the vector of the nearest ones rather than 0/0.
"""

import numpy as np

from schash._mnn_blocks import blocks, dot_products, squared_distances, squared_lengths, wide_blocks


class GaussianSmoother:
    """Weights of one target batch, found once and applied to the vectors on the input and on the output scale.

    X : (n_cells, n_genes) the target, on the scale of the distances; anchors : (n_anchors,) its rows that have pairs
    """

    def __init__(self, X: np.ndarray, anchors: np.ndarray, *, sigma: float) -> None:
        self._X = X
        self._anchors = X[anchors]
        self._lengths = squared_lengths(self._anchors)
        self._sigma = sigma
        self._log_density = self._densities()

    def smooth(self, vectors: np.ndarray) -> np.ndarray:
        """One vector an anchor, (n_anchors, n_genes), to one a cell, (n_cells, n_genes) float32."""
        smoothed = np.empty((len(self._X), vectors.shape[1]), dtype=np.float32)
        for rows in blocks(len(self._X)):
            weights = self._weights(rows)
            for columns in wide_blocks(vectors.shape[1], len(vectors)):
                smoothed[rows, columns] = weights @ vectors[:, columns].astype(np.float64)
        return smoothed

    def _log_kernel(self, cells: np.ndarray) -> np.ndarray:
        distances = squared_distances(cells.astype(np.float64), self._anchors, self._lengths)
        return distances / -self._sigma

    def _densities(self) -> np.ndarray:
        density = np.empty(len(self._anchors))
        for rows in blocks(len(self._anchors)):
            # The kernel of an anchor with itself is 1, so the sum cannot underflow.
            density[rows] = np.exp(self._log_kernel(self._anchors[rows])).sum(axis=1)
        return np.log(density)

    def _weights(self, rows: slice) -> np.ndarray:
        """Weights of the anchors for each cell of the block, summing to 1."""
        log_weights = self._log_kernel(self._X[rows]) - self._log_density
        weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)


def anchor_vectors(
    reference: np.ndarray, target: np.ndarray, *, pairs: tuple[np.ndarray, np.ndarray], anchors: np.ndarray
) -> np.ndarray:
    """Mean difference to the partners, reference minus target: (n_anchors, n_genes) float32.

    pairs : rows of the reference and of the target, one entry a pair, sorted by target;
    anchors : the target's rows that have pairs, sorted
    """
    in_reference, in_target = pairs
    bounds = np.append(np.searchsorted(in_target, anchors), len(in_target))
    vectors = np.empty((len(anchors), target.shape[1]), dtype=np.float32)
    for i, anchor in enumerate(anchors):
        partners = reference[in_reference[bounds[i] : bounds[i + 1]]]
        vectors[i] = partners.mean(axis=0, dtype=np.float64) - target[anchor]
    return vectors


def without_biology(vectors: np.ndarray, spans: tuple[np.ndarray, ...]) -> np.ndarray:
    """Vectors (n, n_genes) less their components along the orthonormal columns of each span, one after the other."""
    for span in spans:
        along = np.vstack([vectors[rows].astype(np.float64) @ span for rows in blocks(len(vectors))])
        vectors = (vectors - along @ span.T).astype(np.float32)
    return vectors


def biological_span(X: np.ndarray, n_dims: int) -> np.ndarray:
    """First principal directions of the cells X: (n_genes, n_dims) float64, fewer where X has less."""
    centred = X.astype(np.float64)
    centred -= centred.mean(axis=0)
    # The principal directions are wanted in the space of the genes; the smaller Gram matrix gives them cheaply.
    gram = np.vstack([dot_products(centred[rows], centred) for rows in blocks(len(centred))])
    n_dims = min(n_dims, *centred.shape)
    values, scores = np.linalg.eigh(gram)
    values, scores = values[::-1][:n_dims], scores[:, ::-1][:, :n_dims]
    kept = values > 1e-12 * max(float(values[0]), 1e-300)
    return (centred.T @ scores[:, kept]) / np.sqrt(values[kept])
