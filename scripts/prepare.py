"""Load a data set, check it against what its registry row promises, and write cells and labels apart."""

import json

from schash.atomic import write_text
from schash.data.manifest import paths_by_name, read_manifest
from schash.data.prepare import prepare
from schash.data.registry import Dataset
from schash.joblog import job_log
from schash.schema import validate


def main(dataset: dict, manifests: list[str], cells: str, labels: str, facts: str) -> str:
    row = validate(Dataset, dataset, where="datasets.yaml")
    files = paths_by_name([file for path in manifests for file in read_manifest(path)])
    summary = prepare(row, files, cells=cells, labels=labels)
    write_text(facts, json.dumps(summary, indent=1) + "\n")
    return f"{row.id}: {summary['cells']:,} cells x {summary['genes']:,} genes, {summary['types']} types"


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        manifests = [path for path in snakemake.input if path.endswith(".tsv")]
        tell(main(snakemake.params.dataset, manifests, **dict(snakemake.output.items())))
