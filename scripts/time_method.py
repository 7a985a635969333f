"""Time one method by the function of a timing experiment. What did not run is a row with its reason."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

import pandas as pd

from schash.folds import RunFiles
from schash.joblog import job_log
from schash.methods.catalogue import MethodRow
from schash.plan import count_failure
from schash.schema import validate
from schash.tables import SCORE_COLUMNS, write_table
from schash.timing_runs import TimingSettings, is_failed


def main(
    timer: Callable[..., pd.DataFrame], given: dict[str, Path], settings: TimingSettings, output: Path, tell
):
    files = RunFiles(given.pop("cells"), given.pop("rows"), given.pop("train_labels"))
    table = timer(files, settings, **given)  # the solution, where answers are scored
    write_table(table, SCORE_COLUMNS, output)
    if is_failed(table):
        count_failure(output.with_suffix(".attempts.json"))
    for row in table[table["status"] != "ok"].itertuples():
        tell(f"{settings.method} on {settings.dataset}, {row.metric}: {row.status}: {row.reason}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        params = snakemake.params
        settings = TimingSettings(
            dataset=snakemake.wildcards.dataset,
            method=snakemake.wildcards.method,
            row=validate(MethodRow, params.row, where="methods.yaml"),
            **{**params.numbers, "sizes": tuple(params.numbers["sizes"])},
            **snakemake.config["limits"],
        )
        given = {name: Path(path) for name, path in snakemake.input.items()}
        main(resolve_name(params.timer), given, settings, Path(snakemake.output[0]), tell)
