"""Say of every raw file of the suite whether it is at hand and right, and what its addresses answer."""

import sys

from schash.data.download_plan import Fetch
from schash.data.fetch_check import check_fetch, check_table
from schash.data.registry import Source
from schash.joblog import job_log
from schash.schema import validate


def main(jobs: list[dict], config: dict, tell) -> bool:
    rows = {}
    for job in jobs:
        source = validate(Source, job["source"], where="datasets.yaml")
        checked = check_fetch(
            Fetch(source, members=job["members"]),
            cache_dir=config["downloads"],
            mirror=config["mirror"],
            lock_path=config["lock"],
        )
        rows |= {(row.source, row.file): row for row in checked}
    tell(check_table(list(rows.values())))
    return all(row.is_fine for row in rows.values())


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        fine = main(snakemake.params.jobs, snakemake.config, tell)
    sys.exit(0 if fine else 1)
