# Ablations of scDeepHash: bits of a code, learned against predefined anchors, parameters of the losses.


rule fig4:
    input:
        metrics=f"{ROOT}/metrics/fig4.parquet",
        histories=lambda wildcards: histories_of("fig4"),
        facts=lambda wildcards: facts_of("fig4"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/fig4.png",
        svg=report(
            f"{ROOT}/figures/fig4.svg",
            caption="../report/fig4.rst",
            category="scDeepHash",
            labels={"target": "fig4", "shows": "bits, anchors and parameters"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig4.tsv",
            caption="../report/fig4_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig4", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig4.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig4.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        runs=lambda wildcards: [run._asdict() for run in PLAN.runs("fig4") if run.method not in CONTROLS],
        parameters=lambda wildcards: {
            name: METHODS.row(name).parameters for name in CONFIG.experiment("fig4").methods
        },
        titles=TITLES,
        controls=CONTROLS,
        code=code("fig4.py"),
    message:
        "Draw fig4: bits, learned anchors and parameters of scDeepHash"
    script:
        "../../scripts/fig4.py"
