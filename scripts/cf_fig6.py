"""Draw cf_fig6: confusion of data sets mapped onto themselves."""

import json
from pathlib import Path

import pandas as pd

from schash.confusion import CONFUSION_COLUMNS
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.confusion import Names, confusion, draw_confusion
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table

COMPARED = ("cellfishing", "cf_scmap_cell")
"""The paper's two."""


def main(given, params, png: str, svg: str, tsv: str) -> None:
    counts = pd.concat([read_table(path, CONFUSION_COLUMNS) for path in given.counts], ignore_index=True)
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    marks = marks_of(params.transductive, params.rejects)
    groups = {"groups": params.groups, "matrices": COMPARED, "metric": "consistency", "all_types": True}
    names = Names(params.titles, params.controls, marks, **groups)
    save_figure(
        draw_confusion(counts, metrics, facts, names),
        confusion(counts, params.titles),
        png=png,
        svg=svg,
        tsv=tsv,
    )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
