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


# --- CellFishing -----------------------------------------------------------------------------------------------


def kept_genes(X: np.ndarray, min_features: int | None = None) -> np.ndarray:
    """Gene selection by maximum count of dense (n_cells, n_genes): (n_genes,) bool."""
    largest = [max(column) for column in X.T]
    varies = [max(column) > min(column) for column in X.T]
    threshold = sorted(largest, reverse=True)[-(-len(largest) // 10) - 1]
    kept = [v and m >= threshold for v, m in zip(varies, largest, strict=True)]
    if min_features is not None:
        for lower in sorted(set(largest), reverse=True):
            if sum(kept) >= min_features:
                break
            kept = [v and m >= min(lower, threshold) for v, m in zip(varies, largest, strict=True)]
    return np.array(kept, dtype=bool)


def transformed(X: np.ndarray, transform: str = "log") -> np.ndarray:
    """Counts of the selected genes, dense: scaled to 10^4 a cell, then log(x + 1) or sqrt(x) + sqrt(x + 1)."""
    if transform == "none":
        return X.astype(float)
    out = np.zeros(X.shape)
    for i, cell in enumerate(X.astype(float)):
        scaled = cell * 1e4 / cell.sum() if cell.sum() > 0 else cell
        out[i] = np.log(scaled + 1) if transform == "log" else np.sqrt(scaled) + np.sqrt(scaled + 1)
    return out


def standardized(values: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """(values - mean) / sd, 0 where sd is 0."""
    out = np.zeros(values.shape)
    for gene in range(values.shape[1]):
        if sd[gene] > 1e-6 * mean[gene]:
            out[:, gene] = (values[:, gene] - mean[gene]) / sd[gene]
    return out


def sign_bits(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Bits (n, n_bits) of points by the hyperplanes with these normals (n_bits, n_dims)."""
    out = np.zeros((len(points), len(normals)), dtype=bool)
    for i, point in enumerate(points.astype(float)):
        for t, normal in enumerate(normals.astype(float)):
            out[i, t] = point @ normal >= 0
    return out


def ranked(
    candidates: list[list[int]], query_bits: list[np.ndarray], bits: list[np.ndarray], k: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Candidates of each query by (sum over the hashes of the Hamming distance, row): ids and distances, not padded."""
    ids, distances = [], []
    for q, nominated in enumerate(candidates):
        totals = sorted(
            (
                sum(
                    int((of_query[q] != of_cells[c]).sum())
                    for of_query, of_cells in zip(query_bits, bits, strict=True)
                ),
                c,
            )
            for c in set(nominated)
            if c >= 0
        )[:k]
        ids.append([c for _, c in totals])
        distances.append([d for d, _ in totals])
    return ids, distances


# --- Labels of neighbours --------------------------------------------------------------------------------------


def majority(labels: list) -> tuple:
    """The commonest label (None has no vote) and its votes; of equally common ones the one that comes first."""
    best, votes = None, 0
    for label in labels:
        if label is not None and labels.count(label) > votes:
            best, votes = label, labels.count(label)
    return best, votes


# --- search ----------------------------------------------------------------------------------------------------


def nearest(codes: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of (n, n_bits) booleans to each query by (distance, row), padded: ids and distances (m, k)."""
    n_bits = queries.shape[1]
    ids, distances = np.full((len(queries), k), -1), np.full((len(queries), k), n_bits + 1)
    for i, query in enumerate(queries):
        ranked = sorted((int((query != code).sum()), row) for row, code in enumerate(codes))[:k]
        for rank, (distance, row) in enumerate(ranked):
            ids[i, rank], distances[i, rank] = row, distance
    return ids, distances


def nearest_in_buckets(
    codes: np.ndarray, anchors: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same by scDeepHash's rule: the bucket of the nearest anchor, then that of the next, until there are k."""
    buckets = [min((int((code != a).sum()), i) for i, a in enumerate(anchors))[1] for code in codes]
    ids, distances = np.full((len(queries), k), -1), np.full((len(queries), k), queries.shape[1] + 1)
    for i, query in enumerate(queries):
        chosen = []
        for _, bucket in sorted((int((query != a).sum()), b) for b, a in enumerate(anchors)):
            inside = sorted(
                (int((query != codes[r]).sum()), r) for r in range(len(codes)) if buckets[r] == bucket
            )
            chosen += inside[: k - len(chosen)]
        for rank, (distance, row) in enumerate(sorted(chosen)):
            ids[i, rank], distances[i, rank] = row, distance
    return ids, distances
