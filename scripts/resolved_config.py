"""Save the config as resolved from defaults, suite and the user's keys, and the versions and machine of the run."""

import yaml

from schash.atomic import write_text
from schash.joblog import job_log
from schash.provenance import environment, git_sha


def main(resolved: dict, config: str, environment_path: str) -> None:
    write_text(config, yaml.safe_dump(resolved, sort_keys=False, width=100))
    facts = {"git_sha": git_sha(), **environment()}
    write_text(environment_path, yaml.safe_dump(facts, sort_keys=False))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.params.config,
            snakemake.output.config,
            snakemake.output.environment,
        )
