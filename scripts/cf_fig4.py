"""Draw cf_fig4: consistency, kappa and seconds of data sets mapped onto themselves."""

import json
from pathlib import Path

from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.cf_fig4 import cf_fig4, draw_cf_fig4
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table

DEFAULT = {"cellfishing": "CellFishing T=128, L=4"}
"""What the row of the default settings is called among the others."""


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    titles = params.titles | DEFAULT
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_cf_fig4(metrics, facts, titles, controls=params.controls, marks=marks)
    save_figure(figure, cf_fig4(metrics, titles), png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
