"""Put the data sets of an experiment together: scores, means over folds, per-type scores, comparisons."""

import pandas as pd

from schash.joblog import job_log
from schash.summary import COMPARISON_COLUMNS, summarise
from schash.tables import EXPERIMENT_COLUMNS, SUMMARY_COLUMNS, TYPE_COLUMNS, read_table, write_table


def together(paths: list[str], columns: dict[str, str]) -> pd.DataFrame:
    return pd.concat([read_table(path, columns) for path in paths], ignore_index=True)


def main(given, metrics: str, summary: str, types: str, comparisons: str) -> None:
    table = together(given.scores, EXPERIMENT_COLUMNS)
    write_table(table, EXPERIMENT_COLUMNS, metrics)
    write_table(summarise(table), SUMMARY_COLUMNS, summary)
    write_table(together(given.types, TYPE_COLUMNS), TYPE_COLUMNS, types)
    write_table(together(given.comparisons, COMPARISON_COLUMNS), COMPARISON_COLUMNS, comparisons)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, **dict(snakemake.output.items()))
