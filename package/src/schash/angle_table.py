"""The table behind cf_fig3: bias, variance and recall of codes, one row a kind of hyperplanes and number of bits, over
all pairs and by true angle."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from schash.angle_estimates import (
    ANGLE,
    BIAS,
    BITS,
    CHANCE,
    N_BINS,
    ORTHOGONAL,
    PLAIN,
    RECALL,
    VARIANCE,
    binned,
    named,
)

KEYS = ["experiment", "dataset", "scheme", "method"]
KINDS = (ORTHOGONAL, PLAIN)
ALL_ANGLES = -1
"""Bin of the rows that are over all pairs."""
NUMBERS = (
    *("angle", "bias", "bias_se", "variance", "variance_se", "variance_over_binomial"),
    *("variance_over_plain", "variance_over_plain_se"),
    *("recall", "recall_sd", "recall_averaged", "recall_by_chance"),
)
COLUMNS = (
    *(*KEYS, "stand_in", "n_cells", "kind", "bits", "bin", "n_pairs"),
    *(*NUMBERS, "threads", "host", "status", "reason"),
)


def angle_table(scores: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of `scores`, data set by data set; angles in radians, variances in their squares.

    `variance_over_binomial` is known for plain hyperplanes alone, for which it must be 1. What did not run is a row
    with status and reason.
    """
    rows: list[dict[str, Any]] = []
    for _, here in scores.groupby(KEYS, sort=False):
        first = here.iloc[0]
        common: dict[str, Any] = {name: first[name] for name in (*KEYS, "stand_in", "threads", "host")}
        ok = here[here["status"] == "ok"].set_index("metric")
        n_cells = int(ok["n"].get(CHANCE, 0))
        made = [*_over_all(ok["value"], ok["n"]), *_by_angle(ok["value"], ok["n"])]
        rows += [{**common, "n_cells": n_cells, **row, "status": "ok", "reason": ""} for row in made]
        for bad in here[here["status"] != "ok"].itertuples():
            failed = {"n_cells": bad.n, "kind": "", "bits": 0, "bin": ALL_ANGLES, "n_pairs": 0}
            rows.append({**common, **failed, "status": bad.status, "reason": bad.reason})
    return pd.DataFrame(rows, columns=[*COLUMNS]).astype(dict.fromkeys(NUMBERS, float))


def _over_all(values: pd.Series, n: pd.Series) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        for bits in BITS:
            bias, variance = named(BIAS, kind, bits), named(VARIANCE, kind, bits)
            if bias not in values:
                continue
            row = {"kind": kind, "bits": bits, "bin": ALL_ANGLES, "n_pairs": int(n[bias])}
            row |= {"bias": values[bias], "bias_se": values[f"{bias}_se"]}
            row |= {"variance": values[variance], "variance_se": values[f"{variance}_se"]}
            if kind == ORTHOGONAL:
                ratio = f"{VARIANCE}_{ORTHOGONAL}_over_{PLAIN}_{bits}bits"
                row |= {"variance_over_plain": values[ratio], "variance_over_plain_se": values[f"{ratio}_se"]}
            else:
                row["variance_over_binomial"] = values[f"{VARIANCE}_{PLAIN}_over_binomial_{bits}bits"]
            for column in ("", "_sd", "_averaged"):
                row[f"recall{column}"] = values[named(f"{RECALL}{column}", kind, bits)]
            yield {**row, "recall_by_chance": values[CHANCE]}


def _by_angle(values: pd.Series, n: pd.Series) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        for bits in BITS:
            for place in range(N_BINS):
                bias, variance = (binned(metric, kind, bits, place) for metric in (BIAS, VARIANCE))
                if bias not in values:
                    continue
                yield {
                    "kind": kind,
                    "bits": bits,
                    "bin": place,
                    "angle": values[f"{ANGLE}[bin={place}]"],
                    "n_pairs": int(n[bias]),
                    "bias": values[bias],
                    "bias_se": values[binned(f"{BIAS}_se", kind, bits, place)],
                    "variance": values[variance],
                    "variance_se": np.nan,
                }
