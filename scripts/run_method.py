"""Run one method over all folds of a split. A failed fold is a row with its reason, not a failed job."""

from functools import partial
from pathlib import Path

from schash.folds import RunFiles, RunResult, RunSettings, run_folds, write_run, write_search
from schash.joblog import job_log
from schash.methods.catalogue import MethodRow
from schash.plan import count_failure
from schash.schema import validate


def main(files: RunFiles, settings: RunSettings, output: Path, tell) -> RunResult:
    found = output / "neighbors"
    found.mkdir(parents=True)  # empty where the method does not search
    result = run_folds(files, settings, say=print, keep=partial(write_search, found))
    write_run(result, output)
    if result.n_failed:
        count_failure(output / "attempts.json")
    tell(result.headline(settings))
    return result


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        given, params = snakemake.input, snakemake.params
        solution = given.get("solution")
        settings = RunSettings(
            dataset=snakemake.wildcards.dataset,
            method=snakemake.wildcards.method,
            row=validate(MethodRow, params.row, where="methods.yaml"),
            **params.numbers,
            # limits decide whether a run ends, not what it yields: no parameter, so that raising them re-runs nothing
            # but what failed
            **snakemake.config["limits"],
        )
        paths = (given.cells, given.rows, given.train_labels)
        files = RunFiles(*map(Path, paths), solution and Path(solution))
        main(files, settings, Path(snakemake.output.status).parent, tell)
