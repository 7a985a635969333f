"""Draw cf_fig5: consistency of every cluster beside its size."""

import json
from pathlib import Path

from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.cf_fig5 import cf_fig5, draw_cf_fig5
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, TYPE_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    table = cf_fig5(read_table(given.types, TYPE_COLUMNS), params.titles)
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_cf_fig5(table, metrics, facts, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
