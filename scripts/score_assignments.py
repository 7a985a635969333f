"""Count onto which types every method of an experiment maps the cells of each fold, against the solution."""

import pandas as pd

from schash.assignments import ASSIGNMENT_COLUMNS, count_assignments
from schash.joblog import job_log
from schash.tables import write_table


def main(predictions: list[str], solution: str, runs: list[dict], output: str) -> None:
    truth = pd.read_parquet(solution)
    tables = []
    for run, path in zip(runs, predictions, strict=True):
        facts = {name: run[name] for name in ("dataset", "scheme", "method")}
        tables.append(count_assignments(pd.read_parquet(path), truth).assign(**facts))
    write_table(pd.concat(tables, ignore_index=True), ASSIGNMENT_COLUMNS, output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        given = snakemake.input
        main(given.predictions, given.solution, snakemake.params.runs, snakemake.output[0])
