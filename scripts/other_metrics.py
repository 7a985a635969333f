"""Put the data sets of an experiment that does not annotate together: scores, and means over folds."""

import pandas as pd

from schash.joblog import job_log
from schash.summary import summarise
from schash.tables import EXPERIMENT_COLUMNS, SUMMARY_COLUMNS, read_table, write_table


def main(scores: list[str], metrics: str, summary: str) -> None:
    table = pd.concat([read_table(path, EXPERIMENT_COLUMNS) for path in scores], ignore_index=True)
    write_table(table, EXPERIMENT_COLUMNS, metrics)
    write_table(summarise(table), SUMMARY_COLUMNS, summary)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input.scores, **dict(snakemake.output.items()))
