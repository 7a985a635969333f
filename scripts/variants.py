"""Draw variants: what each divergence between paper and code changes, in annotation and in retrieval."""

import json
from pathlib import Path

import pandas as pd

from schash.joblog import job_log
from schash.plotting.style import save_figure
from schash.plotting.variants import draw_variants
from schash.tables import EXPERIMENT_COLUMNS, read_table
from schash.variants_table import variants


def main(given, params, png: str, svg: str, tsv: str) -> None:
    searches = [read_table(path, EXPERIMENT_COLUMNS) for path in given.searches]
    table = variants(
        read_table(given.metrics, EXPERIMENT_COLUMNS),
        pd.concat(searches, ignore_index=True) if searches else None,
        params.titles,
        params.controls,
        params.positive_controls,
    )
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    save_figure(draw_variants(table, facts), table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
