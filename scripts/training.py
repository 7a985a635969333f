"""Draw training: the losses of every DeepHash run by step."""

import pandas as pd

from schash.joblog import job_log
from schash.plotting.style import save_figure
from schash.plotting.training import draw_training


def main(histories: list[str], runs: list[dict], png: str, svg: str, tsv: str) -> None:
    tables = [pd.read_parquet(path).assign(**run) for path, run in zip(histories, runs, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    save_figure(draw_training(table), table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.input.histories,
            snakemake.params.runs,
            **dict(snakemake.output.items()),
        )
