"""The table behind cf_fig2: decompositions and the errors of their singular values, one row each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from schash.svd_timing import (
    CAPTURED,
    DENSE,
    DENSITY,
    EXPLAINED,
    FULL,
    GENE_FRACTION,
    GENES,
    RANDOMIZED,
    SPREAD,
    TOP,
    TRUNCATED,
    WAYS,
    error_of,
    named,
    seconds_of,
    worst_error,
)

KEYS = ["experiment", "dataset", "scheme", "method"]
N_DIMS = 50
"""Singular values, in the paper and by default."""
ALL_RANKS = 0
"""Rank of the rows that are of a whole decomposition."""
OF_DATASET = (GENES, GENE_FRACTION, DENSITY, CAPTURED, EXPLAINED)
NUMBERS = (
    *(
        "seconds",
        "peak_mb",
        f"over_{FULL}",
        f"over_{TRUNCATED}",
        f"max_error_top_{TOP}",
        f"max_error_top_{N_DIMS}",
    ),
    *(f"error{of_seeds}" for of_seeds in SPREAD),
    *OF_DATASET,
)
COLUMNS = (
    *(*KEYS, "stand_in", "n_cells", "algorithm", "matrix", "rank"),
    *(*NUMBERS, "threads", "host", "status", "reason"),
)


def svd_table(scores: pd.DataFrame) -> pd.DataFrame:
    """The table behind the figure. For each data set one row a decomposition (rank 0) with its seconds, memory and
    speed-up, one row a rank of each that has errors, and one row for whatever did not run, with status and reason."""
    rows: list[dict[str, Any]] = []
    for _, here in scores.groupby(KEYS, sort=False):
        first = here.iloc[0]
        common: dict[str, Any] = {name: first[name] for name in (*KEYS, "stand_in", "threads", "host")}
        ok = here[here["status"] == "ok"].set_index("metric")
        made = [*_whole(ok["value"], ok["peak_mb"]), *_ranks(ok["value"])]
        rows += [
            {**common, **row, "n_cells": int(ok["n"].max()), "status": "ok", "reason": ""} for row in made
        ]
        for bad in here[here["status"] != "ok"].itertuples():
            failed = {"algorithm": "", "matrix": "", "rank": ALL_RANKS, "n_cells": bad.n}
            rows.append({**common, **failed, "status": bad.status, "reason": bad.reason})
    order = list(dict.fromkeys(scores["dataset"]))
    table = pd.DataFrame(rows, columns=[*COLUMNS]).astype(dict.fromkeys(NUMBERS, float))
    return table.sort_values("dataset", key=lambda names: names.map(order.index), kind="stable")


def _whole(values: pd.Series, peaks: pd.Series) -> Iterator[dict[str, Any]]:
    for algorithm, form in WAYS:
        if seconds_of(algorithm, form) not in values:
            continue
        row = {"algorithm": algorithm, "matrix": form, "rank": ALL_RANKS}
        row |= {"seconds": values[seconds_of(algorithm, form)], "peak_mb": peaks[seconds_of(algorithm, form)]}
        row |= {name: values.get(name, np.nan) for name in OF_DATASET}
        errors = {f"max_error_top_{n}": values.get(worst_error(algorithm, n), np.nan) for n in (TOP, N_DIMS)}
        row |= {} if algorithm == FULL else errors
        if algorithm == RANDOMIZED:
            head = named(RANDOMIZED, form)
            row |= {
                f"over_{name}": values.get(f"{head}_speedup_over_{name}", np.nan)
                for name in (FULL, TRUNCATED)
            }
        yield row


def _ranks(values: pd.Series) -> Iterator[dict[str, Any]]:
    for algorithm in (TRUNCATED, RANDOMIZED):
        rank = 1
        while error_of(algorithm, rank) in values:
            errors = {f"error{of_seeds}": values[error_of(algorithm, rank, of_seeds)] for of_seeds in SPREAD}
            yield {"algorithm": algorithm, "matrix": DENSE, "rank": rank, **errors}
            rank += 1
