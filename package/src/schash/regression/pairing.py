"""Scores of the reference and of the run side by side, fold by fold."""

import numpy as np
import pandas as pd

from schash.regression.reading import KEY, scores

PAIRED_COLUMNS = {
    **dict.fromkeys(KEY, "str"),
    "reference": "float64",
    "run": "float64",
    "folds": "int64",
    "paired": "bool",
    "undefined": "int64",
    "identical": "bool",
    "resized": "bool",
    "reference_sd": "float64",
    "difference_sd": "float64",
}
"""Means over the folds that both have. `paired`: the folds hold the same cells; `undefined`: folds with a value on one
side only; `identical`: every fold, to the digits that are printed; `resized`: of the same seed, and yet a fold has
another number of cells; `reference_sd`: between folds; `difference_sd`: of what the folds moved by."""

PRINTED = 5e-6
"""Half a unit of the sixth significant digit, which is as many as tables of metrics have."""


def pair(reference: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """One row of PAIRED_COLUMNS for each KEY that both tables score in some fold of the same name.

    Folds are those of the reference where the seed is the same and each of them has as many cells: then differences
    come from the method alone. Otherwise means are compared all the same, with a wider tolerance (`tolerances`).
    """
    same_seed = reference["seed"].iloc[0] == run["seed"].iloc[0]
    columns = [*KEY, "fold", "value", "n"]
    both = scores(reference)[columns].merge(
        scores(run)[columns], on=[*KEY, "fold"], suffixes=("_reference", "_run")
    )
    old, new = both["value_reference"], both["value_run"]
    difference = (new - old).abs()
    size = np.maximum(old.abs(), new.abs())
    both = both.assign(
        same_n=both["n_reference"] == both["n_run"],
        undefined=old.isna() != new.isna(),
        identical=(difference <= 2 * PRINTED * size) | (old.isna() & new.isna()),
        moved=new - old,
    )
    table = both.groupby(KEY, sort=False).agg(
        reference=("value_reference", "mean"),
        run=("value_run", "mean"),
        folds=("fold", "size"),
        paired=("same_n", "all"),
        undefined=("undefined", "sum"),
        identical=("identical", "all"),
        reference_sd=("value_reference", "std"),
        difference_sd=("moved", "std"),
    )
    table["resized"] = ~table["paired"] & bool(same_seed)
    table["paired"] &= bool(same_seed)
    return table.reset_index()[list(PAIRED_COLUMNS)].astype(PAIRED_COLUMNS)
