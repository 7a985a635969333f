"""Seed-to-seed spread of every quality metric: the yardstick of the tolerances."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.regression.directions import QUALITY, of_directions
from schash.regression.reading import KEY, scores
from schash.tables import read_table, write_table

SPREAD_COLUMNS = {
    "suite": "str",
    **dict.fromkeys(KEY, "str"),
    "mean": "float64",
    "sd": "float64",
    "seeds": "int64",
}
"""`mean` and `sd` over seeds of the mean over folds, or of the pooled score."""

MIN_SEEDS = 3


def measure_spread(runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """SPREAD_COLUMNS of runs of the same suite and code that differ in their seed alone (`read_metrics` of each).

    A seed moves everything random: the folds, the simulated noise of copies, the start of every training.

    Raises
    ------
    DataError
        for too few runs, another suite or commit, or a seed twice
    """
    suites = {str(run["suite"].iloc[0]) for run in runs}
    commits = {sha for run in runs for sha in run["git_sha"].unique()}
    seeds = [int(run["seed"].iloc[0]) for run in runs]
    if len(runs) < MIN_SEEDS or len(set(seeds)) != len(seeds) or len(suites) != 1 or len(commits) != 1:
        message = (
            f"a spread takes at least {MIN_SEEDS} runs of one suite and commit with a seed each; found suites "
            f"{', '.join(sorted(suites)) or 'none'}, commits {', '.join(sorted(commits)) or 'none'}, seeds {seeds}"
        )
        raise DataError(message)
    means = pd.concat([scores(run).groupby(KEY, sort=False)["value"].mean() for run in runs], axis=1)
    table = pd.DataFrame({"mean": means.mean(axis=1), "sd": means.std(axis=1), "seeds": means.count(axis=1)})
    table = table.reset_index().assign(suite=suites.pop())
    kept = of_directions(table["metric"], *QUALITY)
    return table.loc[kept & (table["seeds"] >= MIN_SEEDS), list(SPREAD_COLUMNS)].reset_index(drop=True)


def write_spread(table: pd.DataFrame, path: str | Path) -> None:
    """Write SPREAD_COLUMNS as tsv."""
    write_table(table, SPREAD_COLUMNS, path)


def read_spread(path: str | Path) -> pd.DataFrame:
    """Read what `write_spread` wrote.

    Raises
    ------
    DataError
        where it is no such table, has a row twice, or a spread that is negative or not finite
    """
    if not Path(path).is_file():
        message = f"{path}: there is no such file; `make spread` measures it"
        raise DataError(message)
    table = read_table(path, SPREAD_COLUMNS)
    faults = {
        "a second row": table.duplicated(KEY),
        "sd is negative or no finite number": ~((table["sd"] >= 0) & np.isfinite(table["sd"])),
    }
    for fault, rows in faults.items():
        if rows.any():
            place = int(np.argmax(rows))
            row = table.iloc[place]
            key = " / ".join(map(str, row[KEY]))
            message = f"{path}: line {place + 2}: {fault}: {key}, sd {row['sd']}"
            raise DataError(message)
    return table
