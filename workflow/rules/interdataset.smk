# Annotation across studies, batches and protocols: one group held out at a time, raw and aligned.


rule fig2b:
    input:
        metrics=f"{ROOT}/metrics/fig2b.parquet",
        facts=lambda wildcards: facts_of("fig2b"),
        splits=lambda wildcards: splits_of("fig2b"),
    output:
        png=f"{ROOT}/figures/fig2b.png",
        svg=report(
            f"{ROOT}/figures/fig2b.svg",
            caption="../report/fig2b.rst",
            category="scDeepHash",
            labels={"target": "fig2b", "shows": "median F1 on held-out studies"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig2b.tsv",
            caption="../report/fig2b_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig2b", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig2b.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig2b.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        transductive=flagged("transductive"),
        rejects=flagged("rejects"),
        code=code("fig2b.py"),
    message:
        "Draw fig2b: annotation across studies, raw and aligned"
    script:
        "../../scripts/fig2b.py"
