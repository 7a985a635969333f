"""Draw table1 and cf_table1: the data sets of the suite, beside the papers' numbers where they are the papers'."""

import json
from pathlib import Path

from schash.expected import read_expected
from schash.joblog import job_log
from schash.plotting.style import save_figure
from schash.plotting.table1 import draw_table1, table1


def main(facts: list[str], expected: str, png: str, svg: str, tsv: str) -> None:
    described = [json.loads(Path(path).read_text()) for path in facts]
    table = table1(described, read_expected(expected), target=Path(tsv).stem)
    save_figure(draw_table1(table), table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.input.facts,
            snakemake.input.expected,
            **dict(snakemake.output.items()),
        )
