"""Save the config as resolved from defaults, suite and the user's keys, and the versions and machine of the run."""

from pathlib import Path

import yaml

from schash.atomic import write_text
from schash.data.manifest import read_manifest
from schash.joblog import job_log
from schash.provenance import environment, git_sha


def main(resolved: dict, raw: str, config: str, environment_path: str) -> None:
    write_text(config, yaml.safe_dump(resolved, sort_keys=False, width=100))
    files = [file for path in sorted(Path(raw).rglob("*.tsv")) for file in read_manifest(path)]
    data = {f"{file.source}/{file.file}": file.sha256 for file in files}
    write_text(
        environment_path,
        yaml.safe_dump({"git_sha": git_sha(), **environment(), "data": data}, sort_keys=False),
    )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.params.config,
            snakemake.params.raw,
            snakemake.output.config,
            snakemake.output.environment,
        )
