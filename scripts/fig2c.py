"""Draw fig2c: query cells on maps before and after hashing."""

import json
from pathlib import Path

import pandas as pd

from schash.embedding_scoring import CELL_COLUMNS
from schash.joblog import job_log
from schash.plotting.fig2c import draw_fig2c, fig2c
from schash.plotting.style import save_figure
from schash.tables import read_table


def main(cells: list[str], facts: list[str], titles: dict[str, str], png: str, svg: str, tsv: str) -> None:
    placed = pd.concat([read_table(path, CELL_COLUMNS) for path in cells], ignore_index=True)
    known = [json.loads(Path(path).read_text()) for path in facts]
    save_figure(draw_fig2c(placed, known, titles), fig2c(placed, titles), png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        given = snakemake.input
        main(given.cells, given.facts, snakemake.params.titles, **dict(snakemake.output.items()))
