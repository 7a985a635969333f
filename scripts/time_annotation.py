"""Time the annotation of more and more cells by one method. A size that did not run is a row with its reason."""

from pathlib import Path

from schash.annotation_timing import time_annotation
from schash.folds import RunFiles
from schash.joblog import job_log
from schash.methods.catalogue import MethodRow
from schash.plan import count_failure
from schash.schema import validate
from schash.tables import SCORE_COLUMNS, write_table
from schash.timing_runs import TimingSettings, is_failed


def main(files: RunFiles, settings: TimingSettings, output: Path, tell) -> None:
    table = time_annotation(files, settings)
    write_table(table, SCORE_COLUMNS, output)
    if is_failed(table):
        count_failure(output.with_suffix(".attempts.json"))
    for row in table[table["status"] != "ok"].itertuples():
        tell(f"{settings.method} on {settings.dataset}, {row.metric}: {row.status}: {row.reason}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        given, params = snakemake.input, snakemake.params
        settings = TimingSettings(
            dataset=snakemake.wildcards.dataset,
            method=snakemake.wildcards.method,
            row=validate(MethodRow, params.row, where="methods.yaml"),
            **{**params.numbers, "sizes": tuple(params.numbers["sizes"])},
            **snakemake.config["limits"],
        )
        files = RunFiles(Path(given.cells), Path(given.rows), Path(given.train_labels))
        main(files, settings, Path(snakemake.output[0]), tell)
