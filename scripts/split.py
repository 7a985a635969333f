"""Make the folds of a data set under a scheme; write rows, training labels and solution as separate files."""

from pathlib import Path

from schash.data.cells import read_labels, read_names
from schash.data.manifest import paths_by_name, read_manifest
from schash.data.registry import Dataset
from schash.joblog import job_log
from schash.published_folds import PublishedFolds
from schash.schema import validate
from schash.splits import make_split, write_split


def read_published(dataset: dict, manifests: list[str]) -> PublishedFolds | None:
    if not dataset:
        return None
    from schash.data.loaders.zenodo import published_folds  # a second to import, and most data sets have none

    files = paths_by_name([file for path in manifests for file in read_manifest(path)])
    return published_folds(validate(Dataset, dataset, where="datasets.yaml"), files)


def main(
    cells: str, labels: str, wildcards: dict, seed: int, published: PublishedFolds | None, to: Path
) -> None:
    obs = read_names(cells).obs
    split = make_split(read_labels(labels), obs, **wildcards, seed=seed, published=published)
    write_split(split, to)
    source = f" of {split.folds_from}" if split.folds_from else ""
    print(f"{split.n_folds} folds{source}, dropped types {split.dropped_types or 'none'}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        manifests = [path for path in snakemake.input if path.endswith(".tsv")]
        main(
            snakemake.input.cells,
            snakemake.input.labels,
            dict(snakemake.wildcards.items()),
            snakemake.params.seed,
            read_published(snakemake.params.published, manifests),
            Path(snakemake.output.rows).parent,
        )
