"""Align the cells of every fold of a split by mutual nearest neighbours; no label is read."""

from pathlib import Path

import pandas as pd

from schash.alignment import FOLD_COLUMNS, align_fold
from schash.data.cells import read_cells, write_cells
from schash.joblog import job_log
from schash.splits import read_rows
from schash.tables import write_table
from schash.timing import pin_threads


def main(cells: str, rows: str, scheme: str, folder: Path, facts: str) -> None:
    prepared = read_cells(cells)
    table = []
    for fold, parts in read_rows(rows).items():
        aligned = align_fold(prepared, **parts, scheme=scheme)
        write_cells(folder / f"{fold}.h5ad", aligned.cells)
        table.append({"fold": fold, **aligned.facts})
        print(", ".join(f"{name} {value}" for name, value in table[-1].items()))
    write_table(pd.DataFrame(table), FOLD_COLUMNS, facts)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        pin_threads(snakemake.threads)
        main(
            snakemake.input.cells,
            snakemake.input.rows,
            snakemake.wildcards.scheme,
            Path(snakemake.output.cells),
            snakemake.output.facts,
        )
