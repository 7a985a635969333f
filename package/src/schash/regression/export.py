"""Metrics as nested JSON, which `dvc metrics show` and `dvc metrics diff` read."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError
from schash.regression.headlines import headline_rows
from schash.regression.reading import KEY, scores


def metrics_json(metrics: pd.DataFrame, *, everything: bool = False) -> str:
    """Means over folds as {experiment: {data set: {scheme: {method: {metric: mean}}}}}: headlines, or every metric.

    A pooled score is `metric (pooled)`. What is not defined is left out: JSON knows no NaN.

    Raises
    ------
    DataError
        where nothing is left
    """
    rows = scores(metrics) if everything else headline_rows(metrics)
    tree: dict[str, Any] = {}
    means = rows.groupby(KEY, sort=False)["value"].mean().dropna()
    for key, value in zip(means.index.to_frame()[KEY].astype(str).to_numpy().tolist(), means, strict=True):
        *path, metric, over = key
        leaf = tree
        for name in path:
            leaf = leaf.setdefault(name, {})
        leaf[metric if over == "folds" else f"{metric} ({over})"] = float(f"{value:.6g}")
    if not tree:
        message = "none of the headline metrics is in this table; --all takes every metric"
        raise DataError(message)
    return json.dumps(tree, indent=2) + "\n"


def write_json(text: str, path: str | Path) -> None:
    """Write it whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
