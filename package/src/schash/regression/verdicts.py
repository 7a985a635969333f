"""What can come out of a comparison, and the table that says it."""

import numpy as np
import pandas as pd

from schash.regression.reading import KEY

DIFF_COLUMNS = {
    "verdict": "str",
    **dict.fromkeys(KEY, "str"),
    "reference": "float64",
    "run": "float64",
    "difference": "float64",
    "tolerance": "float64",
    "excess": "float64",
    "tolerance_from": "str",
    "folds": "int64",
    "note": "str",
}
"""One compared number a row. `excess` is the difference in tolerances; for times and memory the numbers are seconds or
MiB, `tolerance` the factor that is allowed and `difference` the one that was found."""

DRIFT = {
    "failed": "failed here and not in the reference",
    "missing": "in the reference only",
    "worse": "worse than the tolerance allows",
    "changed": "changed, where nothing should",
    "slower": "slower than the tolerance allows",
    "larger": "takes more memory than the tolerance allows",
}
"""Verdicts that fail a comparison, in the order in which they are told, with their words."""

GOOD = {
    "better": "better by more than the tolerance",
    "mended": "failed in the reference and not here",
    "faster": "faster by more than the tolerance",
    "smaller": "takes less memory by more than the tolerance",
    "new": "in the run only",
}
"""Verdicts that are told and fail nothing: the reference is due for an update."""

QUIET = ("within", "same", "not compared")
ORDER = (*DRIFT, *GOOD, *QUIET)


def worst_first(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by verdict (ORDER), the largest excess first."""
    rank = table["verdict"].map({name: place for place, name in enumerate(ORDER)})
    size = -table["excess"].fillna(-np.inf)
    return (
        table.assign(_rank=rank, _size=size)
        .sort_values(["_rank", "_size"], kind="stable")
        .drop(columns=["_rank", "_size"])
        .reset_index(drop=True)
    )
