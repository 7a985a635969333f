"""Make the folds of a data set under a scheme; write rows, training labels and solution as separate files."""

from pathlib import Path

from schash.data.cells import read_labels, read_names
from schash.joblog import job_log
from schash.splits import make_split, write_split


def main(cells: str, labels: str, dataset: str, scheme: str, seed: int, directory: Path) -> None:
    split = make_split(
        read_labels(labels),
        read_names(cells).obs,
        dataset=dataset,
        scheme=scheme,
        seed=seed,
    )
    write_split(split, directory)
    print(f"{split.n_folds} folds, dropped types {split.dropped_types or 'none'}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.input.cells,
            snakemake.input.labels,
            snakemake.wildcards.dataset,
            snakemake.wildcards.scheme,
            snakemake.params.seed,
            Path(snakemake.output.rows).parent,
        )
