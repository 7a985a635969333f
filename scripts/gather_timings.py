"""Put the timings of all methods of an experiment on one data set together."""

from schash.joblog import job_log
from schash.tables import EXPERIMENT_COLUMNS, SCORE_COLUMNS, read_table, write_table
from schash.timing_table import gathered


def main(paths: list[str], runs: list[dict], output: str) -> None:
    tables = [read_table(path, SCORE_COLUMNS) for path in paths]
    write_table(gathered(tables, runs), EXPERIMENT_COLUMNS, output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params.runs, snakemake.output[0])
