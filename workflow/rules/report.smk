# What stands beside the figures: the papers' numbers, the resolved config, the versions; and the verdict on the run.

FIGURES = [
    *CONFIG.experiments,
    *(["costs"] if "fig2a" in CONFIG.experiments else []),
    *(["training"] if deephash_runs("fig2a") else []),
    *(["trends"] if set(FOLLOWED_EXPERIMENTS) & set(PLAN.benchmarks()) else []),
    *(["confusion"] if "fig2a" in CONFIG.experiments and CONFIG.experiment("fig2a").confusion else []),
]


rule paper_vs_ours:
    input:
        metrics=rules.metrics.output.parquet,
        table1=[
            f"{ROOT}/figures/{name}.tsv" for name in ("table1", "cf_table1") if name in CONFIG.experiments
        ],
        expected=EXPECTED,
    output:
        tsv=report(
            f"{ROOT}/paper_vs_ours.tsv",
            caption="../report/paper_vs_ours_tsv.rst",
            category="Paper and ours",
            labels={"target": "paper_vs_ours", "shows": "the same as a table"},
        ),
        html=report(
            f"{ROOT}/paper_vs_ours.html",
            caption="../report/paper_vs_ours.rst",
            category="Paper and ours",
            labels={"target": "paper_vs_ours", "shows": "every published number"},
        ),
    log:
        f"{ROOT}/logs/paper_vs_ours.log",
    benchmark:
        f"{ROOT}/benchmarks/paper_vs_ours.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        code=code("paper_vs_ours.py"),
    message:
        "Hold our numbers against the papers'"
    script:
        "../../scripts/paper_vs_ours.py"


rule resolved_config:
    input:
        rules.metrics.output.parquet,  # so that versions and commit are those of the last change of the numbers
    output:
        config=report(
            f"{ROOT}/config.yaml",
            caption="../report/config.rst",
            category="Run",
            labels={"target": "resolved_config", "shows": "resolved config"},
        ),
        environment=report(
            f"{ROOT}/environment.yaml",
            caption="../report/environment.rst",
            category="Run",
            labels={"target": "resolved_config", "shows": "versions and machine"},
        ),
    log:
        f"{ROOT}/logs/resolved_config.log",
    benchmark:
        f"{ROOT}/benchmarks/resolved_config.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("check"),
        runtime=runtime("check"),
    params:
        config=CONFIG.model_dump(mode="json", exclude={"mirror"}),
        raw=f"{ROOT}/raw",  # no input: the data sets of an experiment that was left out are not fetched for this
        code=code("resolved_config.py"),
    message:
        "Save the resolved config and the versions"
    script:
        "../../scripts/resolved_config.py"


rule verdict:
    input:
        metrics=rules.metrics.output.parquet,
        paper_vs_ours=rules.paper_vs_ours.output.tsv,
        config=rules.resolved_config.output,
        figures=expand(
            f"{ROOT}/figures/{{name}}.{{kind}}",
            name=FIGURES,
            kind=["png", "svg", "tsv"],
        ),
    output:
        f"{ROOT}/verdict.txt",
    log:
        f"{ROOT}/logs/verdict.log",
    benchmark:
        f"{ROOT}/benchmarks/verdict.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("check"),
        runtime=runtime("check"),
    params:
        titles=TITLES,
        positive_controls=controls_that_see_the_solution(),
        controls=CONTROLS,
        transductive=flagged("transductive"),
        rejects=flagged("rejects"),
        code=code("verdict.py"),
    message:
        "Check the controls and look for failed runs"
    script:
        "../../scripts/verdict.py"
