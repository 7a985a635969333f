"""A load is right only if it yields the cells, genes, totals and labels that the registry states."""

from collections import Counter
from typing import Any

from schash.data.cells import LabelledCells
from schash.data.registry import Expect
from schash.data.streamed import StreamedCells, Totals, totals_of
from schash.errors import DataError

MIN_CELLS_EXCLUSIVE = 10
"""Both papers' annotation benchmarks keep types with MORE cells than this."""


def describe(labelled: LabelledCells | StreamedCells, totals: Totals | None = None) -> dict[str, Any]:
    """The facts of a load that `Expect` can state: cells, genes, total, types, labels, batches.

    Of cells in blocks the total is known, and among the facts, only where `totals` are given: after the last block.
    """
    if totals is None and isinstance(labelled, LabelledCells):
        totals = totals_of(labelled)
    labels = dict(Counter(labelled.labels.dropna()).most_common())
    return {
        "cells": labelled.cells.n_obs,
        "genes": labelled.cells.n_vars,
        **({} if totals is None else {"total": totals.total}),
        "types": len(labels),
        "types_over_10": sum(count > MIN_CELLS_EXCLUSIVE for count in labels.values()),
        "labels": labels,
        "batches": dict(Counter(labelled.cells.obs["batch"])),
    }


def check_expected(
    labelled: LabelledCells | StreamedCells, expect: Expect, totals: Totals | None = None
) -> None:
    """Raise `DataError` naming every fact that came out other than `expect` states, of those that are known yet."""
    came = describe(labelled, totals)
    faults = []
    for name, wanted in expect.model_dump(exclude_none=True, include=set(came)).items():
        if isinstance(wanted, dict):
            faults += [
                f"{name}[{key!r}]: expected {wanted.get(key, 0)}, came {came[name].get(key, 0)}"
                for key in sorted(set(wanted) | set(came[name]))
                if wanted.get(key, 0) != came[name].get(key, 0)
            ]
        elif abs(wanted - came[name]) > (within := expect.cells_within if name == "cells" else 0):
            about = f" within {within}" if within else ""
            faults.append(f"{name}: expected {wanted}{about}, came {came[name]}")
    if faults:
        dataset = labelled.cells.uns["dataset"]
        message = f"{dataset}: what was loaded is not what the registry expects:\n  " + "\n  ".join(faults)
        raise DataError(message)
