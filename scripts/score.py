"""Score every run of an experiment on one data set against the solution, and compare the methods with the best."""

import pandas as pd

from schash.joblog import job_log
from schash.scoring import BY_TYPE, score_annotation
from schash.summary import COMPARISON_COLUMNS, compare_dataset
from schash.tables import EXPERIMENT_COLUMNS, TYPE_COLUMNS, write_table


def main(
    given, runs: list[dict], groups: dict, options: dict, scores: str, types: str, comparisons: str
) -> None:
    solution = pd.read_parquet(given.solution)
    predictions = {
        run["method"]: pd.read_parquet(path) for run, path in zip(runs, given.predictions, strict=True)
    }
    score_tables, type_tables = [], []
    for run, path in zip(runs, given.status, strict=True):
        status = pd.read_parquet(path)
        more = {"type_groups": groups, "by_type": run["experiment"] in BY_TYPE}
        scored, per_type = score_annotation(predictions[run["method"]], solution, status, **more)
        score_tables.append(scored.assign(**run))
        type_tables.append(per_type.assign(**{name: run[name] for name in ("dataset", "scheme", "method")}))
    table = pd.concat(score_tables, ignore_index=True)
    write_table(table, EXPERIMENT_COLUMNS, scores)
    write_table(pd.concat(type_tables, ignore_index=True), TYPE_COLUMNS, types)
    write_table(compare_dataset(table, predictions, solution, **options), COMPARISON_COLUMNS, comparisons)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        params = snakemake.params
        options = {"controls": params.controls, **params.numbers}
        # a data set without groups is scored without the parameter
        groups = params.get("type_groups", {})
        main(snakemake.input, params.runs, groups, options, **dict(snakemake.output.items()))
