"""Exact cosine neighbours, by which the answers of the whole chain are judged."""

import numpy as np

from benchmarks.report import Facts

_BLOCK = 1 << 16


def cosine_facts(database: np.ndarray, queries: np.ndarray, found: np.ndarray) -> Facts:
    """How good the found rows are. database : (n, n_dims), queries : (n_query, n_dims), found : (n_query, k) rows."""
    database, queries = _unit(database), _unit(queries)
    k = found.shape[1]
    exact = nearest_by_cosine(database, queries, k)  # (n_query, k), the nearest first
    is_exact = (found[:, :, np.newaxis] == exact[:, np.newaxis]).any(axis=2)
    has_nearest = (found == exact[:, :1]).any(axis=1)
    cosines = [np.einsum("qkd,qd->qk", database[rows], queries).mean() for rows in (found, exact)]
    return [
        (f"recall of the exact cosine {k}-NN", float(is_exact.mean()), ""),
        (f"nearest cell among the {k} found", float(has_nearest.mean()), "of queries"),
        (f"mean cosine to the {k} found", float(cosines[0]), ""),
        (f"mean cosine to the exact {k}", float(cosines[1]), ""),
    ]


def nearest_by_cosine(database: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """Rows of the k largest inner products of unit vectors, (n_query, k), the largest first."""
    rows = np.empty((len(queries), 0), np.int64)
    cosines = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(database), _BLOCK):
        new = queries @ database[start : start + _BLOCK].T
        here = np.argpartition(-new, min(k, new.shape[1]) - 1, axis=1)[:, :k]
        rows = np.concatenate([rows, start + here], axis=1)
        cosines = np.concatenate([cosines, np.take_along_axis(new, here, axis=1)], axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        rows, cosines = np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1)
    return rows


def _unit(points: np.ndarray) -> np.ndarray:
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), np.finfo(np.float32).tiny)
