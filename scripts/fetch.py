"""Download (or take from a mirror) every file of a source, verify it, and write the manifest."""

from schash.data.fetch import fetch_source, write_manifest
from schash.data.registry import Source
from schash.joblog import job_log
from schash.schema import validate


def main(source: dict, config: dict, manifest: str) -> None:
    row = validate(Source, source, where="datasets.yaml")
    # the mirror changes where bytes come from, not which: it is no parameter of the rule, so that setting it
    # downloads nothing again
    files = fetch_source(
        row,
        cache_dir=config["downloads"],
        mirror=config["mirror"],
        lock_path=config["lock"],
    )
    write_manifest(manifest, files)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.params.source, snakemake.config, snakemake.output[0])
