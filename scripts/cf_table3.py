"""Draw cf_table3: growth to a million cells."""

import json
from pathlib import Path

from schash.expected import read_expected
from schash.joblog import job_log
from schash.plotting.cf_table3 import cf_table3, draw_cf_table3
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    expected = read_expected(given.expected).query("target == 'cf_table3'")
    table = cf_table3(read_table(given.metrics, EXPERIMENT_COLUMNS))
    figure = draw_cf_table3(table, facts, expected.set_index("metric")["value"].to_dict())
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, **dict(snakemake.output.items()))
