"""Draw confusion: per-type recall of all methods on the hard data sets of fig2a, and what the best take for what."""

import json
from pathlib import Path

import pandas as pd

from schash.confusion import CONFUSION_COLUMNS
from schash.expected import read_expected
from schash.joblog import job_log
from schash.marks import marks_of
from schash.plotting.confusion import Names, confusion, draw_confusion, published_bound
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    counts = pd.concat([read_table(path, CONFUSION_COLUMNS) for path in given.counts], ignore_index=True)
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    marks = marks_of(params.transductive, params.rejects)
    names = Names(params.titles, params.controls, marks, params.groups)
    bound = published_bound(read_expected(given.expected))
    figure = draw_confusion(counts, metrics, facts, names, bound)
    save_figure(figure, confusion(counts, params.titles), png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
