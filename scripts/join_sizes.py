"""Put the timings of all sizes of a method together."""

from schash.joblog import job_log
from schash.scale_numbers import join_sizes
from schash.tables import SCORE_COLUMNS, read_table, write_table


def main(paths: list[str], output: str) -> None:
    write_table(join_sizes([read_table(path, SCORE_COLUMNS) for path in paths]), SCORE_COLUMNS, output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output[0])
