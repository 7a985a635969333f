"""Draw fig3a: precision at N of every search on every data set."""

import json
from pathlib import Path

import pandas as pd

from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.fig3a import draw_fig3a, fig3a
from schash.plotting.style import save_figure
from schash.retrieval_ids import CURVE_COLUMNS
from schash.tables import EXPERIMENT_COLUMNS, read_table


def together(paths: list[str], columns: dict[str, str]) -> pd.DataFrame:
    return pd.concat([read_table(path, columns) for path in paths], ignore_index=True)


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    curves, metrics = together(given.curves, CURVE_COLUMNS), together(given.scores, EXPERIMENT_COLUMNS)
    table = fig3a(curves, metrics, params.titles)
    marks = marks_of(params.transductive, [])
    figure = draw_fig3a(table, facts, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
