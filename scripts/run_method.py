"""Run one method over all folds of a split. A failed fold is a row with its reason, not a failed job."""

from pathlib import Path

from schash.folds import RunFiles, RunResult, RunSettings, run_folds, write_run
from schash.joblog import job_log
from schash.methods.catalogue import MethodRow
from schash.plan import count_failure
from schash.schema import validate


def main(files: RunFiles, settings: RunSettings, output: Path, tell) -> RunResult:
    result = run_folds(files, settings, say=print)
    write_run(result, output)
    if result.n_failed:
        count_failure(output / "attempts.json")
    tell(result.headline(settings))
    return result


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        given, params = snakemake.input, snakemake.params
        solution = given.get("solution")
        main(
            RunFiles(
                Path(given.cells),
                Path(given.rows),
                Path(given.train_labels),
                solution and Path(solution),
            ),
            RunSettings(
                dataset=snakemake.wildcards.dataset,
                method=snakemake.wildcards.method,
                row=validate(MethodRow, params.row, where="methods.yaml"),
                seed=params.seed,
                threads=params.threads,
                # limits decide whether a run ends, not what it yields: no parameter, so that raising them re-runs
                # nothing but what failed
                **snakemake.config["limits"],
            ),
            Path(snakemake.output.status).parent,
            tell,
        )
