"""Draw variants: scDeepHash as written against as coded, one divergence at a time."""

from schash.joblog import job_log
from schash.plotting.style import save_figure
from schash.plotting.variants import draw_variants, variants
from schash.summary import COMPARISON_COLUMNS
from schash.tables import EXPERIMENT_COLUMNS, read_table


def main(
    metrics: str, comparisons: str, titles: dict[str, str], controls: list[str], png: str, svg: str, tsv: str
) -> None:
    scores = read_table(metrics, EXPERIMENT_COLUMNS)
    table = variants(scores, read_table(comparisons, COMPARISON_COLUMNS), titles)
    save_figure(draw_variants(scores, titles, controls), table, png=png, svg=svg, tsv=tsv)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        main(
            snakemake.input.metrics,
            snakemake.input.comparisons,
            snakemake.params.titles,
            snakemake.params.controls,
            **dict(snakemake.output.items()),
        )
