"""Download (or take from a mirror) the files of a source, verify them, and write the manifest."""

import logging

from schash.data.fetch import fetch_source, write_manifest
from schash.data.registry import Source
from schash.joblog import job_log
from schash.schema import validate


def main(source: dict, members: dict, config: dict, manifest: str, tell) -> None:
    row = validate(Source, source, where="datasets.yaml")
    # the mirror changes where bytes come from, not which: it is no parameter of the rule, so that setting it
    # downloads nothing again
    files = fetch_source(
        row,
        cache_dir=config["downloads"],
        mirror=config["mirror"],
        lock_path=config["lock"],
        members=members,
        report=tell,
    )
    write_manifest(manifest, files)


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        main(snakemake.params.source, snakemake.params.members, snakemake.config, snakemake.output[0], tell)
