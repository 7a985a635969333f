"""Score the predictions of one run against the solution."""

import pandas as pd

from schash.joblog import job_log
from schash.scoring import score_annotation
from schash.tables import SCORE_COLUMNS, TYPE_COLUMNS, write_table


def main(predictions: str, status: str, solution: str, scores: str, types: str) -> None:
    tables = [pd.read_parquet(path) for path in (predictions, solution, status)]
    score_table, type_table = score_annotation(*tables)
    write_table(score_table, SCORE_COLUMNS, scores)
    write_table(type_table, TYPE_COLUMNS, types)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(**dict(snakemake.input.items()), **dict(snakemake.output.items()))
