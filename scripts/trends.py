"""Draw trends: headline metrics of this run and of the suite's history over commits, with the papers' values."""

import pandas as pd

from schash.joblog import job_log
from schash.paper_vs_ours import read_verdicts
from schash.plotting.style import save_figure
from schash.plotting.trends import draw_trends
from schash.regression.history import history_of, read_history
from schash.regression.trends import trend_panels, trend_table
from schash.tables import METRIC_COLUMNS, read_table


def main(
    metrics: str, published: str, history: list[str], titles: dict, png: str, svg: str, tsv: str
) -> None:
    here = history_of(read_table(metrics, METRIC_COLUMNS))
    earlier = read_history(history)
    earlier = earlier[~earlier["run_id"].isin(here["run_id"])]
    runs = pd.concat([earlier, here], ignore_index=True) if len(earlier) else here
    panels = trend_panels(runs, read_verdicts(published))
    save_figure(draw_trends(panels, titles), trend_table(panels), png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.input.metrics,
            snakemake.input.paper_vs_ours,
            list(snakemake.input.history),
            snakemake.params.titles,
            **dict(snakemake.output.items()),
        )
