"""Draw cf_fig2: time and error of three decompositions."""

import json
from pathlib import Path

from schash.expected import read_expected
from schash.joblog import job_log
from schash.plotting.cf_fig2 import draw_cf_fig2, published_genes
from schash.plotting.style import save_figure
from schash.svd_table import svd_table
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    table = svd_table(read_table(given.metrics, EXPERIMENT_COLUMNS))
    figure = draw_cf_fig2(table, facts, published_genes(read_expected(given.expected), facts))
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, **dict(snakemake.output.items()))
