"""Hold every published number against ours: agrees, differs or not run, with the reason."""

import pandas as pd

from schash.expected import VERDICT_COLUMNS, read_expected, verdicts
from schash.joblog import job_log
from schash.tables import METRIC_COLUMNS, read_table, write_table


def main(metrics: str, table1: str, expected: str, output: str) -> None:
    data_sets = pd.read_csv(table1, sep="\t", keep_default_na=False)
    table = verdicts(read_expected(expected), read_table(metrics, METRIC_COLUMNS), data_sets)
    write_table(table, VERDICT_COLUMNS, output)
    print(table["verdict"].value_counts().to_string())


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(**dict(snakemake.input.items()), output=snakemake.output[0])
