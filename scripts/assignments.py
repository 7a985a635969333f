"""Draw cf_fig8 and cf_species: onto which types the cells of each held-out protocol or species are mapped."""

import json
from pathlib import Path

from schash.assignments import read_assignments
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.assignments import assignment_table, draw_assignments
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts, splits = (
        [json.loads(Path(path).read_text()) for path in paths] for paths in (given.facts, given.splits)
    )
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    table = assignment_table(read_assignments(given.assignments), metrics, params.titles)
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_assignments(table, facts, splits, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
