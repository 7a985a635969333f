"""Compare every method of an experiment with the best of its data set by a paired bootstrap over cells."""

import pandas as pd

from schash.joblog import job_log
from schash.summary import COMPARISON_COLUMNS, compare_experiment
from schash.tables import SUMMARY_COLUMNS, read_table, write_table


def main(summary: str, predictions: dict, solutions: list[str], options: dict, output: str) -> None:
    table = compare_experiment(
        read_table(summary, SUMMARY_COLUMNS),
        {run: pd.read_parquet(path) for run, path in predictions.items()},
        [pd.read_parquet(path) for path in solutions],
        **options,
    )
    write_table(table, COMPARISON_COLUMNS, output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        params = snakemake.params
        runs = [(run["dataset"], run["scheme"], run["method"]) for run in params.runs]
        options = {
            "experiment": snakemake.wildcards.experiment,
            "controls": params.controls,
            "seed": params.seed,
            "n_replicates": params.n_replicates,
        }
        predictions = dict(zip(runs, snakemake.input.predictions, strict=True))
        main(
            snakemake.input.summary,
            predictions,
            snakemake.input.solutions,
            options,
            snakemake.output[0],
        )
