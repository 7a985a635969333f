"""Draw fig2b: median F1 on every held-out study, batch or protocol, raw and aligned."""

import json
from pathlib import Path

from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.fig2b import draw_fig2b, fig2b
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    splits = [json.loads(Path(path).read_text()) for path in given.splits]
    table = fig2b(read_table(given.metrics, EXPERIMENT_COLUMNS), facts, splits, params.titles)
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_fig2b(table, facts, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
