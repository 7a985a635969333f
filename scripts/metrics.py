"""Put all experiments into metrics.parquet and metrics.tsv, with a run id and the commit they were put together at."""

import pandas as pd

from schash.joblog import job_log
from schash.provenance import git_sha, new_run_id
from schash.tables import EXPERIMENT_COLUMNS, METRIC_COLUMNS, read_table, write_table


def main(tables: list[str], parquet: str, tsv: str) -> None:
    table = pd.concat([read_table(path, EXPERIMENT_COLUMNS) for path in tables], ignore_index=True)
    table = table.assign(run_id=new_run_id(), git_sha=git_sha())
    write_table(table, METRIC_COLUMNS, parquet)
    write_table(table, METRIC_COLUMNS, tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input.tables, **dict(snakemake.output.items()))
