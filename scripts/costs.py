"""Draw costs: seconds to fit, milliseconds to predict a cell and peak memory of every method on every data set."""

from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.costs import costs, draw_costs
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(metrics: str, params, png: str, svg: str, tsv: str) -> None:
    table = costs(read_table(metrics, EXPERIMENT_COLUMNS), params.titles, params.controls, params.datasets)
    marks = marks_of(params.transductive, params.rejects)
    figure = draw_costs(table, params.titles, controls=params.controls, marks=marks)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input.metrics, snakemake.params, **dict(snakemake.output.items()))
