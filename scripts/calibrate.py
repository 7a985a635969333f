"""Time the fixed work that other times are compared in units of."""

from schash.calibration import calibrate
from schash.joblog import job_log
from schash.tables import EXPERIMENT_COLUMNS, write_table
from schash.timing import pin_threads


def main(suite: str, seed: int, output: str) -> None:
    pin_threads(1)
    write_table(calibrate(suite, seed), EXPERIMENT_COLUMNS, output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.params.suite, snakemake.params.seed, snakemake.output[0])
