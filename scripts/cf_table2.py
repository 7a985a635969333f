"""Draw cf_table2: saving and loading a database."""

import json
from pathlib import Path

from schash.joblog import job_log
from schash.plotting.cf_table2 import cf_table2, draw_cf_table2
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    table = cf_table2(read_table(given.metrics, EXPERIMENT_COLUMNS))
    save_figure(draw_cf_table2(table, facts), table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, **dict(snakemake.output.items()))
