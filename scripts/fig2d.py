"""Draw fig2d: time of every method to annotate n cells."""

import json
from pathlib import Path

from schash.expected import read_expected
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.fig2d import bounds_of, draw_fig2d, fig2d
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    table = fig2d(read_table(given.metrics, EXPERIMENT_COLUMNS), params.titles)
    published = bounds_of(read_expected(given.expected), params.titles)
    marks = marks_of(params.transductive, [])
    figure = draw_fig2d(table, facts, params.titles, marks=marks, published=published)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
