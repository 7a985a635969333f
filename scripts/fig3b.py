"""Draw fig3b: time of a query by database size."""

import json
from pathlib import Path

from schash.joblog import job_log
from schash.plotting.fig3b import draw_fig3b, fig3b
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    table = fig3b(read_table(given.metrics, EXPERIMENT_COLUMNS), params.titles)
    figure = draw_fig3b(table, facts, params.titles)
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
