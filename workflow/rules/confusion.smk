# A companion of fig2a: which types every method takes for which, on the data sets that the experiment names.


rule score_confusion:
    input:
        predictions=run_files("predictions"),
        solution=split_file("solution"),
    output:
        f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.confusion.parquet",
    log:
        f"{ROOT}/logs/confusion/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/confusion/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("annotation"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("score"),
        runtime=runtime("score"),
    params:
        runs=run_facts,
        code=code("score_confusion.py"),
    message:
        "Count confusions of {wildcards.experiment} on {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/score_confusion.py"


rule confusion:
    input:
        counts=[f"{ROOT}/scores/fig2a/{dataset}/{scheme}.confusion.parquet" for dataset, scheme in confused()],
        metrics=f"{ROOT}/metrics/fig2a.parquet",
        facts=[f"{ROOT}/facts/{dataset}.json" for dataset, _ in confused()],
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/confusion.png",
        svg=report(
            f"{ROOT}/figures/confusion.svg",
            caption="../report/confusion.rst",
            category="scDeepHash",
            labels={"target": "confusion", "shows": "recall by type, and confusion"},
        ),
        tsv=report(
            f"{ROOT}/figures/confusion.tsv",
            caption="../report/confusion_tsv.rst",
            category="scDeepHash",
            labels={"target": "confusion", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/confusion.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/confusion.tsv"
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
        groups={dataset: REGISTRY.dataset(dataset).type_groups for dataset, _ in confused()},
        code=code("confusion.py"),
    message:
        "Draw confusion: recall by type of every method, and what the best take for what"
    script:
        "../../scripts/confusion.py"
