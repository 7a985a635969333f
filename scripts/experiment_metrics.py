"""Collect the scores of an experiment's runs in one table, and summarise them over folds."""

import pandas as pd

from schash.joblog import job_log
from schash.summary import summarise
from schash.tables import (
    EXPERIMENT_COLUMNS,
    SCORE_COLUMNS,
    SUMMARY_COLUMNS,
    read_table,
    write_table,
)


def main(scores: list[str], runs: list[dict], common: dict, metrics: str, summary: str) -> None:
    tables = [
        read_table(path, SCORE_COLUMNS).assign(**run, **common)
        for path, run in zip(scores, runs, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    write_table(table, EXPERIMENT_COLUMNS, metrics)
    write_table(summarise(table), SUMMARY_COLUMNS, summary)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        common = {
            "suite": snakemake.params.suite,
            "experiment": snakemake.wildcards.experiment,
            "seed": snakemake.params.seed,
        }
        main(
            snakemake.input.scores,
            snakemake.params.runs,
            common,
            **dict(snakemake.output.items()),
        )
