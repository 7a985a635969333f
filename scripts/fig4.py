"""Draw fig4: bits of the code, learned against predefined anchors, and the hyperparameters of the losses."""

import json
from pathlib import Path

import pandas as pd

from schash.ablation_table import fig4
from schash.expected import read_expected
from schash.joblog import job_log
from schash.plotting.fig4 import draw_fig4
from schash.plotting.style import save_figure
from schash.tables import EXPERIMENT_COLUMNS, HISTORY_COLUMNS, read_table


def main(given, params, png: str, svg: str, tsv: str) -> None:
    facts = [json.loads(Path(path).read_text()) for path in given.facts]
    metrics = read_table(given.metrics, EXPERIMENT_COLUMNS)
    runs = zip(given.histories, params.runs, strict=True)
    history = pd.concat([read_table(path, HISTORY_COLUMNS).assign(**run) for path, run in runs])
    table = fig4(metrics, history, params.parameters, params.titles, controls=params.controls)
    figure = draw_fig4(table, metrics, facts, expected=read_expected(given.expected))
    save_figure(figure, table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(snakemake.input, snakemake.params, **dict(snakemake.output.items()))
