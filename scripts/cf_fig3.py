"""Draw cf_fig3: angles estimated from codes."""

import json
from pathlib import Path

from schash.angle_table import angle_table
from schash.expected import read_expected
from schash.joblog import job_log
from schash.plotting.cf_fig3 import draw_cf_fig3, published_recall
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    table = angle_table(read_table(given.metrics, EXPERIMENT_COLUMNS))
    figure = draw_cf_fig3(table, facts, published_recall(read_expected(given.expected)))
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, **dict(snakemake.output.items()))
