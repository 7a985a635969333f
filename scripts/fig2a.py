"""Draw fig2a: median F1 over 5 folds of every method on every data set."""

import json
from pathlib import Path

from schash.expected import read_expected
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.fig2a import draw_fig2a, fig2a
from schash.plotting.style import save_figure
from schash.summary import COMPARISON_COLUMNS
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    expected = read_expected(given.expected)
    table = fig2a(metrics, read_table(given.comparisons, COMPARISON_COLUMNS), params.titles, expected)
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_fig2a(
        metrics, facts, params.titles, controls=params.controls, marks=marks, expected=expected
    )
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
