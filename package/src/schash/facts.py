"""Size and kind of a prepared data set: what Table 1 says of it, and what every caption needs."""

from typing import Any

from schash.data.cells import LabelledCells
from schash.data.registry import Dataset
from schash.data.streamed import StreamedCells, Totals
from schash.splits import MIN_CELLS_EXCLUSIVE


def describe(row: Dataset, loaded: LabelledCells | StreamedCells, totals: Totals) -> dict[str, Any]:
    """Facts of one data set, ready for JSON.

    `types_over_10` counts the types that the annotation benchmark keeps; `nonzeros_per_cell` is a mean.
    """
    cells, labels = loaded.cells, loaded.labels.dropna()
    sizes = labels.value_counts()
    return {
        "dataset": row.id,
        "title": row.title,
        "cells": int(cells.n_obs),
        "genes": int(cells.n_vars),
        "types": len(sizes),
        "types_over_10": int((sizes > MIN_CELLS_EXCLUSIVE).sum()),
        "cells_over_10": int(sizes[sizes > MIN_CELLS_EXCLUSIVE].sum()),
        "unlabelled": int(cells.n_obs - len(labels)),
        "batches": int(cells.obs["batch"].nunique()),
        "total": totals.total,
        "nonzeros_per_cell": totals.nonzeros / max(cells.n_obs, 1),
        "values": row.values,
        "species": row.species or "",
        "tissue": row.tissue or "",
        "protocol": row.protocol or "",
        "simulated": row.source == "simulated",
        "stand_in_for": row.stand_in_for or "",
        "paper_names": list(row.paper_names),
    }
