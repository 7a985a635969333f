"""Draw table2: mean average precision at k of every search on every data set."""

import json
from pathlib import Path

import pandas as pd

from schash.expected import read_expected
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.style import save_figure
from schash.plotting.table2 import draw_table2
from schash.retrieval_table import retrieval_table
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    metrics = pd.concat([read_table(path, EXPERIMENT_COLUMNS) for path in given.scores], ignore_index=True)
    table = retrieval_table(metrics, params.titles, read_expected(given.expected))
    marks = marks_of(params.transductive, [])
    figure = draw_table2(table, facts, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
