# What CellFishing makes of the counts, and how well its codes keep it: genes selected and singular value decompositions
# (cf_fig2), angles estimated from codes (cf_fig3). Both take all cells of a data set: the scheme is but a name here.


rule cf_fig2:
    input:
        metrics=f"{ROOT}/metrics/cf_fig2.parquet",
        facts=lambda wildcards: facts_of("cf_fig2"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/cf_fig2.png",
        svg=report(
            f"{ROOT}/figures/cf_fig2.svg",
            caption="../report/cf_fig2.rst",
            category="CellFishing",
            labels={
                "target": "cf_fig2",
                "shows": "time and error of three decompositions",
            },
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig2.tsv",
            caption="../report/cf_fig2_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig2", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig2.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig2.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("cf_fig2.py"),
    message:
        "Draw cf_fig2: time and error of three decompositions"
    script:
        "../../scripts/cf_fig2.py"


rule cf_fig3:
    input:
        metrics=f"{ROOT}/metrics/cf_fig3.parquet",
        facts=lambda wildcards: facts_of("cf_fig3"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/cf_fig3.png",
        svg=report(
            f"{ROOT}/figures/cf_fig3.svg",
            caption="../report/cf_fig3.rst",
            category="CellFishing",
            labels={"target": "cf_fig3", "shows": "angles estimated from codes"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig3.tsv",
            caption="../report/cf_fig3_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig3", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig3.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig3.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("cf_fig3.py"),
    message:
        "Draw cf_fig3: angles estimated from codes"
    script:
        "../../scripts/cf_fig3.py"
