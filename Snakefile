# schash: hashing-based single-cell annotation and search, benchmarked.
# Contents page: the rule files in the order of the data's way, then the targets.
# `snakemake` runs the demo; `snakemake --config suite=small` the reference suite; a target's name refreshes it alone.
from snakemake.utils import min_version

min_version("9.0")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"  #     what a job reads
include: "workflow/rules/fetch.smk"  #      raw files, verified
include: "workflow/rules/prepare.smk"  #    cells without labels; labels beside them
include: "workflow/rules/split.smk"  #      rows of each fold; training labels; solution
include: "workflow/rules/align.smk"  #      cells of a fold, aligned by mutual nearest neighbours
include: "workflow/rules/run.smk"  #        every method: predictions, status, history
include: "workflow/rules/score.smk"  #      the only stage that sees the solution
include: "workflow/rules/aggregate.smk"  #  metrics, summary, comparisons
include: "workflow/rules/scdeephash.smk"  # table1, fig2a, costs, variants, training
include: "workflow/rules/confusion.smk"  #  confusion: fig2a type by type
include: "workflow/rules/interdataset.smk"  # fig2b
include: "workflow/rules/embedding.smk"  #  fig2c
include: "workflow/rules/retrieval.smk"  #  table2, fig3a
include: "workflow/rules/scalability.smk"  # fig2d, fig3b
include: "workflow/rules/ablations.smk"  #  fig4
include: "workflow/rules/decomposition.smk"  # cf_fig2, cf_fig3
include: "workflow/rules/cellfishing_scale.smk"  # cf_table2, cf_table3, cf_fig9
include: "workflow/rules/mapping.smk"  #    cf_table1, cf_fig4 to cf_fig8, cf_species
include: "workflow/rules/regression.smk"  # calibration, trends over commits
include: "workflow/rules/report.smk"  #     paper_vs_ours, resolved config, verdict


rule all:
    default_target: True
    input:
        rules.verdict.output,
