"""Draw cf_fig7: held-out batches mapped onto the others, against self-mapping."""

import json
from pathlib import Path

from schash.assignments import read_assignments
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.cf_fig7 import cf_fig7, draw_cf_fig7
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts, splits = (
        [json.loads(Path(path).read_text()) for path in paths] for paths in (given.facts, given.splits)
    )
    table = cf_fig7(read_table(given.metrics, EXPERIMENT_COLUMNS), splits, params.titles)
    marks = marks_of(params.transductive, params.rejects)
    assignments = read_assignments(given.assignments)
    figure = draw_cf_fig7(table, assignments, facts, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
